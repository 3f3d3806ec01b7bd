"""Every argument of Keras' optimizers, and every optimizer, on every model."""

import itertools

import keras
import numpy as np
import pytest
from test_contract import MODELS

import tfvae
from tfvae.penalties import TotalCorrelation

mlp = tfvae.networks.mlp
optimizers = keras.optimizers
SGD, Adam = optimizers.SGD, optimizers.Adam

NAMES = [
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "Adamax",
    "AdamW",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "RMSprop",
    "SGD",
]
OPTIMIZERS = {
    "clipnorm": lambda: Adam(1e-3, clipnorm=1e-2),
    "global_clipnorm": lambda: Adam(1e-3, global_clipnorm=1e-2),
    "clipvalue": lambda: Adam(1e-3, clipvalue=1e-2),
    "use_ema": lambda: Adam(1e-3, use_ema=True),
    "ema_overwrite_frequency": lambda: Adam(1e-3, use_ema=True, ema_overwrite_frequency=2),
    "weight_decay": lambda: Adam(1e-3, weight_decay=0.1),
    "loss_scale_factor": lambda: Adam(1e-3, loss_scale_factor=128.0),
    "accumulation": lambda: Adam(1e-3, gradient_accumulation_steps=2),
    "amsgrad": lambda: Adam(1e-3, amsgrad=True),
    "momentum": lambda: SGD(1e-3, momentum=0.9, nesterov=True),
    "schedule": lambda: Adam(optimizers.schedules.ExponentialDecay(1e-3, 1, 0.5)),
    "LossScaleOptimizer": lambda: optimizers.LossScaleOptimizer(Adam(1e-3)),
    "LossScaleOptimizer accumulation": lambda: optimizers.LossScaleOptimizer(
        Adam(1e-3, gradient_accumulation_steps=2)
    ),
    **{name: getattr(optimizers, name) for name in NAMES if hasattr(optimizers, name)},
}
# Quick: each optimizer on one model, each model with one or several.
PAIRS = list(zip(OPTIMIZERS, itertools.cycle(MODELS), strict=False))
PRODUCT = [
    pytest.param(name, model, marks=[] if (name, model) in PAIRS else pytest.mark.slow)
    for name, model in itertools.product(OPTIMIZERS, MODELS)
]

pytestmark = [
    pytest.mark.filterwarnings("ignore:The constraint was not reached"),
    pytest.mark.filterwarnings("ignore:.*been opened"),
]


def values(weights):
    return [weight.numpy() for weight in weights]


def test_every_optimizer_of_keras_is_tried():
    found = {
        name
        for name, one in vars(optimizers).items()
        if isinstance(one, type) and issubclass(one, optimizers.Optimizer)
    }
    # The second takes several others, which a model's one list of weights does not know.
    assert found - {"Optimizer", "MultiOptimizer", "ScheduleFreeAdamW"} <= OPTIMIZERS.keys()


@pytest.mark.parametrize(("name", "model"), PRODUCT)
def test_every_optimizer_trains_every_model(name, model, blobs):
    vae = MODELS[model]()
    # Step by step, since tracing takes most of the time of a small fit.
    vae.compile(OPTIMIZERS[name](), run_eagerly=True)
    vae.build(blobs.shape)
    before, multiplier = values(vae.trainable_weights), vae.objective.state().get("lambda")
    multiplier = None if multiplier is None else float(multiplier)
    vae.fit(blobs[:32], batch_size=16, shuffle=False, verbose=0)
    for weight in vae.trainable_weights:
        assert np.all(np.isfinite(weight)), weight.path
    moved = [
        np.any(old != new.numpy())
        for old, new in zip(before, vae.own_trainable_weights, strict=False)
    ]
    # A part may be closed at first: categories and latents of a cascade.
    assert np.mean(moved) > 0.5
    if multiplier is not None:
        assert float(vae.objective.state()["lambda"]) != multiplier


def step_of(optimizer, x, steps=1, seed=0):
    """The weights before and after steps of a small model, the same for each optimizer."""
    vae = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (5,)), seed=seed)
    vae.compile(optimizer, run_eagerly=True)
    vae.build(x.shape)
    before = values(vae.trainable_weights)
    for _ in range(steps):
        vae.train_on_batch(x)
    return before, values(vae.trainable_weights), vae


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(32, 5)).astype("float32")


def changes(optimizer, x, **kwargs):
    before, after, _ = step_of(optimizer, x, **kwargs)
    return [new - old for old, new in zip(before, after, strict=True)]


