"""Parts composed: every prior, objective, likelihood, discrete latent and penalty together."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

import tfvae
from tfvae import discrete, objectives, penalties, priors
from tfvae.distributions import Torus

mlp = tfvae.networks.mlp

PRIORS = {
    "normal": lambda: priors.StandardNormal(),
    "hierarchical": lambda: priors.HierarchicalPrior(2, hidden=(4,)),
    "vamp": lambda: priors.VampPrior(3),
    "topographic": lambda: priors.TopographicPrior(Torus((1, 2)), grid=(2, 2)),
}
OBJECTIVES = {
    "elbo": lambda: objectives.ELBO(),
    "beta": lambda: objectives.BetaELBO(2.0),
    "convex": lambda: objectives.ConvexBeta(0.1),
    "constrained": lambda: objectives.Constrained(kappa=0.5),
    "weighted": lambda: objectives.ImportanceWeighted(2),
    "capacity": lambda: objectives.Capacity(5.0),
    "cascade": lambda: objectives.InformationCascade(period=1, discrete_start=1),
}
DISCRETE = {
    "none": lambda: None,
    "labels": lambda: discrete.Labels(3),
    "some labels": lambda: discrete.Labels((3, 2), unknown=-1),
    "gumbel": lambda: discrete.GumbelSoftmax((3, 2)),
    "assigned": lambda: discrete.Assigned(3, tfvae.assignment.MinCostFlow(0.1)),
}


def critic():
    return mlp([4], (1,))


PENALTIES = {
    "none": lambda: [],
    "flat": lambda: [penalties.Flatness(1.0)],
    "exactly flat": lambda: [penalties.Flatness(1.0, estimator="exact", train_encoder=True)],
    "correlation": lambda: [penalties.TotalCorrelation(discriminator=critic())],
    "adversarial": lambda: [penalties.AdversarialPrior(discriminator=critic())],
    "batch": lambda: [penalties.BetaTC(), penalties.DIP(), penalties.MMD()],
    "several": lambda: [
        penalties.Flatness(),
        penalties.MMD(),
        penalties.TotalCorrelation(discriminator=critic()),
        penalties.AdversarialPrior(discriminator=critic()),
    ],
}
GAUSSIAN_ONLY = ("batch",)
"""Penalties that need a diagonal Gaussian posterior over z itself."""


def rows():
    """Each pair of objective and discrete latents once; all else cycles through its values."""
    found = []
    for i, objective in enumerate(OBJECTIVES):
        for j, latents in enumerate(DISCRETE):
            k = 5 * i + j
            prior = list(PRIORS)[(k + i) % 4] if objective != "cascade" else "normal"
            penalty = list(PENALTIES)[(k + j) % 7]
            if prior == "topographic" and penalty in GAUSSIAN_ONLY:
                penalty = "flat"
            condition = (k % 3 == 1) and prior != "vamp"
            # Assigned categories are found by comparing log p(target|z, d).
            target = "y" if k % 4 == 2 and latents != "assigned" else "x"
            likelihood = ("gaussian", "bernoulli")[k % 2]
            row = (prior, objective, latents, penalty, likelihood, condition, target)
            found.append(row if k % 5 == i % 5 else pytest.param(*row, marks=pytest.mark.slow))
    return found


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return {
        "x": rng.uniform(size=(24, 6)).astype("float32"),
        "labels": rng.integers(3, size=24),
        "some labels": np.stack([rng.integers(-1, 3, size=24), rng.integers(-1, 2, size=24)], 1),
        "condition": rng.normal(size=(24, 2)).astype("float32"),
        "target": rng.uniform(size=(24, 4)).astype("float32"),
    }


def beside(data, latents, condition, target):
    found = {"labels": data[latents]} if "labels" in latents else {}
    found |= {"condition": data["condition"]} if condition else {}
    return found | ({"target": data["target"]} if target == "y" else {})


@pytest.mark.filterwarnings("ignore:The constraint was not reached", "ignore:.*been opened")
@pytest.mark.parametrize(
    ("prior", "objective", "latents", "penalty", "likelihood", "condition", "target"), rows()
)
def test_parts_go_together(
    data, tmp_path, prior, objective, latents, penalty, likelihood, condition, target
):
    size = 4 if target == "y" else 6
    model = tfvae.VAE(
        4,
        encoder=mlp([8]),
        decoder=mlp([8], (size,)),
        likelihood=likelihood,
        prior=PRIORS[prior](),
        objective=OBJECTIVES[objective](),
        discrete=DISCRETE[latents](),
        condition=2 if condition else None,
        target=target,
        penalties=PENALTIES[penalty](),
        seed=0,
    )
    model.compile(keras.optimizers.Adam(1e-3))
    x, y = data["x"], beside(data, latents, condition, target)
    history = model.fit(x, y, batch_size=8, verbose=0).history
    assert all(np.all(np.isfinite(values)) for values in history.values())
    assert {name for p in model.penalties for name in p.reported_names} <= history.keys()
    logs = model.evaluate(x, y, verbose=0)
    assert logs["elbo"] == pytest.approx(-(logs["distortion"] + logs["rate"]), rel=1e-5)
    shown = model.predict(x, y, verbose=0)
    assert shown.shape == (24, size) and np.all(np.isfinite(shown))
    given = {name: rows[:3] for name, rows in y.items() if name != "target"}
    if latents == "some labels":
        given["labels"] = np.abs(given["labels"]) % 2
    assert model.generate(3, y=given, seed=0).shape == (3, size)
    assert np.all(np.isfinite(model.log_likelihood(x, 4, y=y)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, y, verbose=0), shown)
    assert loaded.evaluate(x, y, verbose=0) == logs


def test_what_comes_beside_x_is_asked_for_by_name(data):
    model = tfvae.VAE(2, discrete=discrete.Labels(3), condition=2, target="y")
    model.compile()
    x, labels = data["x"], data["labels"]
    y = {"labels": labels, "condition": data["condition"], "target": data["target"]}
    with pytest.raises(ValueError, match="`y` must be a dict with the keys 'labels' and 'condi"):
        model.fit(x, labels, verbose=0)
    for name in y:
        rest = {key: value for key, value in y.items() if key != name}
        with pytest.raises(ValueError, match=f"`y` must give '{name}' for this model, received"):
            model.fit(x, rest, verbose=0)
    model.fit(x, y, verbose=0)
    # Each method asks for what it needs, and no more.
    c = data["condition"]
    assert model.encode(x, c).mean().shape == (24, 2)
    assert model.predict(x, {"labels": labels, "condition": c}, verbose=0).shape == (24, 4)
    assert model.generate(2, y={"labels": 1, "condition": c[0]}).shape == (2, 4)
    with pytest.raises(ValueError, match="`y` must give 'labels'"):
        model.generate(2, y={"condition": c[0]})
    with pytest.raises(ValueError, match=r"`condition` must have one row for each.*24"):
        model.encode(x, c[:5])
    with pytest.raises(ValueError, match=r"One-hot labels become whole numbers by np\.argmax"):
        model.fit(x, {**y, "labels": np.eye(3)[labels]}, verbose=0)


def test_datasets_bring_what_the_model_needs(data):
    y = {"labels": data["labels"], "condition": data["condition"]}
    dataset = tf.data.Dataset.from_tensor_slices((data["x"], y)).batch(8)
    model = tfvae.VAE(2, discrete=discrete.Labels(3), condition=keras.layers.Dense(3), seed=0)
    model.compile()
    model.fit(dataset, validation_data=dataset, verbose=0)
    np.testing.assert_allclose(
        model.predict(dataset, verbose=0), model.predict(data["x"], y, verbose=0), rtol=1e-5
    )
    arrays, streamed = (
        model.evaluate(data["x"], y, batch_size=8, verbose=0),
        model.evaluate(dataset, verbose=0),
    )
    assert arrays == pytest.approx(streamed, rel=1e-5)


def test_labels_and_condition_reach_the_networks(data):
    """p(x|z, y, c) and q(z|x, c) change with what they are given."""
    model = tfvae.VAE(2, discrete=discrete.Labels(3), condition=2, seed=0)
    model.build((None, 6))
    x, c = data["x"], data["condition"]
    y = {"labels": data["labels"], "condition": c}
    assert np.any(model.encode(x, y).mean() != model.encode(x, {"condition": -c}).mean())
    z = model.embed(x, y)
    assert z.shape == (24, 5)
    np.testing.assert_array_equal(z[:, 2:], np.eye(3)[data["labels"]])
    np.testing.assert_allclose(
        model.predict(x, y, verbose=0), model.decode_mean(z, {"condition": c}), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(model.decode_mean(z, {"condition": c}), model.decode_mean(
        z[:, :2], y))  # fmt: skip
    assert np.any(model.decode_mean(z, {"condition": -c}) != model.decode_mean(z, {"condition": c}))


def test_encoder_with_two_inputs_is_given_the_condition(data):
    x, c = keras.Input((6,)), keras.Input((2,))
    encoder = keras.Model([x, c], keras.layers.Dense(8)(keras.layers.Concatenate()([x, c])))
    model = tfvae.VAE(2, encoder=encoder, condition=2, seed=0)
    model.compile()
    model.fit(data["x"], data["condition"], verbose=0)
    means = [model.encode(data["x"], sign * data["condition"]).mean() for sign in (1, -1)]
    assert np.any(means[0] != means[1])


REFUSED = {
    "sequences and categories": (
        lambda: tfvae.SequenceVAE(2, discrete=discrete.GumbelSoftmax(3)),
        (None, 4, 6),
        "`discrete` must be None for a SequenceVAE",
    ),
    "pseudo-inputs and a condition": (
        lambda: tfvae.VAE(2, prior="vamp", condition=2),
        (None, 6),
        "`prior` must be another than VampPrior",
    ),
    "assigned categories and a target": (
        lambda: tfvae.VAE(2, discrete=discrete.Assigned(3), target="y"),
        (None, 6),
        "`discrete` must find categories from x alone",
    ),
    "a condition layer without a shape": (
        lambda: tfvae.VAE(2, condition=keras.layers.Dense(2)),
        (None, 6),
        "`condition` is a layer",
    ),
    "two penalties of one name": (
        lambda: tfvae.VAE(2, penalties=[penalties.MMD(), "mmd"]),
        (None, 6),
        "`penalties` must have different names, received 'mmd' twice",
    ),
    "an unknown target": (lambda: tfvae.VAE(2, target="z"), (None, 6), "`target` must be one of"),
    "a misspelt penalty": (
        lambda: tfvae.VAE(2, penalties=["flattness"]),
        (None, 6),
        "received 'flattness'. Did you mean 'flatness'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_combined_says_why(name):
    make, shape, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        make().build(shape)


# ---- what the compositions are for -----------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    """1,500 digits of scikit-learn to train, 297 to test, with labels."""
    x, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, labels = (x[order] / 16.0).astype("float32"), labels[order]
    return x[:1500], labels[:1500], x[1500:], labels[1500:]


def digit_vae(latent_dim, **kwargs):
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(latent_dim, encoder=mlp([128]), decoder=mlp([128], (64,)), seed=0, **kwargs)
    model.compile(keras.optimizers.Adam(3e-3), steps_per_execution=8)
    return model


class Delayed(objectives.Constrained):
    """A constraint under which categories take part after a number of steps."""

    def __init__(self, start=200, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def create_weights(self, likelihood):
        super().create_weights(likelihood)
        self.done = self.add_weight(shape=(), initializer="zeros", trainable=False, name="done")

    def update(self, error):
        super().update(error)
        self.done.assign_add(1.0)

    @property
    def discrete_is_open(self):
        return self.done.value >= self.start


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The constraint was not reached")
def test_flat_manifold_with_assigned_categories_and_a_learned_prior_on_sprites():
    """Squares of two sizes at 256 positions: the category tells the size, z the position."""
    x, factors = tfvae.datasets.sprite_grid(
        size=16, scales=2, orientations=1, positions_x=16, positions_y=16
    )
    squares = factors[:, 0] == 0
    x, sizes = np.tile(x[squares].astype("float32"), (2, 1, 1, 1)), np.tile(factors[squares, 1], 2)
    options = {"activation": "elu", "kernel_regularizer": keras.regularizers.L2(1e-3)}
    accuracy, condition = {}, {}
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(3)
        model = tfvae.FlatManifoldVAE(
            2,
            encoder=mlp([128, 128], **options),
            decoder=mlp([128, 128], x.shape[1:], **options),
            likelihood="bernoulli",
            prior=priors.HierarchicalPrior(8, hidden=(32,)),
            objective=Delayed(kappa=0.08, multiplier=objectives.REWO(initial=1.0)),
            discrete=discrete.Assigned(2, tfvae.assignment.MinCostFlow(1.0)),
            penalties=[penalties.Flatness(weight)],
            seed=3,
        )
        model.compile(keras.optimizers.Adam(2e-3), steps_per_execution=8)
        model.fit(x, batch_size=64, epochs=40, verbose=0)
        found = model.categories(x)[:, 0]
        accuracy[weight] = tfvae.evaluation.unsupervised_accuracy(found, sizes).one_to_one
        report = tfvae.evaluation.flatness(model, x[:200], num_pairs=2)
        condition[weight] = np.median(report.condition_encoded)
        assert model.generate(3, seed=0).shape == (3, 16, 16, 1)
    assert accuracy[1.0] > 0.75
    assert condition[1.0] < 0.8 * condition[0.0]


def test_conditional_vae_generates_the_digit_asked_for(digits):
    """A classifier of real digits agrees with at least 95% of 500."""
    x, labels, _, _ = digits
    model = digit_vae(8, likelihood="bernoulli", discrete=discrete.Labels(10))
    model.fit(x, labels, batch_size=50, epochs=15, verbose=0)
    asked = np.arange(500) % 10
    found = SVC().fit(x, labels).predict(model.generate(500, y=asked, seed=1))
    assert np.mean(found == asked) >= 0.95
    # Without a classifier log p(x|z, y) tells which label fits best.
    assert np.mean(model.categories(x[:300])[:, 0] == labels[:300]) > 0.5


def test_hundred_labels_and_many_digits_beat_a_regression_on_the_hundred(digits):
    x, labels, x_test, labels_test = digits
    rng = np.random.default_rng(0)
    known = np.concatenate([rng.permutation(np.flatnonzero(labels == k))[:10] for k in range(10)])
    some = np.full(len(x), -1)
    some[known] = labels[known]
    model = digit_vae(8, likelihood="bernoulli", discrete=discrete.Labels(10, unknown=-1))
    model.fit(x, some, batch_size=50, epochs=40, verbose=0)
    accuracy = np.mean(model.categories(x_test)[:, 0] == labels_test)
    regression = LogisticRegression(max_iter=2000).fit(x[known], labels[known])
    assert accuracy > regression.score(x_test, labels_test) + 0.01


def test_target_beside_x_denoises(digits):
    x, _, x_test, _ = digits
    rng = np.random.default_rng(0)
    noisy, noisy_test = (
        (a + 0.4 * rng.normal(size=a.shape)).astype("float32") for a in (x, x_test)
    )
    model = digit_vae(16, target="y")
    model.fit(noisy, x, batch_size=50, epochs=20, verbose=0)
    error = np.mean((model.predict(noisy_test, verbose=0) - x_test) ** 2)
    assert error < 0.35 * np.mean((noisy_test - x_test) ** 2)
    assert error < 0.65 * np.mean((x.mean(axis=0) - x_test) ** 2)  # better than the mean digit
    # log p(target|x) is higher for the right target.
    right = model.log_likelihood(noisy_test[:50], 20, y=x_test[:50]).mean()
    assert right > model.log_likelihood(noisy_test[:50], 20, y=x_test[50:100]).mean() + 10.0


@pytest.fixture(scope="module")
def conditional(data):
    model = tfvae.VAE(2, discrete=discrete.Labels(3), condition=2, seed=0)
    model.compile()
    model.fit(data["x"], beside(data, "labels", True, "x"), verbose=0)
    return model


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x, y: m.fit(x, 32), "`y` must hold what the model needs beside x, received 32"),
        (lambda m, x, y: m.evaluate(x, 32), "A batch size is given by name"),
        (
            lambda m, x, y: m.fit(x, {**y, "condition": np.zeros((24, 3))}, verbose=0),
            r"`condition` must have the shape \(batch, 2\)",
        ),
        (
            lambda m, x, y: m.predict(x, {**y, "condition": np.zeros((24, 3))}, verbose=0),
            r"`condition` must have the shape \(batch, 2\)",
        ),
        (
            lambda m, x, y: m.generate(5, y={"labels": [0, 1], "condition": [0.0, 0.0]}),
            "`labels` must have one row for all samples, or one for each of the 5, received 2",
        ),
        (
            lambda m, x, y: m.generate(5, y={"labels": 1, "condition": [[0.0, 1.0]] * 2}),
            "`condition` must have one row for all samples, or one for each",
        ),
        (
            lambda m, x, y: m.generate(5, y={"labels": 1, "condition": [np.nan, 1.0]}),
            "`condition` must be finite",
        ),
        (
            lambda m, x, y: m.log_likelihood(x[0], 5, y=y),
            r"`x` must have the shape \(batch, 6\).*needs a batch axis: x\[None\]",
        ),
        (
            lambda m, x, y: m.log_likelihood(x, 5, y={**y, "condition": np.full((24, 2), np.nan)}),
            "`condition` must be finite everywhere",
        ),
        (
            lambda m, x, y: m.fit(x, y, sample_weight=np.full(24, -1.0), verbose=0),
            "`sample_weight` must be finite and not negative, received -1 to -1",
        ),
        (
            lambda m, x, y: m.fit(x, y, sample_weight=np.full(24, np.nan), verbose=0),
            "`sample_weight` must be finite",
        ),
    ],
)
def test_awkward_values_beside_x(conditional, data, call, message):
    with pytest.raises(ValueError, match=message):
        call(conditional, data["x"], beside(data, "labels", True, "x"))


def test_lists_serve_beside_arrays(conditional, data):
    y = beside(data, "labels", True, "x")
    lists = {name: values.tolist() for name, values in y.items()}
    np.testing.assert_array_equal(
        conditional.predict(data["x"], lists, verbose=0),
        conditional.predict(data["x"], y, verbose=0),
    )
