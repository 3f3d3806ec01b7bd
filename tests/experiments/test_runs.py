"""A run writes what it promises, goes on after an interruption as without it, keeps its config."""

import csv
import json
import signal

import keras
import numpy as np
import pytest

from benchmarks import robustness
from tfvae.commands import export
from tfvae.evaluation.tables import apart
from tfvae.experiments import comparison, config_file, experiment, run_data, training
from tfvae.experiments.configs import vae, vhp_vae
from tfvae.experiments.errors import UserError


def tiny(family=vhp_vae, epochs=3):
    config = family.get_config("digits")
    config.epochs = epochs
    config.batch_size = 32
    config.model.encoder.hidden = config.model.decoder.hidden = (8,)
    config.data.train, config.data.test = "train[:100]", "test[:40]"
    config.report.num_samples, config.report.num_examples = 3, 5
    if family is vhp_vae:
        config.model.prior.hidden = (8,)
        # Loose enough for the multiplier to move and the prior to be trained.
        config.model.objective.kappa = 1.0
    return config


class Interruption(keras.callbacks.Callback):
    """Ends the program, as it were, when an epoch has ended."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epoch:
            raise KeyboardInterrupt


class Epochs(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(epoch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of three epochs without interruption."""
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, *training.run(tiny(), workdir)


def state(model):
    """Everything that decides how training would go on, λ and random numbers included."""
    generators = [model.seed_generator.state, model.test_seed_generator.state]
    return [v.numpy() for v in (*model.weights, *model.optimizer.variables, *generators)]


def assert_same_state(model, expected):
    for value, wanted in zip(state(model), state(expected), strict=True):
        np.testing.assert_array_equal(value, wanted)


