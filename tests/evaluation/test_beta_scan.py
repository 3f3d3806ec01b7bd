"""β scans: against the closed form of a linear model, processes, files and bad input."""

import json
import sys

import keras
import numpy as np
import pytest

import tfvae
from tfvae.evaluation import beta_scan

X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
SCALE = 0.7
# One feature, of mean 0 and variance 0.49 exactly.
LINE = np.linspace(-1.0, 1.0, 64)[:, np.newaxis]
LINE = np.tile(SCALE * LINE / LINE.std(), (20, 1)).astype("float32")


def small(beta):
    networks = tfvae.networks.mlp([8]), tfvae.networks.mlp([8], (3,))
    return tfvae.BetaVAE(2, beta, encoder=networks[0], decoder=networks[1], seed=0)


def linear(beta):
    """μ = a x + b, x̂ = w z + c, in the convex form."""
    model = tfvae.BetaVAE(
        1,
        objective=tfvae.objectives.ConvexBeta(beta),
        encoder=keras.Sequential([keras.layers.Flatten()]),
        decoder=keras.Sequential([keras.layers.Dense(1)]),
        seed=0,
    )
    rate = keras.optimizers.schedules.CosineDecay(0.03, 400)
    model.compile(keras.optimizers.Adam(rate))
    return model


def test_convex_form_of_a_linear_model_against_its_closed_form():
    """(1 − β)·E(x − x̂)² + β·R is β times the −ELBO of probabilistic PCA of the noise variance
    v = β/(2(1 − β)), but for constants: w² = s² − v, posterior variance v/s², where v < s²."""
    betas = [0.0, 0.1, 0.3, 1.0]
    scan = beta_scan(linear, LINE, betas, epochs=20, batch_size=64, verbose=0)
    noise = np.array([0.0, 0.1 / 1.8, 0.3 / 1.4, np.inf])
    variance = np.minimum(1.0, noise / SCALE**2)
    np.testing.assert_allclose(scan.variance, variance, atol=0.02)
    assert scan.variance[0] < 1e-2 and scan.rate[0] > 2.0
    np.testing.assert_allclose(scan.mean_square[1:], 1.0 - variance[1:], atol=0.02)
    np.testing.assert_allclose(scan.mean[1:], 0.0, atol=0.02)
    np.testing.assert_allclose(scan.rate[1:], -0.5 * np.log(variance[1:]), atol=0.03)
    # E(x − x̂)² = v for v < s²; nothing is told of x at β = 1, where the decoder is not trained.
    np.testing.assert_allclose(scan.error[1:3], np.sqrt(noise[1:3]), rtol=0.15)
    assert scan.error[0] < 0.1


def test_numbers_are_those_of_the_trained_models():
    kept = {}

    def factory(beta):
        kept[beta] = small(beta)
        return kept[beta]

    scan = beta_scan(factory, X, [2.0, 0.5], test_data=X[:20], epochs=2, verbose=0)
    assert scan.beta.tolist() == [0.5, 2.0]
    for row, beta in enumerate(scan.beta):
        terms = kept[beta].evaluate(X[:20], verbose=0)
        loc, scale = kept[beta].posterior_moments(X[:20])
        found = [scan.distortion, scan.rate, scan.error, scan.mean, scan.mean_square, scan.variance]
        expected = [
            *(terms[name] for name in ("distortion", "rate", "constraint")),
            *(np.mean(one) for one in (loc, loc**2, scale**2)),
        ]
        np.testing.assert_allclose([one[row] for one in found], expected, rtol=1e-5)


def test_same_numbers_whatever_the_global_random_state():
    keras.utils.set_random_seed(1)
    first = beta_scan(small, X, [0.5], epochs=2, verbose=0)
    keras.utils.set_random_seed(2)
    second = beta_scan(small, X, [0.5], epochs=2, verbose=0)
    other = beta_scan(small, X, [0.5], epochs=2, seed=1, verbose=0)
    for name, values in first.columns.items():
        np.testing.assert_array_equal(second.columns[name], values)
    assert np.all(other.rate != first.rate)


@pytest.fixture
def trained(monkeypatch):
    """The β of all models that would have been trained, in order; their numbers are made up."""
    betas = []

    def run(factory, beta, **settings):
        betas.append(beta)
        names = ("mean", "mean_square", "variance", "distortion", "rate", "error")
        return beta, {"beta": beta, **dict.fromkeys(names, beta + len(betas) / 100.0)}

    monkeypatch.setattr(sys.modules[beta_scan.__module__], "_run", run)
    return betas


def test_finished_models_are_not_trained_again(trained, tmp_path):
    path = tmp_path / "deep" / "scan.jsonl"
    options = {"epochs": 1, "path": path, "verbose": 0}
    first = beta_scan(small, X, [2.0, 0.5], **options)
    with open(path, "a") as file:
        file.write('{"key": {"beta": 4.0')  # A process was killed while it wrote.
    again = beta_scan(small, X, [4.0, 0.5, 2.0], **options)
    assert trained == [0.5, 2.0, 4.0]
    np.testing.assert_array_equal(again.rate[:2], first.rate)
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}}")]
    assert [line["run"]["beta"] for line in lines] == [0.5, 2.0, 4.0]
    for changed in ({"epochs": 2}, {"batch_size": 32}, {"seed": 1}, {"test_data": X[:9]}):
        beta_scan(small, X, [0.5], **{**options, **changed})
    beta_scan(small, X + 1.0, [0.5], **options)
    beta_scan(lambda beta: tfvae.BetaVAE(1, beta, seed=0), X, [0.5], **options)
    assert trained == [0.5, 2.0, 4.0] + 6 * [0.5]


