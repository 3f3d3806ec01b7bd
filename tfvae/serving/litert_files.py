"""Export of encoder, decoder and score as LiteRT (TensorFlow Lite) files, for devices."""

import os
import tempfile
import warnings

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tfvae import _fused
from tfvae.serving import card, folders, portable, signatures
from tfvae.serving.scaling import scaling_of

PARTS = ("encoder", "decoder", "score")
_CALLS = """## Calls

```python
import tensorflow as tf  # or: from ai_edge_litert.interpreter import Interpreter

run = tf.lite.Interpreter("{part}.tflite").get_signature_runner()
outputs = run({arguments})
```"""


def export_litert(model, path, *, parts=PARTS, scaling=None, metrics=None, data=None):
    """Writes encoder.tflite, decoder.tflite and score.tflite, all float32, B free.

    Inputs and outputs are those of `export_onnx`, noise as an input of the score included, and so
    are units, scaling and NaN. Only operations that every LiteRT runtime has are used; a model with
    others cannot be converted. Each file is run before the folder appears and must give what the
    model gives, to 1e-4. model_card.json and MODEL_CARD.md are beside them.

    Args:
        model: a built `LatentVariableModel`.
        path: a folder that does not exist or is empty.
        parts: the files to write, of "encoder", "decoder" and "score".
        scaling: see `export`.
        metrics: see `export`.
        data: see `export`.

    Raises:
        ValueError: when a part has operations that LiteRT lacks, the model is not built, `path` is
            not free, or an argument is not of the kind described.
        RuntimeError: when a file gives other numbers than the model.

    Example:
        >>> import os, tempfile, tfvae
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.build((None, 5))
        >>> folder = os.path.join(tempfile.mkdtemp(), "pump")
        >>> tfvae.serving.export_litert(vae, folder, parts=["encoder"])
        >>> sorted(os.listdir(folder))
        ['MODEL_CARD.md', 'encoder.tflite', 'model_card.json']
    """
    signatures.check_built(model)
    if isinstance(parts, str) or not parts or not set(parts) <= set(PARTS):
        raise ValueError(f"`parts` must be some of {', '.join(PARTS)}, received {parts!r}.")
    scaling = scaling_of(scaling, model.data_shape)
    with _fused.disabled(), folders.new_folder(path) as partial:
        chosen = signatures.portable(model, scaling)
        chosen = {name: chosen[name] for name in parts}
        for name, file in _converted(model, chosen).items():
            portable.check(name, chosen[name], _runner(file), model, scaling)
            folders.write(os.path.join(partial, f"{name}.tflite"), file)
        name = os.path.basename(os.path.abspath(os.fspath(path)))
        described = card.make(model, name, chosen, scaling, metrics=metrics, data=data)
        first = parts[0]
        arguments = ", ".join(f"{spec.name}={spec.name}" for spec in chosen[first].inputs)
        section = _CALLS.format(part=first, arguments=arguments)
        portable.write_card(partial, described, section)


def _converted(model, parts) -> dict[str, bytes]:
    """The LiteRT files of parts by name."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, part in parts.items():
        function = _without_shape_checks(part)
        archive.add_endpoint(name, function, input_signature=part.inputs)
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        for name in parts:
            converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[name])
            try:
                files[name] = converter.convert()
            except Exception as error:  # Of several classes, none of them public.
                rest = [repr(part) for part in parts if part != name]
                hint = f" `parts=[{', '.join(rest)}]` leaves it out;" if rest else ""
                raise ValueError(
                    f"The {name} of this {type(model).__name__} cannot be converted to LiteRT, "
                    f"which lacks {_lacking(error)}.{hint} `export` and `export_onnx` take it."
                ) from error
    return files


def _without_shape_checks(part):
    """The function of a part without EnsureShape, which LiteRT lacks and whose runtime does it."""
    traced = tf.function(part.function, input_signature=part.inputs, autograph=False)
    names = sorted(part.units)  # The order in which TensorFlow lays out the values of a dict.
    frozen = convert_variables_to_constants_v2(traced.get_concrete_function())
    definition = frozen.graph.as_graph_def()
    for node in definition.node:
        if node.op == "EnsureShape":
            node.op = "Identity"
            del node.attr["shape"]

    def function(*inputs):
        given = {spec.name: value for spec, value in zip(part.inputs, inputs, strict=True)}
        values = tf.graph_util.import_graph_def(
            definition, input_map=given, return_elements=[t.name for t in frozen.outputs]
        )
        return dict(zip(names, values, strict=True))

    return function


def _lacking(error):
    """The operations that the converter says it cannot convert, or all that it says."""
    lines = [line.strip() for line in str(error).splitlines()]
    found = sorted({line.split(" -> ")[0] for line in lines if line.startswith("tf.")})
    return "; ".join(found) or " ".join(lines)


def _runner(file):
    """The function from inputs to outputs that a file is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The interpreter is to move to another package.
        return_outputs = tf.lite.Interpreter(model_content=file).get_signature_runner()
    return lambda inputs: return_outputs(**inputs)
