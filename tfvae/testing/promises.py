"""The promises that every model keeps, each a function that raises `Broken`."""

import json
import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tfvae import serving
from tfvae.models import LatentVariableModel
from tfvae.models.data import rows_of
from tfvae.testing.case import Case
from tfvae.testing.comparisons import (
    Broken,
    expect,
    expect_close,
    expect_same_config,
    expect_same_numbers,
    expect_shape,
    numbers,
)
from tfvae.testing.registry import promise

TERMS = ("loss", "distortion", "rate", "elbo", "constraint")


@promise(
    "`factory` makes the same new model each time, neither built nor compiled",
    "parts that are made outside of the factory: a prior, a network or a penalty belongs to one "
    "model, and must be made anew for each",
)
def factory(case: Case) -> None:
    """Two models, their parts and first weights."""
    made = []
    for _ in range(2):
        model = case.new()
        expect(
            isinstance(model, LatentVariableModel),
            f"the factory returned a {type(model).__name__}, which is no LatentVariableModel",
        )
        expect(not model.built, "the model is built already")
        expect(not model.compiled, "the model is compiled already")
        model.prepared(*case.some(2))
        made.append(model)
    first, second = made
    shared = {id(part) for part in _parts(first)} & {id(part) for part in _parts(second)}
    expect(not shared, "two models share a part")
    expect_same_numbers(second.variables, numbers(first.variables), "made and built again, ")


@promise(
    "a model made anew from its config has the same config",
    "the constructor: each argument must be kept as an attribute of the same name, and the class "
    "registered with @keras.saving.register_keras_serializable()",
)
def config(case: Case) -> None:
    """Through JSON, as a file does."""
    config = case.new().get_config()
    model = type(case.new()).from_config(json.loads(json.dumps(config)))
    expect(not model.built, "the model made from the config is built already")
    expect_same_config(config, model.get_config())


@promise(
    "`fit` lowers the distortion or raises the ELBO, and reports all terms as finite numbers",
    "`loss` of the objective, `log_prob` of the prior, `distribution` of the likelihood; gradients "
    "that are cut by NumPy or stop_gradient; too few epochs or too low a learning rate",
)
def training(case: Case) -> None:
    """The shared model."""
    model, before, history, _ = case.trained
    after = model.evaluate(case.x, case.y, verbose=0)
    names = {*TERMS, *(name for one in model.penalties for name in one.reported_names)}
    for name in sorted({*names, *(f"val_{name}" for name in names)} - set(history)):
        raise Broken(f"{name!r} is missing in the history, which has {sorted(history)}")
    for name, values in history.items():
        expect(np.all(np.isfinite(values)), f"{name!r} took the values {values}")
    expect(
        after["distortion"] < before["distortion"] or after["elbo"] > before["elbo"],
        f"{case.epochs} epochs took the distortion from {before['distortion']:g} to "
        f"{after['distortion']:g}, and the ELBO from {before['elbo']:g} to {after['elbo']:g}",
    )


@promise(
    "`evaluate` gives the same numbers each time, and elbo = −(distortion + rate)",
    "random numbers that are drawn without the `seed` that the hooks are given; state that "
    "evaluation changes; an overridden `get_metrics_result`",
)
def evaluation(case: Case) -> None:
    """Of the trained model."""
    model = case.trained[0]
    first, second = (model.evaluate(case.x, case.y, verbose=0) for _ in range(2))
    expect(first == second, f"the first time {first}, the second time {second}")
    expected = -(first["distortion"] + first["rate"])
    expect_close("elbo", first["elbo"], expected, rtol=1e-4)


@promise(
    "the ELBO does not exceed the importance-weighted estimate of log p, D is −log p(x|z, d) of "
    "the likelihood's distribution, and R is the mean of log q(z|x) − log p(z)",
    "`rate` and `log_prob` of the prior; `distortion_and_error` of the likelihood; `posterior`; "
    "`infer` and `log_marginal` of discrete latents",
)
def bound(case: Case) -> None:
    """With 256 posterior samples of an example."""
    model, number = case.trained[0], 256
    x, y = case.some(64)
    batch = model.prepared(x, y)
    inference = model.infer(batch, seed=tf.constant([0, 1]), num_samples=number)
    terms = inference.terms
    if inference.choice is None:
        log_prob = model.likelihood.distribution(inference.outputs).log_prob(batch.target)
        expect_close("distortion", terms.distortion, -log_prob, rtol=1e-3, atol=1e-2)
        _expect_rate(model, inference, number)
    weights = model.log_weights(x, number, y=y, seed=(0, 2)).numpy()
    elbo, estimate = -float(tf.reduce_mean(terms.distortion + terms.rate)), weights.mean()
    noise = _noise(weights)
    expect(
        elbo <= estimate + noise,
        f"the ELBO is {elbo:g} nats, and the mean of log p(x, z)/q(z|x) {estimate:g}",
    )
    if inference.choice is None and model.target == "x":
        expect_close("the ELBO", elbo, estimate, rtol=0.0, atol=noise)


