"""What the explorer reads: models, arrays, data sets; and what it refuses, with a reason."""

import re
import shutil
import sys
import warnings
import zipfile

import keras
import numpy as np
import pytest

import tfvae
from tfvae import commands
from tfvae.applications import explorer
from tfvae.applications.explorer import Data, files, read_data, read_model
from tfvae.experiments import config_file, load_config


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    model = tfvae.VAE(latent_dim=2, seed=0)
    model.build((None, 5))
    path = tmp_path_factory.mktemp("model") / "small.keras"
    model.save(path)
    return path


def test_a_model_comes_back(model_file):
    model = read_model(model_file)
    assert isinstance(model, tfvae.VAE) and model.latent_dim == 2


def test_files_that_are_no_models(model_file, tmp_path):
    with pytest.raises(ValueError, match=r"MODEL must be a .keras file, or .* does not exist"):
        read_model(tmp_path / "no.keras")
    text = tmp_path / "model.h5"
    text.write_text("x")
    with pytest.raises(
        ValueError, match=r"must be a .keras file, or .* received .*model.h5'\. `model"
    ):
        read_model(text)
    half = tmp_path / "half.keras"
    half.write_bytes(model_file.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"must be a whole \.keras file"):
        read_model(half)
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    other.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="must be a model of tfvae, received a Sequential"):
        read_model(tmp_path / "other.keras")


def test_code_in_a_model_is_not_run(tmp_path):
    evil = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x)])
    evil.save(tmp_path / "evil.keras")
    with pytest.raises(ValueError, match="cannot be loaded"):
        read_model(tmp_path / "evil.keras")


def test_arrays(tmp_path):
    x, labels = np.zeros((4, 5)), np.array(["a", "b", "a", "<i>"])
    np.save(tmp_path / "x.npy", x)
    assert read_data(str(tmp_path / "x.npy")).x.shape == (4, 5)
    np.savez(tmp_path / "one.npz", whatever=x)
    assert read_data(str(tmp_path / "one.npz")).labels == {}
    np.savez(tmp_path / "both.npz", x=x, labels=labels, condition=x[:, :2])
    data = read_data(str(tmp_path / "both.npz"))
    assert list(data.labels) == ["label"] and data.labels["label"].tolist() == labels.tolist()
    assert set(data.y) == {"labels", "condition"} and data.name == "both.npz"
    np.savez(tmp_path / "two.npz", x=x, labels=np.zeros((4, 2), int))
    assert list(read_data(str(tmp_path / "two.npz")).labels) == ["label 0", "label 1"]


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"x": np.zeros((2, 3)), "labels": np.zeros(3)}, "one row for each of the 2 examples"),
        ({"x_train": np.zeros((2, 3)), "y": np.zeros(2)}, "received x_train, y"),
        ({"x": np.zeros((2, 3)), "extra": np.zeros(2)}, "received x, extra"),
        ({"x": np.zeros(3)}, r"received an array of the shape \(3,\)"),
        ({"x": np.zeros((0, 3))}, r"received an array of the shape \(0, 3\)"),
        ({"x": np.array([["a", "b"]])}, "and type <U1"),
        ({}, "received nothing"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, arrays, match):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=match):
        read_data(str(path))


def test_nothing_is_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return (sys.exit, ("it ran",))

    for name in ("evil.npy", "evil.npz"):
        save = np.save if name.endswith("npy") else lambda path, x: np.savez(path, x=x)
        save(tmp_path / name, np.array([[Evil()]], object))
        with pytest.raises(ValueError, match="cannot be read"):
            read_data(str(tmp_path / name))


def test_damaged_and_other_files(tmp_path):
    for name in ("bad.npy", "bad.npz", "empty.npz"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 no" if "bad" in name else b"")
        with pytest.raises(ValueError, match="cannot be read"):
            read_data(str(tmp_path / name))
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as file:
        file.writestr("x.npy", "no array")
    with pytest.raises(ValueError, match=r"DATA must"):
        read_data(str(tmp_path / "zip.npz"))
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"must be an .npy or .npz file or the name"):
        read_data(str(tmp_path / "table.csv"))


def test_a_data_set_by_name():
    data = read_data("digits", split="test[:50]")
    assert data.x.shape == (50, 8, 8, 1) and data.labels["label"].shape == (50,)
    assert data.y["labels"] is not None and data.name == "digits, test[:50]"
    with pytest.raises(ValueError, match="digit"):
        read_data("digitz")


def test_options():
    assert files.option("subjects=35,49") == ("subjects", "35,49")
    for text in ("size", "=3"):
        with pytest.raises(ValueError, match="--set must be NAME=VALUE"):
            files.option(text)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["no.keras"], "MODEL must be a .keras file, or the folder of a run or a preset"),
        (["{model}", "no.npz"], "DATA must be a file that exists"),
        (["{model}", "{wrong}"], r"`data` must hold examples of the shape \(5,\), .* \(4,\)"),
        (["{model}", "{gaps}"], "received 1 of 3 examples with NaN or infinities; .* number 1"),
        (["{model}", "--set", "size"], "--set must be NAME=VALUE"),
        (["{model}", "--port", "0"], "`port` must be a whole number from 1"),
        (["{model}", "{good}", "--limit", "0"], "`limit` must be a whole number of at least 1"),
        (["{model}", "--coloring", "loud"], "invalid choice: 'loud'"),
    ],
)
def test_the_program_says_what_is_wrong(arguments, match, model_file, tmp_path, capsys):
    gaps = np.zeros((3, 5))
    gaps[1, 2] = np.nan
    for name, x in {"wrong": np.zeros((3, 4)), "gaps": gaps, "good": np.zeros((3, 5))}.items():
        np.save(tmp_path / f"{name}.npy", x)
    names = {one: tmp_path / f"{one}.npy" for one in ("wrong", "gaps", "good")}
    with pytest.raises(SystemExit) as ended:
        commands.main(["explore", *[one.format(model=model_file, **names) for one in arguments]])
    assert ended.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(match, said), said


