"""Numbers that change: assigned between steps, or following a schedule, without compiling again."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.objectives import GECO, BetaELBO, Capacity, Constrained, ConvexBeta, Cyclical, Terms
from tfvae.penalties import DIP, Flatness

mlp = tfvae.networks.mlp
WARM_UP = {"initial_learning_rate": 0.0, "decay_steps": 4, "end_learning_rate": 1.0}


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(64, 5)).astype("float32")


def warm_up():
    return keras.optimizers.schedules.PolynomialDecay(**WARM_UP)


def compiled(**kwargs):
    model = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (5,)), seed=0, **kwargs)
    model.compile(keras.optimizers.SGD(0.0))
    return model


class Watch(keras.callbacks.Callback):
    """Notes a number after each batch, and assigns one after the third."""

    def __init__(self, read, assign=None):
        super().__init__()
        self.read, self.assign, self.seen = read, assign, []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self.read(self.model))
        if batch == 2 and self.assign:
            self.assign(self.model)


def test_number_assigned_in_a_callback_weighs_the_next_step(x):
    """The loss of a batch is D + β·R with the β of its step."""
    losses = []
    for assigned in (None, 5.0):
        keras.utils.set_random_seed(0)
        model = compiled(objective=BetaELBO(1.0))

        def assign(model, assigned=assigned):
            if assigned is not None:
                model.objective.beta = assigned

        rows = Watch(lambda model: {**model.get_metrics_result()}, assign)
        model.fit(x, batch_size=8, shuffle=False, callbacks=[rows], verbose=0)
        sums = {name: [(i + 1) * float(r[name]) for i, r in enumerate(rows.seen)] for name in
                ("loss", "rate", "distortion")}  # fmt: skip
        losses.append({name: np.diff(values, prepend=0.0) for name, values in sums.items()})
        assert len(model.objective.trainable_weights) == 0
    plain, changed = losses
    expected = plain["distortion"] + np.array([1.0] * 3 + [5.0] * 5) * plain["rate"]
    np.testing.assert_allclose(changed["loss"], expected, rtol=1e-4, atol=1e-3)


def test_step_is_compiled_once_for_all_numbers(x):
    traces = []

    class Counted(BetaELBO):
        def loss(self, terms):
            traces.append(None)
            return super().loss(terms)

    model = compiled(objective=Counted(1.0))
    for beta in (1.0, 2.0, 3.0):
        model.objective.beta = beta
        model.fit(x, batch_size=16, verbose=0)
    assert len(traces) == 1


def test_schedule_is_followed_step_by_step(x):
    model = compiled(objective=BetaELBO(warm_up()))
    assert model.objective.beta == 0.0
    watch = Watch(lambda model: model.objective.beta)
    model.fit(x, batch_size=8, callbacks=[watch], verbose=0)
    np.testing.assert_allclose(watch.seen, [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0])


def test_assigned_number_ends_the_schedule(x):
    model = compiled(objective=BetaELBO(warm_up()))
    watch = Watch(
        lambda model: model.objective.beta, lambda model: setattr(model.objective, "beta", 7.0)
    )
    model.fit(x, batch_size=8, callbacks=[watch], verbose=0)
    np.testing.assert_allclose(watch.seen, [0.25, 0.5, 0.75, 7.0, 7.0, 7.0, 7.0, 7.0])


@pytest.mark.parametrize("assigned", [None, 0.3])
def test_number_and_schedule_are_saved_and_go_on(x, tmp_path, assigned):
    model = compiled(objective=BetaELBO(warm_up()), penalties=[Flatness(warm_up())])
    model.fit(x[:16], batch_size=8, verbose=0)  # two steps
    if assigned:
        model.objective.beta = assigned
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.objective.beta == pytest.approx(assigned or 0.5)
    assert loaded.penalties[0].weight == pytest.approx(0.5)
    loaded.fit(x[:8], batch_size=8, verbose=0)
    assert loaded.objective.beta == pytest.approx(assigned or 0.75)
    assert loaded.penalties[0].weight == pytest.approx(0.75)
    json.dumps(loaded.get_config())


@pytest.mark.parametrize("replicas", [1, 2])
def test_schedule_under_replicas_and_several_steps_a_call(x, replicas, mirrored):
    strategy = mirrored if replicas == 2 else tf.distribute.get_strategy()
    with strategy.scope():
        model = compiled(objective=BetaELBO(warm_up()))
    model.fit(x[:16], batch_size=8, verbose=0)
    assert model.objective.beta == pytest.approx(0.5)
    model.objective.beta = 0.125
    model.fit(x[:16], batch_size=8, verbose=0)
    assert model.objective.beta == 0.125


def test_penalty_weight_counts_at_once(x):
    model = compiled(penalties=[Flatness(0.0)])
    model.build(x.shape)
    losses = {}
    for weight in (0.0, 10.0):
        model.penalties[0].weight = weight
        logs = model.evaluate(x, verbose=0)
        losses[weight] = logs["loss"]
    assert losses[10.0] - losses[0.0] == pytest.approx(10.0 * logs["flatness"], rel=1e-4)


def test_kappa_and_nu_take_effect_at_once(x):
    objective = Constrained(kappa=0.5, multiplier=GECO(nu=0.1))
    model = compiled(objective=objective)
    model.fit(x, batch_size=64, verbose=0)
    objective.kappa = 2.0
    assert float(objective.bound) == pytest.approx(5 * 4.0)
    assert model.evaluate(x, verbose=0)["kappa"] == pytest.approx(2.0)
    before = float(objective.multiplier.value())
    objective.multiplier.nu = 1e-6
    model.fit(x, batch_size=64, verbose=0)
    assert float(objective.multiplier.value()) == pytest.approx(before, rel=1e-4)


def test_capacity_given_as_a_schedule_is_followed():
    objective = Capacity(continuous=warm_up(), num_steps=1000)
    likelihood = tfvae.likelihoods.Gaussian()
    likelihood.build((4,))
    objective.build(likelihood, 2, ())
    for expected in (0.0, 0.25, 0.5):
        assert float(objective.capacities()[0]) == pytest.approx(expected)
        objective.update(tf.constant(0.0))
        objective.count_step()


def test_cyclical_schedule_against_numpy():
    schedule = Cyclical(period=8, low=0.5, high=2.0, rising=0.25)
    steps = np.arange(20)
    share = np.minimum((steps % 8) / 2.0, 1.0)
    np.testing.assert_allclose([schedule(t) for t in steps], 0.5 + 1.5 * share)


def test_values_in_python_and_in_a_graph_agree():
    objective = ConvexBeta(0.3)
    likelihood = tfvae.likelihoods.Gaussian()
    likelihood.build((4,))
    objective.build(likelihood)
    assert objective.beta == 0.3
    terms = Terms(tf.ones([1, 2]), tf.ones([1, 2]), 4.0 * tf.ones([1, 2]))
    traced = tf.function(objective.loss)
    np.testing.assert_allclose(traced(terms), objective.loss(terms))
    objective.beta = 0.9
    np.testing.assert_allclose(traced(terms), 0.1 * 1.0 + 0.9, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BetaELBO("four"), r"`beta` must be a number or a Keras.*received 'four'"),
        (lambda: BetaELBO(None), "`beta` must be a number"),
        (lambda: BetaELBO(float("nan")), r"`beta` must lie in \[0, inf\), received nan"),
        (lambda: DIP(diagonal_ratio=-1), "`diagonal_ratio` must lie in"),
        (lambda: tfvae.BetaVAE(2, beta=2.0, objective="elbo"), "`beta` must be None beside"),
    ],
)
def test_bad_numbers(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_cannot_change_says_so(x):
    model = compiled(objective=BetaELBO(2.0), penalties=[Flatness(1.0)])
    model.build(x.shape)
    with pytest.raises(ValueError, match=r"must be assigned a number.*constructor"):
        model.objective.beta = warm_up()
    with pytest.raises(ValueError, match="`beta` must lie in"):
        model.objective.beta = -1.0
    with pytest.raises(AttributeError, match="`mixup` of Flatness is fixed once"):
        model.penalties[0].mixup = 0.1
    with pytest.raises(AttributeError, match=r"`betta` of BetaELBO does not exist.*: beta"):
        model.objective.betta = 1.0
    with pytest.raises(AttributeError, match=r"`beta` of VAE does not exist.*Its objective has"):
        model.beta = 1.0
    plain = compiled()
    plain.build(x.shape)
    with pytest.raises(AttributeError, match="`beta` of ELBO does not exist"):
        plain.objective.beta = 0.5
    automatic = compiled(objective=Constrained())
    automatic.build(x.shape)
    with pytest.raises(ValueError, match=r"`kappa` must stay None.*when the model was built"):
        automatic.objective.kappa = 0.1
