"""The flatness regulariser against closed forms, large samples and autodiff."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.penalties import Flatness, flatness

SEED = (3, 4)


def linear(w):
    return lambda z: tf.matmul(z, w, transpose_b=True)


def closed_form(w, normalization):
    """‖G − c²·1‖²_F for f(z) = W z, as published, or relative."""
    tensor = w.T @ w
    latent_dim = len(tensor)
    scale = np.trace(tensor) / latent_dim
    value = np.sum((tensor - scale * np.eye(latent_dim)) ** 2)
    return value if normalization == "absolute" else value / scale**2


def gradient_closed_form(w, normalization):
    """d/dW: 4 W (G − c²·1) with c² held; relative, of N_z² tr G²/(tr G)² − N_z."""
    tensor = w.T @ w
    scale = np.trace(tensor) / len(tensor)
    if normalization == "absolute":
        return 4.0 * w @ (tensor - scale * np.eye(len(tensor)))
    goal = np.sum(tensor**2) / np.trace(tensor)
    return 4.0 * w @ (tensor - goal * np.eye(len(tensor))) / scale**2


@pytest.mark.parametrize("normalization", ["absolute", "relative"])
@pytest.mark.parametrize("estimator", ["exact", "finite_difference"])
def test_value_and_gradient_on_a_linear_decoder(estimator, normalization):
    rng = np.random.default_rng(0)
    w = tf.Variable(rng.normal(size=(6, 3)))
    z = tf.constant(rng.normal(size=(5, 3)))
    regulariser = Flatness(estimator=estimator, normalization=normalization)
    with tf.GradientTape() as tape:
        values = regulariser.deviations(linear(w), z, seed=SEED)
        mean = tf.reduce_mean(values)
    expected = closed_form(w.numpy(), normalization)
    np.testing.assert_allclose(values, np.full(5, expected), rtol=1e-6)
    gradient = tape.gradient(mean, w)
    np.testing.assert_allclose(gradient, gradient_closed_form(w.numpy(), normalization), rtol=1e-6)


@pytest.mark.parametrize("latent_dim", [2, 8, 32])
def test_stochastic_estimator_is_unbiased(latent_dim):
    """Mean over 20,000 directions within four standard errors, of the value and the gradient."""
    rng = np.random.default_rng(latent_dim)
    w = rng.normal(size=(40, latent_dim)) / 6.0
    scale = np.trace(w.T @ w) / latent_dim
    v = flatness.rademacher([20_000, latent_dim], tf.float64, seed=SEED)
    kernel = tf.Variable(w)
    with tf.GradientTape() as tape:
        products = tf.matmul(tf.matmul(v, kernel, transpose_b=True), kernel)
        values = flatness.stochastic_deviation(products, v, scale)
        mean = tf.reduce_mean(values)
    error = np.std(values) / np.sqrt(len(values))
    # In two dimensions all signs give the same value: the error is that of rounding.
    assert abs(np.mean(values) - closed_form(w, "absolute")) < 4.0 * error + 1e-12
    gradient = tape.gradient(mean, kernel)
    expected = gradient_closed_form(w, "absolute")
    assert np.linalg.norm(gradient - expected) < 0.05 * np.linalg.norm(expected)
    # c² from the same directions: E‖Jv‖² = tr G.
    pushed = np.sum((v @ w.T) ** 2, axis=1) / latent_dim
    assert abs(pushed.mean() - scale) < 4.0 * pushed.std() / np.sqrt(len(pushed))


def test_estimators_and_autodiff_agree_on_a_network():
    keras.utils.set_random_seed(0)
    network = tfvae.networks.mlp([8, 8], (6,), activation="tanh")
    network.build((None, 3))
    rng = np.random.default_rng(0)
    z = tf.constant(rng.normal(size=(4, 3)), tf.float32)
    weights = [weight.value for weight in network.trainable_weights]

    def by_reverse_mode():
        points = flatness.mixed_up(z, 0.4, seed=mixup_seed)
        with tf.GradientTape() as tape:
            tape.watch(points)
            x = network(points)
        columns = tape.batch_jacobian(x, points)
        tensors = tf.matmul(columns, columns, transpose_a=True)
        scale = tf.reduce_mean(tf.linalg.trace(tensors)) / 3.0
        return tf.reduce_sum((tensors / scale - tf.eye(3)) ** 2, axis=[1, 2])

    import tensorflow_probability as tfp

    mixup_seed, _ = tfp.random.split_seed(SEED, n=2, salt="flatness")
    results = {}
    for name in ("reverse", "exact", "finite_difference"):
        with tf.GradientTape() as tape:
            if name == "reverse":
                values = by_reverse_mode()
            else:
                values = Flatness(estimator=name).deviations(network, z, seed=SEED)
            total = tf.reduce_sum(values)
        gradients = tape.gradient(total, weights, unconnected_gradients="zero")
        results[name] = values, tf.concat([tf.reshape(g, [-1]) for g in gradients], 0)
    for name, tolerance in (("exact", 1e-3), ("finite_difference", 3e-2)):
        for actual, expected in zip(results[name], results["reverse"], strict=True):
            size = float(tf.reduce_max(tf.abs(expected)))
            np.testing.assert_allclose(actual, expected, atol=tolerance * size)
    draws = tf.map_fn(
        lambda i: Flatness().deviations(network, tf.tile(z, [50, 1]), seed=(i, 7)),
        tf.range(40),
        fn_output_signature=tf.float32,
    ).numpy()
    exact = tf.map_fn(
        lambda i: Flatness(estimator="exact").deviations(network, tf.tile(z, [50, 1]), seed=(i, 7)),
        tf.range(40),
        fn_output_signature=tf.float32,
    ).numpy()
    differences = draws.mean(axis=1) - exact.mean(axis=1)  # the same mixed points
    assert abs(differences.mean()) < 4.0 * differences.std() / np.sqrt(len(differences))


@pytest.mark.parametrize("batch_size", [2, 8])
def test_stochastic_penalty_of_small_batches(batch_size):
    """c² comes from the other points: with one G the excess over the exact value is N_z Var ĉ².

    On G = [[1, .9], [.9, 1]], absolute: v has vᵀGv = 2 ± 1.8, so ĉ² of m points has variance .81/m.
    """
    root = np.linalg.cholesky(np.array([[1.0, 0.9], [0.9, 1.0]]))
    regulariser = Flatness(normalization="absolute")
    z = tf.zeros([batch_size, 2], tf.float64)
    f = tf.function(lambda seed: regulariser.deviations(linear(tf.constant(root.T)), z, seed=seed))
    values = np.array([f(tf.constant([i, 1])).numpy().mean() for i in range(1500)])
    expected = 2.0 * 0.9**2 + 2.0 * 0.81 / (batch_size - 1)
    assert abs(values.mean() - expected) < 4.0 * values.std() / np.sqrt(len(values))


def test_finite_differences_refuse_half_precision():
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        with pytest.raises(ValueError, match="`estimator` must be"):
            Flatness(estimator="finite_difference").deviations(tf.sin, tf.ones([2, 2]), seed=SEED)
    finally:
        keras.config.set_dtype_policy(previous)


def test_relative_penalty_does_not_change_with_the_unit():
    """And so it does not pull at the unit: the gradient for a scale of the decoder is 0."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(6, 3))
    z = tf.constant(rng.normal(size=(5, 3)))
    unit = tf.Variable(1.0, dtype=tf.float64)
    stretch = lambda z: unit * tf.sin(tf.matmul(z, w, transpose_b=True))  # noqa: E731
    for estimator in flatness.ESTIMATORS:
        regulariser = Flatness(estimator=estimator)
        once, scaled = (
            regulariser.deviations(linear(tf.constant(c * w)), z, seed=SEED) for c in (1.0, 1e-3)
        )
        np.testing.assert_allclose(once, scaled, rtol=1e-5)
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(regulariser.deviations(stretch, z, seed=SEED))
        assert total > 1.0
        assert abs(tape.gradient(total, unit)) < 1e-5 * total


