"""Whether a training was long enough: the ELBO's rise, the share explained, what is said."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.evaluation import Explanation, explain
from tfvae.evaluation.learning import Learning, learned_of, rise

LONGER = "Train longer, or with a larger learning rate, until the loss is flat."
Z = np.random.default_rng(0).normal(size=(256, 2))
X = np.tanh(Z @ np.random.default_rng(1).normal(size=(2, 6))).astype("float32")


def trained(epochs, cls=tfvae.VAE, steps=1, rate=1e-2, x=X, **options):
    networks = {"encoder": tfvae.networks.mlp([16]), "decoder": tfvae.networks.mlp([16], (6,))}
    model = cls(2, **networks, seed=0, **options)
    model.compile(keras.optimizers.Adam(rate))
    data = tf.data.Dataset.from_tensors(x).repeat()
    model.fit(data, epochs=epochs, steps_per_epoch=steps, verbose=0)
    return model


@pytest.mark.parametrize("epochs", [2, 4, 15, 100])
def test_an_elbo_that_rises(epochs):
    """−10·exp(−t/T): what is lost in the last quarter, by hand."""
    elbos = -10.0 * np.exp(-np.arange(epochs) / epochs)
    quarter = max(1, epochs // 4)
    expected = elbos[-quarter:].mean() - elbos[-2 * quarter : -quarter].mean()
    assert rise(elbos) == pytest.approx(expected) and expected > 0.9
    assert rise(elbos, advantage=expected / 0.05 - 1e-3) and not rise(elbos, 21.0 * expected)
    assert rise(-elbos) is None


def test_an_elbo_that_is_flat():
    noise = np.random.default_rng(0).normal(size=(50, 200))
    decay = -10.0 * np.exp(-np.arange(200) / 20)
    for row in noise:
        assert rise(decay + row) is None and rise(decay + 0.05 * row) is None
    assert rise([]) is None and rise([1.0]) is None and rise([0.0, np.nan, 2.0]) is None


@pytest.mark.parametrize("cls", [tfvae.VAE, pytest.param(tfvae.VHPVAE, marks=pytest.mark.slow)])
def test_a_training_that_was_too_short(cls):
    model = trained(15, cls, steps=4)
    found = explain(model, X, num_samples=100)
    assert "Nothing needs to change" not in str(found)
    assert "rain longer" in found.what_to_try
    if cls is tfvae.VAE:
        assert "The ELBO was still rising, by " in found.what_happened
        assert " nats in the last quarter of 15 epochs." in found.what_happened
        assert found.what_to_try == LONGER


def test_few_epochs_that_explain_little():
    found = explain(trained(3, rate=1e-4), X, num_samples=100)
    assert "The model explains 0% of what the mean of the data leaves." in found.what_happened
    assert found.what_to_try == LONGER


def test_a_training_until_the_loss_is_flat():
    model = trained(20, steps=60)
    found = explain(model, X, num_samples=100)
    assert "rising" not in str(found) and "of what the mean" not in str(found)
    assert "onger" not in found.what_to_try
    assert learned_of(model, X, model.evaluate(X, verbose=0)).share > 0.8


@pytest.mark.slow
def test_data_without_structure_after_a_long_training():
    noise = np.random.default_rng(2).normal(size=(256, 6)).astype("float32")
    found = explain(trained(20, steps=20, x=noise), noise, num_samples=100)
    assert "rising" not in str(found) and "onger" not in found.what_to_try


@pytest.mark.parametrize("missing", [False, True])
def test_share_explained_of_the_mean_itself(missing):
    """A decoder that gives the mean of the data, in NumPy: nothing is explained."""
    likelihood = tfvae.likelihoods.Gaussian(1.0, missing=missing)
    networks = tfvae.networks.mlp([4]), tfvae.networks.mlp([], (6,))
    model = tfvae.VAE(2, *networks, likelihood=likelihood, seed=0)
    model.compile("adam")
    model.build((None, 6))
    x = np.where(np.random.default_rng(3).uniform(size=X.shape) < 0.3, np.nan, X) if missing else X
    if missing:
        model.likelihood.count_observed(tf.constant(x))
    *_, kernel, bias = model.decoder.weights
    kernel.assign(np.zeros(kernel.shape))
    bias.assign(np.nanmean(x, axis=0))
    found = learned_of(model, x, model.evaluate(x, verbose=0))
    # n/(n − 1) of the mean's error.
    assert found.share == pytest.approx(1.0 / len(x), abs=2e-3)
    bias.assign(np.nanmean(x, axis=0) + 1.0)
    worse = learned_of(model, x, model.evaluate(x, verbose=0))
    assert worse.share < -0.5 and worse.explains_little


def test_what_is_not_known():
    class Own(tfvae.likelihoods.Gaussian):
        def error_of_mean(self, x, mean):
            raise ValueError("unknown")

    model = trained(1, likelihood=Own(1.0))
    found = learned_of(model, X, model.evaluate(X, verbose=0))
    assert found == Learning(None, None, 1) and not found.explains_little


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Learning(0.05, None, 0), "If the data have more structure than that"),
        (Learning(0.05, None, 8), "If the data have more structure than that"),
        (Learning(0.05, None, 7), LONGER),
        (Learning(0.9, 1.0, 8), LONGER),
        (Learning(0.11, None, 1), "One epoch does not tell"),
        (Learning(0.11, None, 2), "Nothing needs to change"),
        (Learning(None, None, 0), "Nothing needs to change"),
    ],
)
def test_advice(found, expected):
    model = tfvae.VAE(2, seed=0)
    model.build((None, 6))
    text = Explanation.of(model, None, None, learned=found)
    assert text.what_to_try.startswith(expected)


def test_an_importance_weighted_bound_tells_of_itself():
    """Its posterior grows wide, and the ELBO falls, on the data of the training, too."""
    model = trained(20, tfvae.ImportanceWeightedVAE, steps=3, x=X)
    text = str(explain(model, X, num_samples=100))
    assert "by heart" not in text and "explains" not in text
    assert "The bound that is trained was still rising" in text and LONGER in text
    found = Explanation.of(model, None, None, elbo=-60.0, training_elbo=-20.0)
    assert "by heart" not in str(found)


def test_what_was_learned_by_heart_is_no_reason_to_train_longer():
    model = trained(1)
    terms = model.evaluate(X, verbose=0)
    elbos = list(np.linspace(-30.0, 0.0, 20))
    model.history.history = {"elbo": elbos}
    assert learned_of(model, X, terms).gain > 1.0
    model.history.history = {"elbo": elbos, "val_elbo": [-20.0] * 20}
    assert learned_of(model, X, terms).gain is None
    model.history.history = {"elbo": elbos, "held_out_loss": [abs(n - 10.0) for n in range(20)]}
    assert learned_of(model, X, terms).gain is None
