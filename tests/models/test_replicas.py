"""Models on two replicas: batches that they cannot share evenly, and what Keras cannot do there."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import _replicas
from tfvae.models import training

mlp = tfvae.networks.mlp


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(32, 5)).astype("float32")


def made(mirrored, cls=tfvae.VAE, **kwargs):
    with mirrored.scope():
        model = cls(2, encoder=mlp([8]), decoder=mlp([8], (5,)), seed=0, **kwargs)
        model.compile("adam")
    return model


def test_batch_that_replicas_cannot_share_evenly(x, mirrored):
    model = made(mirrored)
    model.build(x.shape)  # outside of the scope of its strategy
    loss = model.fit(x[:13], batch_size=32, epochs=2, verbose=0).history["loss"]
    assert np.all(np.isfinite(loss))
    assert model.optimizer.iterations.numpy() == 2


@pytest.mark.slow
@pytest.mark.parametrize("rows", [13, 1])
def test_answers_for_rows_that_replicas_cannot_share_evenly(rows, x, mirrored):
    model = made(mirrored)
    assert np.isfinite(model.fit(x[:rows], batch_size=32, verbose=0).history["loss"][0])
    single = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (5,)), seed=0)
    single.compile("adam")
    single.build(x.shape)
    single.set_weights(model.get_weights())
    np.testing.assert_allclose(
        model.predict(x[:rows], verbose=0), single.predict(x[:rows], verbose=0), rtol=1e-5
    )
    assert model.evaluate(x[:rows], verbose=0).keys() == single.evaluate(x, verbose=0).keys()


def test_keras_still_reduces_the_first_batch_over_the_replicas(x, mirrored):
    """Keras issues 19246, 20164: `_maybe_symbolic_build` is overridden as long as this passes."""
    with mirrored.scope():
        plain = keras.Sequential([keras.layers.Dense(1)])
        plain.compile("adam", "mse")
    with pytest.raises(tf.errors.InvalidArgumentError, match="same size and shape"):
        plain.fit(x[:13], x[:13, :1], batch_size=32, verbose=0)


def test_logs_of_several_workers_are_one_vector_and_come_back_by_name(x, monkeypatch):
    """Else Keras reduces each log over the workers, twice."""
    model = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (5,)), seed=0)
    model.compile("adam")
    alone = model.train_on_batch(x, return_dict=True)
    monkeypatch.setattr(_replicas, "over_workers", lambda: True)
    packed = training.step_logs(model)
    assert len(packed) == 1
    (vector,) = packed.values()
    assert vector.shape == (1, len(alone))
    reduced = {name: tf.reduce_mean(values, axis=0) for name, values in packed.items()}
    assert training.unpacked(reduced) == pytest.approx(alone)
    assert training.unpacked(alone) is alone


def test_generator_builds_a_model_of_several_replicas(x, mirrored):
    def batches():
        for start in (0, 13):
            yield x[start : start + 13], np.zeros(13)

    model = made(mirrored)
    assert np.isfinite(model.fit(batches(), verbose=0).history["loss"][0])


@pytest.mark.parametrize(
    ("name", "value", "usual"),
    [("steps_per_execution", 2, 1), ("jit_compile", True, False)],
)
def test_what_keras_cannot_do_on_several_replicas_is_refused(name, value, usual, mirrored):
    model = made(mirrored)
    with pytest.raises(ValueError, match=f"`{name}` must be {usual} on several replicas"):
        model.compile("adam", **{name: value})
    model.compile("adam", **{name: usual})
    model.compile("adam", jit_compile="auto")
    assert model.jit_compile is False


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"steps_per_execution": 2}, {"jit_compile": True}])
def test_keras_still_cannot_do_it(options, x, mirrored):
    with mirrored.scope():
        plain = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
        plain.compile("adam", "mse", **options)
    with pytest.raises(tf.errors.InvalidArgumentError):
        plain.fit(x, x[:, :1], batch_size=8, verbose=0)


def test_a_step_makes_three_reductions(x, mirrored, monkeypatch):
    """The size of the batch; votes and sums; gradients: each takes a round trip of the network."""
    seen, all_reduce = [], tf.distribute.ReplicaContext.all_reduce

    def counted(context, operation, value, *args, **kwargs):
        seen.append(len(tf.nest.flatten(value)))
        return all_reduce(context, operation, value, *args, **kwargs)

    monkeypatch.setattr(tf.distribute.ReplicaContext, "all_reduce", counted)
    monkeypatch.delattr(tf.distribute.ReplicaContext, "all_gather")
    model = made(mirrored, likelihood="bernoulli")
    model.build(x.shape)
    model.fit(np.round(np.abs(np.tanh(x))), batch_size=32, verbose=0)
    assert collections.Counter(seen) == {1: 2, 3: 2, len(model.trainable_weights): 2}
