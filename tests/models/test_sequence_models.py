"""Models of sequences and the Topographic VAE: what is theirs beside the contract of all models."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae.distributions import Bubble, Shifting, Torus
from tfvae.priors import TopographicPrior

FRAMES, FEATURES = 6, 5
MEAN = 30.0  # μ at first, by default.


@pytest.fixture(scope="module")
def x():
    """20 sequences: a bump that moves by one place a step, of random place and width."""
    rng = np.random.default_rng(0)
    place, width = rng.integers(FRAMES, size=20), rng.uniform(0.5, 1.5, size=20)
    distance = (np.arange(FEATURES) - place[:, None, None] - np.arange(FRAMES)[:, None]) % FRAMES
    return np.exp(-distance / width[:, None, None]).astype("float32")


def built(cls, x, **kwargs):
    networks = {
        "encoder": tfvae.networks.mlp([16]),
        "decoder": tfvae.networks.mlp([16], x.shape[2:]),
        "likelihood": "bernoulli",
        "seed": 0,
    }
    model = cls(latent_dim=12, **{**networks, **kwargs})
    model.build(x.shape)
    return model


@pytest.fixture(scope="module")
def topographic(x):
    keras.utils.set_random_seed(0)
    return built(tfvae.TopographicVAE, x, encoder_u=tfvae.networks.mlp([16]))


def moments(model, x):
    """μ and σ of z and of u, NumPy, (B, T, 2, 6) each: 2 capsules of 6."""
    posterior = model.encode(x)
    parts = [np.split(m.numpy(), 2, axis=-1) for m in (posterior.mean(), posterior.stddev())]
    return [p.reshape(len(x), FRAMES, 2, 6) for moment in parts for p in moment]


def denominators(u2):
    """Σ u²[(l − a) mod T, (c − b) mod C] with |a − b| ≤ 1 and a window over all 6 frames."""
    v = np.zeros_like(u2)
    for a in range(-3, 3):
        for b in range(-3, 3):
            if abs(a - b) <= 1:
                v += np.roll(u2, (a, b), axis=(1, 3))
    return v


def test_codes_are_the_formula(topographic, x):
    z, u, _, sigma = moments(topographic, x)
    expected = (z + MEAN) / np.sqrt(denominators(u**2 + sigma**2) + 1e-6)
    np.testing.assert_allclose(topographic.capsules(x), expected, rtol=1e-4)
    np.testing.assert_allclose(
        topographic.embed(x), expected.reshape(len(x), FRAMES, 12), rtol=1e-4
    )


def test_samples_are_the_formula(topographic):
    sources = np.random.default_rng(0).normal(size=(3, 4, FRAMES, 24)).astype("float32")
    z, u = np.split(sources, 2, axis=-1)
    v = denominators(u.reshape(12, FRAMES, 2, 6) ** 2).reshape(z.shape)
    t = topographic.prior.latents_from_noise(tf.constant(sources))
    np.testing.assert_allclose(t, (z + MEAN) / np.sqrt(v + 1e-6), rtol=1e-4)


def test_sampled_capsules_are_the_formula_of_one_draw(topographic, x):
    """t of (z, u) ~ q(z, u|x), in NumPy; the seed decides the draw."""
    z, u = np.split(topographic.encode(x).sample(seed=(7, 0)).numpy(), 2, axis=-1)
    z, u = (part.reshape(len(x), FRAMES, 2, 6) for part in (z, u))
    expected = (z + MEAN) / np.sqrt(denominators(u**2) + 1e-6)
    drawn = topographic.sample_capsules(x, seed=7)
    np.testing.assert_allclose(drawn, expected, rtol=1e-4)
    assert np.all(topographic.sample_capsules(x, seed=8) != drawn)


def test_rate_is_that_of_both_gaussians(topographic, x):
    z, u, sigma_z, sigma_u = moments(topographic, x)
    expected = sum(
        0.5 * np.sum(m**2 + s**2 - 1.0 - 2.0 * np.log(s), axis=(1, 2, 3))
        for m, s in ((z, sigma_z), (u, sigma_u))
    )
    terms = topographic.elbo_terms(tf.constant(x), seed=(0, 0))
    np.testing.assert_allclose(terms.rate[0], expected, rtol=1e-4)
    several = topographic.elbo_terms(tf.constant(x), seed=(0, 0), num_samples=4000, analytic=False)
    error = np.std(several.rate, axis=0) / np.sqrt(4000)
    assert np.all(np.abs(np.mean(several.rate, axis=0) - expected) < 5 * error)


def test_distortion_is_the_sum_over_frames(topographic, x):
    """Against the definition, at the posterior's own samples."""
    sources = topographic.encode(x).sample(seed=(0, 5))
    logits = topographic.decoder_outputs(topographic.prior.latents_from_noise(sources)).numpy()
    p = 1.0 / (1.0 + np.exp(-logits.astype("float64")))
    expected = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=(1, 2))
    distribution = topographic.decode(topographic.prior.latents_from_noise(sources))
    np.testing.assert_allclose(-distribution.log_prob(x), expected, rtol=1e-4)


