"""The density buffer: density and samples against a direct mixture, files, refusals."""

import resource

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

import tfvae
from tfvae.applications import DensityBuffer


def linear_model(latent_dim=2, features=3, sigma=0.3):
    """x = A z + b + noise, and its exact posterior under N(0, I): all has a closed form."""
    vae = tfvae.VAE(
        latent_dim,
        encoder=tfvae.networks.mlp([]),
        decoder=tfvae.networks.mlp([], (features,)),
        likelihood=tfvae.likelihoods.Gaussian(sigma),
        seed=0,
    )
    vae.build((None, features))
    rng = np.random.default_rng(0)
    weight = 1.5 * np.linalg.qr(rng.normal(size=(features, latent_dim)))[0].T
    bias = rng.normal(size=features)
    vae.decoder.set_weights([weight, bias])
    # Rows of A are orthogonal: the posterior is N(A(x − b)/c, s²/c), c = 1.5² + s².
    precision = 1.5**2 + sigma**2
    kernel = np.concatenate([weight.T / precision, np.zeros((features, latent_dim))], axis=1)
    raw_scale = np.log(np.expm1(sigma / np.sqrt(precision)))
    start = np.concatenate([-weight @ bias / precision, np.full(latent_dim, raw_scale)])
    vae.posterior_head.set_weights([kernel, start])
    return vae


@pytest.fixture(scope="module")
def model():
    return linear_model()


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(60, 3)).astype("float32")


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(1).uniform(0.0, 2.0, size=60)


@pytest.fixture(scope="module")
def buffer(model, x, weights):
    return DensityBuffer(model, x, sample_weight=weights, smear=1.5)


def moments(model, x):
    """μ and σ of the posteriors in float64."""
    return [np.asarray(one, "float64") for one in model.posterior_moments(x)]


def direct(z, loc, scale, weights=None):
    """log Σ_i w_i N(z; μ_i, diag σ_i²) in float64, row by row."""
    share = np.full(len(loc), 1.0 / len(loc)) if weights is None else weights / np.sum(weights)
    return np.array(
        [
            scipy.special.logsumexp(scipy.stats.norm(loc, scale).logpdf(row).sum(axis=1), b=share)
            for row in np.asarray(z, "float64")
        ]
    )


