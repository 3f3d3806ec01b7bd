"""What a served model can be asked: functions with named inputs and outputs."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfvae.serving import images
from tfvae.serving.noise import ScoreOfNoise
from tfvae.serving.scaling import Scaling

# A request for more would need more memory than a server may have.
MAX_COUNT = 10_000
# Scaling in float32 may leave the likelihood's support by a rounding error.
_ROUNDING = 1e-5
LATENT, DATA, NATS, PNG = "latent units", "the units of x", "nats", "PNG files"


class Signature(NamedTuple):
    """A function to serve."""

    function: Callable
    inputs: list[tf.TensorSpec]
    summary: str
    units: dict[str, str]
    """Of each output."""


def check_built(model):
    """Raises a ValueError unless the model knows its data."""
    if not model.built:
        raise ValueError(
            "`model` must know its data before it can be exported: call `fit`, or "
            "`build((None, *shape_of_one_example))` first."
        )


def is_image_model(model) -> bool:
    """Whether examples are images that files can be decoded to."""
    return not model.sequence_axes and images.is_image_shape(model.data_shape)


def pixel_scaling(scaling: Scaling) -> Scaling:
    """Pixels of image files are in the raw units, or 255 is 1 where raw units are the model's."""
    return Scaling(0.0, 255.0) if scaling.is_identity else scaling


def served(model, scaling: Scaling) -> dict[str, Signature]:
    """All signatures of a SavedModel by name, in order."""
    x = tf.TensorSpec((None, *model.data_shape), tf.float32, name="x")
    z = _codes(model)
    seed = tf.TensorSpec((2,), tf.int32, name="seed")
    count = tf.TensorSpec((), tf.int32, name="count")
    of_x = _OfData(model, scaling)

    def embed(x):
        return of_x(_embed, x)

    def encode(x):
        return of_x(_encode, x)

    def decode(z):
        return {"mean": scaling.to_raw(_decode(model, z))}

    def reconstruct(x):
        return {"mean": scaling.to_raw(of_x(_reconstruct, x)["mean"])}

    def score(x, seed):
        seed = tf.ensure_shape(seed, [2])
        return of_x(lambda model, x: {"score": minus_elbo(model, x, seed)}, x)

    def generate(count, seed):
        message = f"`count` must be a whole number from 1 to {MAX_COUNT}."
        checks = [
            tf.debugging.assert_greater_equal(count, 1, message),
            tf.debugging.assert_less_equal(count, MAX_COUNT, message),
        ]
        with tf.control_dependencies(checks):  # before there is memory asked for
            count = tf.identity(count)
        codes = model.sample_codes(count, seed=tf.ensure_shape(seed, [2]))
        return {"mean": scaling.to_raw(model.decode_mean(codes))}

    signatures = {
        "serving_default": Signature(
            embed, [x], "the latents that stand for x", {"embedding": LATENT}
        ),
        "encode": Signature(
            encode,
            [x],
            "mean and standard deviation of q(z|x)",
            {"mean": LATENT, "scale": LATENT},
        ),
        "decode": Signature(decode, [z], "E[x|z]", {"mean": DATA}),
        "reconstruct": Signature(reconstruct, [x], "E[x|z] at the embedding of x", {"mean": DATA}),
        "score": Signature(
            score,
            [x, seed],
            "−ELBO of one posterior sample in the model's units: high for unusual x",
            {"score": NATS},
        ),
        "generate": Signature(
            generate, [count, seed], "E[x|z] with z drawn from the prior", {"mean": DATA}
        ),
    }
    if is_image_model(model):
        signatures |= _of_image_files(model, pixel_scaling(scaling), z)
    return signatures


def _of_image_files(model, scaling, z):
    """The signatures with image files in or out."""
    files = tf.TensorSpec((None,), tf.string, name="image_bytes")
    of_x = _OfData(model, scaling)

    def pixels(image_bytes):
        return images.pixels_of(tf.ensure_shape(image_bytes, [None]), model.data_shape)

    def embed_image_bytes(image_bytes):
        return of_x(_embed, pixels(image_bytes))

    def reconstruct_image_bytes(image_bytes):
        mean = of_x(_reconstruct, pixels(image_bytes))["mean"]
        return {"png_bytes": images.png_of(scaling.to_raw(mean))}

    def decode_image_bytes(z):
        return {"png_bytes": images.png_of(scaling.to_raw(_decode(model, z)))}

    return {
        "embed_image_bytes": Signature(
            embed_image_bytes,
            [files],
            "the latents that stand for image files",
            {"embedding": LATENT},
        ),
        "reconstruct_image_bytes": Signature(
            reconstruct_image_bytes,
            [files],
            "E[x|z] at the embedding of image files",
            {"png_bytes": PNG},
        ),
        "decode_image_bytes": Signature(decode_image_bytes, [z], "E[x|z]", {"png_bytes": PNG}),
    }