def _expect_rate(model, inference, number):
    """R ≥ 0, and where the posterior is over z itself, the mean of log q(z|x) − log p(z)."""
    rate = float(tf.reduce_mean(inference.terms.rate))
    if model.prior.posterior_is_over_z:
        z = inference.posterior.sample(number, seed=(0, 3))
        ratio = inference.posterior.log_prob(z) - model.prior.log_prob(z, seed=(0, 4))
        ratio = tf.reduce_sum(ratio, axis=list(range(2, ratio.shape.rank))).numpy()
        expect_close("the rate", rate, ratio.mean(), rtol=0.0, atol=_noise(ratio))
    expect(rate >= -1e-2, f"the rate, a Kullback-Leibler divergence, is {rate:g} nats")


def _noise(values):
    """What two means of values (L, B) over L samples of the same examples may differ by."""
    error = np.std(values - values.mean(axis=0)) / np.sqrt(values.size)
    return 10.0 * error + 2e-4 * (1.0 + np.abs(values).mean())


@promise(
    "all methods return the shapes in their docstrings",
    "`distribution` and `mean` of the likelihood, whose events have the shape of the data; "
    "`sample` and `log_prob` of the prior; `posterior`, whose batch shape is given",
)
def shapes(case: Case) -> None:
    """Of the trained model, and of what its prior draws."""
    model = case.trained[0]
    x, y = case.some(8)
    steps = model.sequence_shape
    posterior = model.encode(x, y)
    expect_shape("encode(x).sample()", posterior.sample(seed=1), (8, *steps, model.posterior_size))
    embedding = model.embed(x, y)
    expect_shape("embed(x)", embedding, (8, *steps, model.embedding_dim))
    p = model.decode(embedding, y)
    expect_shape("decode(z).sample()", p.sample(seed=1), (8, *model.target_shape))
    expect_shape("decode(z).log_prob(x)", p.log_prob(p.sample(seed=1)), (8,))
    more = model.decode(tf.stack([embedding] * 3), y).mean()
    expect_shape("decode(z).mean() of z (3, 8, …)", more, (3, 8, *model.target_shape))
    predicted = model.predict(x, y, verbose=0)
    expect_shape("predict(x)", predicted, (8, *model.target_shape))
    expect_close("predict(x) against decode(embed(x))", predicted, p.mean(), 1e-3, 1e-4)
    for mean in (True, False):
        made = model.generate(8, y=y, seed=1, mean=mean)
        expect_shape(f"generate(8, mean={mean})", made, (8, *model.target_shape))
        same = model.generate(8, y=y, seed=1, mean=mean)
        expect(np.array_equal(made, same), "generate gives other numbers for the same seed")
    z = model.prior.sample(8, seed=(0, 1))
    expect_shape("prior.sample(8)", z, (8, *steps, model.latent_dim))
    log_prob = model.prior.log_prob(z, seed=(0, 1))
    expect(np.all(np.isfinite(log_prob)), "the prior's log_prob of its own samples is not finite")
    found = model.log_likelihood(x, 10, y=y)
    expect_shape("log_likelihood(x)", found, (8,))
    expect(np.all(np.isfinite(found)), f"log_likelihood(x) is {found}")
    if model.num_categories:
        expect_shape("categories(x)", model.categories(x, y), (8, len(model.num_categories)))


@promise(
    "once its weights are made, the same seed gives the same numbers",
    "random numbers that are drawn without the `seed` that the hooks are given, such as "
    "tf.random.normal or sample() without a seed",
)
def seed(case: Case) -> None:
    """The same training with another state of the global random numbers."""
    after = case.trained[-1]
    again = case.compiled()
    again.evaluate(case.x, case.y, verbose=0)
    case.fit(again, state=2, epochs=case.epochs, validation_data=case.some(case.batch_size))
    expect_same_numbers(again.variables, after, "after the same training, ")


@promise(
    "a model that is saved as a .keras file and loaded predicts, evaluates and trains on alike",
    "weights that Keras does not track, since they are made outside of the constructor and of "
    "`create_weights`, or held by an object that is no Keras layer; classes that are not "
    "registered with @keras.saving.register_keras_serializable()",
)
def keras_file(case: Case) -> None:
    """Exact, and one more epoch."""
    model = case.trained[0]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path)
        loaded = keras.models.load_model(path)
    expect(type(loaded) is type(model), f"a {type(loaded).__name__} was loaded")
    expect_same_config(model.get_config(), loaded.get_config())
    expect_same_numbers(loaded.variables, numbers(model.variables), "loaded, ")
    predictions = (one.predict(case.x, case.y, verbose=0) for one in (loaded, model))
    expect_close("predict(x) of the loaded model", *predictions, rtol=0.0)
    found, expected = (one.evaluate(case.x, case.y, verbose=0) for one in (loaded, model))
    expect(found == expected, f"evaluation gives {found}, before it gave {expected}")
    for one in (model, loaded):
        case.fit(one)
    expect_same_numbers(loaded.variables, numbers(model.variables), "after one more epoch, ")


