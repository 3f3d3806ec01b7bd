"""The contract that every model keeps, whatever its prior, likelihood and objective."""

import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.discrete import Assigned, Discrete, GumbelSoftmax, Labels
from tfvae.distributions import Torus
from tfvae.models import LatentVariableModel
from tfvae.objectives import (
    GECO,
    BetaELBO,
    Constrained,
    ConvexBeta,
    InformationCascade,
    Objective,
)
from tfvae.penalties import (
    DIP,
    MMD,
    AdversarialPrior,
    BetaTC,
    Flatness,
    Penalty,
    TotalCorrelation,
)
from tfvae.priors import (
    DensityBuffer,
    Flow,
    GaussianMixture,
    HierarchicalPrior,
    Prior,
    TopographicPrior,
    VampPrior,
)


def small(cls, latent_dim=2, **kwargs):
    mlp = tfvae.networks.mlp
    shape = (8, 6, 1)[cls.sequence_axes :]
    return cls(latent_dim, encoder=mlp([8]), decoder=mlp([8], shape), seed=3, **kwargs)


def hand_made_encoder():
    """A functional network with layers that differ in training, and with penalties."""
    inputs = keras.Input((8, 6, 1))
    features = keras.layers.Flatten()(inputs)
    # No bias: normalisation takes its gradient away, and Adam would make steps of rounding errors.
    features = keras.layers.Dense(
        8, "relu", use_bias=False, kernel_regularizer=keras.regularizers.L2(1e-3)
    )(features)
    features = keras.layers.BatchNormalization()(features)
    features = keras.layers.ActivityRegularization(l1=1e-3)(features)
    return keras.Model(inputs, keras.layers.Dropout(0.1, seed=5)(features))


def cascade(discrete=None, **kwargs):
    objective = InformationCascade(period=8, discrete_start=1)
    return small(tfvae.CascadeVAE, discrete=discrete, objective=objective, **kwargs)


def buffer():
    prior = DensityBuffer()
    prior.adapt_to_posteriors(np.random.default_rng(0).normal(size=(20, 2)), np.full((20, 2), 0.5))
    return prior


def discriminator():
    return tfvae.networks.mlp([8], (1,))


