"""The model card: description, metrics and calls of an exported model."""

import collections.abc
import datetime
import json
import numbers
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.evaluation.tables import Line, Report, escaped, format_value, markdown
from tfvae.serving import images
from tfvae.serving.inputs import Inputs
from tfvae.serving.scaling import Scaling
from tfvae.serving.signatures import (
    MAX_COUNT,
    Signature,
    gives_images,
    pixel_scaling,
    reads_images,
)

PACKAGES = ("tfvae", "keras", "tensorflow", "tensorflow-probability", "numpy")
_MEANINGS = {
    "x": "data, see Scaling",
    "z": "what stands for an example: latents, latent units; then one-hot categories, if any",
    "condition": "the condition c, in the units of the model",
    "target": "what x explains, see Scaling",
    "seed": "any two whole numbers; the same numbers give the same answer",
    "count": f"number of samples, 1 to {MAX_COUNT}",
    "image_bytes": "image files: JPEG, PNG, GIF (its first frame) or BMP (8, 24 or 32 bits, not "
    f"compressed), of any size up to {images.MAX_PIXELS:,} pixels; an orientation in EXIF is not "
    "applied",
    "noise": "independent standard normal numbers",
}


def metrics_of(
    given: dict[str, Any] | Sequence[Line] | Report | None,
) -> dict[str, dict[str, Any]]:
    """Returns metrics as a dict from name to {"value", "unit"}.

    Args:
        given: None, a dict from name to a number or to {"value", "unit"}, a list of
            `tfvae.evaluation.Line`, or a report of `tfvae.evaluation`.

    Raises:
        ValueError: if `given` is anything else.
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
                f"a report of tfvae.evaluation, received an entry {line!r}."
            )
    return {line.name: {"value": _plain(line.value), "unit": line.unit} for line in lines}


def make(
    inputs: Inputs,
    name: str,
    signatures: dict[str, Signature],
    *,
    metrics: dict[str, Any] | Sequence[Line] | Report | None = None,
    data: str | dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns the card of a model, without its calls.

    Args:
        inputs: the inputs of a model.
        name: name of the model for its users.
        signatures: the served functions by name.
        metrics: see `metrics_of`.
        data: the training data, a text or a dict.
    """
    model, scaling, target = inputs.model, inputs.scaling, inputs.target_scaling
    own_target = model.target == "y"
    allowed = model.likelihood.allowed
    return {
        "name": name,
        "model": f"{type(model).__module__.split('.')[0]}.{type(model).__name__}",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in PACKAGES},
        },
        "data": {
            "shape of an example": list(model.data_shape),
            "values": "a finite number" if own_target else allowed,
            **({"shape of a target": list(model.target_shape)} if own_target else {}),
            **({"values of a target": allowed} if own_target else {}),
            "beside x": list(model.needs.names),
            **({"features of the table": _features(inputs)} if inputs.columns else {}),
            "trained on": _plain(data) if data is not None else "not given",
        },
        "latent_dim": model.latent_dim,
        "num_categories": list(model.num_categories),
        "weights": model.count_params(),
        "scaling": {
            "formula": "the model is given (x - offset) / scale",
            **scaling.to_dict(),
            **({"pixels": _pixels(scaling)} if reads_images(model) else {}),
            **({"target": target.to_dict()} if own_target else {}),
            **({"target pixels": _pixels(target)} if own_target and gives_images(model) else {}),
        },
        "metrics": metrics_of(metrics),
        "signatures": {
            name: {
                "summary": signature.summary,
                "inputs": {spec.name: _described(spec, inputs) for spec in signature.inputs},
                "outputs": dict(signature.units),
            }
            for name, signature in signatures.items()
        },
        "config": _plain(model.get_config()),
    }