def test_weak_data_are_learned_flat():
    """Two factors under noise, which a pull towards a constant decoder would leave unlearned."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 2)) @ rng.normal(size=(2, 6)) + rng.normal(size=(512, 6))
    vae = tfvae.FlatManifoldVAE(2, seed=0)
    vae.compile(keras.optimizers.Adam(3e-3))
    vae.fit(x, batch_size=128, epochs=50, verbose=0)
    tensors = tfvae.geometry.metric_tensors(vae, vae.encode(x[:200]).mean())
    assert np.median(tfvae.geometry.condition_number(tensors)) < 1.3
    residual = np.mean((x - vae.predict(x, verbose=0)) ** 2) / np.mean((x - x.mean(0)) ** 2)
    variances = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    assert residual < 1.5 * (1.0 - np.sum(variances[:2]) / np.sum(variances))


def test_mixup_lies_on_lines_through_pairs_and_beyond():
    z = tf.constant(np.random.default_rng(0).normal(size=(2000, 2)))
    mixed = flatness.mixed_up(z, 0.25, seed=SEED).numpy()
    np.testing.assert_array_equal(mixed, flatness.mixed_up(z, 0.25, seed=SEED))
    assert np.any(mixed != flatness.mixed_up(z, 0.25, seed=(3, 5)))
    ends = tf.constant([[0.0], [1.0]] * 1000)
    shares = flatness.mixed_up(ends, 0.25, seed=SEED).numpy()[:, 0]
    assert shares.min() == pytest.approx(-0.25, abs=0.02)
    assert shares.max() == pytest.approx(1.25, abs=0.02)


def test_gradient_reaches_the_encoder_only_when_asked():
    z = tf.Variable(np.random.default_rng(0).normal(size=(5, 2)), dtype=tf.float32)
    decoder = lambda z: tf.concat([z, tf.sin(z)], axis=1)  # noqa: E731
    for train_encoder in (False, True):
        with tf.GradientTape() as tape:
            regulariser = Flatness(train_encoder=train_encoder)
            total = tf.reduce_sum(regulariser.deviations(decoder, z + 0.0, seed=SEED))
        assert (tape.gradient(total, z) is not None) == train_encoder


def test_decoder_that_does_nothing_gives_a_finite_penalty():
    for estimator in flatness.ESTIMATORS:
        for normalization in flatness.NORMALIZATIONS:
            regulariser = Flatness(estimator=estimator, normalization=normalization)
            values = regulariser.deviations(lambda z: 0.0 * z, tf.ones([4, 2]), seed=SEED)
            assert np.all(np.isfinite(values))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": -1.0}, "`weight` must lie in"),
        ({"mixup": -0.1}, "`mixup` must lie in"),
        ({"epsilon": 0.0}, "`epsilon` must lie in"),
        ({"estimator": "guess"}, "`estimator` must be one of 'exact'.*'guess'"),
        ({"normalization": "none"}, "`normalization` must be one of"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        Flatness(**arguments)


def test_regulariser_flattens_what_is_bent():
    """Two strongly unequal directions of the data: the latent space stretches to match them."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(1024, 2)) * [3.0, 0.5] @ rng.normal(size=(2, 6))).astype("float32")
    x /= x.std()
    medians = {}
    for weight in (0.0, 5.0):
        keras.utils.set_random_seed(0)
        model = tfvae.VAE(
            2,
            encoder=tfvae.networks.mlp([32], activation="tanh"),
            decoder=tfvae.networks.mlp([32], (6,), activation="tanh"),
            likelihood=tfvae.likelihoods.Gaussian(0.1),
            penalties=[Flatness(weight)],
            seed=0,
        )
        model.compile(keras.optimizers.Adam(1e-2))
        model.fit(x, batch_size=128, epochs=15, verbose=0)
        tensors = tfvae.geometry.metric_tensors(model, model.encode(x[:200]).mean())
        medians[weight] = np.median(tfvae.geometry.condition_number(tensors))
    assert medians[5.0] - 1.0 < 0.3 * (medians[0.0] - 1.0)