# One model a class, or nearly, in the setting in which most can go wrong.
MODELS = {
    "VAE hand-made": lambda: tfvae.VAE(
        2,
        encoder=hand_made_encoder(),
        decoder=tfvae.networks.mlp([8], output_shape=(8, 6, 1)),
        seed=3,
    ),
    "IWAE": lambda: small(tfvae.ImportanceWeightedVAE),
    "VHPVAE": lambda: small(
        tfvae.VHPVAE,
        prior=HierarchicalPrior(4, hidden=(8,)),
        objective=Constrained(kappa=0.5),
    ),
    "FlatManifoldVAE": lambda: small(
        tfvae.FlatManifoldVAE,
        prior=HierarchicalPrior(4, hidden=(8,)),
        objective=Constrained(kappa=0.5),
    ),
    "SequenceVAE": lambda: small(
        tfvae.SequenceVAE, prior=HierarchicalPrior(2, hidden=(8,)), penalties=[Flatness(1.0)]
    ),
    "TopographicVAE": lambda: small(tfvae.TopographicVAE, 8, encoder_u=tfvae.networks.mlp([8])),
    "CascadeVAE": lambda: cascade(Assigned(3)),
    "FactorVAE": lambda: small(
        tfvae.FactorVAE, penalties=[TotalCorrelation(discriminator=discriminator())]
    ),
    "JointVAE": lambda: small(
        tfvae.JointVAE, discrete=GumbelSoftmax((3, 2)), likelihood="bernoulli"
    ),
    "Autoencoder": lambda: small(
        tfvae.Autoencoder, corruption=keras.layers.GaussianNoise(0.1), likelihood="bernoulli"
    ),
    "AdversarialAutoencoder": lambda: small(
        tfvae.AdversarialAutoencoder, penalties=[AdversarialPrior(discriminator=discriminator())]
    ),
}
# Other settings of the same code, and classes that differ from one above in a default alone.
VARIANTS = {
    "VAE": lambda: small(tfvae.VAE),
    "VAE bernoulli vamp": lambda: small(
        tfvae.VAE, likelihood="bernoulli", prior=VampPrior(num_components=5)
    ),
    "VAE convex": lambda: small(
        tfvae.VAE, likelihood=tfvae.likelihoods.Gaussian("per_feature"), objective=ConvexBeta(0.1)
    ),
    "VAE all default": lambda: tfvae.VAE(2, seed=3),
    "BetaVAE": lambda: small(tfvae.BetaVAE, likelihood="bernoulli", objective=BetaELBO(2.0)),
    "BubbleVAE": lambda: small(
        tfvae.BubbleVAE, 8, likelihood="bernoulli", objective=Constrained(kappa=0.7)
    ),
    "CascadeVAE continuous": cascade,
    "CascadeVAE flat": lambda: cascade(Assigned((3, 2)), penalties=[Flatness(1.0)]),
    "VAE labels": lambda: small(tfvae.VAE, discrete=Labels(3, unknown=-1)),
    "VAE three penalties": lambda: small(
        tfvae.VAE,
        penalties=[
            BetaTC(1.0),
            DIP(1.0),
            MMD(1.0),
            TotalCorrelation(discriminator=discriminator()),
            AdversarialPrior(discriminator=discriminator()),
        ],
    ),
    "VAE torus": lambda: small(tfvae.VAE, 6, prior=TopographicPrior(Torus((1, 3)), grid=(2, 3))),
    "VAE mixture": lambda: small(tfvae.VAE, prior=GaussianMixture(3)),
    "VAE buffer": lambda: small(tfvae.VAE, prior=buffer()),
    "VAE flow": lambda: small(tfvae.VAE, prior=Flow(1, hidden=(8,), num_bins=2)),
    "VHPVAE geco": lambda: small(
        tfvae.VHPVAE,
        likelihood="bernoulli",
        prior=HierarchicalPrior(3, hidden=(8,), hyper_dim=1),
        objective=Constrained(multiplier=GECO(0.1)),
    ),
}
ALL = {**MODELS, **VARIANTS}
TERMS = {"loss", "distortion", "rate", "elbo", "constraint"}

pytestmark = [
    pytest.mark.filterwarnings("ignore:The constraint was not reached"),
    pytest.mark.filterwarnings("ignore:.*been opened"),
    pytest.mark.filterwarnings("ignore:Model doesn't support `jit_compile=True`"),
]


def compiled(name, **kwargs):
    keras.utils.set_random_seed(0)
    model = ALL[name]()
    model.compile(keras.optimizers.Adam(1e-2), **kwargs)
    return model


def quick(*names):
    """All models, those not named as slow tests: `pytest -m slow` runs them."""
    return [n if n in names else pytest.param(n, marks=pytest.mark.slow) for n in ALL]


@pytest.fixture(params=quick(*MODELS))
def make(request):
    """Makes the same model each time; for what every model is tested in."""
    return functools.partial(compiled, request.param)


@pytest.fixture(params=quick("VAE hand-made", "VHPVAE", "CascadeVAE"))
def make_one(request):
    """Makes the same model each time; for what a class decides, whatever its settings."""
    return functools.partial(compiled, request.param)


def subclasses(cls):
    """All subclasses of a class of the library that are its own, abstract ones left out."""
    found = set()
    for sub in cls.__subclasses__():
        inner = subclasses(sub)
        found |= inner or ({sub} if sub.__module__.startswith("tfvae.") else set())
    return found


@pytest.mark.parametrize(
    ("base", "part"),
    [
        (LatentVariableModel, None),
        (Prior, "prior"),
        (Objective, "objective"),
        (Discrete, "discrete"),
        (Penalty, "penalties"),
    ],
)
def test_contract_covers_every_subclass(base, part):
    models = [make() for make in ALL.values()]
    parts = [[model] if part is None else getattr(model, part) for model in models]
    covered = {type(one) for one in tf.nest.flatten(parts)}
    assert subclasses(base) <= covered


