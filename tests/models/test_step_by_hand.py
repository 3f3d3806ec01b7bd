"""One training step, and the order of what happens in it, against an explicit computation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae.discrete import GumbelSoftmax, Labels
from tfvae.objectives import GECO, REWO, BetaELBO, Constrained
from tfvae.penalties import AdversarialPrior, Flatness, Penalty, TotalCorrelation
from tfvae.penalties.flatness import mixed_up

mlp = tfvae.networks.mlp
RATE = 0.1


class Size(Penalty):
    """‖μ(x)‖²."""

    def value(self, inference, *, seed, training):
        return tf.reduce_sum(inference.posterior.mean() ** 2, axis=-1)


class Range(Penalty):
    """‖σ(x)‖_1."""

    def value(self, inference, *, seed, training):
        return tf.reduce_sum(inference.posterior.stddev(), axis=-1)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(8, 5)).astype("float32")


def critic(**kwargs):
    return mlp([6], (1,), activation="elu", **kwargs)


def small(**kwargs):
    networks = {"encoder": mlp([6], activation="elu"), "decoder": mlp([6], (5,), "elu")}
    kwargs = {**networks, "likelihood": tfvae.likelihoods.Gaussian(0.8), **kwargs}
    model = tfvae.VAE(2, seed=0, **kwargs)
    model.build((None, 5))
    return model


def narrow(model):
    """Takes the noise out of the posterior samples, σ = 1e-5."""
    kernel, bias = model.posterior_head.dense.get_weights()
    kernel[:, 2:], bias[2:] = 0.0, -30.0
    model.posterior_head.dense.set_weights([kernel, bias])


@pytest.mark.parametrize("replicas", [1, 2])
def test_weighted_step_with_a_regulariser_and_two_penalties(x, replicas, request):
    strategy = (
        tf.distribute.get_strategy() if replicas == 1 else request.getfixturevalue("mirrored")
    )
    weights = np.array([0.5, 2.0, 0.0, 1.0, 3.0, 0.25, 1.0, 0.7], "float32")
    with strategy.scope():
        regulariser = keras.regularizers.L2(0.3)
        model = small(
            decoder=mlp([6], (5,), "elu", kernel_regularizer=regulariser),
            penalties=[Size(0.4), Range(0.2)],
            objective=BetaELBO(1.5),
        )
        narrow(model)
        model.compile(keras.optimizers.SGD(RATE))
    # By hand; z = μ(x) but for 1e-5.
    own = model.trainable_weights
    before = [w.numpy().astype(float) for w in own]
    with tf.GradientTape() as tape:
        loc, scale = model.posterior_head(model.encoder(x))
        mean = model.decoder(loc)
        distortion = tf.reduce_sum((x - mean) ** 2, axis=1) / (2 * 0.8**2)
        rate = 0.5 * tf.reduce_sum(loc**2 + scale**2 - 1 - 2 * tf.math.log(scale), axis=1)
        penalties = 0.4 * tf.reduce_sum(loc**2, 1) + 0.2 * tf.reduce_sum(scale, 1)
        kernels = [w for w in model.decoder.trainable_weights if w.path.endswith("kernel")]
        layers = 0.3 * tf.add_n([tf.reduce_sum(w.value**2) for w in kernels])
        loss = tf.reduce_sum(weights * (distortion + 1.5 * rate + penalties)) / 8 + layers
    gradients = tape.gradient(loss, [w.value for w in own])
    logs = model.fit(x, sample_weight=weights, batch_size=8, shuffle=False, verbose=0).history
    for weight, old, gradient in zip(own, before, gradients, strict=True):
        np.testing.assert_allclose(
            weight.numpy(), old - RATE * gradient.numpy(), rtol=1e-3, atol=2e-4, err_msg=weight.path
        )
    # A reported value is a weighted mean.
    assert logs["rate"][0] == pytest.approx(np.sum(weights * rate) / np.sum(weights), rel=1e-4)
    assert logs["size"][0] == pytest.approx(
        np.sum(weights * tf.reduce_sum(loc**2, 1)) / np.sum(weights), rel=1e-3
    )


def test_each_network_learns_from_its_own_loss(x):
    """Two discriminators, both regularised: the model's loss is free of theirs, and vice versa."""
    networks = [
        critic(kernel_regularizer=keras.regularizers.L2(2.0)),
        keras.Sequential(
            [
                keras.layers.Dense(4, "elu", activity_regularizer=keras.regularizers.L2(3.0)),
                keras.layers.Dense(1),
            ]
        ),
    ]
    total = TotalCorrelation(3.0, networks[0], keras.optimizers.SGD(RATE))
    prior = AdversarialPrior(0.7, networks[1], keras.optimizers.SGD(RATE))
    model = small(penalties=[total, prior])
    seed = keras.random.SeedGenerator(0).next()
    own = [*model.encoder.trainable_weights, *model.posterior_head.trainable_weights]
    own += model.decoder.trainable_weights
    assert {id(w) for w in own} == {id(w) for w in model.own_trainable_weights}
    softplus = tf.math.softplus

    def parts():
        found = model.infer(model.prepared(x), seed=tf.cast(seed, tf.int32), training=True)
        seeds = [tf.random.experimental.stateless_fold_in(found.seed, k) for k in (1, 2)]
        z = found.z[0]
        others = [p.others(found, z, seed=s) for p, s in zip((total, prior), seeds, strict=True)]
        elbo = tf.reduce_mean(found.terms.distortion[0] + found.terms.rate[0])
        return elbo, z, [tf.stop_gradient(other) for other in others]

    with tf.GradientTape() as tape:
        elbo, z, _ = parts()
        expected = elbo + tf.reduce_mean(3.0 * networks[0](z) + 0.7 * softplus(networks[1](z)))
    wanted = tape.gradient(expected, [w.value for w in own])
    found = []
    for network, index in ((networks[0], 0), (networks[1], 1)):
        with tf.GradientTape() as tape:
            _, z, others = parts()
            # One call, since an activity regulariser counts the examples of the last.
            log_odds = network(tf.concat([tf.stop_gradient(z), others[index]], axis=0))[:, 0]
            ratio = softplus(-log_odds[:8]) + softplus(log_odds[8:])
            loss = tf.reduce_mean(ratio) + tf.add_n(network.losses)
        found.append(tape.gradient(loss, [w.value for w in network.trainable_weights]))
    groups = [
        (own, wanted),
        *((n.trainable_weights, g) for n, g in zip(networks, found, strict=True)),
    ]
    before = [[w.numpy().astype(float) for w in group] for group, _ in groups]
    model.compile(keras.optimizers.SGD(RATE))
    logs = model.train_on_batch(x, return_dict=True)
    for (group, gradients), olds in zip(groups, before, strict=True):
        for weight, old, gradient in zip(group, olds, gradients, strict=True):
            np.testing.assert_allclose(
                weight.numpy(), old - RATE * gradient, rtol=1e-4, atol=1e-5, err_msg=weight.path
            )
    assert logs["loss"] == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("kind", ["labels", "some labels", "gumbel"])