@promise(
    "sample weights weigh the examples: weight 2 is an example twice, weight 0 is none",
    "an overridden `test_step` or `get_metrics_result`; terms that are reduced over the batch",
)
def sample_weights(case: Case) -> None:
    """Against evaluations of each example alone."""
    model = case.trained[0]
    x, y = case.some(4)

    def evaluated(weights):
        weights = np.asarray(weights, "float32")
        return model.evaluate(x, y, sample_weight=weights, verbose=0)

    each = [evaluated(row) for row in np.eye(4)]
    weights = [2.0, 0.0, 1.0, 1.0]
    found = evaluated(weights)
    for name in ("distortion", "rate"):
        expected = np.dot(weights, [one[name] for one in each]) / 4.0
        expect_close(f"{name!r} with the weights {weights}", found[name], expected, 1e-4, 1e-4)
    order = [0, 2, 2, 3]  # Another example takes the place of the one without weight.
    x, y = x[order], rows_of(y, order)
    for name, value in evaluated(weights).items():
        if name in ("distortion", "rate"):
            expect_close(
                f"{name!r} with another example of weight 0", value, found[name], 1e-4, 1e-4
            )


@promise(
    "`tf.function` and eager execution agree",
    "Python branches on values of tensors, NumPy in the hooks, and state that is changed by "
    "Python rather than by `assign`",
)
def graph_and_eager(case: Case) -> None:
    """The first epoch of training and the validation after it."""
    history = case.trained[2]
    model = case.compiled(run_eagerly=True)
    eager = case.fit(model, validation_data=case.some(case.batch_size))
    for name, values in history.items():
        expect_close(f"{name!r} of eager training", eager[name][0], values[0], 2e-3, 1e-3)


@promise(
    'training works under the policy "mixed_bfloat16", with terms and distributions in float32',
    "outputs of networks that are used without tf.cast(…, tf.float32)",
)
def mixed_precision(case: Case) -> None:
    """The policy is put back."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = case.compiled()
        history = case.fit(model, epochs=2)
        terms = model.elbo_terms(*case.some(4), seed=(0, 0))
        posterior = model.encode(*case.some(4))
    finally:
        keras.config.set_dtype_policy(previous)
    expect(np.all(np.isfinite(history["loss"])), f"the loss took the values {history['loss']}")
    expect(posterior.dtype == tf.float32, f"encode gives a distribution of {posterior.dtype}")
    for name, term in terms._asdict().items():
        expect(term is None or term.dtype == tf.float32, f"{name} is {getattr(term, 'dtype', '')}")


@promise(
    "data with NaN are refused by `fit` and `evaluate`, and no weight has changed",
    "overridden `train_step`, `test_step` or `unpack`; NaN that is replaced on its way; state that "
    "is assigned in a hook which is called before the terms are known to be finite",
)
def bad_data(case: Case) -> None:
    """One NaN in the first example."""
    model = case.trained[0]
    x, y = case.some(case.batch_size)
    x = x.astype("float32")
    x.reshape(-1)[0] = np.nan
    before = numbers(model.training_state)
    for method in ("fit", "evaluate"):
        try:
            getattr(model, method)(x, y, batch_size=case.batch_size, verbose=0)
        except (ValueError, FloatingPointError):
            pass
        else:
            raise Broken(f"{method} took an x with NaN")
    expect_same_numbers(model.training_state, before, "after NaN was refused, ")


@promise(
    "`tfvae.export` writes a SavedModel that loads and gives the same reconstructions",
    "hooks that need values while they are traced; variables that are no attribute of a part",
)
def export(case: Case) -> None:
    """The signature `reconstruct` against `predict`."""
    model = case.trained[0]
    x, y = case.some(8)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model", "1")
        serving.export(model, path)
        signature = tf.saved_model.load(path).signatures["reconstruct"]
        named = y if isinstance(y, dict) else dict.fromkeys(model.needs.names, y)
        wanted = signature.structured_input_signature[1]
        inputs = {
            name: tf.cast(x if name == "x" else named[name], spec.dtype)
            for name, spec in wanted.items()
        }
        found = signature(**inputs)["mean"].numpy()
    expect_close("the exported reconstruction", found, model.predict(x, y, verbose=0), 1e-3, 1e-4)


def _parts(model):
    return [*model.components, model.encoder, model.decoder]