def test_clipping_bounds_the_step(x):
    free = changes(SGD(1.0), x)
    norms = [np.linalg.norm(one) for one in free]
    assert max(norms) > 0.1 and np.linalg.norm(norms) > 0.1
    for plain, clipped in zip(free, changes(SGD(1.0, clipnorm=0.1), x), strict=True):
        shrunk = plain * min(1.0, 0.1 / max(np.linalg.norm(plain), 1e-30))
        np.testing.assert_allclose(clipped, shrunk, rtol=1e-3, atol=1e-6)
    for plain, clipped in zip(free, changes(SGD(1.0, global_clipnorm=0.1), x), strict=True):
        np.testing.assert_allclose(
            clipped, plain * 0.1 / np.linalg.norm(norms), rtol=1e-3, atol=1e-6
        )
    for plain, clipped in zip(free, changes(SGD(1.0, clipvalue=0.01), x), strict=True):
        np.testing.assert_allclose(clipped, np.clip(plain, -0.01, 0.01), rtol=1e-3, atol=1e-6)


def test_scaling_of_the_loss_changes_no_step(x):
    plain = changes(SGD(0.1), x)
    scalers = [
        SGD(0.1, loss_scale_factor=128.0),
        optimizers.LossScaleOptimizer(SGD(0.1), initial_scale=1024.0),
    ]
    for optimizer in scalers:
        for one, other in zip(plain, changes(optimizer, x), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_weight_decay_takes_its_share(x):
    before, plain, _ = step_of(SGD(0.1), x)
    _, decayed, _ = step_of(SGD(0.1, weight_decay=0.5), x)
    for old, one, other in zip(before, plain, decayed, strict=True):
        np.testing.assert_allclose(one - other, 0.1 * 0.5 * old, rtol=1e-3, atol=1e-6)


def test_accumulated_gradients_are_one_step_of_their_mean(x):
    parts = np.split(x, 2)
    for scaled in (False, True):
        optimizer = SGD(0.1, gradient_accumulation_steps=2)
        optimizer = optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer
        before, after, vae = step_of(optimizer, parts[0])
        for old, new in zip(before, after, strict=True):
            np.testing.assert_array_equal(old, new)
        each = [changes(SGD(0.1), parts[0])]
        other = step_of(SGD(0.0), parts[0])[2]  # at the second step's noise
        other.compile(SGD(0.1), run_eagerly=True)
        other.train_on_batch(parts[1])
        each.append(
            [v - old for v, old in zip(values(other.trainable_weights), before, strict=True)]
        )
        vae.train_on_batch(parts[1])
        for old, new, *both in zip(before, values(vae.trainable_weights), *each, strict=True):
            np.testing.assert_allclose(new - old, np.mean(both, axis=0), rtol=1e-3, atol=1e-6)


def test_dual_step_follows_each_batch_whose_gradients_are_accumulated(x):
    objective = tfvae.objectives.Constrained(0.5, tfvae.objectives.GECO(nu=0.1))
    vae = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (5,)), objective=objective, seed=0)
    vae.compile(Adam(1e-3, gradient_accumulation_steps=4))
    vae.build(x.shape)
    seen = [float(objective.multiplier.value())]
    for _ in range(3):
        vae.train_on_batch(x)
        seen.append(float(objective.multiplier.value()))
    assert seen == sorted(set(seen)), "violated: λ rises with each batch"
    assert int(vae.optimizer.iterations) == 0


def test_averages_of_weights_end_in_the_weights_that_they_are_of(x):
    """A penalty's network lies between the model's own layers: a condition's comes after it."""
    ema = SGD(0.0, use_ema=True, ema_momentum=0.5)
    own = SGD(0.0, use_ema=True, ema_momentum=0.5)
    penalty = TotalCorrelation(1.0, mlp([4], (1,)), own)
    vae = tfvae.VAE(
        2, encoder=mlp([8]), decoder=mlp([8], (5,)), condition=1, penalties=[penalty], seed=0
    )
    vae.compile(ema)
    vae.build((x.shape, (None, 1)))
    vae.fit(x, x[:, :1], batch_size=32, verbose=0)  # averages begin with the weights
    before = values(vae.trainable_weights)
    assert vae.condition_join.kernel.path in [one.path for one in vae.own_trainable_weights]
    for weight in vae.trainable_weights:  # so that averages differ from the weights
        weight.assign(weight + 1.0)
    vae.fit(x, x[:, :1], batch_size=32, verbose=0)
    for old, weight in zip(before, vae.trainable_weights, strict=True):
        averaged = 0.5 * old + 0.5 * (old + 1.0)
        np.testing.assert_allclose(weight.numpy(), averaged, rtol=1e-5, err_msg=weight.path)
