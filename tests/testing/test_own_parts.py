"""The parts of docs/extending.md, written as a user would: their mathematics, and `check_model`."""

import types

import keras
import numpy as np
import pages
import pytest
import scipy.stats
import tensorflow as tf

import tfvae

rng = np.random.default_rng(0)
X = (rng.normal(size=(64, 2)) @ rng.normal(size=(2, 4)) + 0.1 * rng.normal(size=(64, 4))).astype(
    "float32"
)


@pytest.fixture(scope="module")
def mine():
    """What the page defines."""
    return types.SimpleNamespace(**pages.definitions(pages.ROOT / "docs" / "extending.md"))


def network_in_numpy(network, inputs):
    """Shift and log-scale of a coupling layer, float64."""
    kernel, bias, last_kernel, last_bias = (np.float64(w) for w in network.get_weights())
    outputs = np.tanh(inputs @ kernel + bias) @ last_kernel + last_bias
    shift, log_scale = np.split(outputs, 2, axis=-1)
    return shift, np.tanh(log_scale)


def spread(network):
    """Gives a network weights that make its coupling layer far from a shift by a constant."""
    network.set_weights([rng.normal(0.0, 0.7, size=w.shape) for w in network.get_weights()])


# ---- RealNVP -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flows(mine):
    """One of two latents and one of three, with weights of some size."""
    made = {}
    for latent_dim in (2, 3):
        made[latent_dim] = flow = mine.RealNVP(num_layers=3, units=5)
        flow.build(latent_dim)
        for network in flow.networks:
            spread(network)
    return made


@pytest.mark.parametrize("latent_dim", [2, 3])
def test_realnvp_is_the_change_of_variables(flows, latent_dim):
    flow = flows[latent_dim]
    z = rng.normal(0.0, 2.0, size=(50, latent_dim))
    expected = []
    for point in z:
        log_determinant = 0.0
        for network in flow.networks:  # f⁻¹, from the last layer that was applied to the first
            point = point[::-1]
            kept, rest = point[: flow.kept], point[flow.kept :]
            shift, log_scale = network_in_numpy(network, kept)
            point = np.concatenate([kept, (rest - shift) * np.exp(-log_scale)])
            log_determinant -= np.sum(log_scale)
        expected.append(np.sum(scipy.stats.norm.logpdf(point)) + log_determinant)
    np.testing.assert_allclose(flow.log_prob(tf.constant(z, tf.float32)), expected, rtol=1e-4)


