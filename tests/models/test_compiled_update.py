"""The compiled update of the weights against the plain one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.models import compiled_update

STEPS = 50
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-2),
    "accumulation": lambda: keras.optimizers.Adam(1e-2, gradient_accumulation_steps=4),
    "average": lambda: keras.optimizers.Adam(1e-2, use_ema=True, ema_overwrite_frequency=7),
    "schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(1e-2, STEPS), clipnorm=0.1
    ),
    "adamw": lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1, global_clipnorm=0.5),
    "amsgrad": lambda: keras.optimizers.Adam(1e-2, amsgrad=True),
    "sgd": lambda: keras.optimizers.SGD(1e-2, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(1e-2, centered=True, momentum=0.5),
    "adagrad": lambda: keras.optimizers.Adagrad(1e-1),
    "adadelta": lambda: keras.optimizers.Adadelta(1.0),
    "adamax": lambda: keras.optimizers.Adamax(1e-2),
    "nadam": lambda: keras.optimizers.Nadam(1e-2),
    "ftrl": lambda: keras.optimizers.Ftrl(1e-1),
    "lion": lambda: keras.optimizers.Lion(1e-3),
    "lamb": lambda: keras.optimizers.Lamb(1e-2),
}
QUICK = "adam", "accumulation", "average"
NAMES = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in OPTIMIZERS]


def trained(optimizer, apply):
    """Weights after 50 steps on a loss that differs from step to step, and all of the optimizer."""
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=shape).astype("float32") for shape in ((5, 7), (7,), (3,))]
    weights = [keras.Variable(start) for start in starts]
    targets = tf.constant(rng.normal(size=(STEPS, 7)).astype("float32"))

    @tf.function
    def step(target):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(tf.reduce_sum(weights[0].value, 0) - target))
            loss += tf.reduce_sum(tf.sin(weights[1].value * target))
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        apply(optimizer, gradients, weights)  # None for the last weight.

    for target in targets:
        step(target)
    return [np.asarray(one) for one in [*weights, *optimizer.variables]], starts


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("name", NAMES)
def test_the_same_weights_as_without(name, monkeypatch):
    monkeypatch.setattr(compiled_update, "FEWEST_WEIGHTS", 0)
    (compiled, starts), (plain, _) = (
        trained(OPTIMIZERS[name](), apply)
        for apply in (
            compiled_update.apply_gradients,
            lambda optimizer, gradients, weights: optimizer.apply_gradients(
                zip(gradients, weights, strict=True)
            ),
        )
    )
    assert all(np.any(one != start) for one, start in zip(compiled[:2], starts[:2], strict=True))
    np.testing.assert_array_equal(compiled[2], starts[2])
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def test_what_is_compiled(monkeypatch):
    """Seen in the operations of a step: a call that must be compiled, where it pays alone."""

    def is_compiled(optimizer, weights, few=0):
        monkeypatch.setattr(compiled_update, "FEWEST_WEIGHTS", few)

        @tf.function
        def step():
            gradients = [tf.ones_like(weight.value) for weight in weights]
            compiled_update.apply_gradients(optimizer, gradients, weights)

        graph = step.get_concrete_function().graph
        return any(
            one.type.endswith("PartitionedCall") and one.get_attr("_XlaMustCompile")
            for one in graph.get_operations()
            if "_XlaMustCompile" in one.node_def.attr
        )

    class OwnAdam(keras.optimizers.Adam):
        pass

    weights = [keras.Variable(np.zeros(100, "float32"))]
    assert is_compiled(keras.optimizers.Adam(), weights)
    assert is_compiled(keras.optimizers.Adam(), weights, few=100)
    assert not is_compiled(keras.optimizers.Adam(), weights, few=101)
    assert not is_compiled(OwnAdam(), weights)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    assert not is_compiled(scaled, weights)


def test_a_model_trains_alike(blobs, monkeypatch):
    histories = []
    for few in (10**12, 0):
        monkeypatch.setattr(compiled_update, "FEWEST_WEIGHTS", few)
        vae = tfvae.VAE(
            2,
            encoder=tfvae.networks.mlp([8]),
            decoder=tfvae.networks.mlp([8], (8, 6, 1)),
            seed=3,
        )
        vae.compile(keras.optimizers.Adam(1e-2))
        histories.append(vae.fit(blobs, batch_size=32, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*histories, rtol=1e-5)