@pytest.fixture
def served(monkeypatch):
    """What the program serves: latent spaces, with their titles."""
    found = []
    monkeypatch.setattr(explorer.server, "check_installed", lambda: None)
    monkeypatch.setattr(
        explorer.server, "serve", lambda space, title, **_: found.append((space, title))
    )
    return found


def run_of(folder, name, path, model_file, **keys):
    """A folder of a run of `tfvae train` on own data, with a model of five features."""
    folder.mkdir()
    config = load_config(f"vae:{name}", {"data.path": str(path), **keys})
    config_file.write(config, folder / "config.json")
    shutil.copy(model_file, folder / "model.keras")
    return config


def test_the_folder_of_a_run_shows_its_test_data(served, model_file, tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=(30, 5)).astype("float32")
    parts = {"x_train": x[:10], "x_test": x[10:], "y_train": np.arange(10), "y_test": np.arange(20)}
    np.savez(tmp_path / "own.npz", **parts)
    folder = tmp_path / "run.1"
    run_of(folder, "arrays", tmp_path / "own.npz", model_file, **{"data.labels": "true"})
    commands.main(["explore", str(folder)])
    space, title = served.pop()
    np.testing.assert_array_equal(space.data.x, x[10:])
    np.testing.assert_array_equal(space.data.labels["label"], np.arange(20))
    assert title.startswith("run.1 · VAE, 2 latents") and space.data.name == "arrays, test"
    commands.main(["explore", str(folder), "--split=train"])
    np.testing.assert_array_equal(served.pop()[0].data.x, x[:10])
    # Data that are named take the place of those of the run.
    np.save(tmp_path / "others.npy", x[:3])
    commands.main(["explore", str(folder), str(tmp_path / "others.npy")])
    assert len(served.pop()[0].data.x) == 3
    with pytest.raises(SystemExit):
        commands.main(["explore", str(folder), "--set=size=3"])
    assert "--set must be left out for the data of a run" in capsys.readouterr().err
    (folder / "model.keras").rename(folder / "elsewhere.keras")
    (folder / "checkpoints").mkdir()
    with pytest.raises(SystemExit):
        commands.main(["explore", str(folder)])
    assert "MODEL must be a folder with model.keras" in capsys.readouterr().err


def test_the_run_of_a_table_is_shown_in_the_units_of_training(served, model_file, tmp_path):
    pandas = pytest.importorskip("pandas")
    rows = pandas.DataFrame(
        np.random.default_rng(0).normal(9.0, 4.0, (30, 5)), columns=list("abcde")
    )
    rows.to_csv(tmp_path / "rows.csv", index=False)
    run_of(tmp_path / "run", "table", tmp_path / "rows.csv", model_file)
    table = tfvae.tables.Table().fit(rows[:10])
    table.save(tmp_path / "run" / "table.keras")
    commands.main(["explore", str(tmp_path / "run")])
    x = served.pop()[0].data.x
    features = table.transform(rows)
    assert len(x) == 6
    assert all(np.any(np.all(np.abs(features - row) < 1e-5, axis=1)) for row in x)


def test_the_folder_of_a_preset_has_no_data(served, model_file, tmp_path):
    tfvae.save(read_model(model_file), tmp_path / "small", data={"name": "digits"})
    commands.main(["explore", str(tmp_path / "small")])
    space, title = served.pop()
    assert space.data is None and title.startswith("small · VAE")


def test_without_nicegui_the_program_says_what_to_install(model_file, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nicegui", None)
    with pytest.raises(SystemExit):
        commands.main(["explore", str(model_file)])
    assert "pip install 'tfvae[explorer]'" in " ".join(capsys.readouterr().err.split())


def test_data_has_no_shared_defaults():
    assert Data(np.zeros((1, 2))).y == {} and isinstance(Data(np.zeros((1, 2))), tuple)


def test_a_trained_model_is_loaded_without_a_word_of_its_optimizer(tmp_path):
    model = tfvae.VAE(latent_dim=2, seed=0)
    model.compile("adam")
    model.fit(np.zeros((8, 5), "float32"), epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_model(tmp_path / "model.keras")


def test_missing_data_are_told_before_the_model_is_loaded(model_file, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "read_model", lambda path: pytest.fail("it was loaded"))
    monkeypatch.setattr(explorer.server, "check_installed", lambda: None)
    with pytest.raises(SystemExit) as ended:
        commands.main(["explore", str(model_file), str(tmp_path / "none.npz")])
    assert ended.value.code == 2


def test_a_damaged_header_of_an_array_is_refused(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((20, 5)))
    content = path.read_bytes()
    for old, new in ((b"}", b"("), (b"(20, 5)", b"(20, 5"), (b"20, 5)", b"9" * 13 + b")")):
        path.write_bytes(content.replace(old, new, 1))
        with pytest.raises(ValueError, match="DATA must be a whole file of arrays"):
            read_data(str(path))
