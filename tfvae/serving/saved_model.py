"""Export of a trained model as a SavedModel that serves without tfvae and without Keras."""

import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfvae import _fused
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel
from tfvae.models.inputs import check_names
from tfvae.serving import calls, card, folders, requests
from tfvae.serving.inputs import Inputs, inputs_of
from tfvae.serving.signatures import Signature, served
from tfvae.tables import Table

EXTRA = "assets.extra"


def export(
    model: LatentVariableModel,
    path: str | os.PathLike[str],
    *,
    scaling: Any = None,
    target_scaling: Any = None,
    table: Table | None = None,
    metrics: dict[str, Any] | Sequence[Line] | Report | None = None,
    data: str | dict[str, Any] | None = None,
) -> None:
    """Writes `model` as a SavedModel with named inputs and outputs, in the layout of TF Serving.

    `path` is the folder of one version, e.g. "serving/1": TF Serving watches "serving" and takes
    the highest number. Every model has these signatures, `generate` if its prior is proper:

    | signature | inputs | outputs |
    |---|---|---|
    | serving_default | x, labels, condition | embedding (B, N_e): `model.embed` |
    | encode | x, condition | mean, scale, each (B, N_z): q(z|x) |
    | decode | z (B, N_e), condition | mean (B, *target): E[x|z] |
    | reconstruct | x, labels, condition | mean (B, *target): E[x|z] at the embedding |
    | score | x, labels, condition, target, seed | score (B,): −ELBO of one posterior sample, nats |
    | generate | count, seed, labels, condition | mean (count, *target): E[x|z], z ~ p(z) |

    A model with discrete latents also has the first of these. Models of images, (H, W, 1) or
    (H, W, 3), have the others; `embed_image_bytes` needs x to be an image, `decode_image_bytes` the
    target, and `reconstruct_image_bytes` both:

    | signature | inputs | outputs |
    |---|---|---|
    | classify | x, condition | categories int32 (B, V), probabilities (B, Σ S_v): q(d|x) |
    | embed_image_bytes | image_bytes, labels, condition | embedding (B, N_e) |
    | reconstruct_image_bytes | image_bytes, labels, condition | png_bytes string (B,) |
    | decode_image_bytes | z (B, N_e), condition | png_bytes string (B,) |

    A signature has those of the inputs labels, condition and target that the model takes:

    | input | type and shape | meaning |
    |---|---|---|
    | x | float32 (B, *data) | data |
    | labels | int32 (B,), (B, V) for V variables | of `Labels(S)`: 0 to S − 1, or `unknown` |
    | condition | float32 or int32 (B, *condition) | c; int32 where an `Embedding` reads it |
    | target | float32 (B, *target) | what a model with `target="y"` explains |
    | seed | int32 (2,) | any two whole numbers |
    | count | int32 () | number of samples |
    | image_bytes | string (B,) | files of up to 2²⁵ pixels: JPEG, PNG, GIF, BMP |

    B is free. N_e is `embedding_dim`, the latents and then the one-hot categories; for models of
    sequences it is (T, N_z). *target is *data for a model that explains x itself. In `generate`,
    labels and condition have one row for all samples, or `count` rows. There, an unknown label is
    drawn from p(d); in `score`, it is summed over. Probabilities are those of a classifier, or of
    `GumbelSoftmax`, the variables one after the other; other models have none.

    All signatures but `score` and `generate` are deterministic, and these two are for a given seed.
    REST sends inputs and outputs named …_bytes as base64.

    With `scaling`, requests are in raw units, and so are answers in the units of x. With
    `target="y"`, `target_scaling` does this for the target and for the answers, which are targets.
    Scores belong to the scaled data. Conditions are not scaled. Pixels of image files, 0 to 255,
    are in raw units; without a scaling they are divided by 255.

    With `table`, a signature has the raw columns of a table in the place of x: an input for each
    column that is a feature, string (B,) or float64 (B,), under the name of the column. Signs other
    than letters, digits and _ become _ in it, and names that are taken begin with column_; the card
    lists them. Missing values are empty texts and NaN. Answers in the units of x are features of
    the table, which `table.inverse_transform` makes rows of.

    The answer is NaN, and a category −1, for an example with NaN, infinity, a value that the
    likelihood or the table does not allow, or a label or integer condition out of range (that of an
    `Embedding` or `CategoryEncoding` that comes first). The other examples of a request are not
    affected. The graph refuses with InvalidArgument: another shape, labels or conditions of another
    number than the examples, bytes that are no image, images of more than 2²⁵ pixels (in all frames
    of a GIF), a count outside 1 to 10,000, and answers in PNG that would be NaN.

    The folder assets.extra, which servers leave alone, holds model_card.json and MODEL_CARD.md
    (config, data, metrics, versions, how to call each signature), requests/ (an example for each
    signature) and TF Serving's warm-up requests. The folder gets its name only when it is complete,
    and a server never loads half of it.

    Args:
        model: a built `LatentVariableModel`.
        path: a folder that does not exist or is empty, on any file system of `tf.io.gfile`.
        scaling: from raw units of x to those that the model was trained in: a pair (offset, scale),
            for (x − offset)/scale, each a number or an array that broadcasts to an example; a Keras
            `Normalization` or `Rescaling` layer; a fitted `StandardScaler` or `MinMaxScaler` of
            scikit-learn. None: raw units are those of the model.
        target_scaling: the same for the target of a model with `target="y"`, which needs it when
            `scaling` is given: (0.0, 1.0) leaves targets as they are.
        table: a fitted `tfvae.tables.Table` whose features the model was trained with.
        metrics: for the card: a dict from name to number, a list of `tfvae.evaluation.Line` or a
            report of `tfvae.evaluation`.
        data: for the card: the training data, a text or a dict.

    Raises:
        ValueError: if the model is not built, it or a layer has a name that TensorFlow cannot
            export, `path` exists and is not an empty folder, or another argument does not fit.

    Example:
        >>> import os, tempfile, numpy as np, tensorflow as tf, tfvae
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.build((None, 5))
        >>> folder = os.path.join(tempfile.mkdtemp(), "1")
        >>> tfvae.export(vae, folder, scaling=(np.arange(5.0), 10.0), data="sensors of a pump")
        >>> served = tf.saved_model.load(folder).signatures["serving_default"]
        >>> served(x=tf.zeros([3, 5]))["embedding"].shape
        TensorShape([3, 2])
    """
    inputs = inputs_of(model, scaling, target_scaling, table)
    check_names(model)
    signatures = served(inputs)
    name = served_name(path)
    described = card.make(inputs, name, signatures, metrics=metrics, data=data)
    with _fused.disabled(), folders.new_folder(path) as partial:
        functions = {
            key: tf.function(
                signature.function, input_signature=signature.inputs, autograph=False
            ).get_concrete_function()
            for key, signature in signatures.items()
        }
        weights = tf.Module()
        weights.variables_of_signatures = [v for f in functions.values() for v in f.variables]
        weights.tables_of_signatures = [] if inputs.columns is None else inputs.columns.resources()
        tf.saved_model.save(weights, partial, signatures=functions)
        _write_extras(os.path.join(partial, EXTRA), described, inputs, signatures)


def served_name(path: str | os.PathLike[str]) -> str:
    """The name under which TF Serving offers the folder of a version: the name of its parent."""
    above = os.path.basename(os.path.dirname(os.path.abspath(os.fspath(path).rstrip("/"))))
    return above or "model"


def _write_extras(
    folder: str, described: dict[str, Any], inputs: Inputs, signatures: dict[str, Signature]
) -> None:
    """Writes warm-up requests, example requests and the card."""
    name = described["name"]
    examples = requests.examples(inputs, signatures)
    for key, values in examples.items():
        folders.write(
            os.path.join(folder, "requests", f"{key}.json"), requests.as_json(key, values)
        )
    requests.write_warm_up(os.path.join(folder, "tf_serving_warmup_requests"), name, examples)
    for key, signature in described["signatures"].items():
        signature["curl"] = calls.curl(name, key, signature["inputs"])
        signature["grpc"] = calls.grpc(key, signature["inputs"])
    described["grpc_client"] = calls.client(name)
    text = card.as_markdown(described, calls.section(name, described["signatures"]))
    folders.write(os.path.join(folder, "model_card.json"), card.as_json(described))
    folders.write(os.path.join(folder, "MODEL_CARD.md"), text)
