"""Sweeps: what is run, by whom, and that nothing is run twice or forgotten.

Runs are a function of their config here, except in the slow tests.
"""

import json
import multiprocessing
import os
import signal
import sqlite3
import threading
import time

import pytest

from tfvae.callbacks._lock import FolderLock
from tfvae.experiments import UserError, load_config, sweeps
from tfvae.experiments.sweeps import Sweep, drawing, study, sweep

pytest.importorskip("optuna")
# What it says of `ask`, with which tests claim runs for workers that then end.
pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage")

CONFIGS = ["vae:digits", "vhp_vae:digits"]
GRID = {"model.latent_dim": [2, 4]}
PLAN = Sweep(CONFIGS, GRID, seeds=[0, 1], keys={"epochs": 1})
UNITS = {"ELBO": "nats", "rate": "nats", "distortion": "nats", "constraint": "RMSE per feature"}
KL = "KL(aggregated posterior ‖ prior)"


def numbers(config):
    """A report that depends on the config."""
    elbo = -10.0 * config.model.latent_dim - config.seed - (config.model.name == "VAE")
    rate = float(config.model.latent_dim)
    own = {"ELBO": elbo, "rate": rate, "distortion": -elbo - rate, "constraint": 1 / rate}
    units = {**UNITS, "log-likelihood": "nats, 5 examples", KL: "nats", "κ reached": ""}
    return {**own, "log-likelihood": elbo + 1, KL: rate / 9, "κ reached": "yes"}, units


@pytest.fixture
def ran(monkeypatch):
    """Names of the runs, in their order; runs are a function of the config."""
    names = []

    def run(chosen, folder, log):
        names.append(chosen.name)
        return numbers(chosen.config)

    monkeypatch.setattr(study, "_logged_run", run)
    monkeypatch.setattr(study, "_POLL", 0.01)
    monkeypatch.setattr(drawing, "write", lambda *_: None)
    return names


def tables_of(folder):
    files = ("table.csv", "table.md", "table.tex")
    return {name: (folder / name).read_text() for name in files}


def test_trials():
    trials = PLAN.trials()
    assert len(trials) == 8 and len({trial.name for trial in trials}) == 8
    first = trials[0]
    assert first.name == "vae-digits_model.latent_dim=2_seed=0"
    assert (first.label, first.settings, first.seed) == ("vae:digits", {"model.latent_dim": 2}, 0)
    assert first.config.model.latent_dim == 2 and first.config.epochs == 1
    assert trials[-1].config.seed == 1 and trials[-1].config.model.name == "VHPVAE"


def test_texts_and_values_are_the_same_trials():
    values = {"model.encoder.hidden": [[32, 16], [64]], "data.cache": [True, False]}
    texts = {"model.encoder.hidden": sweeps.split("(32,16),(64,)"), "data.cache": ["true", "false"]}
    by_value, by_text = (Sweep(["vae:digits"], grid).trials() for grid in (values, texts))
    assert [one.name for one in by_value] == [one.name for one in by_text]
    assert by_text[0].config.model.encoder.hidden == (32, 16)
    assert by_text[-1].config.model.encoder.hidden == (64,) and not by_text[-1].config.data.cache
    assert "model.encoder.hidden=32x16" in by_text[0].name


def test_a_key_that_one_config_lacks_is_set_in_the_others():
    plan = Sweep(CONFIGS, {"model.objective.kappa": [0.1, 0.2]}, keys={"model.prior.hidden": "8"})
    settings = [trial.settings for trial in plan.trials()]
    assert settings == [{}, {"model.objective.kappa": 0.1}, {"model.objective.kappa": 0.2}]
    assert plan.bases()["vhp_vae:digits"].model.prior.hidden == (8,)