def assert_same_weights(first, second):
    assert len(first.variables) == len(second.variables)
    for a, b in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


def test_fit_lowers_the_loss_and_reports_every_term(make, blobs):
    model = make()
    before = model.evaluate(blobs, verbose=0)
    history = model.fit(blobs, batch_size=16, epochs=6, validation_split=0.25, verbose=0).history
    assert set(history) >= TERMS and {f"val_{name}" for name in TERMS} <= set(history)
    after = model.evaluate(blobs, verbose=0)
    # What weighs the loss may move, and an adversary works against it.
    moves = {"lambda", "period", "capacity"} & after.keys() or any(
        penalty.network is not None for penalty in model.penalties
    )
    falls = "distortion" if moves else "loss"
    assert after[falls] < before[falls]
    assert all(np.isfinite(value) for value in after.values())
    assert after["elbo"] == pytest.approx(-(after["distortion"] + after["rate"]), rel=1e-5)
    assert model.evaluate(blobs, verbose=0) == after


def test_first_fit_on_one_example(make_one, blobs):
    model = make_one()
    if model.objective.bound is not None and model.objective.kappa is None:
        with pytest.raises(ValueError, match="Give `kappa=`"):
            model.fit(blobs[:1], verbose=0)
    else:
        assert np.isfinite(model.fit(blobs[:1], verbose=0).history["loss"][0])


def test_constrained_models_report_lambda(make, blobs):
    model = make()
    logs = model.evaluate(blobs, verbose=0)
    assert ("lambda" in logs) == isinstance(model.objective, Constrained)


def test_outputs_have_the_shapes_of_the_design(make_one, blobs):
    model = make_one()
    model.build(blobs.shape)
    steps = (8,)[: model.sequence_axes]
    posterior = model.encode(blobs)
    size = model.prior.noise_per_latent * model.latent_dim
    assert posterior.batch_shape == (128, *steps) and posterior.event_shape == (size,)
    embedded = model.embed(blobs)
    assert embedded.shape == (128, *steps, model.embedding_dim)
    if model.prior.noise_per_latent == 1 and not model.num_categories:
        np.testing.assert_array_equal(embedded, posterior.mean())
    p = model.decode(np.zeros((3, 5, *steps, model.embedding_dim), "float32"))
    assert p.batch_shape == (3, 5) and p.event_shape == (8, 6, 1)
    assert model.predict(blobs, batch_size=50, verbose=0).shape == blobs.shape
    np.testing.assert_allclose(
        model.predict(blobs, verbose=0), model.decode(embedded).mean(), rtol=1e-5, atol=1e-6
    )
    assert model.generate(7, seed=0).shape == (7, 8, 6, 1)
    np.testing.assert_array_equal(model.generate(7, seed=1), model.generate(7, seed=1))
    assert np.any(model.generate(7, seed=1) != model.generate(7, seed=2))
    assert model.log_likelihood(blobs[:3], 10).shape == (3,)


