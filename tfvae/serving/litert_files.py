"""Export of encoder, decoder and score as LiteRT (TensorFlow Lite) files, for devices."""

import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tfvae import _fused
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel, classification
from tfvae.serving import card, folders, portable, signatures
from tfvae.serving.inputs import inputs_of

PARTS = ("encoder", "decoder", "score", "classifier")
_CALLS = """## Calls

```python
import tensorflow as tf  # or: from ai_edge_litert.interpreter import Interpreter

run = tf.lite.Interpreter("{part}.tflite").get_signature_runner()
outputs = run({arguments})
```"""


def export_litert(
    model: LatentVariableModel,
    path: str | os.PathLike[str],
    *,
    parts: Sequence[str] | None = None,
    scaling: Any = None,
    target_scaling: Any = None,
    metrics: dict[str, Any] | Sequence[Line] | Report | None = None,
    data: str | dict[str, Any] | None = None,
) -> None:
    """Writes encoder.tflite, decoder.tflite and score.tflite, float32, for any batch size B.

    A model with discrete latents also gets classifier.tflite. Inputs, outputs, units, scaling and
    NaN are the same as for `export_onnx`; the score takes its noise as an input. The files use only
    operations that every LiteRT runtime has; a model with other operations cannot be converted.
    Each file is run before the folder appears, and must agree with the model to 1e-4. The folder
    also holds model_card.json and MODEL_CARD.md.

    Args:
        model: a built `LatentVariableModel`.
        path: a folder that does not exist or is empty.
        parts: the files to write: some of "encoder", "decoder", "score" and "classifier"; None: all
            that the model has.
        scaling: see `export`.
        target_scaling: see `export`.
        metrics: see `export`.
        data: see `export`.

    Raises:
        ValueError: if a part has operations that LiteRT lacks, the model is not built, `path` is
            not free, or an argument does not fit.
        RuntimeError: if a file gives other numbers than the model.

    Example:
        >>> import os, tempfile, tfvae
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.build((None, 5))
        >>> folder = os.path.join(tempfile.mkdtemp(), "pump")
        >>> tfvae.serving.export_litert(vae, folder, parts=["encoder"])
        >>> sorted(os.listdir(folder))
        ['MODEL_CARD.md', 'encoder.tflite', 'model_card.json']
    """
    inputs = inputs_of(model, scaling, target_scaling)
    known = PARTS if classification.is_possible(model) else PARTS[:3]
    parts = known if parts is None else parts
    if isinstance(parts, str) or not parts or not set(parts) <= set(known):
        raise ValueError(
            f"`parts` must be some of {', '.join(known)} for this model, received {parts!r}."
        )
    with _fused.disabled(), folders.new_folder(path) as partial:
        chosen = signatures.portable(inputs)
        chosen = {name: chosen[name] for name in parts}
        for name, file in _converted(model, chosen).items():
            portable.check(name, chosen[name], _runner(file), inputs)
            folders.write(os.path.join(partial, f"{name}.tflite"), file)
        name = os.path.basename(os.path.abspath(os.fspath(path)))
        described = card.make(inputs, name, chosen, metrics=metrics, data=data)
        first = parts[0]
        arguments = ", ".join(f"{spec.name}={spec.name}" for spec in chosen[first].inputs)
        section = _CALLS.format(part=first, arguments=arguments)
        portable.write_card(partial, described, section)


def _converted(
    model: LatentVariableModel, parts: dict[str, signatures.Signature]
) -> dict[str, bytes]:
    """Returns the LiteRT files of parts by name."""
    functions = {
        name: tf.function(
            _without_shape_checks(part), input_signature=part.inputs, autograph=False
        ).get_concrete_function()
        for name, part in parts.items()
    }
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures=functions)
        for name in parts:
            converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[name])
            try:
                files[name] = converter.convert()
            except Exception as error:  # One of several classes, none of them public.
                rest = [repr(part) for part in parts if part != name]
                hint = f"Leave it out by `parts=[{', '.join(rest)}]`, or use" if rest else "Use"
                raise ValueError(
                    f"`model` must have operations that LiteRT has, received a "
                    f"{type(model).__name__} whose {name} needs {_lacking(error)}. {hint} "
                    "`export` or `export_onnx`."
                ) from error
    return files


def _without_shape_checks(part: signatures.Signature) -> Callable[..., dict[str, tf.Tensor]]:
    """Removes EnsureShape from a part: LiteRT lacks it, and its runtime checks shapes anyway."""
    traced = tf.function(part.function, input_signature=part.inputs, autograph=False)
    names = sorted(part.units)  # The order in which TensorFlow lays out the values of a dict.
    frozen = convert_variables_to_constants_v2(
        traced.get_concrete_function(), aggressive_inlining=True
    )
    definition = frozen.graph.as_graph_def()
    for node in definition.node:
        if node.op == "EnsureShape":
            node.op = "Identity"
            del node.attr["shape"]

    def function(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        given = {spec.name: value for spec, value in zip(part.inputs, inputs, strict=True)}
        values = tf.graph_util.import_graph_def(
            definition, input_map=given, return_elements=[t.name for t in frozen.outputs]
        )
        return dict(zip(names, values, strict=True))

    return function


def _lacking(error: Exception) -> str:
    """Returns the operations that the converter names as missing, or else its whole message."""
    lines = [line.strip() for line in str(error).splitlines()]
    found = sorted({line.split(" -> ")[0] for line in lines if line.startswith("tf.")})
    return "; ".join(found) or " ".join(lines)


def _runner(file: bytes) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Returns the function of a file, from inputs to outputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It announces a move to another package.
        return_outputs = tf.lite.Interpreter(model_content=file).get_signature_runner()
    return lambda inputs: return_outputs(**inputs)
