"""What a served model can be asked: functions with named inputs and outputs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from tfvae.models import LatentVariableModel, classification
from tfvae.serving import images
from tfvae.serving.inputs import Inputs, Outputs, where_valid
from tfvae.serving.noise import ScoreOfNoise
from tfvae.serving.scaling import Scaling

# A request for more would need more memory than a server may have.
MAX_COUNT = 10_000
LATENT, NATS, PNG = "latent units", "nats", "PNG files"
_CLASS_UNITS = {
    "categories": "whole numbers from 0, one for each variable",
    "probabilities": "q(d|x), the variables one after the other",
}


class Signature(NamedTuple):
    """A function to serve."""

    function: Callable[..., Outputs]
    """Takes the inputs by position or by name."""
    inputs: list[tf.TensorSpec]
    summary: str
    units: dict[str, str]
    """The unit of each output."""


def pixel_scaling(scaling: Scaling) -> Scaling:
    """The scaling of pixels in image files, which run from 0 to 255.

    They are in raw units. Where raw units are the units of the model, 255 is 1.
    """
    return Scaling(0.0, 255.0) if scaling.is_identity else scaling


def reads_images(model: LatentVariableModel) -> bool:
    """Whether x is an image that a file can be decoded to."""
    return not model.sequence_axes and images.is_image_shape(model.data_shape)


def gives_images(model: LatentVariableModel) -> bool:
    """Whether what is decoded is an image that a file can hold."""
    return not model.sequence_axes and images.is_image_shape(model.target_shape)


def served(inputs: Inputs) -> dict[str, Signature]:
    """All signatures of a SavedModel by name, in order."""
    model, raw = inputs.model, inputs.target_scaling.to_raw
    seed = tf.TensorSpec((2,), tf.int32, name="seed")
    count = tf.TensorSpec((), tf.int32, name="count")
    unit, what, given = _words(inputs)
    beside = inputs.specs("labels", "condition")
    rows = " and ".join(spec.name for spec in beside)
    rows = f"; {rows}: one row for all samples, or one for each" if beside else ""

    def reconstruct(given):
        return {"mean": raw(inputs.answer(given, _reconstruct)["mean"])}

    def decode(given):
        return {"mean": raw(inputs.answer(given, _decode)["mean"])}

    def score(given):
        seed = tf.ensure_shape(given.pop("seed"), [2])
        return inputs.answer(given, lambda _, values: _score(model, values, seed))

    def generate(given):
        return {"mean": raw(_generated(inputs, **given))}

    signatures = {
        "serving_default": _signature(
            _answers(inputs, _embed),
            inputs.specs("x", "labels", "condition"),
            "the latents that stand for x",
            {"embedding": LATENT},
        ),
        "encode": _signature(
            _answers(inputs, _encode),
            inputs.specs("x", "condition"),
            "mean and standard deviation of q(z|x)",
            {"mean": LATENT, "scale": LATENT},
        ),
        "decode": _signature(decode, inputs.specs("z", "condition"), f"E[{given}]", {"mean": unit}),
        "reconstruct": _signature(
            reconstruct,
            inputs.specs("x", "labels", "condition"),
            f"E[{given}] at the embedding of x",
            {"mean": unit},
        ),
        "score": _signature(
            score,
            [*inputs.specs("x", "labels", "condition", "target"), seed],
            f"−ELBO of one posterior sample in the model's units: high for unusual {what}",
            {"score": NATS},
        ),
    }
    if model.prior.is_proper:
        signatures["generate"] = _signature(
            generate,
            [count, seed, *beside],
            f"E[{given}] with z drawn from the prior{rows}",
            {"mean": unit},
        )
    if classification.is_possible(model):
        signatures["classify"] = _classifier(inputs)
    return signatures | _of_image_files(inputs)


def _of_image_files(inputs: Inputs) -> dict[str, Signature]:
    """The signatures with image files in or out."""
    model = inputs.model
    inputs = Inputs(model, pixel_scaling(inputs.scaling), pixel_scaling(inputs.target_scaling))
    files = [tf.TensorSpec((None,), tf.string, name="image_bytes")]
    beside = inputs.specs("labels", "condition")
    given = _words(inputs)[2]

    def with_pixels(given):
        files = tf.ensure_shape(given.pop("image_bytes"), [None])
        return {"x": images.pixels_of(files, model.data_shape), **given}

    def png(outputs):
        return {"png_bytes": images.png_of(inputs.target_scaling.to_raw(outputs["mean"]))}

    signatures = {}
    if reads_images(model):
        signatures["embed_image_bytes"] = _signature(
            lambda given: inputs.answer(with_pixels(given), _embed),
            files + beside,
            "the latents that stand for image files",
            {"embedding": LATENT},
        )
    if reads_images(model) and gives_images(model):
        signatures["reconstruct_image_bytes"] = _signature(
            lambda given: png(inputs.answer(with_pixels(given), _reconstruct)),
            files + beside,
            f"E[{given}] at the embedding of image files",
            {"png_bytes": PNG},
        )
    if gives_images(model):
        signatures["decode_image_bytes"] = _signature(
            lambda given: png(inputs.answer(given, _decode)),
            inputs.specs("z", "condition"),
            f"E[{given}]",
            {"png_bytes": PNG},
        )
    return signatures


def portable(inputs: Inputs) -> dict[str, Signature]:
    """Encoder, decoder, score and classifier without random numbers of their own, by name."""
    model = inputs.model
    score_of_noise = noise_score(inputs)
    noise = tf.TensorSpec((None, score_of_noise.size), tf.float32, name="noise")
    unit, what, given = _words(inputs)

    def encoder(given):
        return inputs.answer(
            given, lambda _, values: _embed(model, values) | _encode(model, values)
        )

    def decoder(given):
        return {"mean": inputs.target_scaling.to_raw(inputs.answer(given, _decode)["mean"])}

    def score(given):
        noise = given.pop("noise")
        return {"score": score_of_noise(list(given.values()), noise)}

    parts = {
        "encoder": _signature(
            encoder,
            inputs.specs("x", "labels", "condition"),
            "the latents that stand for x; mean and standard deviation of q(z|x)",
            {"embedding": LATENT, "mean": LATENT, "scale": LATENT},
        ),
        "decoder": _signature(
            decoder, inputs.specs("z", "condition"), f"E[{given}]", {"mean": unit}
        ),
        "score": _signature(
            score,
            [*score_of_noise.inputs, noise],
            f"−ELBO of one posterior sample in the model's units: high for unusual {what}",
            {"score": NATS},
        ),
    }
    if classification.is_possible(model):
        parts["classifier"] = _classifier(inputs)
    return parts


def noise_score(inputs: Inputs) -> ScoreOfNoise:
    """The served score as a function of noise."""
    specs = inputs.specs("x", "labels", "condition", "target")
    names = [spec.name for spec in specs]

    def score(*values):
        *values, seed = values
        given = dict(zip(names, values, strict=True))
        return inputs.answer(given, lambda model, own: _score(model, own, seed))["score"]

    return ScoreOfNoise(score, specs)


def minus_elbo(model: LatentVariableModel, x: Any, seed: Any, y: Any = None) -> tf.Tensor:
    """D + R of one posterior sample, nats, (B,)."""
    terms = model.elbo_terms(x, y, seed=seed, analytic=model.objective.analytic_rate)
    return tf.reduce_mean(terms.distortion + terms.rate, axis=0)


def _signature(
    function: Callable[[dict[str, tf.Tensor]], Outputs],
    inputs: list[tf.TensorSpec],
    summary: str,
    units: dict[str, str],
) -> Signature:
    """A signature from a function of a dict of its inputs, in their order."""
    names = [spec.name for spec in inputs]

    def named(*values, **more):
        given = dict(zip(names, values, strict=False)) | more
        return function({name: given[name] for name in names})

    return Signature(named, inputs, summary, units)


def _answers(inputs, function):
    return lambda given: inputs.answer(given, function)


def _words(inputs):
    """The unit of what is decoded, what a score is about, and what is decoded given what."""
    model = inputs.model
    given = "z" + (", d" if model.num_categories else "")
    given += "" if model.condition is None else ", c"
    if model.target == "y":
        return "the units of the target", "targets", f"target|{given}"
    unit = "the units of x" if inputs.columns is None else "features of the table"
    return unit, "x", f"x|{given}"


def _classifier(inputs):
    def classify(model, values):
        batch = model.prepared(values["x"], values, ("condition",))
        categories, probabilities = classification.classified(model, batch)
        found = {"categories": categories}
        return found if probabilities is None else {**found, "probabilities": probabilities}

    specs = inputs.specs("x", "condition")
    example = inputs.answer(inputs.random(specs, batch=1, seed=0), classify)
    units = {name: _CLASS_UNITS[name] for name in example}
    summary = "the categories d that stand for x"
    return _signature(_answers(inputs, classify), specs, summary, units)


def _embed(model, values):
    return {"embedding": model.embed(values["x"], values)}


def _encode(model, values):
    posterior = model.encode(values["x"], values)
    return {"mean": posterior.mean(), "scale": posterior.stddev()}


def _reconstruct(model, values):
    return {"mean": model.decode_mean(model.embed(values["x"], values), values)}


def _decode(model, values):
    return {"mean": model.decode_mean(values["z"], values)}


def _score(model, values, seed):
    return {"score": minus_elbo(model, values["x"], seed, values)}


def _generated(inputs, count, seed, **beside):
    """E[x|z, d, c] of draws from the prior in the model's units; see `served`."""
    message = f"`count` must be a whole number from 1 to {MAX_COUNT}."
    checks = [
        tf.debugging.assert_greater_equal(count, 1, message),
        tf.debugging.assert_less_equal(count, MAX_COUNT, message),
    ]
    with tf.control_dependencies(checks):  # before there is memory asked for
        count = tf.identity(count)
    specs = {spec.name: spec for spec in inputs.specs("labels", "condition")}
    for name, value in beside.items():
        value = tf.ensure_shape(value, specs[name].shape)
        rows = tf.shape(value)[0]
        message = f"`{name}` must have one row for all examples, or one for each of the `count`."
        check = tf.debugging.Assert((rows == 1) | (rows == count), [message, rows])
        with tf.control_dependencies([check]):
            beside[name] = tf.broadcast_to(value, tf.concat([[count], value.shape[1:]], axis=0))
    values, valid = inputs.checked(beside, rows=count)
    z = inputs.model.sample_prior(count, values, seed=tf.ensure_shape(seed, [2]))
    mean = inputs.model.decode_mean(z, values)
    return mean if valid is None else where_valid(valid, mean)
