"""The benchmark of the defaults: its arithmetic, its file of finished runs, and its verdict."""

import json

import numpy as np
import pytest
import scipy.stats

import tfvae
from benchmarks import common, defaults


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr(defaults, "PRIOR_SAMPLES", 20)
    monkeypatch.setattr(defaults, "IMPORTANCE_SAMPLES", 16)


@pytest.fixture(scope="module")
def data():
    x = np.random.default_rng(0).normal(size=(60, 2)) @ np.random.default_rng(1).normal(size=(2, 4))
    return x[:40].astype("float32"), x[40:].astype("float32")


def test_standard_errors_are_those_of_scipy():
    values = np.random.default_rng(0).normal(size=(3, 50))
    of_examples, of_seeds = defaults.standard_errors(values)
    assert of_examples == pytest.approx(scipy.stats.sem(values.mean(axis=0)))
    assert of_seeds == pytest.approx(scipy.stats.sem(values.mean(axis=1)))
    assert defaults.standard_errors(values[:1])[1] == 0.0


def test_a_difference_is_paired():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(1, 40)) * 10.0
    second = first + 0.1 + 0.2 * rng.normal(size=(1, 40))
    mean, number = defaults.difference(first, second)
    assert mean == pytest.approx(np.mean(first - second))
    assert number == pytest.approx(scipy.stats.ttest_rel(first[0], second[0]).statistic)
    assert defaults.difference(first, first) == (0.0, 0.0)
    assert defaults.difference(first, first + 1.0)[1] < -1e6


def test_terms_are_those_of_the_model(data):
    vae = tfvae.VAE(2, seed=0)
    vae.build((None, 4))
    vae.compile("adam")
    x = np.tile(data[0], (5, 1))
    elbo, error = defaults.terms(vae, x)
    weights = np.asarray(vae.log_weights(x, 400, seed=3))
    assert elbo.shape == (200,)
    assert elbo.mean() == pytest.approx(weights.mean(), abs=0.3)
    logs = vae.evaluate(x, verbose=0)
    assert error == pytest.approx(logs["constraint"], rel=0.05)


def made_up(gap=0.0, gain=1.0, ratio=0.9, failed=False):
    """Results of one data set: VHP-VAE `gap` above the VAE, all models better by `gain` if long."""
    elbo = np.random.default_rng(0).normal(size=30)

    def numbers(shift, kappa):
        one = dict.fromkeys(("error_test", "divergence", "share", "seconds"), 1.0)
        return [{**one, "elbo": list(elbo + shift), "kappa": kappa, "error_train": ratio}] * 2

    results = {}
    for length, add in (("short", 0.0), ("long", gain)):
        results["VAE", length] = numbers(add, None)
        for model in defaults.CONSTRAINED:
            results[model, length] = numbers(gap + add, 1.0)
    if failed:
        results["VHP-FMVAE", "long"] = [{"failed": "NaN"}] * 2
    return {"made up": results}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, ""),
        ({"gap": 1.0, "gain": 0.0, "ratio": 1.0}, ""),
        ({"gap": -1.0}, "a"),
        ({"gain": -1.0}, "b"),
        ({"ratio": 1.1}, "c"),
        ({"failed": True}, "bc"),
    ],
)
def test_the_verdict_names_what_fails(changes, failing, capsys):
    found = defaults.verdicts(made_up(**changes))
    assert [len(looked) for looked in found.values()] == [2, 2, 4]
    wrong = {text[1] for text, looked in found.items() if not all(ok for *_, ok in looked)}
    assert wrong == set(failing)
    assert defaults.say(found) is not bool(failing)
    assert capsys.readouterr().out.count("FAILS") == len(failing)


def test_what_was_not_measured_does_not_hold(capsys):
    results = made_up()["made up"]
    alone = {key: runs for key, runs in results.items() if key[0] == "VHP-VAE"}
    assert not defaults.say(defaults.verdicts({"made up": alone}))
    assert "(a) held-out ELBO of VHP-VAE" in capsys.readouterr().out.split(": not measured")[0]


def test_rows_hold_differences_where_there_are_any():
    results = made_up(gap=2.0, gain=3.0)["made up"]
    short, long = (defaults.row(results, "VHP-VAE", length) for length in ("short", "long"))
    assert short["minus VAE"] == pytest.approx(2.0) and short["long − short"] is None
    assert long["long − short"] == pytest.approx(3.0) and long["κ"] == 1.0
    assert defaults.row(results, "VAE", "long")["minus VAE"] is None
    failed = made_up(failed=True)["made up"]
    assert set(defaults.row(failed, "VHP-FMVAE", "long").values()) == {None}


