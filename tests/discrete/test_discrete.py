"""Discrete latents and labels in models, and penalties with a discriminator."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

import tfvae
from tfvae.discrete import Assigned, GumbelSoftmax, Labels, uniform_rate
from tfvae.objectives import InformationCascade
from tfvae.penalties import AdversarialPrior, TotalCorrelation, permuted

mlp = tfvae.networks.mlp


def cascade(latent_dim=2, num_categories=(3, 2), start=0, shape=(5,), assignment=None, **kwargs):
    objective = InformationCascade(period=2, discrete_start=start)
    model = tfvae.CascadeVAE(
        latent_dim,
        objective=objective,
        discrete=Assigned(num_categories, assignment or "min_cost_flow"),
        encoder=mlp([8]),
        decoder=mlp([8], shape),
        seed=3,
        **kwargs,
    )
    model.build((None, *shape))
    return model


def unary_of(model, x, z):
    """log p(x|z, d) of all d, (B, Π S_v)."""
    batch = model.prepared(x)
    given = model.given(batch, model.encoded(batch))
    return model.discrete.unary(given, tf.constant(z)[tf.newaxis])[0].numpy()


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(12, 5)).astype("float32")


@pytest.mark.parametrize("sizes", [(3,), (3, 2), (2, 1, 4)])
def test_unary_is_the_log_likelihood_of_each_category(x, sizes):
    model = cascade(num_categories=sizes)
    z = np.random.default_rng(1).normal(size=(12, 2)).astype("float32")
    unary = unary_of(model, x, z).reshape(12, *sizes)
    for index in np.ndindex(*sizes):
        one_hot = np.concatenate([np.eye(n)[k] for n, k in zip(sizes, index, strict=True)])
        codes = np.concatenate([z, np.tile(one_hot, (12, 1))], axis=1)
        expected = model.decode(codes).log_prob(x)
        np.testing.assert_allclose(unary[(slice(None), *index)], expected, rtol=1e-5)


def test_code_holds_the_most_likely_categories(x):
    model = cascade()
    z = model.encode(x).mean()
    best = unary_of(model, x, z).argmax(axis=1)
    categories = model.categories(x)
    np.testing.assert_array_equal(categories, np.stack(np.unravel_index(best, (3, 2)), axis=1))
    code = model.embed(x).numpy()
    np.testing.assert_array_equal(code[:, :2], z)
    np.testing.assert_array_equal(code[:, 2:5], np.eye(3)[categories[:, 0]])
    np.testing.assert_array_equal(code[:, 5:], np.eye(2)[categories[:, 1]])


def test_categories_are_zero_before_they_begin(x):
    model = cascade(start=1)
    assert not np.any(model.embed(x)[:, 2:])
    assert not np.any(model.sample_prior(9, seed=(0, 1))[:, 2:])
    before = float(np.mean(model.elbo_terms(x, seed=(0, 0)).rate))
    closed = model.log_likelihood(x, 100)
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(x, batch_size=6, verbose=0)  # two steps, one period; nothing is learned
    codes = model.sample_prior(9, seed=(0, 1)).numpy()
    np.testing.assert_array_equal(codes[:, 2:5].sum(axis=1), np.ones(9))
    np.testing.assert_array_equal(codes[:, 5:].sum(axis=1), np.ones(9))
    after = float(np.mean(model.elbo_terms(x, seed=(0, 0)).rate))
    assert after - before == pytest.approx(np.log(6.0), rel=1e-4)
    assert np.all(model.log_likelihood(x, 100) != closed)


def test_penalty_takes_the_weights_of_categories_to_zero_before_they_begin(x):
    penalty = keras.regularizers.L2(4e-5)
    model = tfvae.CascadeVAE(
        2,
        discrete=Assigned(3),
        objective=InformationCascade(0.0, 0.0, period=60, discrete_start=1),
        decoder=mlp([8], (5,), kernel_regularizer=penalty),
        encoder=mlp([8]),
        seed=3,
    )
    model.build(x.shape)
    rows = model.decoder.trainable_weights[0]
    assert np.all(np.max(np.abs(rows), axis=1) > 0.4)
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(x, batch_size=12, epochs=60, verbose=0)
    # Adam makes steps of 0.02 here, however small the penalty.
    assert np.max(np.abs(rows[2:])) < 0.05
    assert np.max(np.abs(rows[:2])) > 0.5


@pytest.mark.parametrize("kind", ["cascade", "joint"])
def test_evidence_of_a_mixture_of_linear_gaussians(kind):
    """x = Wz + v_d + noise: p(x) = Σ_d N(x; v_d, WWᵀ + σ²I)/S."""
    keras.utils.set_random_seed(1)
    decoder = keras.Sequential([keras.layers.Dense(4)])
    options = {"encoder": mlp([8]), "decoder": decoder, "seed": 0}
    likelihood = tfvae.likelihoods.Gaussian(0.5)
    if kind == "cascade":
        objective = InformationCascade(discrete_start=0)
        options |= {"objective": objective, "discrete": Assigned(3)}
        model = tfvae.CascadeVAE(2, likelihood=likelihood, **options)
    else:
        model = tfvae.JointVAE(2, discrete=GumbelSoftmax(3), likelihood=likelihood, **options)
    model.build((None, 4))
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(5, 4)), rng.normal(size=4)
    decoder.layers[0].set_weights([kernel, bias])
    x = (bias + kernel[2:] + 0.5 * rng.normal(size=(3, 4))).astype("float32")
    # A posterior about as wide as the prior serves for all examples.
    model.posterior_head.dense.set_weights([np.zeros((8, 4)), np.array([0.0, 0.0, 1.3, 1.3])])
    covariance = kernel[:2].T @ kernel[:2] + 0.25 * np.eye(4)
    parts = [
        scipy.stats.multivariate_normal.logpdf(x, bias + kernel[2 + k], covariance)
        for k in range(3)
    ]
    exact = scipy.special.logsumexp(parts, axis=0) - np.log(3.0)
    few, many = model.log_likelihood(x, 10), model.log_likelihood(x, 20_000)
    np.testing.assert_allclose(many, exact, atol=0.1)
    assert np.mean(few) < np.mean(exact)


def test_training_is_given_the_assigned_categories(x):
    seen = []

    def second(unary):
        seen.append(unary)
        return np.ones(len(unary), int)

    model = cascade(num_categories=3, assignment=second)
    found = model.infer(model.prepared(x), seed=(0, 0), training=True)
    np.testing.assert_allclose(seen[0], unary_of(model, x, found.z[0]), rtol=1e-5)
    codes = np.concatenate([found.z[0], np.tile([0, 1, 0], (12, 1))], axis=1)
    distortion = found.terms.distortion[0]
    np.testing.assert_allclose(-model.decode(codes).log_prob(x), distortion, rtol=1e-5)


@pytest.mark.parametrize("num_categories", [1, 20])
def test_one_category_and_more_categories_than_examples(x, num_categories):
    model = cascade(num_categories=num_categories)
    model.compile()
    history = model.fit(x, epochs=3, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))
    assert model.categories(x).max() < num_categories


def test_nan_in_the_data_of_a_cascade(x):
    bad = x.copy()
    bad[1, 2] = np.nan
    model = cascade()
    model.compile()
    with pytest.raises(ValueError, match="must be a finite number"):
        model.fit(bad, verbose=0)


def test_categories_need_categorical_latents():
    with pytest.raises(ValueError, match="it has no categories"):
        tfvae.VAE(2).categories(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="`num_categories` must be a whole number"):
        Assigned(0)
    with pytest.raises(ValueError, match="`num_categories` must hold one number or several"):
        GumbelSoftmax(())
    with pytest.raises(ValueError, match=r"`discrete` must be an instance of .*received 3"):
        tfvae.VAE(2, discrete=3)


def test_rate_of_categories_is_that_against_the_uniform_ones():
    logits = np.random.default_rng(0).normal(size=(7, 4))
    q = scipy.special.softmax(logits, axis=1)
    expected = scipy.stats.entropy(q, np.full((7, 4), 0.25), axis=1)
    np.testing.assert_allclose(uniform_rate(tf.constant(logits)), expected, rtol=1e-6)


def test_joint_vae_relaxes_in_training_and_draws_in_evaluation(x):
    model = tfvae.JointVAE(
        2, discrete=GumbelSoftmax(3), encoder=mlp([8]), decoder=mlp([8], (5,)), seed=0
    )
    model.build((None, 5))
    features = model.features(tf.constant(x))
    q = model.discrete.posteriors(features)[0].probs_parameter().numpy()
    for training in (True, False):
        found = model.infer(model.prepared(x), seed=(0, 1), num_samples=4000, training=training)
        d = found.choice.d[0].numpy()
        np.testing.assert_allclose(d.sum(axis=-1), np.ones((4000, 12)), rtol=1e-4)
        assert np.any((d > 0.01) & (d < 0.99)) == training
        if not training:
            # 4,000 draws: a standard error of 0.008 at most.
            np.testing.assert_allclose(d.mean(axis=0), q, atol=0.03)
    np.testing.assert_array_equal(model.categories(x)[:, 0], q.argmax(axis=1))


def test_permutation_keeps_each_latent_and_breaks_the_pairs():
    z = np.random.default_rng(0).normal(size=(500, 1)) * [1.0, 2.0, 3.0]
    mixed = permuted(tf.constant(z), seed=(0, 0)).numpy()
    np.testing.assert_allclose(np.sort(mixed, axis=0), np.sort(z, axis=0))
    assert np.all(np.abs(np.corrcoef(mixed.T)[np.triu_indices(3, 1)]) < 0.2)


def test_discriminator_finds_the_total_correlation_of_a_gaussian():
    """q(z) = N(0, [[1, ρ], [ρ, 1]]): TC = −½ log(1 − ρ²)."""
    rho = 0.9
    rng = np.random.default_rng(0)
    x = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=4000).astype("float32")
    model = tfvae.FactorVAE(
        2,
        encoder=keras.layers.Identity(),
        decoder=mlp([4], (2,)),
        penalties=[
            TotalCorrelation(
                discriminator=mlp([32, 32], (1,), activation="elu"),
                optimizer=keras.optimizers.Adam(1e-2),
            )
        ],
        seed=0,
    )
    model.build((None, 2))
    # The posterior is the example itself, and stays so.
    model.posterior_head.dense.set_weights([np.eye(2, 4), np.array([0.0, 0.0, -20.0, -20.0])])
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(x, batch_size=500, epochs=40, verbose=0)
    found = model.evaluate(x, batch_size=4000, verbose=0)["total_correlation"]
    assert found == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.12)


@pytest.mark.parametrize("which", ["model", "discriminator"])
def test_each_optimizer_moves_its_own_weights(x, which):
    own, other = (
        keras.optimizers.SGD(rate) for rate in ((0.1, 0.0) if which == "model" else (0.0, 0.1))
    )
    penalty = TotalCorrelation(optimizer=other)
    model = tfvae.FactorVAE(
        2, penalties=[penalty], encoder=mlp([8]), decoder=mlp([8], (5,)), seed=0
    )
    model.compile(own)
    model.build((None, 5))
    before = [weight.numpy() for weight in model.trainable_weights]
    model.fit(x, verbose=0)
    own = {id(weight) for weight in penalty.discriminator.trainable_weights}
    for old, weight in zip(before, model.trainable_weights, strict=True):
        moved = np.any(old != weight.numpy())
        assert moved == ((id(weight) in own) == (which == "discriminator")), weight.path


def test_labels_become_the_categories_of_an_adversarial_autoencoder():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=300)
    x = (4.0 * np.eye(3)[labels] + 0.3 * rng.normal(size=(300, 3))).astype("float32")
    model = tfvae.AdversarialAutoencoder(
        2,
        discrete=Labels(3, classifier_weight=1.0),
        encoder=mlp([16]),
        decoder=mlp([16], (3,)),
        penalties=[AdversarialPrior(discriminator=mlp([8], (1,)))],
        seed=0,
    )
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(x, labels, epochs=20, verbose=0).history
    assert history["classification"][-1] < 0.1
    assert np.mean(model.categories(x)[:, 0] == labels) > 0.98
    with pytest.raises(ValueError, match=r"`y` must give 'labels'"):
        model.fit(x, verbose=0)
    with pytest.raises(ValueError, match=r"from 0 to S − 1.*received 3 to 3"):
        model.fit(x, labels + 1, verbose=0)
    data = tf.data.Dataset.from_tensor_slices((x, labels + 1)).batch(30)
    with pytest.raises(tf.errors.InvalidArgumentError, match="from 0 to S − 1"):
        model.fit(data, verbose=0)


def test_discriminator_of_the_wrong_shape():
    model = tfvae.FactorVAE(2, penalties=[TotalCorrelation(discriminator=mlp([4], (2,)))])
    with pytest.raises(ValueError, match="one number for each example"):
        model.build((None, 5))