def as_json(card: dict[str, Any]) -> str:
    """Returns the card as valid JSON."""
    return json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_markdown(card: dict[str, Any], calls: str) -> str:
    """Returns the card in Markdown, with the section `calls`."""
    meanings = {
        name: described["meaning"]
        for signature in card["signatures"].values()
        for name, described in signature["inputs"].items()
    }
    data = card["data"]
    metrics = [[name, m["value"], m["unit"]] for name, m in card["metrics"].items()]
    versions = [[name, version] for name, version in card["versions"].items()]
    signatures = [
        [
            name,
            ", ".join(f"{k} {v['dtype']} {tuple_text(v['shape'])}" for k, v in s["inputs"].items()),
            ", ".join(f"{k} [{unit}]" for k, unit in s["outputs"].items()),
            s["summary"],
        ]
        for name, s in card["signatures"].items()
    ]
    parts = [
        f"# {escaped(card['name'])}",
        f"A {escaped(card['model'])} with {card['latent_dim']} latent dimensions"
        f"{about_categories(card)} and {card['weights']} weights, exported {card['date']}.",
        "## Data",
        about_data(data),
        "## Scaling",
        about_scaling(card["scaling"], "features of the table" in data),
        "## Metrics",
        markdown(["metric", "value", "unit"], metrics) if metrics else "None were given.",
        "## Signatures",
        markdown(["signature", "inputs", "outputs", "what it gives"], signatures),
        "\n".join(f"- {name}: {text}" for name, text in meanings.items()),
        "The answer is NaN, and a category −1, for an example with a value that is not finite or "
        "that the model's likelihood or its table does not allow, or with a label or integer "
        "condition out of range. The other examples of the request are not affected.",
        calls,
        "## Versions",
        markdown(["package", "version"], versions),
        "The config of the model is in model_card.json.",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def about_categories(card: dict[str, Any]) -> str:
    """Formats the numbers of categories, if there are any, as a part of a sentence."""
    sizes = card["num_categories"]
    return f", categories {' · '.join(map(str, sizes))}," if sizes else ""


def about_data(data: dict[str, Any]) -> str:
    """Formats the entry `data` of a card."""
    text = (
        f"Examples of the shape {tuple_text(data['shape of an example'])}, each value "
        f"{data['values']} after scaling. "
    )
    if "shape of a target" in data:
        text += (
            f"What they explain is a target of the shape {tuple_text(data['shape of a target'])}, "
            f"each value {data['values of a target']} after scaling. "
        )
    if "features of the table" in data:
        names = [escaped(name) for name in data["features of the table"]]
        text += (
            "A table makes x of its raw columns. The features, in their order: "
            f"{', '.join(names)}. "
        )
    return text + f"Trained on: {escaped(_text(data['trained on']))}"


def _features(inputs: Inputs) -> list[str]:
    return [name for group in inputs.columns.table.groups for name in group.names]


def about_scaling(scaling: dict[str, Any], is_table: bool) -> str:
    """Formats the entry `scaling` of a card; `is_table`: requests have the columns of a table."""
    if is_table and "target" not in scaling:
        return (
            "Requests are in raw units: the table scales them. Answers are features of the table, "
            "of which `table.inverse_transform` makes rows. Scores belong to the features."
        )
    text = f"Requests are in raw units: {scaling['formula']}, {offset_and_scale(scaling)}. "
    if "target" in scaling:
        text += f"Targets likewise have {offset_and_scale(scaling['target'])}. Answers in their "
        text += "units are raw too. Scores belong to the scaled targets."
    else:
        text += "Answers in the units of x are raw too. Scores belong to the scaled data."
    for key, name in (("pixels", "image files"), ("target pixels", "image files of targets")):
        if key in scaling:
            text += f" Pixels of {name} run from 0 to 255: {offset_and_scale(scaling[key])}."
    return text


def _pixels(scaling: Scaling) -> dict[str, Any]:
    return pixel_scaling(scaling).to_dict()


def offset_and_scale(scaling: dict[str, Any]) -> str:
    """Formats both numbers of a scaling; of arrays the range."""
    return f"offset {_text(scaling['offset'])} and scale {_text(scaling['scale'])}"


def tuple_text(shape: Sequence[int | None]) -> str:
    """Formats a shape, with B for the batch axis."""
    lengths = ["B" if length is None else str(length) for length in shape]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"


def _described(spec: tf.TensorSpec, inputs: Inputs) -> dict[str, Any]:
    model = inputs.model
    if inputs.columns is not None and spec.name in inputs.columns:
        example = inputs.columns.usual(spec.name).tolist()
        return {
            "dtype": spec.dtype.name,
            "shape": list(spec.shape),
            "meaning": inputs.columns.meaning(spec.name),
            "example": [one.decode() if isinstance(one, bytes) else one for one in example],
        }
    if spec.name == "labels":
        sizes = model.num_categories
        meaning = f"whole numbers from 0 to S − 1, S = {', '.join(map(str, sizes))}"
        unknown = model.discrete.unknown
        meaning += "" if unknown is None else f"; {unknown}: not known"
    else:
        meaning = _MEANINGS[spec.name]
    return {"dtype": spec.dtype.name, "shape": list(spec.shape), "meaning": meaning}


def _text(value: Any) -> str:
    """Formats a value; a long list is given by its range."""
    if isinstance(value, (dict, list)):
        text = json.dumps(value, ensure_ascii=False)
        if len(text) > 200 and isinstance(value, list):
            low, high = (format_value(float(end(value))) for end in (np.min, np.max))
            return f"{low} to {high}, by feature"
        return text
    return format_value(value)


def _plain(value: Any) -> Any:
    """Returns `value` in the types of JSON; a number that is not finite becomes text."""
    if isinstance(value, collections.abc.Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return value if value is None or isinstance(value, (str, bool, int)) else str(value)
