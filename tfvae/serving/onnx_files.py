"""Export of encoder, decoder and score as ONNX files."""

import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import _checks, _fused
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel
from tfvae.serving import card, folders, portable, signatures
from tfvae.serving.inputs import inputs_of

_OPSET = 17
_CALLS = """## Calls

```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("encoder.onnx")
embedding, mean, scale = session.run(["embedding", "mean", "scale"], {{{encoder}}})

noise = np.random.default_rng().standard_normal((len(x), {noise}), "float32")
score, = onnxruntime.InferenceSession("score.onnx").run(["score"], {{{score}}})
```

Triton wants each file as NAME/1/model.onnx in its repository."""


def export_onnx(
    model: LatentVariableModel,
    path: str | os.PathLike[str],
    *,
    scaling: Any = None,
    target_scaling: Any = None,
    metrics: dict[str, Any] | Sequence[Line] | Report | None = None,
    data: str | dict[str, Any] | None = None,
) -> None:
    """Writes encoder.onnx, decoder.onnx and score.onnx, float32, for any batch size B.

    | file | inputs | outputs |
    |---|---|---|
    | encoder | x (B, *data), labels, condition | embedding (B, N_e); mean, scale (B, N_z): q(z|x) |
    | decoder | z (B, N_e), condition | mean (B, *target): E[x|z] |
    | score | x, labels, condition, target, noise (B, n) | score (B,): −ELBO of one sample, nats |
    | classifier | x, condition | categories int32 (B, V), probabilities (B, Σ S_v) |

    A file has those of the inputs labels, condition and target that the model takes; their shapes
    and the letters are those of `export`. A model with discrete latents has a classifier, with
    probabilities where it has them.

    ONNX cannot repeat random numbers by a seed. The score therefore takes them as an input: n new
    standard normal numbers for each example. Units, scaling and NaN are the same as for `export`;
    the runtime checks shapes. onnxruntime runs each file before the folder appears, and the file
    must agree with the model to 1e-4. The folder also holds model_card.json and MODEL_CARD.md.

    Args:
        model: a built `LatentVariableModel`.
        path: a folder that does not exist or is empty.
        scaling: see `export`.
        target_scaling: see `export`.
        metrics: see `export`.
        data: see `export`.

    Raises:
        ImportError: if tf2onnx or onnxruntime is not installed.
        ValueError: if the model is not built, `path` is not free, an argument does not fit, or the
            random numbers of the score cannot be an input.
        RuntimeError: if a file gives other numbers than the model.

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
    inputs = inputs_of(model, scaling, target_scaling)
    with _fused.disabled(), folders.new_folder(path) as partial:
        parts = signatures.portable(inputs)
        for name, part in parts.items():
            file = _converted(tf2onnx, part)
            try:
                run = _runner(onnxruntime, file)
            except Exception as error:  # One of several classes, none of them public.
                raise ValueError(
                    f"`model` must run as ONNX, received a {type(model).__name__} whose {name} "
                    f"does not: {error} Use `export`, which writes a SavedModel."
                ) from error
            portable.check(name, part, run, inputs)
            folders.write(os.path.join(partial, f"{name}.onnx"), file)
        name = os.path.basename(os.path.abspath(os.fspath(path)))
        described = card.make(inputs, name, parts, metrics=metrics, data=data)
        portable.write_card(partial, described, _calls(parts))


def _package(name: str) -> ModuleType:
    return _checks.package(name, "Export as ONNX", "tfvae[onnx]")


def _converted(tf2onnx: ModuleType, part: signatures.Signature) -> bytes:
    """Returns the ONNX file of a part, with its batch axis named B."""
    function = tf.function(part.function, input_signature=part.inputs, autograph=False)
    file, _ = tf2onnx.convert.from_function(
        function, part.inputs, opset=_OPSET, custom_op_handlers={"Expm1": (_expm1, [])}
    )
    for value in (*file.graph.input, *file.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "B"
    return file.SerializeToString()


def _expm1(graph, node, name, args):
    """Replaces eˣ − 1, which ONNX lacks, by 2 e^(x/2) sinh(x/2), which is as exact near 0."""
    (x,), outputs = node.input, node.output
    graph.remove_node(name)
    half = graph.make_node("Mul", [x, graph.make_const(f"{name}/half", np.float32(0.5)).output[0]])
    factors = [graph.make_node(kind, half.output).output[0] for kind in ("Exp", "Sinh")]
    product = graph.make_node("Mul", factors).output[0]
    return graph.make_node("Add", [product, product], outputs=outputs, name=name)


def _runner(
    onnxruntime: ModuleType, file: bytes
) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Returns the function of a file, from inputs to outputs."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def _calls(parts: dict[str, signatures.Signature]) -> str:
    fed = {
        name: ", ".join(f'"{spec.name}": {spec.name}' for spec in parts[name].inputs)
        for name in ("encoder", "score")
    }
    return _CALLS.format(**fed, noise=parts["score"].inputs[-1].shape[1])
