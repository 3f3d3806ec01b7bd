"""The model card: what an exported model is, how good, and how it is called."""

import collections.abc
import datetime
import json
import numbers
import platform
from importlib import metadata

import numpy as np

from tfvae.evaluation.tables import Line, Report, format_value, markdown
from tfvae.serving.signatures import MAX_COUNT, pixel_scaling

PACKAGES = ("tfvae", "keras", "tensorflow", "tensorflow-probability", "numpy")
_MEANINGS = {
    "x": "data, see Scaling",
    "z": "latents, latent units",
    "seed": "any two whole numbers; the same ones give the same answer",
    "count": f"number of samples, 1 to {MAX_COUNT}",
    "image_bytes": "image files (JPEG, PNG, GIF or BMP) of any size",
    "noise": "independent standard normal numbers",
}


def metrics_of(given) -> dict:
    """Metrics as a dict from name to {"value", "unit"}.

    Args:
        given: None, a dict from name to a number or to {"value", "unit"}, a list of
            `tfvae.evaluation.Line`, or a report of `tfvae.evaluation`.

    Raises:
        ValueError: when it is none of them.
    """
    if isinstance(given, Report):
        given = given.lines()
    if isinstance(given, collections.abc.Mapping):
        given = [
            Line(str(name), value["value"], value.get("unit", ""))
            if isinstance(value, collections.abc.Mapping) and "value" in value
            else Line(str(name), value)
            for name, value in given.items()
        ]
    lines = list(given or [])
    for line in lines:
        is_value = isinstance(line, Line) and isinstance(
            line.value, (numbers.Number, str, np.generic)
        )
        if not is_value:
            raise ValueError(
                "`metrics` must be a dict from name to number, a list of tfvae.evaluation.Line or "
                f"a report of tfvae.evaluation, received {line!r} in it."
            )
    return {line.name: {"value": _plain(line.value), "unit": line.unit} for line in lines}


def make(model, name: str, signatures, scaling, *, metrics=None, data=None) -> dict:
    """The card of a model but for how it is called.

    Args:
        model: a built model.
        name: of the model for its users.
        signatures: dict from name to `Signature`.
        scaling: a `Scaling`.
        metrics: see `metrics_of`.
        data: what the model was trained on: a text, or a dict.
    """
    inputs = [spec.name for signature in signatures.values() for spec in signature.inputs]
    takes_files = "image_bytes" in inputs
    return {
        "name": name,
        "model": f"{type(model).__module__.split('.')[0]}.{type(model).__name__}",
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in PACKAGES},
        },
        "data": {
            "shape of an example": list(model.data_shape),
            "values": model.likelihood.allowed,
            "trained on": _plain(data) if data is not None else "not said",
        },
        "latent_dim": model.latent_dim,
        "weights": model.count_params(),
        "scaling": {
            "formula": "the model is given (x - offset) / scale",
            "values, scaled": model.likelihood.allowed,
            **scaling.to_dict(),
            **({"pixels": pixel_scaling(scaling).to_dict()} if takes_files else {}),
        },
        "metrics": metrics_of(metrics),
        "signatures": {
            name: {
                "summary": signature.summary,
                "inputs": {spec.name: _described(spec) for spec in signature.inputs},
                "outputs": dict(signature.units),
            }
            for name, signature in signatures.items()
        },
        "config": _plain(model.get_config()),
    }


def as_json(card: dict) -> str:
    """The card as valid JSON: what is not finite is text."""
    return json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_markdown(card: dict, calls: str) -> str:
    """The card for people, with a section on how the model is called."""
    names = {name for s in card["signatures"].values() for name in s["inputs"]}
    data = card["data"]
    metrics = [[name, m["value"], m["unit"]] for name, m in card["metrics"].items()]
    versions = [[name, version] for name, version in card["versions"].items()]
    signatures = [
        [
            f"`{name}`",
            ", ".join(f"{k} {v['dtype']} {tuple_text(v['shape'])}" for k, v in s["inputs"].items()),
            ", ".join(f"{k} [{unit}]" for k, unit in s["outputs"].items()),
            s["summary"].replace("|", "\\|"),
        ]
        for name, s in card["signatures"].items()
    ]
    parts = [
        f"# {card['name']}",
        f"A {card['model']} with {card['latent_dim']} latent dimensions and {card['weights']} "
        f"weights, exported {card['date']}.",
        "## Data",
        f"Examples of the shape {tuple_text(data['shape of an example'])}, each value "
        f"{data['values']} after scaling. Trained on: {_text(data['trained on'])}",
        "## Scaling",
        _about_scaling(card["scaling"]),
        "## Metrics",
        markdown(["metric", "value", "unit"], metrics) if metrics else "None were given.",
        "## Signatures",
        markdown(["signature", "inputs", "outputs", "what it gives"], signatures),
        "\n".join(f"- {name}: {text}" for name, text in _MEANINGS.items() if name in names),
        "An example with a value that is not finite, or not allowed by the model's likelihood, is "
        "answered by NaN; the others of the request are not affected.",
        calls,
        "## Versions",
        markdown(["package", "version"], versions),
        "The config of the model is in model_card.json.",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _about_scaling(scaling):
    text = (
        f"Requests are in raw units: {scaling['formula']}, {_offset_and_scale(scaling)}. Answers "
        "in the units of x are raw too; scores are those of the scaled data."
    )
    if "pixels" in scaling:
        text += f" Pixels of image files, 0 to 255: {_offset_and_scale(scaling['pixels'])}."
    return text


def _offset_and_scale(scaling):
    return f"offset {_text(scaling['offset'])} and scale {_text(scaling['scale'])}"


def tuple_text(shape) -> str:
    """A shape with B for the batch axis."""
    lengths = ["B" if length is None else str(length) for length in shape]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"


def _described(spec):
    return {
        "dtype": spec.dtype.name,
        "shape": list(spec.shape),
        "meaning": _MEANINGS[spec.name],
    }


def _text(value):
    """A short text as it is, a long list by its range."""
    if isinstance(value, (dict, list)):
        text = json.dumps(value, ensure_ascii=False)
        if len(text) > 200 and isinstance(value, list):
            low, high = (format_value(float(end(value))) for end in (np.min, np.max))
            return f"{low} to {high}, by feature"
        return text
    return format_value(value)


def _plain(value):
    """`value` as what JSON has."""
    if isinstance(value, collections.abc.Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return value if value is None or isinstance(value, (str, bool, int)) else str(value)