def test_names_of_folders():
    long = Sweep(["vae:digits"], {"model.encoder.hidden": [[7] * 120, [7] * 121]}).trials()
    assert all(len(trial.name) < 200 for trial in long) and long[0].name != long[1].name
    assert all(c not in trial.name for trial in PLAN.trials() for c in ":/\\ ()'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"configs": []}, "--configs must be a list with at least one"),
        ({"configs": "vae:digits"}, "--configs must be a list"),
        ({"configs": ["vae:digit"]}, "Did you mean 'digits'"),
        ({"configs": ["vae:digits"] * 2}, "received 'vae:digits' twice"),
        ({"grid": {"model.latent_dimm": [1]}}, "Nearest: model.latent_dim"),
        ({"grid": {"model.latent_dim": ["many"]}}, "must be a whole number, such as"),
        ({"grid": {"model.latent_dim": ["1_0"]}}, "must be in the digits 0 to 9"),
        ({"grid": {"model.latent_dim": []}}, "--grid.model.latent_dim must be a list"),
        ({"grid": {"model.latent_dim": [2, 2]}}, "received 2 twice"),
        ({"grid": {"model.latent_dim": [2, "2"]}}, "must have different values"),
        ({"grid": {"model": [2]}}, "is a group of keys"),
        ({"grid": {"seed": [2]}}, "--seeds gives the seeds"),
        ({"keys": {"model.latent_dim": 2}}, "exclude each other"),
        ({"keys": {"epohcs": 2}}, "Nearest: epochs"),
        ({"seeds": [0.5]}, "--seeds must be whole numbers"),
        ({"seeds": [1, 1]}, "received 1 twice"),
        ({"tradeoff": ["rate"]}, "--tradeoff must be two metrics"),
    ],
)
def test_bad_plans(arguments, message):
    with pytest.raises(UserError, match=message):
        Sweep(**{"configs": CONFIGS, "grid": GRID, **arguments}).trials()


@pytest.mark.parametrize("text", ["", "2,,4", "(2,4", "2,4)", "((2,4))", ",2"])
def test_lists_that_are_none(text):
    with pytest.raises(UserError, match="A list must be values"):
        sweeps.split(text)


def test_every_trial_is_run_once(ran, tmp_path, capsys):
    table = sweep(PLAN, tmp_path, workers=0)
    names = [trial.name for trial in PLAN.trials()]
    assert sorted(ran) == sorted(names)
    said = capsys.readouterr().out
    assert said.startswith("8 runs.\n[1/8] ") and "; 0 left" in said
    assert len([line for line in said.splitlines() if "left" in line]) == 8
    assert len(table.rows) == 4 and {row.n for row in table.rows} == {2}
    again = sweep(PLAN, tmp_path, workers=0)
    assert len(ran) == 8 and str(again) == str(table)
    assert "8 runs, 8 of them have ended before." in capsys.readouterr().out
    assert not (tmp_path / "workers").exists()


def test_a_larger_grid_adds_trials_and_a_smaller_one_hides_some(ran, tmp_path):
    sweep(PLAN, tmp_path, workers=0)
    more = Sweep(CONFIGS, {"model.latent_dim": [2, 4, 8]}, seeds=[0, 1, 2], keys={"epochs": 1})
    table = sweep(more, tmp_path, workers=0)
    assert len(ran) == 18 == len(set(ran)) and len(table.rows) == 6
    fewer = sweep(
        Sweep(CONFIGS, {"model.latent_dim": [8]}, keys={"epochs": 1}), tmp_path, workers=0
    )
    assert len(ran) == 18 and [row.n for row in fewer.rows] == [1, 1]


def test_another_config_is_refused(ran, tmp_path):
    sweep(PLAN, tmp_path, workers=0)
    other = Sweep(CONFIGS, GRID, seeds=[0, 1], keys={"epochs": 2, "data.path": "elsewhere"})
    with pytest.raises(
        UserError, match=r"vae:digits with other values:\n  epochs: 1 before, now 2"
    ):
        sweep(other, tmp_path, workers=0)
    moved = Sweep(CONFIGS, GRID, seeds=[0, 1], keys={"epochs": 1, "data.path": "elsewhere"})
    sweep(moved, tmp_path, workers=0)
    assert len(ran) == 8


def failing(monkeypatch, error):
    """Lets the run of one setting fail."""
    calls = []

    def run(chosen, folder, log):
        calls.append(chosen.name)
        if chosen.config.model.latent_dim == 4 and chosen.config.seed == 1:
            raise error
        return numbers(chosen.config)

    monkeypatch.setattr(study, "_logged_run", run)
    return calls


