"""Scores of rows and the columns' parts, against loops in NumPy with SciPy's densities."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

import tfvae
from tfvae.applications.outliers.committee import StudentTOfMembers, committee
from tfvae.applications.outliers.scoring import Scorer

MEMBERS, COLUMNS, LATENTS, SAMPLES = 3, 4, 2, 5
SCALES = (0.5, 0.7, 2.0)
X = np.random.default_rng(0).normal(size=(6, COLUMNS)) * [1.0, 10.0, 0.1, 1.0] + [
    0.0,
    5.0,
    0.0,
    1.0,
]
CENTRE, SCALE = X.mean(axis=0), X.std(axis=0)


@pytest.fixture(scope="module")
def model():
    made = committee(COLUMNS, LATENTS, (8,), StudentTOfMembers(3.0, SCALES), seed=0)
    made.build((None, MEMBERS * COLUMNS))
    # A posterior that depends on x.
    for weight in made.encoder.weights:
        noise = np.random.default_rng(1).normal(size=weight.shape)
        weight.assign(weight + 0.1 * noise)
    return made


def by_loops(model, scorer, row, score):
    """Score and parts of a row, each member's alone."""
    x = (row - CENTRE) / SCALE
    posterior = model.encode(np.tile(x, MEMBERS)[np.newaxis].astype("float32"))
    loc, scale = posterior.mean().numpy()[0], posterior.stddev().numpy()[0]
    all_scores, all_parts = [], []
    for member in range(MEMBERS):
        own = slice(member * LATENTS, (member + 1) * LATENTS)
        terms, parts = [], []
        for noise in scorer.noise.numpy()[:, 0]:
            z = loc if score == "reconstruction" else loc + scale * noise
            outputs = model.decoder_outputs(tf.constant(z[np.newaxis])).numpy()[0]
            mean = outputs[member * COLUMNS : (member + 1) * COLUMNS]
            parts.append(-stats.t.logpdf(x, 3.0, mean, SCALES[member]))
            ratio = stats.norm.logpdf(z[own], loc[own], scale[own]) - stats.norm.logpdf(z[own])
            ratio = 0.0 if score == "reconstruction" else np.sum(ratio)
            terms.append(np.sum(parts[-1]) + ratio)
        terms = np.array(terms)
        if score == "bound":
            value = -special.logsumexp(-terms, b=1.0 / len(terms))
            weights = special.softmax(-terms)
        else:
            value, weights = np.mean(terms), np.full(len(terms), 1.0 / len(terms))
        columns = weights @ np.array(parts)
        all_scores.append(value)
        all_parts.append([*columns, value - np.sum(columns)])
    return np.array(all_scores), np.mean(all_parts, axis=0)


@pytest.mark.parametrize("score", ["bound", "elbo", "reconstruction"])
def test_scores_and_parts(model, score):
    scorer = Scorer(
        model, score, members=MEMBERS, num_samples=SAMPLES, centre=CENTRE, scale=SCALE, seed=3
    )
    scores = scorer.scores(tf.constant(X)).numpy()
    parts = scorer.contributions(tf.constant(X)).numpy()
    assert scores.shape == (len(X), MEMBERS) and parts.shape == (len(X), 1, COLUMNS + 1)
    parts = parts[:, 0]
    np.testing.assert_allclose(parts.sum(axis=1), scores.mean(axis=1), rtol=1e-5)
    for row, score_of_row, parts_of_row in zip(X, scores, parts, strict=True):
        wanted = by_loops(model, scorer, row, score)
        np.testing.assert_allclose(score_of_row, wanted[0], rtol=2e-5)
        np.testing.assert_allclose(parts_of_row, wanted[1], rtol=1e-4, atol=1e-4)


def test_a_row_has_one_score_whatever_stands_beside_it(model):
    scorer = Scorer(model, "bound", members=MEMBERS, centre=CENTRE, scale=SCALE)
    whole = scorer.scores(tf.constant(X)).numpy()
    single = np.concatenate([scorer.scores(tf.constant(X[i : i + 1])) for i in range(len(X))])
    np.testing.assert_allclose(single, whole, rtol=1e-5)