def test_log_prob_of_latents(buffer, model, x, weights):
    loc, scale = moments(model, x)
    z = np.random.default_rng(2).normal(size=(20, 2)).astype("float32")
    expected = direct(z, loc, 1.5 * scale, weights)
    np.testing.assert_allclose(buffer.log_prob(z=z), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(buffer.distribution.log_prob(z), expected, rtol=1e-5, atol=1e-5)


def test_log_prob_of_events(buffer, model, x, weights):
    """p(x) = Σ_i w_i N(x; A μ_i + b, A diag(α σ_i)² Aᵀ + s² I)."""
    loc, scale = moments(model, x)
    weight, bias = (np.asarray(one, "float64") for one in model.decoder.weights)
    held = buffer.sample(8, seed=3)
    each = np.array(
        [
            scipy.stats.multivariate_normal(
                mean @ weight + bias,
                weight.T @ np.diag(np.square(1.5 * deviation)) @ weight + 0.09 * np.eye(3),
            ).logpdf(held)
            for mean, deviation in zip(loc, scale, strict=True)
        ]
    )
    share = weights / weights.sum()
    expected = scipy.special.logsumexp(each, b=share[:, np.newaxis], axis=0)
    found = buffer.log_prob(held, num_samples=2000, seed=1, verbose=0)
    np.testing.assert_allclose(found, expected, atol=0.1)


@pytest.mark.slow
def test_hundred_thousand_events_in_bounded_memory(model):
    """A dense tensor of all pairs of 4,096 latents and 10⁵ events would take 3 GB in float64."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100_000, 3)).astype("float32")
    buffer = DensityBuffer(model, x, smear=1.2)
    assert buffer.num_events == 100_000
    z = rng.normal(size=(4096, 2)).astype("float32")
    buffer.log_prob(z=z[:10])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = buffer.log_prob(z=z)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 800_000  # KiB
    loc, scale = moments(model, x)
    np.testing.assert_allclose(found[:5], direct(z[:5], loc, 1.2 * scale), rtol=1e-5, atol=1e-4)


def test_samples_have_the_density(buffer, model, x, weights):
    loc, scale = moments(model, x)
    z = buffer.distribution.sample(4000, seed=(1, 2)).numpy()
    share = weights / weights.sum()
    for axis in range(2):
        law = lambda v, axis=axis: (  # noqa: E731
            scipy.stats.norm(loc[:, axis], 1.5 * scale[:, axis]).cdf(v[:, np.newaxis]) @ share
        )
        assert scipy.stats.kstest(z[:, axis], law).pvalue > 1e-3
    made = buffer.sample(4000, seed=3)
    weight, bias = (np.asarray(one, "float64") for one in model.decoder.weights)
    variance = (np.square(1.5 * scale) @ np.square(weight)) + 0.09
    for axis in range(3):
        law = lambda v, axis=axis: (  # noqa: E731
            scipy.stats.norm((loc @ weight + bias)[:, axis], np.sqrt(variance[:, axis])).cdf(
                v[:, np.newaxis]
            )
            @ share
        )
        assert scipy.stats.kstest(made[:, axis], law).pvalue > 1e-3
    means = buffer.sample(4000, seed=3, mean=True)
    assert np.all(np.var(means, axis=0) < np.var(made, axis=0))


def test_seeds(buffer):
    np.testing.assert_array_equal(buffer.sample(5, seed=1), buffer.sample(5, seed=1))
    assert not np.array_equal(buffer.sample(5, seed=1), buffer.sample(5, seed=2))
    assert not np.array_equal(buffer.sample(5), buffer.sample(5))


def test_weights_decide_what_is_drawn(model):
    x = np.repeat([[-20.0, 0.0, 0.0], [20.0, 0.0, 0.0]], 30, axis=0) + np.random.default_rng(
        0
    ).normal(size=(60, 3))
    weights = np.repeat([0.2, 1.8], 30)
    buffer = DensityBuffer(model, x, sample_weight=weights, smear=1.0)
    decoded = model.decode_mean(model.encode(x).mean()).numpy()
    axis = np.argmax(np.abs(decoded[:30].mean(axis=0) - decoded[30:].mean(axis=0)))
    middle = decoded[:, axis].mean()
    is_second = np.mean(decoded[30:, axis]) > middle
    share = np.mean((buffer.sample(2000, seed=0, mean=True)[:, axis] > middle) == is_second)
    assert share == pytest.approx(0.9, abs=0.03)


def test_near_an_example(buffer, model, x):
    near = buffer.sample_near(x[:4], 3000, seed=0, mean=True)
    assert near.shape == (4, 3000, 3)
    weight, bias = (np.asarray(one, "float64") for one in model.decoder.weights)
    loc, scale = (one[:4] for one in moments(model, x))
    np.testing.assert_allclose(near.mean(axis=1), loc @ weight + bias, atol=0.15)
    deviation = np.sqrt(np.square(1.5 * scale) @ np.square(weight))
    np.testing.assert_allclose(near.std(axis=1), deviation, rtol=0.06)
    still = buffer.sample_near(x[:4], 2, spread=0.0, seed=0, mean=True)
    np.testing.assert_allclose(still[:, 0], loc @ weight + bias, rtol=1e-4, atol=1e-4)
    noisy = buffer.sample_near(x[:4], 3000, spread=0.0, seed=0)
    np.testing.assert_allclose(noisy.std(axis=1), 0.3, rtol=0.06)
    for spread in (-1.0, np.nan, "wide"):
        with pytest.raises(ValueError, match="`spread` must lie in"):
            buffer.sample_near(x[:4], 2, spread=spread)
    with pytest.raises(ValueError, match="`num_samples` must be"):
        buffer.sample_near(x[:4], 0)


def test_the_smear_factor_is_chosen_and_some_events_kept(model, x):
    chosen = DensityBuffer(model, x, num_events=40, seed=1)
    assert chosen.num_events == 40
    held = model.encode(np.random.default_rng(9).normal(size=(400, 3))).sample(seed=(0, 0))
    scores = {
        factor: np.mean(
            DensityBuffer(model, x, num_events=40, smear=factor * chosen.smear, seed=1).log_prob(
                z=held
            )
        )
        for factor in (0.2, 1.0, 5.0)
    }
    assert max(scores, key=scores.get) == 1.0


def test_the_model_that_is_given_stays_as_it_is(model, x, buffer):
    assert isinstance(model.prior, tfvae.priors.StandardNormal)
    assert buffer.model is not model and buffer.model.prior is buffer.prior
    np.testing.assert_array_equal(
        buffer.model.encode(x).mean().numpy(), model.encode(x).mean().numpy()
    )


def test_saved_loaded_and_standing_in(buffer, x, tmp_path):
    path = tmp_path / "buffer.keras"
    buffer.save(path)
    loaded = DensityBuffer.load(path)
    assert (loaded.smear, loaded.num_events) == (buffer.smear, buffer.num_events)
    np.testing.assert_array_equal(loaded.sample(5, seed=0), buffer.sample(5, seed=0))
    np.testing.assert_array_equal(loaded.log_prob(z=x[:, :2]), buffer.log_prob(z=x[:, :2]))
    again = linear_model().with_prior(loaded.prior)
    assert DensityBuffer(again).smear == buffer.smear


def test_exported(buffer, tmp_path):
    tfvae.export(buffer.model, tmp_path / "served")
    served = tf.saved_model.load(str(tmp_path / "served"))
    assert any("generate" in name for name in served.signatures)


def test_data_with_a_condition(x):
    vae = tfvae.VAE(2, condition=1, seed=0)
    condition = np.random.default_rng(0).uniform(size=(60, 1)).astype("float32")
    vae.build(((None, 3), (None, 1)))
    buffer = DensityBuffer(vae, x, y=condition)
    assert buffer.sample(4, y=np.array([0.5]), seed=0).shape == (4, 3)
    assert buffer.sample_near(x[:4], 6, y=condition[:4], seed=0).shape == (4, 6, 3)
    assert buffer.log_prob(x[:4], y=condition[:4], num_samples=5, verbose=0).shape == (4,)


def test_bad_input(model, buffer, x, tmp_path):
    with pytest.raises(ValueError, match="`model` must be an instance of"):
        DensityBuffer("vae", x)
    with pytest.raises(ValueError, match="`data` must be the events to store, received None"):
        DensityBuffer(model)
    with pytest.raises(ValueError, match="must be None without `data`"):
        DensityBuffer(buffer.model, smear=2.0)
    for kwargs in ({}, {"x": x, "z": x[:, :2]}):
        with pytest.raises(ValueError, match="takes either `x`, events, or `z`, latents"):
            buffer.log_prob(**kwargs)
    with pytest.raises(ValueError, match=r"of the shape \(n, 2\), received the shape \(60, 3\)"):
        buffer.log_prob(z=x)
    with pytest.raises(ValueError, match="`z` must be finite latents"):
        buffer.log_prob(z=np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match="`weights` must be finite, not negative"):
        DensityBuffer(model, x, sample_weight=np.full(60, -1.0))
    with pytest.raises(ValueError, match="`weights` must hold one number for each of the 60"):
        DensityBuffer(model, x, sample_weight=np.ones(59))
    with pytest.raises(ValueError, match="`num_events` must be at most 60"):
        DensityBuffer(model, x, num_events=61)
    with pytest.raises(ValueError):
        DensityBuffer(model, x[:, :2])
    with pytest.raises(ValueError, match=r"none\.keras', which does not exist"):
        DensityBuffer.load(tmp_path / "none.keras")
    plain = tmp_path / "plain.keras"
    model.save(plain)
    with pytest.raises(ValueError, match="`data` must be the events to store"):
        DensityBuffer.load(plain)
    other = tmp_path / "other.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(other)
    with pytest.raises(ValueError, match="`model` must be an instance of"):
        DensityBuffer.load(other)


def test_a_damaged_file_is_refused(tmp_path, model, x):
    path = tmp_path / "buffer.keras"
    DensityBuffer(model, x, smear=1.0).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"`path` must be a whole \.keras file"):
        DensityBuffer.load(path)


def test_extreme_weights_and_smears(model, x):
    equal = DensityBuffer(model, x, smear=1.0)
    huge = DensityBuffer(model, x, smear=1.0, sample_weight=np.full(len(x), 1e308))
    np.testing.assert_allclose(
        huge.log_prob(z=np.zeros((1, 2))), equal.log_prob(z=np.zeros((1, 2)))
    )
    for smear in (0.0, 1e-45, 1e39):
        with pytest.raises(ValueError, match="`smear` must lie in"):
            DensityBuffer(model, x, smear=smear)
    with pytest.raises(ValueError, match=r"`weights` must hold one number.*received others"):
        DensityBuffer(model, x, sample_weight=["a"] * len(x))
    with pytest.raises(ValueError, match=r"`scale`, times α, must be 1e-38 or more"):
        tfvae.priors.DensityBuffer(smear=0.5).adapt_to_posteriors([[0.0]], [[1e-44]])
    with pytest.raises(ValueError, match=r"`x` must have finite encodings, received 1 of 2"):
        equal.sample_near(np.array([[0.0] * 3, [np.nan] * 3]), 1)