def portable(model, scaling: Scaling) -> dict[str, Signature]:
    """Encoder, decoder and score without random numbers of their own, by name."""
    x = tf.TensorSpec((None, *model.data_shape), tf.float32, name="x")
    of_x = _OfData(model, scaling)
    score_of_noise = noise_score(model, scaling)
    noise = tf.TensorSpec((None, score_of_noise.size), tf.float32, name="noise")

    def encoder(x):
        return of_x(lambda model, x: {**_embed(model, x), **_encode(model, x)}, x)

    def decoder(z):
        return {"mean": scaling.to_raw(_decode(model, z))}

    def score(x, noise):
        return {"score": score_of_noise(x, noise)}

    return {
        "encoder": Signature(
            encoder,
            [x],
            "the latents that stand for x; mean and standard deviation of q(z|x)",
            {"embedding": LATENT, "mean": LATENT, "scale": LATENT},
        ),
        "decoder": Signature(decoder, [_codes(model)], "E[x|z]", {"mean": DATA}),
        "score": Signature(
            score,
            [x, noise],
            "−ELBO of one posterior sample in the model's units: high for unusual x",
            {"score": NATS},
        ),
    }


def noise_score(model, scaling: Scaling) -> ScoreOfNoise:
    """The served score as a function of noise."""
    of_x = _OfData(model, scaling)

    def score(x, seed):
        return of_x(lambda model, x: {"score": minus_elbo(model, x, seed)}, x)["score"]

    return ScoreOfNoise(score, tf.TensorSpec((None, *model.data_shape), tf.float32, name="x"))


def minus_elbo(model, x, seed):
    """D + R of one posterior sample, nats, (B,)."""
    terms = model.terms(x, seed=seed, analytic=model.objective.analytic_rate)
    return tf.reduce_mean(terms.distortion + terms.rate, axis=0)


def _codes(model):
    return tf.TensorSpec((None, *model.sequence_shape, model.code_dim), tf.float32, name="z")


def _embed(model, x):
    return {"embedding": model.embed(x)}


def _encode(model, x):
    posterior = model.encode(x)
    return {"mean": posterior.mean(), "scale": posterior.stddev()}


def _reconstruct(model, x):
    return {"mean": model.decode_mean(model.embed(x))}


def _decode(model, z):
    """E[x|z]; NaN for an example whose z has a number that is not finite."""
    z = tf.ensure_shape(z, _codes(model).shape)
    return _nan_unless(_all(tf.abs(z) < float("inf")), model.decode_mean(z))


class _OfData:
    """Calls a function of data with x checked and in the model's units.

    Every output is NaN for an example that has a number which is not finite, or one that the
    likelihood does not allow: networks would make an ordinary number of it.
    """

    def __init__(self, model, scaling):
        self._model, self._scaling = model, scaling

    def __call__(self, function, x):
        # Servers feed arrays of any shape, and a reshape within the model would take some of them.
        x = self._scaling.to_model(tf.ensure_shape(x, [None, *self._model.data_shape]))
        low, high = self._model.likelihood.support or (-float("inf"), float("inf"))
        allowed = (tf.abs(x) < float("inf")) & (x >= low - _ROUNDING) & (x <= high + _ROUNDING)
        valid = _all(allowed)
        return {name: _nan_unless(valid, value) for name, value in function(self._model, x).items()}


def _all(allowed):
    """Whether all is true of an example, (B, …) -> (B,)."""
    return tf.reduce_all(allowed, axis=list(range(1, allowed.shape.rank)))


def _nan_unless(valid, values):
    """`values` (B, …), NaN where an example is not valid."""
    valid = tf.reshape(valid, [-1] + [1] * (values.shape.rank - 1))
    return tf.where(valid, values, float("nan"))