def test_any_prior_of_a_model_that_is_no_committee():
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    vae = tfvae.VAE(2, prior="gaussian_mixture", seed=0)
    vae.build(x.shape)
    scorer = Scorer(vae, "elbo", num_samples=500, centre=np.zeros(3), scale=np.ones(3))
    terms = vae.elbo_terms(x[:4], num_samples=1_000, seed=0)
    wanted = np.mean(terms.distortion, axis=0) + np.mean(terms.rate, axis=0)
    found = scorer.scores(tf.constant(x[:4], tf.float64)).numpy()[:, 0]
    np.testing.assert_allclose(found, wanted, atol=0.3)


def test_far_rows_have_finite_scores(model):
    x = CENTRE + SCALE * np.array([[1e3], [1e9], [-1e16], [1e18]])
    scorer = Scorer(model, "bound", members=MEMBERS, num_samples=1, centre=CENTRE, scale=SCALE)
    scores = scorer.scores(tf.constant(x)).numpy()
    assert np.isfinite(scores).all() and (np.diff(scores[[0, 1, 3]], axis=0) > 0.0).all()


def test_members_know_nothing_of_each_other(model):
    """A member's outputs and gradients depend on its own rows and weights alone."""
    x = np.random.default_rng(2).normal(size=(5, MEMBERS, COLUMNS)).astype("float32")
    other = x.copy()
    other[:, 1:] += 1.0
    z, z_other = (model.embed(one.reshape(5, -1)).numpy() for one in (x, other))
    np.testing.assert_array_equal(z[:, :LATENTS], z_other[:, :LATENTS])
    assert np.abs(z - z_other)[:, LATENTS:].min() > 0.0
    outputs = [model.decode_mean(one).numpy() for one in (z, z_other)]
    np.testing.assert_array_equal(outputs[0][:, :COLUMNS], outputs[1][:, :COLUMNS])
    kernels = [one for one in model.trainable_weights if len(one.shape) == 3]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.decode_mean(model.embed(x.reshape(5, -1)))[:, :COLUMNS])
    gradients = tape.gradient(loss, [one.value for one in kernels])
    reached = [gradient.numpy() for gradient in gradients if gradient is not None]
    assert len(reached) >= 4 and all(np.any(one[0]) for one in reached)
    for gradient in reached:
        assert not np.any(gradient[1:])


def test_first_weights_are_those_of_single_networks():
    """The variance of each member's kernel is that of a dense layer of its own."""
    made = committee(30, 4, (32,), StudentTOfMembers(3.0, np.ones(50)), seed=0)
    made.build((None, 50 * 30))
    kernels = [one for one in made.encoder.weights if one.shape == (50, 30, 32)]
    single = keras.initializers.VarianceScaling(2.0, "fan_avg", seed=0)((30, 32))
    assert np.std(kernels[0]) == pytest.approx(np.std(single), rel=0.05)  # 960 draws


def test_loss_of_a_committee_is_that_of_its_members_scales(model):
    """The likelihood that trains is Student's t with each member's own scale."""
    x = np.tile((X - CENTRE) / SCALE, (1, MEMBERS)).astype("float32")
    outputs = np.random.default_rng(2).normal(size=x.shape).astype("float32")
    found, _ = model.likelihood.distortion_and_error(x, outputs)
    scales = np.repeat(SCALES, COLUMNS)
    wanted = -stats.t.logpdf(x.astype("float64"), 3.0, outputs, scales).sum(axis=-1)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    again = StudentTOfMembers.from_config(model.likelihood.get_config())
    assert again.scales == SCALES


def test_parts_of_two_kinds_are_means_over_their_members(model):
    """Members 0 and 2 are of one kind, member 1 of the other."""
    options = {"members": MEMBERS, "num_samples": SAMPLES, "centre": CENTRE, "scale": SCALE}
    scorer = Scorer(model, "bound", kinds=2, **options)
    scores = scorer.scores(tf.constant(X)).numpy()
    parts = scorer.contributions(tf.constant(X)).numpy()
    wanted = np.stack([scores[:, [0, 2]].mean(axis=1), scores[:, 1]], axis=1)
    np.testing.assert_allclose(parts.sum(axis=2), wanted, rtol=1e-5)
    np.testing.assert_allclose(np.stack(scorer.of_kinds(scores.T), axis=1), wanted, rtol=1e-6)