def test_an_interrupted_scan_keeps_what_is_finished(trained, tmp_path, monkeypatch):
    module, path = sys.modules[beta_scan.__module__], tmp_path / "scan.jsonl"
    run = module._run

    def interrupted(factory, beta, **settings):
        if beta > 1.0 and len(trained) == 1:
            raise KeyboardInterrupt
        return run(factory, beta, **settings)

    monkeypatch.setattr(module, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        beta_scan(small, X, [0.5, 2.0], path=path, verbose=0)
    monkeypatch.setattr(module, "_run", run)
    beta_scan(small, X, [0.5, 2.0], path=path, verbose=0)
    assert trained == [0.5, 2.0]


def test_what_comes_beside_x_and_a_failure_that_tells_its_beta():
    labels = np.arange(64) % 3

    def labelled(beta):
        return tfvae.BetaVAE(2, beta, discrete=tfvae.discrete.Labels(3), seed=0)

    scan = beta_scan(labelled, X, [1.0], y=labels, epochs=1, verbose=0)
    assert np.isfinite(scan.distortion[0])
    with pytest.raises(ValueError, match="labels") as caught:
        beta_scan(labelled, X, [3.0], epochs=1, verbose=0)
    assert caught.value.__notes__ == ["This happened at β = 3."]


@pytest.mark.slow
def test_processes_give_the_same_numbers(tmp_path):
    options = {"epochs": 2, "verbose": 0}
    alone = beta_scan(small, X, [0.5, 1.0, 2.0], **options)
    together = beta_scan(
        lambda beta: small(beta), X, [0.5, 1.0, 2.0], processes=2, path=tmp_path / "a", **options
    )
    for name, values in alone.columns.items():
        np.testing.assert_allclose(together.columns[name], values, rtol=1e-4, atol=1e-6)
    assert len((tmp_path / "a").read_text().split()) > 3


def test_report_prints_a_row_for_each_beta(trained):
    scan = beta_scan(small, X, [0.5, 2.0], verbose=0)
    text = str(scan).splitlines()
    assert text[0] == "β scan" and len(text) == 5
    assert "error [RMSE per feature]" in text[1] and "| 0.5 " in text[3]
    assert scan.to_dict()["rate at β = 0.5"] == pytest.approx(scan.rate[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"betas": []}, "`betas` must be one number or more"),
        ({"betas": [1.0, 1.0]}, "each once"),
        ({"betas": "1.0"}, "`betas` must be one number or more"),
        ({"betas": [-1.0]}, "`betas` must lie in"),
        ({"betas": [np.nan]}, "`betas` must lie in"),
        ({"data": X[:0]}, "with n ≥ 1"),
        ({"data": X[:, 0]}, r"needs an axis: data\[:, None\]"),
        ({"data": iter([X])}, "`data` must be an array or a table"),
        ({"test_data": X[:, 0]}, "`test_data` must have the shape"),
        ({"epochs": 0}, "`epochs` must be a whole number"),
        ({"processes": 0}, "`processes` must be a whole number"),
        ({"factory": lambda beta: None}, "`factory` must return a new model .*received None"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        beta_scan(**{"factory": small, "data": X, "betas": [1.0], "verbose": 0, **options})


def test_a_factory_that_returns_a_trained_model_is_refused():
    model = small(1.0)
    model.build(X.shape)
    with pytest.raises(ValueError, match="received one that is built"):
        beta_scan(lambda beta: model, X, [1.0], verbose=0)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"rate": 2', '"rate": 3'), ('"rate"', '"rote"'), ('"run": {', '"run": {}, "x": {')],
)
def test_a_line_that_is_not_as_it_was_written_is_no_finished_model(trained, tmp_path, old, new):
    path = tmp_path / "scan.jsonl"
    first = beta_scan(small, X, [2.0], path=path, verbose=0)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    again = beta_scan(small, X, [2.0], path=path, verbose=0)
    assert trained == [2.0, 2.0] and again.rate.shape == first.rate.shape


def test_nothing_is_appended_to_a_file_of_another_kind(trained, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    for wrong, message in (
        (path, "holds something else"),
        (tmp_path, "is a folder"),
        (path / "scan.jsonl", "is no folder"),
    ):
        with pytest.raises(ValueError, match=message):
            beta_scan(small, X, [2.0], path=wrong, verbose=0)
    assert path.read_text() == "a,b\n1,2\n" and trained == []


def test_what_stands_beside_the_data_has_a_row_for_each_example(trained):
    with pytest.raises(ValueError, match="`y` must have one row for each of the"):
        beta_scan(small, X, [2.0], y=np.zeros(3))
    with pytest.raises(ValueError, match="`factory` must be a function of β"):
        beta_scan(3, X, [2.0])
    assert trained == []