@pytest.mark.parametrize("normalization", ["absolute", "relative"])
def test_flatness_holds_the_category_and_the_condition_of_each_example(x, kind, normalization):
    make = {
        "labels": lambda: Labels((3, 2)),
        "some labels": lambda: Labels((3, 2), unknown=-1),
        "gumbel": lambda: GumbelSoftmax((3, 2)),
    }[kind]
    for estimator in ("exact", "finite_difference"):
        discrete = make()
        penalty = Flatness(1.0, estimator=estimator, normalization=normalization, epsilon=1e-2)
        model = tfvae.VAE(
            2, mlp([6]), mlp([6], (5,), "tanh"), "bernoulli", discrete=discrete, condition=2,
            penalties=[penalty], seed=0,
        )  # fmt: skip
        model.build((None, 5))
        c = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")
        labels = np.stack([[0, 1, 2, 0, 1, 2, 0, 1], [0, 1, 1, 0, 0, 1, 1, 0]], axis=1)
        if kind == "some labels":
            labels[::3, 0], labels[1::3, 1] = -1, -1
        y = {"condition": c} | ({} if kind == "gumbel" else {"labels": labels})
        data = 1.0 / (1.0 + np.exp(-x))
        found = model.infer(model.prepared(data, y), seed=(3, 4), training=True)
        seed = (5, 6)
        value = penalty.value(found, seed=seed, training=True)
        choice = found.choice
        if choice.weights is None:
            held = choice.d[0, 0].numpy()
        else:  # The most likely d that agrees with the known labels.
            q = [one.probs_parameter().numpy() for one in discrete.posteriors(
                model.encoded(model.prepared(data, y)).features
            )]  # fmt: skip
            best = np.stack([one.argmax(axis=1) for one in q], axis=1)
            best = np.where(labels >= 0, labels, best)
            held = np.hstack([np.eye(3)[best[:, 0]], np.eye(2)[best[:, 1]]])
        mixup_seed, _ = tfp.random.split_seed(seed, n=2, salt="flatness")
        points = mixed_up(found.z[0], 0.4, seed=mixup_seed)
        with tf.GradientTape() as tape:
            tape.watch(points)
            rows = tf.concat([points, tf.cast(held, tf.float32), c], axis=1)
            mean = tf.sigmoid(model.decoder(rows))
        jacobian = tape.batch_jacobian(mean, points).numpy().astype(float)
        metric = np.einsum("bik,bil->bkl", jacobian, jacobian)
        scale = np.mean(np.trace(metric, axis1=1, axis2=2)) / 2
        if normalization == "relative":
            metric, scale = metric / scale, 1.0
        expected = np.sum((metric - scale * np.eye(2)) ** 2, axis=(1, 2))
        tolerance = 1e-3 if estimator == "exact" else 0.05
        np.testing.assert_allclose(value, expected, rtol=tolerance, atol=1e-3 * scale**2)


