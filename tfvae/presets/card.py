"""What a preset says of its model: config.json for programs, README.md for people."""

from collections.abc import Sequence
from typing import Any

from tfvae.evaluation.tables import Line, Report, escaped, fenced, markdown
from tfvae.presets import folder
from tfvae.presets.preset import FORMAT, FORMAT_KEY
from tfvae.presets.readable import readable
from tfvae.serving import card
from tfvae.serving.inputs import Inputs

as_json = card.as_json
_NO_LIMITS = (
    "The author gave none. In general: the model knows data such as it was trained on, gives "
    "numbers for others too, and repeats what is one-sided in its data."
)


def config_of(
    inputs: Inputs,
    name: str,
    *,
    summary: str | None,
    data: str | dict[str, Any] | None,
    unit: str | None,
    metrics: dict[str, Any] | Sequence[Line] | Report | None,
    limits: str | None,
) -> dict[str, Any]:
    """The content of config.json; the arguments are those of `tfvae.save`."""
    made = card.make(inputs, name, {}, metrics=metrics, data=data)
    del made["signatures"]
    arguments = made.pop("config")
    kept = {key: one for key, one in arguments.items() if key not in ("dtype", "trainable")}
    return {
        FORMAT_KEY: FORMAT,
        **made,
        "data": {**made["data"], "unit": unit or "not given"},
        "table": folder.TABLE if inputs.columns is not None else None,
        "summary": summary,
        "limits": limits,
        "arguments": readable(kept),
    }


def as_markdown(config: dict[str, Any], path: str | None) -> str:
    """The card; `path`, where it will be loaded from, or None for the folder that it is in."""
    data, scaling = config["data"], config["scaling"]
    metrics = [[name, one["value"], one["unit"]] for name, one in config["metrics"].items()]
    versions = [[package, version] for package, version in config["versions"].items()]
    is_table = config["table"] is not None
    install = "'tfvae[hub]'" if path else "tfvae"
    parts = [
        "---\nlibrary_name: keras\ntags: [tfvae, variational-autoencoder]\n---",
        f"# {escaped(config['name'])}",
        escaped(config["summary"] or ""),
        f"A {escaped(config['model'])} with {config['latent_dim']} latent dimensions"
        f"{card.about_categories(config)} and {config['weights']} weights, saved {config['date']}.",
        "## How to load it",
        fenced("python", _loading(path, is_table)),
        f"It needs `pip install {install}`. Loading runs no code from the "
        f"files. After `import tfvae`, `keras.saving.load_model` reads {folder.MODEL}, too.",
        "## Data",
        card.about_data(data) + f"\n\nUnit of raw data: {escaped(data['unit'])}",
        "## Scaling",
        _about_scaling(scaling, is_table),
        "## Numbers",
        markdown(["metric", "value", "unit"], metrics) if metrics else "None were given.",
        "## Limits",
        escaped(config["limits"] or _NO_LIMITS),
        "## Versions",
        markdown(["package", "version"], versions),
        f"The arguments of the model are in {folder.CONFIG}.",
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _loading(path, is_table):
    given = "rows" if is_table else "raw"
    return (
        "import tfvae\n\n"
        f"preset = tfvae.presets.Preset.load({path or 'path/to/this/folder'!r})\n"
        f"x = preset.prepare({given})\n"
        "z = preset.model.embed(x)"
    )


def _about_scaling(scaling, is_table):
    if is_table:
        text = f"`prepare` makes x of rows of the table in {folder.TABLE}"
        text += "." if "target" in scaling else ", `restore` makes rows of x."
    else:
        text = (
            f"The model is given x = (raw − offset)/scale, {card.offset_and_scale(scaling)}: "
            "`prepare` does it"
        )
        text += "." if "target" in scaling else ", `restore` takes it back."
    if "target" in scaling:
        text += (
            f" Targets have {card.offset_and_scale(scaling['target'])}: `prepare_target` scales "
            "them, `restore` brings answers to raw units."
        )
    return text