def test_finished_runs_are_kept_and_damaged_lines_left_out(tmp_path):
    path = tmp_path / "sub" / "runs.jsonl"
    kept = common.Finished(path)
    kept.add({"a": 1, "b": "κ"}, {"n": 1.5})
    with open(path, "a") as file:
        file.write('{"key": {"a": 2}, "ru')
    common.Finished(path).add({"a": 3}, {"n": 3})
    again = common.Finished(path)
    assert again.get({"b": "κ", "a": 1}) == {"n": 1.5}
    assert again.get({"a": 2}) is None
    assert again.get({"a": 3}) == {"n": 3}


def test_a_run_is_measured_once(data, tmp_path, monkeypatch, capsys):
    settings = {
        "latent_dim": 2,
        "batch_size": 20,
        "steps": 2,
        "models": ("VHP-VAE",),
        "seeds": (5,),
    }
    path = tmp_path / "runs.jsonl"
    first = defaults.run("toy", *data, finished=common.Finished(path), **settings)
    assert set(first) == {("VHP-VAE", "short"), ("VHP-VAE", "long")}
    (long,) = first["VHP-VAE", "long"]
    assert len(long["elbo"]) == 20 and long["kappa"] > 0 and 0 <= long["share"] <= 1
    assert json.loads(path.read_text().splitlines()[-1])["key"]["epochs"] == 3
    assert "toy, VHP-VAE, seed 5, 1 epochs: short: ELBO" in capsys.readouterr().out

    def refuse(*args):
        raise AssertionError("trained again")

    monkeypatch.setattr(defaults, "trained", refuse)
    assert defaults.run("toy", *data, finished=common.Finished(path), **settings) == first
    for changed in ({"steps": 4}, {"seeds": (6,)}, {"likelihood": "bernoulli"}):
        with pytest.raises(AssertionError, match="trained again"):
            defaults.run("toy", *data, finished=common.Finished(path), **{**settings, **changed})
    with pytest.raises(AssertionError, match="trained again"):
        defaults.run("toy", data[0] + 1, data[1], finished=common.Finished(path), **settings)


def test_own_arrays_by_the_command_line(data, tmp_path, monkeypatch, capsys):
    # What a run gives is made up: the command line and the report are tried here.
    made = made_up()["made up"]
    asked = []

    def run(name, train, test, **settings):
        asked.append((name, train.shape, test.shape, settings))
        return made

    monkeypatch.setattr(defaults, "run", run)
    file = tmp_path / "toy.npz"
    np.savez(file, x_train=data[0], x_test=data[1])
    options = [f"--data={file}", "--latent-dim=3", "--seeds=1", f"--json={tmp_path / 'out.json'}"]
    assert defaults.main(options) == 0
    ((name, train, test, settings),) = asked
    assert (name, train, test) == ("toy", (40, 4), (20, 4))
    assert settings["latent_dim"] == 3 and settings["likelihood"] == "gaussian"
    out = capsys.readouterr().out
    assert "toy: VHP-FMVAE, long" in out and out.count("holds in all") == 3
    assert len(json.loads((tmp_path / "out.json").read_text())["rows"]) == 6
    made.update(made_up(gap=-1.0)["made up"])
    assert defaults.main(options) == 1
    np.savez(file, x=data[0])
    with pytest.raises(ValueError, match="must be x_train and x_test"):
        defaults.main(options)


def test_a_folder_that_is_missing_is_named(capsys):
    with pytest.raises(SystemExit):
        defaults.main(["--folder=nowhere", "--only=mnist"])
    assert "received 'nowhere', which does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("digits", ((1437, 8, 8, 1), (360, 8, 8, 1))),
        ("breast cancer", ((456, 30), (113, 30))),
        ("wine", ((143, 13), (35, 13))),
        ("sequences of sprites", ((480, 8, 16, 16, 1), (120, 8, 16, 16, 1))),
    ],
)
def test_data_without_files(name, shapes):
    load, settings = defaults.DATASETS[name]
    train, test = load(None)
    assert (train.shape, test.shape) == shapes
    if settings is defaults.TABLE:
        np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-5)
    else:
        assert train.min() == 0 and train.max() == 1
    if name != "digits":  # Some of the real digits are there twice.
        assert not {row.tobytes() for row in train} & {row.tobytes() for row in test}