def test_the_baseline_is_a_vae_of_frames(x):
    sequence = built(tfvae.SequenceVAE, x)
    frames = tfvae.VAE(
        latent_dim=12,
        encoder=sequence.encoder,
        decoder=sequence.decoder,
        likelihood="bernoulli",
        seed=0,
    )
    rows = x.reshape(-1, FEATURES)
    frames.build(rows.shape)
    frames.posterior_head.set_weights(sequence.posterior_head.get_weights())
    np.testing.assert_allclose(
        sequence.predict(x, verbose=0).reshape(rows.shape), frames.predict(rows, verbose=0), 1e-5
    )
    rates = frames.elbo_terms(tf.constant(rows), seed=(0, 0)).rate[0]
    total = sequence.elbo_terms(tf.constant(x), seed=(0, 0)).rate[0]
    np.testing.assert_allclose(total, np.sum(np.reshape(rates, (-1, FRAMES)), axis=1), rtol=1e-5)


def test_roll_decodes_rolled_capsules(topographic, x):
    rolled = np.roll(topographic.capsules(x), 2, axis=-1).reshape(len(x), FRAMES, 12)
    expected = topographic.decode(rolled).mean()
    np.testing.assert_allclose(topographic.roll(x, 2), expected, rtol=1e-5)
    np.testing.assert_allclose(topographic.roll(x, 0), topographic.predict(x, verbose=0), 1e-5)
    np.testing.assert_allclose(topographic.roll(x, -4), topographic.roll(x, 2), rtol=1e-6)


def test_rolling_z_and_u_rolls_the_capsules(topographic):
    """All frames' variables by one place in the capsule: t by one place."""
    sources = np.random.default_rng(0).normal(size=(FRAMES, 24)).astype("float32")
    rolled = np.roll(sources.reshape(FRAMES, 4, 6), 1, axis=-1).reshape(FRAMES, 24)
    t, moved = (
        topographic.prior.latents_from_noise(tf.constant(s)).numpy() for s in (sources, rolled)
    )
    capsules = np.roll(t.reshape(FRAMES, 2, 6), 1, axis=-1)
    np.testing.assert_allclose(moved.reshape(FRAMES, 2, 6), capsules, rtol=1e-4)


def predicted_loop(model, x, seen, length):
    """Codes of the seen frames from their squares alone, rolled to each frame, and averaged."""
    z, u, _, sigma = moments(model, x)
    given = (np.arange(FRAMES) < seen)[None, :, None, None] * np.ones_like(z)
    mean = denominators(given * (u**2 + sigma**2)) / denominators(given)
    t = ((z + MEAN) / np.sqrt(16 * mean + 1e-6))[:, :seen]
    later = [
        np.mean([np.roll(t[:, one], step - one, axis=-1) for one in range(seen)], axis=0)
        for step in range(seen, length)
    ]
    codes = np.concatenate([t, *(one[:, None] for one in later)], axis=1)
    return model.decode(codes.reshape(*codes.shape[:2], 12)).mean()


@pytest.mark.parametrize("length", [6, 9])
def test_prediction_of_unseen_frames(topographic, x, length):
    predicted = topographic.predict_sequence(x[:, :3], length)
    assert predicted.shape == (20, length, FEATURES)
    assert int(topographic.prior.neighborhood.sizes((6, 2, 6)).max()) == 16
    np.testing.assert_allclose(predicted, predicted_loop(topographic, x, 3, length), rtol=1e-3)
    if length > FRAMES:  # It goes round.
        np.testing.assert_allclose(
            topographic.predict_sequence(x[:, :3], 10)[:, 9],
            topographic.predict_sequence(x[:, :3], 16)[:, 15],
            rtol=1e-5,
        )