def test_a_failed_run_is_told_and_does_not_end_the_sweep(ran, tmp_path, monkeypatch, capsys):
    calls = failing(monkeypatch, ValueError("NaN in 5% of x_1\nand more"))
    table = sweep(PLAN, tmp_path, workers=0)
    assert "latent_dim=4_seed=1: failed: ValueError: NaN in 5% of x_1;" in capsys.readouterr().out
    assert [row.n for row in table.rows] == [2, 2, 1, 1]
    assert table.rows[-1].errors == ("ValueError: NaN in 5% of x_1",)
    assert "Failed, vae:digits, latent dim 4: ValueError: NaN in 5% of x_1." in str(table)
    assert r"NaN in 5\% of x\_1" in tables_of(tmp_path)["table.tex"]
    assert "ValueError: NaN in 5% of x_1" in (tmp_path / "results.csv").read_text()
    sweep(PLAN, tmp_path, workers=0)
    assert len(calls) == 8
    monkeypatch.setattr(study, "_logged_run", lambda chosen, *_: numbers(chosen.config))
    table = sweep(PLAN, tmp_path, workers=0, retry_failed=True)
    assert [row.n for row in table.rows] == [2, 2, 2, 2]


def test_a_number_that_is_none_has_failed(tmp_path, monkeypatch):
    class Line(tuple):
        name, value, unit = "ELBO", float("nan"), "nats"

    from tfvae.experiments import training

    monkeypatch.setattr(training, "run", lambda *_: (None, [Line()]))
    table = sweep(Sweep(["vae:digits"]), tmp_path, workers=0)
    assert table.rows[0].n == 0
    assert table.rows[0].errors == ("ValueError: the ELBO of the test data is nan",)
    assert (tmp_path / "table.md").exists() and not (tmp_path / "figures").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_interrupted_runs_go_on(ran, tmp_path, monkeypatch, error):
    calls = failing(monkeypatch, error)
    with pytest.raises(type(error)):
        sweep(PLAN, tmp_path, workers=0)
    assert calls[-1].endswith("latent_dim=4_seed=1") and len(calls) == 4
    monkeypatch.setattr(
        study, "_logged_run", lambda c, *_: (ran.append(c.name), numbers(c.config))[1]
    )
    table = sweep(PLAN, tmp_path, workers=0)
    assert len(ran) == 5 and [row.n for row in table.rows] == [2] * 4


def claimed_by_a_dead_worker(state, name):
    """A run whose worker has ended: its lock is free."""
    state.add_missing([name])
    trial = state._study.ask()
    assert trial.user_attrs["name"] == name
    trial.set_user_attr("worker", "gone")
    (state.workdir / "workers" / "gone").mkdir(parents=True, exist_ok=True)


def test_a_dead_worker_s_run_is_taken_up_at_once(ran, tmp_path):
    state = study.SweepStudy(tmp_path)
    names = [trial.name for trial in PLAN.trials()]
    claimed_by_a_dead_worker(state, names[0])
    assert state.number_running(names) == 1 and state.outcomes(names) == {}
    begin = time.monotonic()
    table = sweep(PLAN, tmp_path, workers=0)
    assert time.monotonic() - begin < study.GRACE / 2
    assert sorted(ran) == sorted(names) and {row.n for row in table.rows} == {2}


def test_a_run_that_ends_each_worker_is_told(ran, tmp_path):
    """As one does that needs more memory than there is."""
    state = study.SweepStudy(tmp_path)
    name = PLAN.trials()[0].name
    for _ in range(study.ATTEMPTS):
        assert state.outcomes([name]) == {}
        claimed_by_a_dead_worker(state, name)
        state.release_dead()
        assert state.number_running([name]) == 0
    assert "ended its worker 3 times" in state.outcomes([name])[name].error
    sweep(PLAN, tmp_path, workers=0)
    assert len(ran) == 7 and name not in ran
    sweep(PLAN, tmp_path, workers=0, retry_failed=True)
    assert ran[-1] == name


def test_a_silent_worker_elsewhere_loses_its_run(ran, tmp_path, monkeypatch):
    """Its lock is on another machine's disk: only its heartbeat tells."""
    monkeypatch.setattr(study, "GRACE", 1)
    state = study.SweepStudy(tmp_path)
    name = PLAN.trials()[0].name
    state.add_missing([name])
    trial = state._study.ask()
    trial.set_user_attr("worker", "elsewhere")
    state._study._storage.record_heartbeat(trial._trial_id)
    state.release_dead()
    assert state.number_running([name]) == 1
    time.sleep(2.5)
    state.release_dead()
    assert state.number_running([name]) == 0
    state.work(PLAN.trials()[:1])
    assert ran == [name]