def test_keras_file_gives_back_the_same_model(make, blobs, tmp_path):
    model = make()
    model.fit(blobs, batch_size=32, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(loaded) is type(model)
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert_same_weights(model, loaded)
    np.testing.assert_array_equal(model.predict(blobs, verbose=0), loaded.predict(blobs, verbose=0))
    assert model.evaluate(blobs, verbose=0) == loaded.evaluate(blobs, verbose=0)
    # The optimizer, λ, the phase and the random state are with it: training goes on alike.
    for which in (model, loaded):
        which.fit(blobs, batch_size=32, shuffle=False, verbose=0)
    assert_same_weights(model, loaded)


def test_weights_file_gives_back_the_same_weights(make_one, blobs, tmp_path):
    model = make_one()
    model.fit(blobs, verbose=0)
    model.save_weights(tmp_path / "model.weights.h5")
    other = make_one()
    other.build(blobs.shape)
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(model.predict(blobs, verbose=0), other.predict(blobs, verbose=0))
    for name in ("seed_generator", "test_seed_generator"):
        np.testing.assert_array_equal(getattr(model, name).state, getattr(other, name).state)


def test_config_round_trip_of_an_unbuilt_model(make):
    model = make()
    again = type(model).from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert not again.built


def test_same_seed_gives_the_same_numbers(make_one, blobs):
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        model = make_one()
        model.fit(blobs, batch_size=32, epochs=2, shuffle=False, verbose=0)
        results.append(model)
    assert_same_weights(*results)


def test_every_kind_of_data(make_one, blobs):
    model = make_one()
    labels = np.arange(128)
    odd = tf.data.Dataset.from_tensor_slices((blobs, labels)).batch(50)  # the last batch has 28
    model.fit(odd, validation_data=odd.take(1), verbose=0)
    model.fit(tf.data.Dataset.from_tensor_slices(blobs).batch(64), verbose=0)
    model.fit(blobs, labels, sample_weight=np.ones(128), verbose=0)
    model.fit(blobs[:1], verbose=0)
    assert model.predict(odd, verbose=0).shape == blobs.shape
    assert model.evaluate(odd, verbose=0)["loss"] == pytest.approx(
        model.evaluate(odd.map(lambda x, y: x), verbose=0)["loss"]
    )


class Pairs(keras.utils.PyDataset):
    """Batches of x and labels."""

    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return 4

    def __getitem__(self, index):
        part = self.x[32 * index : 32 * (index + 1)]
        return part, np.zeros(len(part))


def test_py_dataset(make_one, blobs):
    model = make_one()
    assert np.isfinite(model.fit(Pairs(blobs), verbose=0).history["loss"][0])


def test_weight_two_is_an_example_twice_and_weight_zero_none(make_one, blobs):
    model = make_one()
    model.build(blobs.shape)
    weights = np.array([2.0, 0.0, 1.0, 1.0], "float32")

    def distortion(x, weights):
        return model.evaluate(x, sample_weight=weights, verbose=0)["distortion"]

    each = [distortion(blobs[:4], row) for row in np.eye(4, dtype="float32")]
    assert len(set(each)) == 4
    expected = np.dot(weights, each) / 4.0
    assert distortion(blobs[:4], weights) == pytest.approx(expected, rel=1e-5)
    changed = blobs[:4].copy()
    changed[1] = 1.0 - changed[1]
    assert distortion(changed, weights) == pytest.approx(expected, rel=1e-5)
    labelled = model.evaluate(blobs[:4], np.arange(4.0), sample_weight=weights, verbose=0)
    assert labelled["distortion"] == pytest.approx(expected, rel=1e-5)


def test_weights_count_in_fit_and_in_its_validation(make_one, blobs):
    if any(
        isinstance(layer, keras.layers.BatchNormalization) for layer in make_one().encoder.layers
    ):
        pytest.skip("Batch normalisation lets every example of a batch matter.")
    if make_one().penalties or make_one().num_categories:
        pytest.skip("Penalties and assignments are those of all examples of a batch.")
    weights = np.array([1.0, 0.0] * 4, "float32")
    histories = []
    for spoilt in (blobs[:8].copy(), blobs[:8].copy()):
        spoilt[1::2] = len(histories)  # what has no weight must not matter
        model = make_one()
        data = (spoilt, None, weights)
        fitted = model.fit(
            spoilt, sample_weight=weights, validation_data=data, shuffle=False, verbose=0
        )
        histories.append(fitted.history)
    for name in ("distortion", "rate", "val_distortion", "val_rate"):
        assert histories[0][name] == pytest.approx(histories[1][name], rel=1e-4), name


def test_batch_without_any_weight_changes_no_state(make_one, blobs):
    model = make_one()
    model.fit(blobs[:8], verbose=0)
    state = [*model.objective.weights, *model.likelihood.non_trainable_weights]
    # An automatic bound measures the first batches whatever the weights of their examples.
    state = [v for v in state if v.name not in ("perfect", "constant", "batches")]
    before = [variable.numpy() for variable in state]
    history = model.fit(blobs[:8], sample_weight=np.zeros(8, "float32"), verbose=0).history
    for old, variable in zip(before, state, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old, err_msg=variable.path)
    assert all(np.all(np.isfinite(values)) for values in history.values())


@pytest.mark.parametrize(
    "how",
    [{"steps_per_execution": 3}, pytest.param({"run_eagerly": True}, marks=pytest.mark.slow)],
)
def test_ways_to_run_agree_with_the_usual_one(make_one, blobs, how):
    results = []
    for options in ({}, how):
        keras.utils.set_random_seed(0)
        model = make_one(**options)
        model.fit(blobs[:96], batch_size=16, shuffle=False, verbose=0)
        results.append(model.evaluate(blobs, batch_size=32, verbose=0))
    assert results[1] == pytest.approx(results[0], rel=2e-3, abs=1e-3)


# XLA takes long for each.
@pytest.mark.parametrize("name", quick("VAE hand-made", "VHPVAE", "TopographicVAE", "JointVAE"))
def test_jit_compile(name, blobs):
    """XLA draws other random numbers from the same seed, so that only what has none is the same."""
    model, plain = compiled(name, jit_compile=True), compiled(name)
    history = model.fit(blobs, batch_size=16, epochs=3, verbose=0).history
    assert all(np.all(np.isfinite(values)) for values in history.values())
    assert history["distortion"][-1] < history["distortion"][0]
    plain.build(blobs.shape)
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(
        model.predict(blobs, verbose=0), plain.predict(blobs, verbose=0), rtol=1e-4, atol=1e-5
    )


def test_mixed_precision_keeps_losses_in_float32(make_one, blobs):
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_one()
        history = model.fit(blobs, batch_size=32, epochs=3, verbose=0).history
        posterior = model.encode(blobs)
        terms = model.elbo_terms(tf.constant(blobs), seed=(0, 0))
    finally:
        keras.config.set_dtype_policy(previous)
    assert np.all(np.isfinite(history["loss"]))
    assert history["distortion"][-1] < history["distortion"][0]
    assert posterior.dtype == tf.float32
    tensors = [term for term in tf.nest.flatten(terms._asdict()) if term is not None]
    assert {tensor.dtype for tensor in tensors} == {tf.float32}
    assert model.encoder.layers[-1].compute_dtype == "bfloat16"


def test_symbolic_and_eager_calls_agree(make_one, blobs):
    model = make_one()
    model.build(blobs.shape)
    inputs = keras.Input(blobs.shape[1:])
    assert model(inputs).shape == (None, 8, 6, 1)
    np.testing.assert_allclose(tf.function(model)(blobs), model(blobs), rtol=1e-5, atol=1e-6)


def test_mirrored_replicas_train(blobs, mirrored):
    """Two logical CPUs; λ follows the error of the global batch."""
    assert mirrored.num_replicas_in_sync == 2
    with mirrored.scope():
        model = MODELS["VHPVAE"]()
        model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(blobs, batch_size=32, epochs=8, verbose=0).history
    assert history["distortion"][-1] < history["distortion"][0]
    assert history["lambda"][-1] != pytest.approx(100 / (2 * 0.5**2))


@pytest.mark.parametrize("phase", ["first", "later"])
def test_mirrored_replicas_undo_a_step_that_fails_on_one_of_them(blobs, phase, mirrored):
    with mirrored.scope():
        model = MODELS["VHPVAE"]()
        model.compile(keras.optimizers.Adam(1e-2))
    model.fit(blobs[:16], batch_size=16, verbose=0)
    if phase == "later":  # with the multiplier's initial phase over, and moments in the optimizer
        model.objective.multiplier.initial_phase.assign(False)
        model.fit(blobs[:16], batch_size=16, epochs=3, verbose=0)
    before = [v.numpy() for v in (*model.weights, *model.optimizer.variables)]
    bad = blobs[:16].copy()
    bad[3] = np.nan
    with pytest.raises(ValueError, match="must be a finite number"):
        model.fit(bad, batch_size=16, verbose=0)
    after = [v.numpy() for v in (*model.weights, *model.optimizer.variables)]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