def test_realnvp_integrates_to_one_and_its_samples_have_its_moments(flows):
    flow, step = flows[2], 0.05
    axis = np.arange(-20.0, 20.0, step, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    density = np.exp(np.float64(flow.log_prob(grid))) * step**2
    assert density.sum() == pytest.approx(1.0, abs=1e-3)
    z = flow.sample(200_000, seed=(0, 1)).numpy()
    mean = density @ grid
    covariance = (density[:, None] * (grid - mean)).T @ (grid - mean)
    error = np.sqrt(np.diag(covariance) / len(z))
    np.testing.assert_array_less(np.abs(z.mean(axis=0) - mean), 5.0 * error + 1e-3)
    np.testing.assert_allclose(np.cov(z.T), covariance, rtol=0.05, atol=0.05)


def test_realnvp_learns_a_density_that_is_no_gaussian(mine):
    """Two moons: the flow's own networks are trained by the gradient of log p(z)."""
    angle = rng.uniform(0.0, np.pi, size=1000)
    moon = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.05 * rng.normal(size=(1000, 2))
    moon = tf.constant(2.0 * moon, tf.float32)
    flow = mine.RealNVP()
    flow.build(2)
    optimizer = keras.optimizers.Adam(1e-2)
    weights = flow.trainable_weights
    assert len(weights) == 4 * flow.num_layers

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(flow.log_prob(moon, training=True))
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    optimizer.build(weights)
    for _ in range(300):
        loss = step()
    gaussian = scipy.stats.multivariate_normal(np.mean(moon, 0), np.cov(np.transpose(moon)))
    assert -loss > np.mean(gaussian.logpdf(moon)) + 0.5


# ---- the ladder --------------------------------------------------------------------------------


def test_ladder_is_a_product_of_two_gaussians(mine):
    ladder = mine.Ladder(upper=2, units=5)
    ladder.build(5)
    spread(ladder.network)
    z = rng.normal(size=(4, 6, 5))
    shift, log_scale = network_in_numpy(ladder.network, z[..., :2])
    expected = scipy.stats.norm.logpdf(z[..., :2]).sum(-1)
    expected += scipy.stats.norm.logpdf(z[..., 2:], shift, np.exp(log_scale)).sum(-1)
    np.testing.assert_allclose(ladder.log_prob(tf.constant(z, tf.float32)), expected, rtol=1e-4)
    noise = rng.normal(size=(7, 5))
    found = ladder.latents_from_noise(tf.constant(noise, tf.float32)).numpy()
    shift, log_scale = network_in_numpy(ladder.network, noise[:, :2])
    np.testing.assert_array_equal(found[:, :2], np.float32(noise[:, :2]))
    np.testing.assert_allclose(
        found[:, 2:], shift + np.exp(log_scale) * noise[:, 2:], rtol=1e-4, atol=1e-5
    )


def test_rate_of_the_ladder_is_that_of_its_latents(mine):
    """KL(q(n) ‖ p(n)) against the mean of log q(z|x) − log p(z), with q(z|x) written out."""
    ladder = mine.Ladder(upper=1, units=5)
    ladder.build(2)
    spread(ladder.network)
    loc, scale = np.array([[0.7, -0.4]]), np.array([[0.5, 0.8]])
    posterior = mine.tfd.Independent(mine.tfd.Normal(np.float32(loc), np.float32(scale)), 1)
    noise = loc + scale * rng.normal(size=(200_000, 2))
    z = np.float64(ladder.latents_from_noise(tf.constant(noise, tf.float32)))
    upper, lower = z[:, :1], z[:, 1:]
    shift, log_scale = network_in_numpy(ladder.network, upper)
    log_q = scipy.stats.norm.logpdf(upper, loc[:, :1], scale[:, :1])
    own_loc, own_scale = shift + np.exp(log_scale) * loc[:, 1:], np.exp(log_scale) * scale[:, 1:]
    log_q += scipy.stats.norm.logpdf(lower, own_loc, own_scale)
    ratio = log_q[:, 0] - np.float64(ladder.log_prob(tf.constant(z, tf.float32)))
    rate = float(ladder.rate(posterior, None)[0, 0])
    assert rate == pytest.approx(ratio.mean(), abs=5.0 * ratio.std() / np.sqrt(len(ratio)))
    sampled = ladder.rate(posterior, tf.constant(noise[:, None], tf.float32), analytic=False)
    np.testing.assert_allclose(sampled[:, 0], ratio, rtol=1e-3, atol=1e-3)


def test_elbo_of_a_linear_ladder_is_the_evidence_less_the_gap_of_its_posterior(mine):
    """z2 ~ N(0, 1), z1 ~ N(a z2, s²), x ~ N(W z + b, σ²): all in closed form."""
    a, s, sigma = np.array([0.9, -1.3]), 0.6, 0.5
    model = tfvae.VAE(
        3,
        encoder=keras.layers.Flatten(),
        decoder=tfvae.networks.mlp([], (4,)),
        likelihood=tfvae.likelihoods.Gaussian(scale=sigma),
        prior=mine.Ladder(upper=1, units=1),
    )
    model.build((None, 4))
    small = 1e-3  # tanh is linear here
    last = np.concatenate([a / small, [0.0, 0.0]])[None]
    bias = np.concatenate([[0.0, 0.0], np.full(2, np.arctanh(np.log(s)))])
    model.prior.network.set_weights([np.array([[small]]), np.zeros(1), last, bias])
    w, b = rng.normal(size=(3, 4)), rng.normal(size=4)
    model.decoder.set_weights([w, b])
    # z = n T, hence x = n (T W) + b + noise.
    t = np.array([[1.0, *a], [0.0, s, 0.0], [0.0, 0.0, s]])
    tw = t @ w
    evidence = scipy.stats.multivariate_normal(b, tw.T @ tw + sigma**2 * np.eye(4)).logpdf(X)
    precision = np.eye(3) + tw @ tw.T / sigma**2
    covariance = np.linalg.inv(precision)
    means = (X - b) @ tw.T @ covariance / sigma**2
    # The best diagonal Gaussian: the exact mean, and the inverse of the precision's diagonal.
    scale = 1.0 / np.sqrt(np.diag(precision))
    kernel = np.concatenate([tw.T @ covariance / sigma**2, np.zeros((4, 3))], axis=1)
    bias = np.concatenate([-b @ tw.T @ covariance / sigma**2, np.log(np.expm1(scale))])
    model.posterior_head.dense.set_weights([kernel, bias])
    np.testing.assert_allclose(model.encode(X).mean(), means, rtol=1e-3, atol=1e-3)
    # KL(N(m, diag s²) ‖ N(m, P⁻¹)) = ½ (Σ P_ii s_i² − N − Σ log s_i² − log det P), P_ii s_i² = 1.
    gap = -0.5 * (np.sum(np.log(scale**2)) + np.linalg.slogdet(precision)[1])
    terms = model.elbo_terms(X, seed=(0, 1), num_samples=4000)
    elbo = -np.float64(terms.distortion + terms.rate)
    error = elbo.std(axis=0).max() / np.sqrt(len(elbo))
    np.testing.assert_allclose(elbo.mean(axis=0), evidence - gap, atol=5.0 * error + 1e-3)
    assert gap > 0.1 and np.all(elbo.mean(axis=0) < evidence)
    # Importance weights have a finite variance under a Gaussian wider than the exact posterior.
    kernel[:, 3:], bias[3:] = 0.0, np.log(np.expm1(1.2 * np.sqrt(np.diag(covariance))))
    model.posterior_head.dense.set_weights([kernel, bias])
    found = model.log_likelihood(X, num_samples=20_000)
    np.testing.assert_allclose(found, evidence, atol=0.05)


def test_penalties_of_a_posterior_over_z_refuse_a_ladder(mine):
    model = mine.small_vae(prior=mine.Ladder(), penalties=[tfvae.penalties.BetaTC(1.0)])
    model.compile("adam")
    with pytest.raises(ValueError, match="Ladder, which makes z of other variables"):
        model.fit(X, verbose=0)


# ---- likelihood, objective, penalty --------------------------------------------------------------


def test_laplace_against_scipy(mine):
    likelihood = mine.Laplace()
    likelihood.build((2, 3))
    assert likelihood.decoder_output_shape((2, 3)) == (2, 6)
    x, outputs = rng.normal(size=(5, 2, 3)), rng.normal(size=(7, 5, 2, 6))
    loc, scale = outputs[..., :3], np.log1p(np.exp(outputs[..., 3:])) + 1e-3
    expected = -scipy.stats.laplace.logpdf(x, loc, scale).sum(axis=(-2, -1))
    distortion, error = likelihood.distortion_and_error(tf.constant(x), tf.constant(outputs))
    np.testing.assert_allclose(distortion, expected, rtol=1e-6)
    np.testing.assert_array_equal(distortion, error)
    np.testing.assert_array_equal(likelihood.mean(tf.constant(outputs)), loc)


def test_free_bits_and_penalties_in_numpy(mine):
    distortion, rate = rng.uniform(size=(3, 5)), rng.uniform(size=(3, 5))
    terms = tfvae.objectives.Terms(*(tf.constant(t, tf.float32) for t in (distortion, rate, rate)))
    expected = np.mean(distortion + 0.3 * np.maximum(rate, 0.5), axis=0)
    np.testing.assert_allclose(mine.FreeBits(0.3, 0.5).loss(terms), expected, rtol=1e-6)
    model = mine.small_vae(penalties=[mine.Sparsity(0.1), mine.Hidden(column=1)])
    inference = model.infer(model.prepared(X), seed=tf.constant([0, 1]))
    sparsity, hidden = model.penalties
    value = sparsity.value(inference, seed=None, training=False)
    np.testing.assert_allclose(value, np.abs(inference.z[0]).sum(-1), rtol=1e-6)
    value = hidden.value(inference, seed=None, training=False)
    guess = hidden.network(inference.z[0]).numpy()[:, 0]
    np.testing.assert_allclose(value.network_loss, (guess - X[:, 1]) ** 2, rtol=1e-5)
    np.testing.assert_array_equal(value.value, -value.network_loss)


def test_hidden_column_is_harder_to_find(mine):
    """R² of a linear regression of the column on E[z|x], with the penalty and without it."""
    found = []
    for weight in (0.0, 20.0):
        keras.utils.set_random_seed(0)
        model = mine.small_vae(
            penalties=[mine.Hidden(weight, column=1)],
            likelihood=tfvae.likelihoods.Gaussian(scale=0.5),
        )
        model.compile(keras.optimizers.Adam(3e-3))
        model.fit(np.tile(X, [100, 1]), batch_size=64, epochs=4, verbose=0)
        z = np.c_[model.embed(X), np.ones(len(X))]
        residual = np.linalg.lstsq(z, X[:, 1], rcond=None)[1][0]
        found.append(1.0 - residual / np.sum((X[:, 1] - X[:, 1].mean()) ** 2))
    assert found[0] > 0.8 and found[1] < 0.5


# ---- check_model -------------------------------------------------------------------------------


def labels_and_condition(seed=0):
    own = np.random.default_rng(seed)
    return {
        "labels": own.integers(3, size=64),
        "condition": own.normal(size=(64, 2)).astype("float32"),
    }


SCHEDULE = keras.optimizers.schedules.PolynomialDecay(0.0, 20, 1.0)
# Name -> (arguments of `small_vae`, y).  The page checks RealNVP itself.
CASES = {
    "ladder": (lambda m: {"prior": m.Ladder()}, None),
    "laplace": (lambda m: {"likelihood": m.Laplace(), "output_shape": (8,)}, None),
    "penalties": (lambda m: {"penalties": [m.Sparsity(0.1), m.Hidden(0.1, column=1)]}, None),
    "objective": (lambda m: {"objective": m.FreeBits(SCHEDULE)}, None),
    "conditional": (
        lambda m: {"discrete": tfvae.discrete.Labels(3), "condition": 2},
        labels_and_condition(),
    ),
    "all": (
        lambda m: {
            "prior": m.RealNVP(num_layers=2),
            "likelihood": m.Laplace(),
            "output_shape": (8,),
            "penalties": [m.Hidden(0.01)],
            "objective": m.FreeBits(SCHEDULE),
            "discrete": tfvae.discrete.Labels(3, unknown=-1),
            "condition": 2,
        },
        labels_and_condition(),
    ),
}
QUICK = ("ladder", "laplace")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in CASES]
)
def test_check_model_passes(name, mine):
    arguments, y = CASES[name]
    tfvae.testing.check_model(lambda: mine.small_vae(**arguments(mine)), X, y, verbose=True)


def test_sample_weights_count_beside_a_dict(mine):
    arguments, y = CASES["conditional"]
    skip = [name for name in tfvae.testing.PROMISES if name != "sample_weights"]
    factory = lambda: mine.small_vae(**arguments(mine))  # noqa: E731
    tfvae.testing.check_model(factory, X, y, skip=skip, epochs=1)


@pytest.mark.slow
def test_check_model_passes_with_a_class_of_its_own(mine):
    def factory():
        mlp = tfvae.networks.mlp
        return mine.SensorVAE(encoder=mlp([16]), decoder=mlp([16], (8,)), seed=0)

    tfvae.testing.check_model(factory, X, np.arange(64) % 10, verbose=True)