def rows(workdir):
    with (workdir / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_report_ends_with_what_happened(whole):
    workdir, model, lines = whole
    sentences = [line.value for line in lines if line.name in ("what happened", "what to try next")]
    assert len(sentences) == 2
    state = model.objective.bound_state(model.likelihood)
    assert f"The error of the last training steps, {state.error:.4g}, " in sentences[0]
    written = json.loads((workdir / "report.json").read_text())
    assert [written[name]["value"] for name in ("what happened", "what to try next")] == sentences
    last = (workdir / "report.md").read_text().strip().split("\n\n")[-1]
    assert last.startswith("The error of the last training steps") and last.endswith(".")
    assert "|" not in last and "\\`" not in last


def test_files(whole):
    workdir, _, lines = whole
    names = {"reconstructions", "samples", "latent_space", "prior_fit", "traversals"}
    figures = {path.stem for path in (workdir / "figures").iterdir()}
    assert figures == names | {"interpolation", "training_curves"}
    assert (workdir / "serving" / "1" / "saved_model.pb").exists()
    assert [row["epoch"] for row in rows(workdir)] == ["0", "1", "2"]
    assert config_file.read(workdir / "config.json").to_dict() == tiny().to_dict()
    plain = json.loads((workdir / "report.json").read_text())
    assert {"ELBO", "distortion", "rate", "constraint", "κ", "λ", "log-likelihood"} <= plain.keys()
    assert set(comparison.SHOWN) <= plain.keys()
    assert plain["κ"]["value"] == pytest.approx(1.0)
    assert plain["ELBO"]["value"] == pytest.approx(
        -plain["distortion"]["value"] - plain["rate"]["value"], rel=1e-5
    )
    assert "5 examples, 3 samples each" in plain["log-likelihood"]["unit"]
    table = (workdir / "report.md").read_text()
    assert all(f"| {line.name} " in table for line in apart(lines)[0])


def test_the_written_model_is_the_trained_one(whole):
    workdir, model, _ = whole
    assert_same_state(training.load(workdir), model)


def test_interrupted_and_resumed_is_the_same(whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        training.run(tiny(), tmp_path, callbacks=[Interruption(2)])
    # Its line in the history is written, its checkpoint is not yet.
    assert [row["epoch"] for row in rows(tmp_path)] == ["0", "1"]
    epochs = Epochs()
    model, _ = training.run(tiny(), tmp_path, callbacks=[epochs])
    assert epochs.seen == [1, 2]
    assert_same(whole, tmp_path, model)


class Preemption(keras.callbacks.Callback):
    """Sends the signal by which machines are taken away, in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.last = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if self.epoch == self.last and batch == 2:
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("epoch", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_preempted_and_resumed_is_the_same(whole, tmp_path, capsys, epoch):
    with pytest.raises(SystemExit):
        training.run(tiny(), tmp_path, callbacks=[Preemption(epoch)])
    model, _ = training.run(tiny(), tmp_path)
    assert f"Continuing with epoch {epoch + 1} of 3 after step 2." in capsys.readouterr().out
    assert_same(whole, tmp_path, model)


@pytest.mark.slow
def test_grown_is_the_same(whole, tmp_path):
    training.run(tiny(epochs=1), tmp_path)
    model, _ = training.run(tiny(epochs=3), tmp_path)
    assert_same(whole, tmp_path, model)
    assert config_file.read(tmp_path / "config.json").epochs == 3


def assert_same(whole, workdir, model):
    assert_same_state(model, whole[1])
    assert rows(workdir) == rows(whole[0])


def test_a_finished_run_only_reports(whole, capsys):
    workdir, model, _ = whole
    config = tiny()
    config.report.num_samples = 4
    before, epochs = rows(workdir), Epochs()
    again, _ = training.run(config, workdir, callbacks=[epochs])
    assert epochs.seen == [] and rows(workdir) == before
    assert "finished" in capsys.readouterr().out
    assert "4 samples each" in (workdir / "report.md").read_text()
    assert_same_state(again, model)


def test_evaluation_and_export_of_a_finished_run(whole, tmp_path):
    workdir, _, lines = whole
    config = tiny()
    config.report.num_examples = 6
    again = {line.name: line.value for line in training.evaluate(config, workdir)}
    assert again["ELBO"] == next(line.value for line in lines if line.name == "ELBO")
    assert "6 examples" in (workdir / "report.md").read_text()
    export.write(config, workdir, tmp_path / "1", "saved_model")
    with pytest.raises(UserError, match="not empty"):
        export.write(config, workdir, tmp_path / "1", "saved_model")


def test_another_config_in_the_same_folder(whole):
    config = tiny(epochs=2)
    config.optimizer.learning_rate = 0.5
    with pytest.raises(UserError, match=r"epochs: 3 before.*\n.*learning_rate: 0.001 before"):
        training.run(config, whole[0])
    assert config_file.read(whole[0] / "config.json").epochs == 3


def test_a_model_without_constraint_or_labels(tmp_path):
    config = tiny(vae, epochs=1)
    config.data.labels = False
    _, lines = training.run(config, tmp_path)
    assert not {"κ", "λ"} & {line.name for line in lines}


def test_errors_of_the_config_are_shown_to_the_user(tmp_path):
    config = tiny()
    config.data.name = "digit"
    with pytest.raises(UserError, match="digits"):
        training.run(config, tmp_path / "a")
    config = tiny()
    config.model.prior.name = "Hierarchical"
    with pytest.raises(UserError, match="HierarchicalPrior"):
        training.run(config, tmp_path / "b")


def test_a_run_that_never_began_leaves_the_folder_free(tmp_path):
    config = tiny()
    config.model.latent_dim = 0
    with pytest.raises(UserError, match="`latent_dim` must be a whole number"):
        training.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    config_file.write(config, tmp_path / "config.json")  # as after an interruption in epoch 1
    training.check_same(tiny(), tmp_path)


@pytest.mark.parametrize("key", ["epochs", "batch_size", "report.num_samples"])
def test_counts_must_be_positive(tmp_path, key):
    config = tiny()
    with config.ignore_type():
        config.update_from_flattened_dict({key: 0})
    with pytest.raises(UserError, match=f"--config.{key} must be at least 1, received 0"):
        training.run(config, tmp_path)


def test_a_workdir_that_is_a_file_and_a_foreign_config(tmp_path):
    path = tmp_path / "file"
    path.write_text("{")
    with pytest.raises(UserError, match="must be a folder"):
        training.run(tiny(), path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "epoch_000001_step_000000000.npz").touch()
    (tmp_path / "config.json").write_text('{"a": 1}')
    with pytest.raises(UserError, match="epochs: absent before"):
        training.run(tiny(), tmp_path)
    (tmp_path / "config.json").write_text("")
    with pytest.raises(UserError, match="must be valid JSON"):
        training.run(tiny(), tmp_path)


def test_no_model_yet(tmp_path):
    config_file.write(tiny(), tmp_path / "config.json")
    with pytest.raises(UserError, match="must hold a finished run"):
        training.evaluate(tiny(), tmp_path)


def test_history_is_cut_to_the_checkpoint(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\n0,1.0\n1,2.0\n2,3")
    training.cut_history(path, 1)
    assert path.read_text().split() == ["epoch,loss", "0,1.0"]
    training.cut_history(path, 0)
    assert not path.exists()
    training.cut_history(path, 0)
    path.touch()  # No epoch has ended.
    training.cut_history(path, 0)
    assert not path.exists()


def test_again_after_the_end_the_model_is_the_same(tmp_path):
    """With `use_ema=True` the weights at the end are means, and those of the checkpoint are not."""
    config = tiny(vae, epochs=2)
    with config.unlocked():
        config.optimizer.use_ema = True
        config.optimizer.ema_momentum = 0.9
    data, test = run_data.TrainingData(config), run_data.test_data(config)
    tmp_path.joinpath("run").mkdir()
    ends = []
    for _ in range(2):
        model = experiment.build_model(config, data.shape)
        training.train(model, data, test, config, tmp_path / "run")
        ends.append(model.get_weights())
    for value, wanted in zip(*ends, strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_a_damaged_model_is_told(whole, tmp_path):
    content = (whole[0] / "model.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"must hold a whole model\.keras.*Make it again"):
        training.load(tmp_path)


def test_one_process_at_a_time(tmp_path):
    with (
        robustness.another_process_locks(tmp_path / "checkpoints") as other,
        pytest.raises(UserError, match=f"used by one run at a time.*process {other.pid}"),
    ):
        training.run(tiny(vae), tmp_path)
    assert not (tmp_path / "config.json").exists() and not (tmp_path / "history.csv").exists()


def test_other_data_of_the_same_name(tmp_path):
    """The folder of the data may change, the data may not."""
    first = run_data.TrainingData(tiny()).fingerprint
    assert run_data.TrainingData(tiny()).fingerprint == first
    config = tiny()
    config.data.train = "train[1:101]"
    other = run_data.TrainingData(config).fingerprint
    assert other["examples"] == first["examples"] == 100
    assert other["first examples"] != first["first examples"]
