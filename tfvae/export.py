"""Export of a trained model as a SavedModel that serves without tfvae and without Keras."""

import os

import keras
import tensorflow as tf

from tfvae import _fused


def export(model, path):
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

    For models of sequences (T, N_z) takes the place of N_z. All but `score` and `generate` are
    deterministic, and those two are so given their seed. The folder appears under its name only
    when it is complete, so that a server never loads half of it.

    Args:
        model: a built `LatentVariableModel`.
        path: a folder that does not exist or is empty; any file system that `tf.io.gfile` knows.

    Raises:
        ValueError: when the model is not built, or `path` exists and is not an empty folder.

    Example:
        >>> import os, tempfile, numpy as np, tensorflow as tf, tfvae
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.build((None, 5))
        >>> folder = os.path.join(tempfile.mkdtemp(), "1")
        >>> tfvae.export(vae, folder)
        >>> served = tf.saved_model.load(folder).signatures["serving_default"]
        >>> served(x=tf.zeros([3, 5]))["embedding"].shape
        TensorShape([3, 2])
    """
    if not model.built:
        raise ValueError(
            "`model` must know its data before it can be exported: call `fit`, or "
            "`build((None, *shape_of_one_example))` first."
        )
    path = os.fspath(path).rstrip("/")
    _check_free(path)
    archive = keras.export.ExportArchive()
    archive.track(model)
    with _fused.disabled():
        for name, (function, inputs) in _endpoints(model).items():
            archive.add_endpoint(name, function, input_signature=inputs)
    # Not a number: a server that watches the folder above takes no notice of it.
    partial = f"{path}.partial-{os.getpid()}"
    tf.io.gfile.makedirs(os.path.dirname(path) or ".")
    try:
        archive.write_out(partial, verbose=False)
        if tf.io.gfile.exists(path):
            tf.io.gfile.rmtree(path)
        tf.io.gfile.rename(partial, path)
    finally:
        if tf.io.gfile.exists(partial):
            tf.io.gfile.rmtree(partial)


def _check_free(path):
    if not tf.io.gfile.exists(path):
        return
    if not tf.io.gfile.isdir(path) or tf.io.gfile.listdir(path):
        raise ValueError(
            f"`path` must be a new or empty folder, but {path!r} exists and is not empty. Choose "
            "another one, for a served model the next version number, or remove it first."
        )


def _endpoints(model):
    """Dict from the name of a signature to its function and its input signature, in order."""
    x = tf.TensorSpec((None, *model.data_shape), tf.float32, name="x")
    z = tf.TensorSpec((None, *model.sequence_shape, model.latent_dim), tf.float32, name="z")
    seed = tf.TensorSpec((2,), tf.int32, name="seed")
    count = tf.TensorSpec((), tf.int32, name="count")

    def embed(x):
        return {"embedding": model.embed(x)}

    def encode(x):
        posterior = model.encode(x)
        return {"mean": posterior.mean(), "scale": posterior.stddev()}

    def decode(z):
        return {"mean": model.decode(z).mean()}

    def reconstruct(x):
        return {"mean": model(x, training=False)}

    def score(x, seed):
        terms = model.terms(x, seed=seed, analytic=model.objective.analytic_rate)
        return {"score": tf.reduce_mean(terms.distortion + terms.rate, axis=0)}

    def generate(count, seed):
        return {"mean": model.decode(model.prior.sample(count, seed=seed)).mean()}

    return {
        "serving_default": (embed, [x]),
        "encode": (encode, [x]),
        "decode": (decode, [z]),
        "reconstruct": (reconstruct, [x]),
        "score": (score, [x, seed]),
        "generate": (generate, [count, seed]),
    }