def test_a_worker_that_lives_keeps_its_run(ran, tmp_path, monkeypatch):
    """Two workers in one process: the second waits for the first one's run, and takes the rest."""
    begun, go_on = threading.Event(), threading.Event()

    def run(chosen, folder, log):
        ran.append(chosen.name)
        if not begun.is_set():
            begun.set()
            assert go_on.wait(60)
        return numbers(chosen.config)

    monkeypatch.setattr(study, "_logged_run", run)
    plan = Sweep(["vae:digits"], GRID, seeds=[0, 1])
    first, second = study.SweepStudy(tmp_path), study.SweepStudy(tmp_path)
    slow = threading.Thread(target=first.work, args=(plan.trials(),))
    slow.start()
    assert begun.wait(60)
    other = threading.Thread(target=second.work, args=(plan.trials(),))
    other.start()
    names = [trial.name for trial in plan.trials()]
    until = time.monotonic() + 60
    while len(second.outcomes(names)) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(second.outcomes(names)) == 3 and other.is_alive()
    go_on.set()
    slow.join(60)
    other.join(60)
    assert not slow.is_alive() and not other.is_alive()
    assert sorted(ran) == sorted(names)


def test_a_trial_that_waits_twice_is_run_once(ran, tmp_path):
    """Two machines may add the same trial at the same time."""
    state = study.SweepStudy(tmp_path)
    names = [trial.name for trial in PLAN.trials()]
    for name in names * 2:
        state._study.enqueue_trial({}, user_attrs={"name": name})
    state.work(PLAN.trials())
    assert sorted(ran) == sorted(names)


def test_a_folder_that_another_process_uses_is_left_alone(ran, tmp_path):
    name = PLAN.trials()[0].name
    lock = FolderLock(tmp_path / name / "checkpoints")
    lock.acquire(lambda: True)
    try:
        state = study.SweepStudy(tmp_path)
        state.add_missing([name])
        worker = threading.Thread(target=state.work, args=(PLAN.trials()[:1],), daemon=True)
        worker.start()
        worker.join(0.5)
        assert worker.is_alive() and ran == []
    finally:
        lock.release()
    worker.join(60)
    assert ran == [name]


def test_is_free(tmp_path):
    lock, other = FolderLock(tmp_path / "a"), FolderLock(tmp_path / "a")
    assert lock.is_free() and other.is_free() and not (tmp_path / "a").exists()
    lock.acquire(lambda: False)
    assert not other.is_free() and not lock.is_free() and lock.is_held
    lock.release()
    assert other.is_free() and lock.is_free()


def test_storage_that_cannot_be_opened(tmp_path):
    with pytest.raises(UserError, match=r"--storage must be the URL.*postgres://…@host/x") as error:
        study.SweepStudy(tmp_path, "postgres://user:secret@host/x")
    assert "secret" not in str(error.value).split("(")[0]


def test_a_storage_elsewhere_has_studies_by_name(ran, tmp_path):
    url = f"sqlite:///{tmp_path / 'all.db'}"
    for folder in ("a", "b"):
        sweep(Sweep(["vae:digits"]), tmp_path / folder, workers=0, storage=url)
    assert len(ran) == 2
    sweep(Sweep(["vae:digits"]), tmp_path / "c", workers=0, storage=url, name="a")
    assert len(ran) == 2 and (tmp_path / "c" / "table.md").exists()
    with sqlite3.connect(tmp_path / "all.db") as database:
        names = {row[0] for row in database.execute("select study_name from studies")}
    assert names == {"a", "b"}


