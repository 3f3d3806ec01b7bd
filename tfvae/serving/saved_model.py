"""Export of a trained model as a SavedModel that serves without tfvae and without Keras."""

import os

import tensorflow as tf

from tfvae import _fused
from tfvae.serving import calls, card, folders, requests
from tfvae.serving.scaling import scaling_of
from tfvae.serving.signatures import check_built, served

EXTRA = "assets.extra"


def export(model, path, *, scaling=None, metrics=None, data=None):
    """Writes `model` as a SavedModel with named inputs and outputs, in the layout of TF Serving.

    `path` is the folder of one version, e.g. "serving/1": TF Serving watches "serving" and takes
    the highest number. Signatures, all float32 unless said otherwise, B free:

    | signature | inputs | outputs |
    |---|---|---|
    | serving_default | x (B, *data) | embedding (B, N_z): `model.embed`, the mean of q(z|x) |
    | encode | x (B, *data) | mean, scale, each (B, N_z) |
    | decode | z (B, N_z) | mean (B, *data): E[x|z] |
    | reconstruct | x (B, *data) | mean (B, *data): E[x|z] at the embedding |
    | score | x (B, *data), seed int32 (2,) | score (B,): −ELBO of one posterior sample, nats |
    | generate | count int32 (), seed int32 (2,) | mean (count, *data): E[x|z], z ~ p(z) |

    and where examples are images, (H, W, 1) or (H, W, 3):

    | signature | inputs | outputs |
    |---|---|---|
    | embed_image_bytes | image_bytes string (B,): JPEG, PNG, … of any size | embedding (B, N_z) |
    | reconstruct_image_bytes | image_bytes string (B,) | png_bytes string (B,) |
    | decode_image_bytes | z (B, N_z) | png_bytes string (B,) |

    For models of sequences (T, N_z) takes the place of N_z; with categorical latents their one-hot
    vectors follow z. All but `score` and `generate` are deterministic, and those two are so given
    their seed. REST sends what is named …_bytes as base64.

    With `scaling` requests are in raw units and so are answers in the units of x; the score is that
    of the scaled data. The values of pixels, 0 to 255, are raw units; without `scaling` they are
    divided by 255.

    An example with NaN, infinity or a value that the likelihood does not allow is answered by NaN,
    the others of a request are not affected; a request of another shape, bytes that are no image
    and a count that is not in 1 to 10,000 are refused, InvalidArgument.

    Beside the model, in assets.extra, which servers leave alone: model_card.json and MODEL_CARD.md
    (config, data, metrics, versions, how each signature is called), requests/ (an example for each
    signature) and TF Serving's warm-up requests. The folder appears under its name only when it is
    complete, so that a server never loads half of it.

    Args:
        model: a built `LatentVariableModel`.
        path: a folder that does not exist or is empty; any file system that `tf.io.gfile` knows.
        scaling: from raw units to those that the model was trained in: a pair (offset, scale), for
            (x − offset)/scale, each a number or an array that broadcasts to an example; a Keras
            `Normalization` or `Rescaling` layer; a fitted `StandardScaler` or `MinMaxScaler` of
            scikit-learn.
        metrics: for the card: a dict from name to number, a list of `tfvae.evaluation.Line` or a
            report of `tfvae.evaluation`.
        data: for the card: what the model was trained on, a text or a dict.

    Raises:
        ValueError: when the model is not built, `path` exists and is not an empty folder, or
            another argument is not of the kind described.

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
    check_built(model)
    scaling = scaling_of(scaling, model.data_shape)
    signatures = served(model, scaling)
    name = served_name(path)
    described = card.make(model, name, signatures, scaling, metrics=metrics, data=data)
    with _fused.disabled(), folders.new_folder(path) as partial:
        functions = {
            key: tf.function(
                signature.function, input_signature=signature.inputs, autograph=False
            ).get_concrete_function()
            for key, signature in signatures.items()
        }
        weights = tf.Module()
        weights.variables_of_signatures = [v for f in functions.values() for v in f.variables]
        tf.saved_model.save(weights, partial, signatures=functions)
        _write_extras(os.path.join(partial, EXTRA), described, model, signatures, scaling)


def served_name(path) -> str:
    """The name under which TF Serving offers the folder of a version: that of the folder above."""
    above = os.path.basename(os.path.dirname(os.path.abspath(os.fspath(path).rstrip("/"))))
    return above or "model"


def _write_extras(folder, described, model, signatures, scaling):
    """Warm-up requests, example requests and the card."""
    name = described["name"]
    inputs = requests.examples(model, signatures, scaling)
    for key, values in inputs.items():
        folders.write(
            os.path.join(folder, "requests", f"{key}.json"), requests.as_json(key, values)
        )
    requests.write_warm_up(os.path.join(folder, "tf_serving_warmup_requests"), name, inputs)
    for key, signature in described["signatures"].items():
        signature["curl"] = calls.curl(name, key, signature["inputs"])
        signature["grpc"] = calls.grpc(key, signature["inputs"])
    described["grpc_client"] = calls.client(name)
    text = card.as_markdown(described, calls.section(name, described["signatures"]))
    folders.write(os.path.join(folder, "model_card.json"), card.as_json(described))
    folders.write(os.path.join(folder, "MODEL_CARD.md"), text)
