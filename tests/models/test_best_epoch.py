"""Without κ, `fit` ends with the weights of the epoch that was best on what is set aside."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.callbacks import Checkpoints
from tfvae.objectives import Constrained
from tfvae.objectives.held_out import HeldOut
from tfvae.penalties import Penalty

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(60, 2)) @ RNG.normal(size=(2, 16)) > 0.0).astype("float32")
MLP = tfvae.networks.mlp
# 15 steps each. The prior rests for 100 steps.
EPOCHS, FIRST, SPOILED = 20, 6, 13


class Constant(Penalty):
    """3 for every example."""

    def value(self, inference, *, seed, training):
        return tf.fill(tf.shape(inference.z)[1:2], 3.0)


def model(optimizer, objective="constrained", **kwargs):
    keras.utils.set_random_seed(0)
    networks = {"encoder": MLP([128]), "decoder": MLP([128], (X.shape[1],))}
    found = tfvae.VAE(4, objective=objective, likelihood="bernoulli", **networks, seed=0, **kwargs)
    found.compile(optimizer)
    return found


class Spoil(keras.callbacks.Callback):
    """Spoils the decoder more and more, from an epoch on."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch >= SPOILED:
            noise = np.random.default_rng(epoch)
            for weight in self.model.decoder.weights:
                weight.assign(weight + noise.normal(size=weight.shape))


class Weights(keras.callbacks.Callback):
    """The weights at the end of every epoch."""

    def on_train_begin(self, logs=None):
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.model.get_weights())


def fitted(**options):
    """A model, its history, the weights of every epoch, the warnings."""
    seen = Weights()
    learner = model(keras.optimizers.Adam(3e-3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        options = {"epochs": EPOCHS, "batch_size": 4, "verbose": 0, **options}
        callbacks = [Spoil(), *options.pop("callbacks", ()), seen]
        history = learner.fit(X, callbacks=callbacks, **options).history
    return learner, history, seen.epochs, [str(one.message) for one in caught]


@pytest.fixture(scope="module")
def spoiled():
    return fitted()


def best_of(losses, number):
    """The best epoch, and the moving averages there and at the end."""
    share = 1.0 / (1.0 + 100.0 / number)
    averages = np.full(len(losses), np.inf)
    for i in range(FIRST, len(losses)):
        weights = (1.0 - share) ** np.arange(i - FIRST, -1, -1)
        averages[i] = np.average(losses[FIRST : i + 1], weights=weights)
    best = int(np.argmin(averages))
    return best, averages[best], averages[-1]


def assert_equal(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_best_epoch_is_restored_and_the_user_told(spoiled):
    learner, history, weights, messages = spoiled
    losses = history["held_out_loss"]
    best, least, last = best_of(losses, learner.statistics.held_out_mean()[1])
    assert len(losses) == EPOCHS and FIRST < best <= SPOILED and last > least + 1.0
    assert_equal(learner.get_weights(), weights[best])
    (message,) = [one for one in messages if "by heart" in one]
    for part in (f"epoch {best + 1} of {EPOCHS}", f"{least:.4g} to {last:.4g} nats"):
        assert part in message


def test_validation_data_change_nothing(spoiled):
    learner, history, _, _ = spoiled
    other, with_validation, _, _ = fitted(validation_data=(X[:7], None))
    assert with_validation["held_out_loss"] == history["held_out_loss"]
    assert_equal(learner.get_weights(), other.get_weights())


def test_a_callback_that_restores_weights_has_the_word(spoiled):
    stop = keras.callbacks.EarlyStopping(
        "elbo", patience=100, mode="max", restore_best_weights=True
    )
    _, history, _, messages = fitted(callbacks=[stop])
    assert "held_out_loss" not in history and not [one for one in messages if "by heart" in one]
    np.testing.assert_allclose(history["elbo"], spoiled[1]["elbo"])


@pytest.mark.parametrize("which", ["a given kappa", "another objective", "moving averages"])
def test_where_it_does_not_apply(which):
    objective = {"a given kappa": Constrained(1.0), "another objective": "elbo"}.get(which)
    learner = model(
        keras.optimizers.Adam(use_ema=which == "moving averages"), objective or "constrained"
    )
    history = learner.fit(X, epochs=2, verbose=0).history
    assert "held_out_loss" not in history


def test_a_run_continues_with_its_best_epoch(spoiled, tmp_path):
    class End(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == EPOCHS - 2:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fitted(callbacks=[Checkpoints(tmp_path), End()])
    number = spoiled[0].statistics.held_out_mean()[1]
    best, _, _ = best_of(spoiled[1]["held_out_loss"], number)
    assert best < EPOCHS - 2  # It is in the file alone.
    for _ in range(2):  # The second one has ended already.
        learner, history, _, _ = fitted(callbacks=[Checkpoints(tmp_path)])
        assert history["held_out_loss"] == spoiled[1]["held_out_loss"]
        assert_equal(learner.get_weights(), spoiled[0].get_weights())


def test_the_loss_is_that_of_the_examples_set_aside():
    """Against a large sample of the ELBO, with weights that do not move."""
    x = RNG.integers(0, 2, size=(64, 16)).astype("float32")
    layer = HeldOut()
    layer.observe(tf.constant(x))
    aside = layer.is_set_aside(tf.constant(x)).numpy()
    assert 2 < aside.sum() < 32
    learner = model(keras.optimizers.SGD(0.0), penalties=[Constant(2.0)])
    weights = RNG.uniform(size=64).astype("float32")
    history = learner.fit(
        np.tile(x, (300, 1)), sample_weight=np.tile(weights, 300), batch_size=64, shuffle=False,
        verbose=0,
    ).history  # fmt: skip
    terms = learner.elbo_terms(x[aside], num_samples=4_000, seed=1)
    losses = np.mean(terms.distortion, axis=0) + np.mean(terms.rate, axis=0)
    expected = np.average(losses, weights=weights[aside]) + 2.0 * 3.0
    assert history["held_out_loss"][0] == pytest.approx(expected, rel=2e-3)


def test_too_few_examples_to_set_one_aside():
    learner = model("adam")
    with pytest.warns(UserWarning, match="No example was set aside: .* too few"):
        history = learner.fit(X[:3], epochs=2, verbose=0).history
    assert "held_out_loss" not in history and "loss" in history