def test_folders_and_workers_are_checked(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--workdir must be a folder"):
        sweep(PLAN, tmp_path / "file")
    for workers in (-1, 1.5, True):
        with pytest.raises(UserError, match="--workers must be a whole number of at least 0"):
            sweep(PLAN, tmp_path, workers=workers)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_a_sweep(tmp_path):
    path = write(
        tmp_path / "own.toml",
        """
        configs = ["vae:digits", "vhp_vae:digits"]
        seeds = [0, 1]
        metrics = ["rate", "ELBO"]
        config.epochs = 1
        [grid]
        model.latent_dim = [2, 4]
        """,
    )
    plan = Sweep(**sweeps.read(path))
    assert [trial.name for trial in plan.trials()] == [trial.name for trial in PLAN.trials()]
    assert plan.metrics == ["rate", "ELBO"] and plan.bases()["vae:digits"].epochs == 1
    assert json.loads(json.dumps(plan.to_dict())) == plan.to_dict()
    assert Sweep(**plan.to_dict()).trials()[3].name == plan.trials()[3].name


@pytest.mark.parametrize("name", sweeps.files())
def test_files_of_the_package(name):
    arguments = sweeps.read(name)
    assert len(Sweep(**arguments).trials()) >= 6 and len(arguments["seeds"]) >= 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("configs = [", "must be TOML"),
        ("config = 3", r"must have keys in \[config\]"),
        ("seed = [3]", "received 'seed' in .* Did you mean 'seeds'"),
        ('configs = ["own.py:digits"]', "must name no code.*--configs=own.py:digits"),
        ('config.model.encoder.name = "os.system"', "must name no code.*'os.system'"),
        ('grid.model.encoder.name = ["mlp", "os.system"]', "must name no code.*'os.system'"),
    ],
)
def test_files_that_are_no_sweeps(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        sweeps.read(write(tmp_path / "own.toml", text))


def test_a_file_that_does_not_exist():
    with pytest.raises(UserError, match=r"one of the package: digits_beta, .*received none.toml"):
        sweeps.read("none.toml")


def tiny_plan(**more):
    """Two configs × two values × two seeds, a few seconds each."""
    keys = {
        "epochs": 2,
        "batch_size": 32,
        "data.train": "train[:64]",
        "data.test": "test[:40]",
        "model.encoder.hidden": "8",
        "model.decoder.hidden": "8",
        "model.prior.hidden": "8",
        "fit_prior.steps": 0,
        "report.num_samples": 3,
        "report.num_examples": 5,
    }
    return Sweep(CONFIGS, GRID, seeds=[0, 1], keys={**keys, **more})


def kill_first_worker(workdir, killed):
    """Sends SIGKILL to the first worker that has trained an epoch."""
    until = time.monotonic() + 600
    while time.monotonic() < until:
        for lock in workdir.glob("workers/*/lock"):
            text = lock.read_text()
            if text and any(workdir.glob("*/checkpoints/epoch_*")):
                killed.append(json.loads(text)["process"])
                os.kill(killed[0], signal.SIGKILL)
                return
        time.sleep(0.05)


@pytest.mark.slow
def test_killed_and_taken_up_again_has_the_same_table(tmp_path):
    """Two processes on one SQLite study, one of which is killed; and the same without a kill."""
    killed = []
    killer = threading.Thread(target=kill_first_worker, args=(tmp_path / "two", killed))
    killer.start()
    sweep(tiny_plan(), tmp_path / "two", workers=2)
    killer.join()
    assert killed
    sweep(tiny_plan(), tmp_path / "one", workers=2)  # The same number of threads each.
    assert tables_of(tmp_path / "two") == tables_of(tmp_path / "one")
    assert "failed" not in tables_of(tmp_path / "one")["table.md"]
    for trial in tiny_plan().trials():
        assert (tmp_path / "two" / trial.name / "report.json").exists()
    with sqlite3.connect(tmp_path / "two" / "study.db") as database:
        states = [row[0] for row in database.execute("select state from trials")]
    assert states.count("COMPLETE") == 8 and states.count("FAIL") == 1


def interrupted(workdir):
    sweep(tiny_plan(epochs=2000), workdir, workers=2)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_the_command(tmp_path, number):
    process = multiprocessing.get_context("spawn").Process(target=interrupted, args=(tmp_path,))
    process.start()
    until = time.monotonic() + 600
    while len([*tmp_path.glob("*/history.csv")]) < 2 and time.monotonic() < until:
        time.sleep(0.2)
    pids = [json.loads(path.read_text())["process"] for path in tmp_path.glob("workers/*/lock")]
    assert len(pids) == 2
    os.kill(process.pid, number)
    process.join(120)
    until = time.monotonic() + 120
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < until:
        time.sleep(0.2)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
    names = [trial.name for trial in tiny_plan(epochs=2000).trials()]
    state = study.SweepStudy(tmp_path)
    state.release_dead()
    assert state.number_running(names) == 0 and state.outcomes(names) == {}


def test_keys_reach_the_run():
    config = load_config("vae:digits")
    assert Sweep(["vae:digits"]).trials()[0].config.to_dict() == config.to_dict()
