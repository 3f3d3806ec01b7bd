"""Export of encoder, decoder and score as ONNX files."""

import importlib
import os

import numpy as np
import tensorflow as tf

from tfvae import _fused
from tfvae.serving import card, folders, portable, signatures
from tfvae.serving.scaling import scaling_of

_OPSET = 17
_CALLS = """## Calls

```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("encoder.onnx")
embedding, mean, scale = session.run(["embedding", "mean", "scale"], {{"x": x}})  # x {x}

noise = np.random.default_rng().standard_normal((len(x), {noise}), "float32")
score, = onnxruntime.InferenceSession("score.onnx").run(["score"], {{"x": x, "noise": noise}})
```

Triton wants each file as NAME/1/model.onnx in its repository."""


def export_onnx(model, path, *, scaling=None, metrics=None, data=None):
    """Writes encoder.onnx, decoder.onnx and score.onnx, all float32, B free.

    | file | inputs | outputs |
    |---|---|---|
    | encoder | x (B, *data) | embedding, mean, scale, each (B, N_z): `embed`, q(z|x) |
    | decoder | z (B, N_z) | mean (B, *data): E[x|z] |
    | score | x (B, *data), noise (B, n) | score (B,): −ELBO of one posterior sample, nats |

    ONNX has no random numbers that a seed repeats: those of the score are its input, n standard
    normal numbers for each example, new ones for each. Units, scaling and NaN as for `export`;
    shapes are checked by the runtime. Each file is run by onnxruntime before the folder appears and
    must give what the model gives, to 1e-4. model_card.json and MODEL_CARD.md are beside them.

    Args:
        model: a built `LatentVariableModel`.
        path: a folder that does not exist or is empty.
        scaling: see `export`.
        metrics: see `export`.
        data: see `export`.

    Raises:
        ImportError: when tf2onnx or onnxruntime is not installed.
        ValueError: when the model is not built, `path` is not free, an argument is not of the kind
            described, or the score draws random numbers that cannot be an input.
        RuntimeError: when a file gives other numbers than the model.

    Example:
        >>> import os, tempfile, tfvae
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.build((None, 5))
        >>> folder = os.path.join(tempfile.mkdtemp(), "pump")
        >>> tfvae.export_onnx(vae, folder)
        >>> sorted(os.listdir(folder))
        ['MODEL_CARD.md', 'decoder.onnx', 'encoder.onnx', 'model_card.json', 'score.onnx']
    """
    tf2onnx, onnxruntime = (_package(name) for name in ("tf2onnx", "onnxruntime"))
    signatures.check_built(model)
    scaling = scaling_of(scaling, model.data_shape)
    with _fused.disabled(), folders.new_folder(path) as partial:
        parts = signatures.portable(model, scaling)
        for name, part in parts.items():
            file = _converted(tf2onnx, part)
            try:
                run = _runner(onnxruntime, file)
            except Exception as error:  # Of several classes, none of them public.
                raise ValueError(
                    f"The {name} of this {type(model).__name__} cannot be run as ONNX: {error} "
                    "`export` writes a SavedModel."
                ) from error
            portable.check(name, part, run, model, scaling)
            folders.write(os.path.join(partial, f"{name}.onnx"), file)
        name = os.path.basename(os.path.abspath(os.fspath(path)))
        described = card.make(model, name, parts, scaling, metrics=metrics, data=data)
        portable.write_card(partial, described, _calls(parts))


def _package(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"Export as ONNX needs the package {name}: pip install 'tfvae[onnx]'."
        ) from error


def _converted(tf2onnx, part) -> bytes:
    """The ONNX file of a part, its batch axis named B."""
    function = tf.function(part.function, input_signature=part.inputs, autograph=False)
    file, _ = tf2onnx.convert.from_function(
        function, part.inputs, opset=_OPSET, custom_op_handlers={"Expm1": (_expm1, [])}
    )
    for value in (*file.graph.input, *file.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "B"
    return file.SerializeToString()


def _expm1(graph, node, name, args):
    """Replaces eˣ − 1, which ONNX lacks, by 2 e^(x/2) sinh(x/2), as exact near 0."""
    (x,), outputs = node.input, node.output
    graph.remove_node(name)
    half = graph.make_node("Mul", [x, graph.make_const(f"{name}/half", np.float32(0.5)).output[0]])
    factors = [graph.make_node(kind, half.output).output[0] for kind in ("Exp", "Sinh")]
    product = graph.make_node("Mul", factors).output[0]
    return graph.make_node("Add", [product, product], outputs=outputs, name=name)


def _runner(onnxruntime, file):
    """The function from inputs to outputs that a file is."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def _calls(parts):
    shapes = {spec.name: card.tuple_text(spec.shape) for spec in parts["score"].inputs}
    size = parts["score"].inputs[1].shape[1]
    return _CALLS.format(x=shapes["x"], noise=size)