def test_a_whole_sequence_is_reconstructed_and_a_short_one_cut(topographic, x):
    whole = topographic.predict_sequence(x)
    np.testing.assert_allclose(whole, topographic.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(topographic.predict_sequence(x, 2), whole[:, :2], rtol=1e-5)
    baseline = built(tfvae.SequenceVAE, x)
    np.testing.assert_allclose(
        baseline.predict_sequence(x[:, :2])[:, :2], baseline.predict(x, verbose=0)[:, :2], 1e-5
    )


def test_defaults_name_their_neighbourhoods(x):
    assert built(tfvae.TopographicVAE, x).prior.neighborhood == Shifting()
    assert built(tfvae.BubbleVAE, x).prior.neighborhood == Bubble()
    prior = TopographicPrior(Shifting(3), grid=(4, 3), initial_mean=1.0)
    model = built(tfvae.TopographicVAE, x, prior=prior)
    assert model.capsules(x).shape == (20, FRAMES, 4, 3) and float(prior.mean) == 1.0


def test_default_decoder_of_capsules_normalises(x):
    """What t has in common, size and offset, is not seen; in the baseline it is."""
    t = np.random.default_rng(0).normal(size=(3, FRAMES, 12)).astype("float32")
    for cls, same in ((tfvae.TopographicVAE, True), (tfvae.SequenceVAE, False)):
        keras.utils.set_random_seed(0)
        model = cls(12, likelihood="bernoulli")
        model.build(x.shape)
        shown, other = model.decode_mean(t).numpy(), model.decode_mean(2.0 * t + 5.0).numpy()
        assert np.ptp(shown) > 0.01
        assert np.allclose(shown, other, atol=2e-3) == same


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_long_training_on_noise_stays_finite(policy):
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        prior = TopographicPrior(Shifting(1, 1), grid=(2, 3), initial_mean=30.0)
        networks = {"encoder": tfvae.networks.mlp([8]), "decoder": tfvae.networks.mlp([8], (2,))}
        model = tfvae.TopographicVAE(6, prior, likelihood="bernoulli", seed=0, **networks)
        model.compile(keras.optimizers.Adam(1e-2), steps_per_execution=500)
        noise = tf.data.Dataset.random(seed=0, rerandomize_each_iteration=True).map(
            lambda seed: tf.random.stateless_uniform([4, 3, 2], tf.stack([seed, 0]))
        )
        history = model.fit(noise.repeat(), epochs=1, steps_per_epoch=10_000, verbose=0).history
    finally:
        keras.config.set_dtype_policy(previous)
    assert all(np.all(np.isfinite(values)) for values in history.values())
    assert all(np.all(np.isfinite(weight)) for weight in model.get_weights())


class TwoOutputs(tfvae.likelihoods.Likelihood):
    """A normal distribution whose scale the decoder gives too."""

    def decoder_output_shape(self, data_shape):
        return (*data_shape[:-1], 2 * data_shape[-1])

    def distribution(self, outputs):
        loc, scale = tf.split(outputs, 2, axis=-1)
        normal = tfp.distributions.Normal(loc, 0.1 + tf.math.softplus(scale))
        return tfp.distributions.Independent(normal, self.data_rank)


def test_default_decoder_of_a_topographic_vae_has_as_many_outputs_as_the_likelihood_asks_for(x):
    model = tfvae.TopographicVAE(12, likelihood=TwoOutputs())
    model.build(x.shape)
    assert isinstance(model.decoder.layers[0], keras.layers.LayerNormalization)
    assert model.predict(x, verbose=0).shape == x.shape


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: tfvae.TopographicVAE(12, prior="hierarchical"), "must be a TopographicPrior"),
        (lambda x: built(tfvae.SequenceVAE, x[0]), "must hold sequences"),
        (
            lambda x: tfvae.TopographicVAE(10).build(x.shape),
            "must be a multiple of the 6 steps.*need 6 or 12",
        ),
        (
            lambda x: tfvae.TopographicVAE(12, TopographicPrior(Torus((3, 3)), grid=(2, 3))).build(
                x.shape
            ),
            "must hold latent_dim = 12 latents.*holds 6",
        ),
        (lambda x: built(tfvae.SequenceVAE, x).roll(x, 1.5), "`steps` must be a whole number"),
        (lambda x: built(tfvae.SequenceVAE, x).predict_sequence(x[:, :0]), "1 to 6 steps"),
        (lambda x: built(tfvae.SequenceVAE, x).predict_sequence(x[0]), "1 to 6 steps"),
        (lambda x: built(tfvae.SequenceVAE, x).predict_sequence(x, 0), "`length` must be"),
        (lambda x: tfvae.TopographicVAE(12).predict_sequence(x), "needs a model that is built"),
        (
            lambda x: built(tfvae.SequenceVAE, x).decode_mean(np.zeros((3, 24))),
            "last axis of latent_dim",
        ),
        (lambda x: built(tfvae.SequenceVAE, x).roll(x[:, :4], 1), "this model was built"),
        (lambda x: built(tfvae.SequenceVAE, x).roll(x + np.nan, 1), "must be in .0, 1.*nan"),
        (
            lambda x: built(tfvae.SequenceVAE, x).predict_sequence(-x[:, :2]),
            "must be in .0, 1.*such values in all",
        ),
        (lambda x: tfvae.VAE(6, prior="topographic").build((None, 5)), "it is for sequences"),
    ],
)
def test_what_does_not_fit_is_refused(make, message, x):
    with pytest.raises(ValueError, match=message):
        make(x)
