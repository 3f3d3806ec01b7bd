"""Reports on models with labels, a condition or a target beside x."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import evaluation
from tfvae.discrete import GumbelSoftmax, Labels
from tfvae.evaluation.flatness import random_pairs

N = 40
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)).astype("float32")
LABELS = np.arange(N) % 3
C = RNG.normal(size=(N, 2)).astype("float32")


def small(**kwargs):
    mlp = tfvae.networks.mlp
    return tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (4,)), seed=0, **kwargs)


@pytest.fixture(scope="module")
def labelled():
    model = small(discrete=Labels(3))
    model.build((None, 4))
    return model


@pytest.fixture(scope="module")
def both():
    model = small(discrete=Labels(3), condition=2)
    model.build((None, 4))
    return model


def pairs(y):
    return tf.data.Dataset.from_tensor_slices((X, y)).batch(7)


def test_what_comes_beside_an_array_follows_its_rows():
    y = {"labels": LABELS, "condition": list(C), "target": None}
    rows = list(evaluation.numpy_batches(X, y, batch_size=15))
    assert [len(x) for x, _ in rows] == [15, 15, 10]
    np.testing.assert_array_equal(rows[1][1]["labels"], LABELS[15:30])
    np.testing.assert_array_equal(rows[2][1]["condition"], C[30:])
    assert rows[0][1]["target"] is None
    for x, found in evaluation.numpy_batches(pairs({"labels": LABELS})):
        assert len(x) == len(found["labels"]) and isinstance(found["labels"], np.ndarray)
    with pytest.raises(ValueError, match=r"`labels` must have one row for each of the 40.* 3 rows"):
        next(evaluation.numpy_batches(X, {"labels": LABELS[:3]}))
    with pytest.raises(ValueError, match="`y` must be None for a"):
        next(evaluation.numpy_batches(pairs(LABELS), LABELS))


def test_encodings(both):
    y = {"labels": LABELS, "condition": C}
    posterior = both.encode(X, y)
    for data, given in ((X, y), (pairs(y), None)):
        loc, scale = evaluation.posterior_moments(both, data, given)
        np.testing.assert_allclose(loc, posterior.mean(), atol=1e-6)
        np.testing.assert_allclose(scale, posterior.stddev(), atol=1e-6)
        np.testing.assert_allclose(
            evaluation.latents(both, data, given), posterior.mean(), atol=1e-6
        )
        np.testing.assert_allclose(
            evaluation.embeddings(both, data, given), both.embed(X, y), atol=1e-6
        )
        inputs = evaluation.decoder_inputs(both, data, given)
        expected = np.concatenate([both.embed(X, y), C], axis=1)
        np.testing.assert_allclose(inputs, expected, atol=1e-6)
    report = evaluation.posterior_report(both, X, y={"condition": C})
    np.testing.assert_allclose(report.variance_of_means, np.var(loc, axis=0), rtol=1e-5)
    with pytest.raises(ValueError, match="`y` must give 'condition'"):
        evaluation.posterior_report(both, X)
    with pytest.raises(ValueError, match="`y` must give 'labels'"):
        evaluation.embeddings(both, X, {"condition": C})


def test_log_likelihood(labelled):
    report = evaluation.log_likelihood(labelled, X, 7, y=LABELS)
    np.testing.assert_array_equal(report.values, labelled.log_likelihood(X, 7, y=LABELS))
    assert report.to_dict()["log p(x|labels)"] == pytest.approx(report.mean)
    of_pairs = evaluation.log_likelihood(labelled, pairs(LABELS).unbatch().batch(512), 7)
    np.testing.assert_allclose(of_pairs.values, report.values, rtol=1e-6)
    with pytest.raises(ValueError, match="`y` must give 'labels'"):
        evaluation.log_likelihood(labelled, X, 7)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({}, "log p(x)"),
        ({"condition": 2}, "log p(x|condition)"),
        ({"discrete": Labels(3, unknown=-1)}, "log p(x, labels)"),
        ({"target": "y", "condition": 2}, "log p(target|x, condition)"),
    ],
)
def test_the_report_says_what_is_estimated(arguments, name):
    y = {"labels": LABELS, "condition": C, "target": X}
    y = {name: values[:3] for name, values in y.items()}
    report = evaluation.log_likelihood(small(**arguments), X[:3], 2, y=y)
    assert name in report.to_dict()


def scaling_model(discrete):
    """f(z, d, c) = (d·(1, 2, 4)) (z_1, e^c z_2) on four features, and z(x) = (x_1, x_2)."""

    def outputs(inputs):
        z, d, c = inputs[:, :2], inputs[:, 2:5], inputs[:, 5:6]
        factor = keras.ops.matmul(d, np.float32([[1.0], [2.0], [4.0]]))
        bent = keras.ops.concatenate([z[:, :1], keras.ops.exp(c) * z[:, 1:]], axis=-1)
        return keras.ops.concatenate([factor * bent, 0.0 * z], axis=-1)

    model = tfvae.VAE(
        2,
        encoder=keras.layers.Lambda(lambda inputs: inputs),
        decoder=keras.layers.Lambda(outputs),
        discrete=discrete,
        condition=2,
        seed=0,
    )
    model.build((None, 4))
    return model


@pytest.mark.parametrize("discrete", [Labels(3), GumbelSoftmax(3)])
def test_flatness_holds_category_and_condition(discrete):
    model = scaling_model(discrete)
    y = {"labels": LABELS, "condition": C}
    report = evaluation.flatness(model, X, y=y, num_points=N, num_pairs=6, seed=3)
    # The draws of the report, in their order.
    rng = np.random.default_rng(3)
    chosen = rng.permutation(N)
    first, _ = random_pairs(rng, N, N)
    d = model.embed(X, y).numpy()[:, 2:] @ [1.0, 2.0, 4.0]
    for rows, where in ((chosen, "encoded"), (first, "between")):
        stretch = np.exp(2.0 * np.abs(C[rows, 0]))  # G = factor² diag(1, e^{2c}).
        np.testing.assert_allclose(getattr(report, f"condition_{where}"), stretch, rtol=1e-3)
        factors = d[rows] ** 2 * np.exp(C[rows, 0])
        expected = factors / factors.mean()
        np.testing.assert_allclose(getattr(report, f"magnification_{where}"), expected, rtol=1e-3)
    # For each pair the metric is constant.
    np.testing.assert_allclose(report.ratios, 1.0, atol=1e-3)
    with pytest.raises(ValueError, match=r"`y` must give 'condition'|'labels' and 'condition'"):
        evaluation.flatness(model, X)


def test_disentanglement(both):
    factors = {"kind": RNG.integers(2, size=N), "shape": LABELS}
    y = {"labels": LABELS, "condition": C}
    report = evaluation.disentanglement(both, X, factors=factors, y=y, seed=2)
    expected = evaluation.mig(both.encode(X, y).mean().numpy(), factors, categories=LABELS[:, None])
    assert report.mig == pytest.approx(expected, rel=1e-6)
    assert report.accuracies["d_0", "shape"].one_to_one == 1.0
    # A dataset gives all by name, and what the model needs is no factor.
    of_pairs = evaluation.disentanglement(both, pairs({**factors, **y}), seed=2)
    assert of_pairs.factors == ("kind", "shape")
    assert of_pairs.mig == pytest.approx(report.mig, rel=1e-6)
    with pytest.raises(ValueError, match=r"`y` must have the keys 'labels' and 'cond.*'kind'"):
        evaluation.disentanglement(both, pairs(factors))
    with pytest.raises(ValueError, match="`y` must be None for a dataset"):
        evaluation.disentanglement(both, pairs({**factors, **y}), y=y)


def test_equivariance_of_a_conditional_model_with_a_target():
    x = RNG.uniform(size=(5, 4, 3)).astype("float32")
    y = {"condition": C[:5], "target": RNG.uniform(size=(5, 4, 3)).astype("float32")}
    mlp = tfvae.networks.mlp
    model = tfvae.SequenceVAE(8, mlp([8]), mlp([8], (3,)), condition=2, target="y", seed=0)
    model.build(((None, 4, 3), {"target": (None, 4, 3)}))
    report = evaluation.equivariance(model, x, y=y, steps=1)
    capsules = model.capsules(x, y)
    expected = evaluation.equivariance_error(capsules)
    assert report.errors_of_means.mean() == pytest.approx(expected, rel=1e-5)
    drawn = evaluation.equivariance_error(model.sample_capsules(x, y, seed=0))
    assert report.errors_of_samples.mean() == pytest.approx(drawn, rel=1e-5)
    later = np.roll(y["target"], -1, axis=1)
    for name, expected in (
        ("rolled", (later - model.roll(x, 1, y)) ** 2),
        ("copied", (later - y["target"]) ** 2),
        ("reconstructed", (y["target"] - model.predict(x, {"condition": C[:5]}, verbose=0)) ** 2),
    ):
        np.testing.assert_allclose(getattr(report, name), expected.mean(axis=(1, 2)), rtol=1e-4)
    factors = {**y, "angle": np.tile(np.arange(4), [5, 1])}
    data = tf.data.Dataset.from_tensor_slices((x, factors)).batch(2)
    of_pairs = evaluation.equivariance(model, data, steps=1)
    np.testing.assert_allclose(of_pairs.rolled, report.rolled, rtol=1e-5)
    assert list(of_pairs.correlations) == ["angle"]