class Linearly(keras.optimizers.schedules.LearningRateSchedule):
    """first + slope·t."""

    def __init__(self, first, slope):
        self.first, self.slope = first, slope

    def __call__(self, step):
        return self.first + self.slope * tf.cast(step, tf.float32)


@pytest.mark.parametrize(
    ("kind", "scale"), [("rewo", "learned"), ("geco", "learned"), ("geco", 0.8)]
)
def test_multiplier_after_some_steps(x, kind, scale):
    """Step t: gradient with λ_{t−1} and κ_t, then C_t, Ĉ_t, and λ_t with ν(t)."""
    nu, kappa = Linearly(0.5, 0.1), Linearly(1.0, 0.03)
    multiplier = REWO(nu, alpha=0.6, initial=0.05) if kind == "rewo" else GECO(nu, alpha=0.6)
    likelihood = tfvae.likelihoods.Gaussian(scale)
    model = small(objective=Constrained(kappa, multiplier), likelihood=likelihood)
    model.compile(keras.optimizers.SGD(1e-2))

    def of_elbo(bound):
        """1/(2σ²), with the σ that κ allows where it is learned."""
        return 5 / (2 * bound) if scale == "learned" else 1 / (2 * scale**2)

    beta, lam = 0.05, 1.0  # relative to the ELBO's
    average, initial_phase = None, True
    for step in range(6):
        bound, rate = 5 * float(kappa(step)) ** 2, float(nu(step))
        before = (lam if kind == "geco" else 1.0 / beta) * of_elbo(bound)
        logs = model.train_on_batch(x, return_dict=True)
        model.reset_metrics()
        error = 5 * logs["constraint"] ** 2
        assert logs["loss"] == pytest.approx(
            logs["rate"] + before * (error - bound), rel=1e-3, abs=1e-3
        )
        average = error if average is None else 0.4 * error + 0.6 * average
        delta = (average - bound) / bound
        lam *= np.exp(rate * delta)
        initial_phase &= delta >= 0.0
        if not initial_phase:
            f = -1.0 if delta > 0 else np.tanh(3.0 * (beta - 1.0))
            beta = min(beta * np.exp(rate * f * delta), 1.0)
        expected = lam if kind == "geco" else 1.0 / beta
        assert float(multiplier.value()) == pytest.approx(expected, rel=1e-3), step
        # κ has taken its step as well, and λ follows it.
        weight = of_elbo(5 * float(kappa(step + 1)) ** 2)
        assert logs["lambda"] == pytest.approx(expected * weight, rel=1e-3), step
        assert float(multiplier.average.value) == pytest.approx(average, rel=1e-3)
    if kind == "rewo":
        assert not initial_phase  # both phases were seen


def test_learned_scale_and_schedules_hold_their_numbers_in_each_step(x):
    """Step t has schedule(t), and the σ² of the steps before it; the first has the mean of x²."""
    model = tfvae.VAE(
        2,
        mlp([6]),
        mlp([6], (5,)),
        objective=BetaELBO(Linearly(0.5, 0.25)),
        penalties=[Size(Linearly(1.0, -0.1))],
        seed=0,
    )
    model.compile(keras.optimizers.SGD(1e-2))
    model.build((None, 5))
    variance, known = float(np.mean(np.square(x))), False
    for step in range(5):
        logs = model.train_on_batch(x, return_dict=True)
        model.reset_metrics()
        error = 5 * logs["constraint"] ** 2
        distortion = error / (2 * variance) + 2.5 * np.log(2 * np.pi * variance)
        assert logs["distortion"] == pytest.approx(distortion, rel=1e-4), step
        expected = distortion + (0.5 + 0.25 * step) * logs["rate"] + (1 - 0.1 * step) * logs["size"]
        assert logs["loss"] == pytest.approx(expected, rel=1e-4), step
        variance = 0.1 * error / 5 + 0.9 * variance if known else error / 5
        known = True
        assert 2 * float(model.likelihood.log_scale) == pytest.approx(np.log(variance), abs=1e-4)


@pytest.mark.parametrize("kind", ["capacity", "exact", "finite_difference", "stochastic"])
def test_replica_without_examples_in_the_last_batch(x, kind, mirrored):
    data = np.concatenate([x, x[:1]])
    with mirrored.scope():
        if kind == "capacity":
            model = tfvae.JointVAE(
                2, discrete=GumbelSoftmax(3), encoder=mlp([6]), decoder=mlp([6], (5,)), seed=0
            )
        else:
            discrete = GumbelSoftmax(3)
            model = small(penalties=[Flatness(1.0, estimator=kind)], discrete=discrete)
        model.compile(keras.optimizers.SGD(1e-3))
    history = model.fit(data, batch_size=8, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert np.isfinite(model.evaluate(data, batch_size=8, verbose=0)["loss"])
