"""Data and networks of the user in experiments: what a config names, and what it may not."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfvae
from tfvae import commands
from tfvae.commands import export
from tfvae.experiments import (
    UserError,
    config_file,
    experiment,
    finished,
    load_config,
    own_networks,
    own_table,
    report,
    run_data,
    set_keys,
    training,
)
from tfvae.experiments.configs import settings

pandas = pytest.importorskip("pandas")

OWN = """
import keras
import os

def make_encoder(units=8, scale=1.0):
    open(os.environ["OWN_RAN"], "a").close()
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(units)])

not_callable = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user; the path of a file that it makes when it is used."""
    (tmp_path / "modules" / "own_package").mkdir(parents=True)
    (tmp_path / "modules" / "own_package" / "made.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setenv("OWN_RAN", str(tmp_path / "ran"))
    yield tmp_path / "ran"
    for name in [name for name in sys.modules if name.startswith("own_package")]:
        del sys.modules[name]


def shrunk(config):
    config.epochs, config.batch_size = 1, 16
    config.model.latent_dim = 2
    for network in (config.model.encoder, config.model.decoder):
        if "hidden" in network:
            network.hidden = (8,)
    if "hidden" in config.model.prior:
        config.model.prior.hidden = (8,)
    config.fit_prior.steps = 0
    config.report.num_samples, config.report.num_examples = 3, 5
    return config


def rows(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return pandas.DataFrame(
        {
            "price": np.where(rng.uniform(size=n) < 0.1, np.nan, rng.normal(size=n)),
            "colour": rng.choice(["red", "green", "blue"], size=n),
            "count": rng.poisson(3.0, size=n),
            "kind": rng.choice(["a", "b"], size=n),
        }
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_is_split_and_has_labels(tmp_path, ending):
    frame = rows()
    path = tmp_path / f"rows.{ending}"
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
    config = load_config(
        "vae:table",
        {
            "data.path": str(path),
            "data.labels": "true",
            "data.options.label_column": "kind",
            "data.test": "test[:8]",
        },
    )
    data = run_data.TrainingData(config)
    x, y = run_data.arrays(run_data.test_data(config), config)
    table = tfvae.tables.Table(kinds={"kind": "ignore"}).fit(frame)
    features = table.transform(frame)
    assert (data.size, data.shape) == (48, (features.shape[1],)) and x.shape == (8, *data.shape)
    for row, label in zip(x, y, strict=True):
        (place,) = np.flatnonzero(np.all(np.abs(features - row) < 1e-6, axis=1))
        assert label == "ab".index(frame["kind"][place])


def test_a_folder_of_tables_keeps_their_split(tmp_path):
    rows(30).to_csv(tmp_path / "train.csv", index=False)
    rows(12, seed=1).to_csv(tmp_path / "test.csv", index=False)
    config = load_config("vae:table", {"data.path": str(tmp_path)})
    assert run_data.TrainingData(config).size == 30
    x, _ = run_data.arrays(run_data.test_data(config), config)
    np.testing.assert_allclose(x, own_table.fitted(config).transform(rows(12, seed=1)), rtol=1e-5)
    (tmp_path / "test.csv").unlink()
    with pytest.raises(ValueError, match="0 files named test"):
        run_data.TrainingData(config)


@pytest.mark.parametrize("family", ["vae", pytest.param("vhp_vae", marks=pytest.mark.slow)])
def test_a_model_of_a_table_has_a_likelihood_for_each_column(tmp_path, family):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    config = shrunk(load_config(f"{family}:table", {"data.path": str(tmp_path / "rows.csv")}))
    data = run_data.TrainingData(config)
    model = experiment.build_model(config, data.shape, data.table)
    assert isinstance(model.likelihood, tfvae.likelihoods.Mixed)
    assert model.columns[:2] == ["price", "price missing"] and len(model.columns) == data.shape[0]
    model.fit(data.batches(0, 1), steps_per_epoch=data.steps, verbose=0)
    if family == "vhp_vae":
        assert model.objective.automatic is not None and config.model.objective.kappa is None
    with pytest.raises(ValueError, match=r"must be columns for --config.data.name=table alone"):
        experiment.build_model(config, data.shape)


def described():
    """Rows with a constant column and one that numbers them, and what is said of them."""
    frame = rows(40)
    frame["price"] = np.where(np.arange(40) < 3, np.nan, np.linspace(-1.0, 1.0, 40))
    return frame.assign(place="here", number=np.arange(1, 41))


def test_a_run_on_a_table_tells_what_it_understood(tmp_path, monkeypatch, capsys):
    described().to_csv(tmp_path / "rows.csv", index=False)
    config = load_config("vae:table", {"data.path": str(tmp_path / "rows.csv")})
    config.data.options.label_column = "kind"

    def stop(*_, **__):
        raise ValueError("the data are read")

    monkeypatch.setattr(experiment, "build_model", stop)
    with (
        pytest.warns(UserWarning, match="one value|numbers the rows"),
        pytest.raises(UserError, match="read"),
    ):
        training.run(config, tmp_path / "run")
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "rows of the table 40" in said
    assert "columns 5 1 numeric, 1 categorical, 1 count" in said
    assert "missing values 3 in 1 of 5 columns" in said
    assert "constant columns 1 place" in said
    assert "numbers of the row 1 number" in said
    assert any(line.startswith("price numeric 2 3 of 40 mean ") for line in said)
    assert said[-1] == "The column 'kind' holds the labels, and is no feature."


def test_a_report_has_the_columns_of_a_table(tmp_path):
    with pytest.warns(UserWarning, match="one value|numbers the rows"):
        table = tfvae.tables.Table().fit(described())
    found = {line.name: (line.value, line.unit) for line in own_table.lines(table)}
    assert found["columns"] == (6, "2 categorical, 1 numeric, 1 count")
    report.write(own_table.lines(table), tmp_path, "VAE on table", table=table)
    _, columns = (tmp_path / "report.md").read_text().split("## Columns")
    first = [line.split("|")[1].strip() for line in columns.splitlines() if line[:2] == "| "]
    assert first == ["column", "price", "colour", "count", "kind", "place", "number"]
    assert "rows of the table" in (tmp_path / "report.json").read_text()


def test_many_columns_are_cut_short():
    table = tfvae.tables.Table().fit(np.random.default_rng(0).normal(size=(9, 45)))
    lines = table.summary(own_table.MOST_PRINTED).splitlines()
    assert len(lines) == 42 and lines[-1] == "… and 5 more columns"
    assert len(table.summary().splitlines()) == 46 == len(table.summary(45).splitlines())


def test_other_rows_are_tested_in_the_units_of_training(tmp_path):
    """`tfvae evaluate` with another path: the model knows the units and categories of training."""
    rows(30).to_csv(tmp_path / "rows.csv", index=False)
    table = own_table.fitted(load_config("vae:table", {"data.path": str(tmp_path / "rows.csv")}))
    others = rows(20, seed=1).assign(count=7)
    others.to_csv(tmp_path / "others.csv", index=False)
    keys = {"data.path": str(tmp_path / "others.csv"), "data.options.test_share": "0.5"}
    config = load_config("vae:table", keys)
    x, _ = run_data.arrays(run_data.test_data(config, table), config)
    assert x.shape == (10, table.model_.num_features)
    features = table.transform(others)
    assert all(np.any(np.all(np.abs(features - row) < 1e-6, axis=1)) for row in x)


def test_the_rows_of_a_run_are_those_of_its_training(tmp_path):
    """Another number of rows has another split: rows that were trained on would be tested."""
    rows(30).to_csv(tmp_path / "rows.csv", index=False)
    config = load_config("vae:table", {"data.path": str(tmp_path / "rows.csv")})
    table = own_table.fitted(config)
    own_table.check_rows(table, config)
    rows(31).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(ValueError, match=r"the 30 rows of the training, received .* with 31"):
        own_table.check_rows(table, config)
    (tmp_path / "folder").mkdir()
    for name in ("train", "test"):
        rows(7).to_csv(tmp_path / "folder" / f"{name}.csv", index=False)
    config.data.path = str(tmp_path / "folder")
    own_table.check_rows(table, config)


def test_columns_of_a_table_are_left_out_or_have_a_kind_by_keys(tmp_path):
    """Messages name the keys, which are the options of `tfvae score`."""
    frame = rows(30).assign(gone=np.nan, code=["x", *map(str, range(29))], odd=-999)
    frame.loc[3:4, "odd"] = [4, 7]
    frame.to_csv(tmp_path / "rows.csv", index=False, sep=";", encoding="cp1252")
    keys = {"data.path": str(tmp_path / "rows.csv")}
    options = "--config.data.options."
    with pytest.raises(ValueError) as caught:
        own_table.fitted(load_config("vae:table", keys))
    assert f"{options}ignore=gone" in str(caught.value)
    assert f"{options}missing, or give {options}kind=code=categorical" in str(caught.value)
    keys |= {"data.options.ignore": "gone", "data.options.missing": "-999"}
    keys |= {"data.options.kind": "code=ignore;count=numeric", "data.options.encoding": "cp1252"}
    keys |= {"data.options.separator": ";", "data.options.label_column": "kind"}
    config = load_config("vae:table", {**keys, "data.labels": "true"})
    table = own_table.fitted(config)
    kinds = {column.name: column.kind for column in table.columns_}
    assert kinds["count"] == "numeric" and not {"gone", "code", "kind"} & kinds.keys()
    assert next(one.missing for one in table.columns_ if one.name == "odd") == 28
    x, labels = run_data.arrays(run_data.test_data(config, table), config)
    assert x.shape == (6, table.model_.num_features) and set(labels) <= {0, 1}
    config.data.options.kind = "count"
    with pytest.raises(ValueError, match=r"options\.kind must be COLUMN=KIND.*with ; between"):
        own_table.fitted(config)


def test_a_single_test_row_is_refused_before_the_training(tmp_path):
    """Figures of more than two latents need two: the training would be lost."""
    rows(4).to_csv(tmp_path / "rows.csv", index=False)
    config = shrunk(load_config("vae:table", {"data.path": str(tmp_path / "rows.csv")}))
    with pytest.raises(UserError, match=r"at least two examples, received 1.*test_share"):
        training.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    config.data.options.test_share = 0.5
    run_data.check_test(run_data.test_data(config))


def test_a_run_without_its_table_is_refused(tmp_path):
    """Another table would have other units and categories."""
    assert finished.table_of(tmp_path) is None
    config_file.write(load_config("vae:digits"), tmp_path / "config.json")
    assert finished.table_of(tmp_path) is None
    config_file.write(load_config("vae:table"), tmp_path / "config.json")
    with pytest.raises(UserError, match=r"must hold the table\.keras of its model"):
        finished.table_of(tmp_path)


@pytest.mark.slow
def test_a_whole_run_on_a_table_serves_raw_columns(tmp_path):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    config = shrunk(load_config("vae:table", {"data.path": str(tmp_path / "rows.csv")}))
    config.data.options.label_column, config.data.labels = "kind", True
    model, lines = training.run(config, tmp_path / "run")
    names = {line.name for line in lines}
    assert {"ELBO", "rate", "distortion", "rows of the table"} <= names
    table = tfvae.tables.Table.load(tmp_path / "run" / "table.keras")
    x = table.transform(rows())
    assert x.shape[1:] == model.data_shape
    export.write(config, tmp_path / "run", tmp_path / "served", "saved_model")
    card = (tmp_path / "served" / "assets.extra" / "MODEL_CARD.md").read_text()
    assert "colour" in card
    served = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    assert set(served.structured_input_signature[1]) == {"price", "colour", "column_count"}
    preset = tfvae.presets.Preset.load(tmp_path / "run")
    back = preset.restore(preset.model.predict(preset.prepare(rows()), verbose=0))
    assert list(back) == ["price", "colour", "count"] and len(back) == 60


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"data.path": "none.csv"}, "must be a CSV or Parquet file.*which does not exist"),
        ({"data.labels": "true"}, "label_column must name the column"),
        (
            {"data.options.label_column": "none", "data.labels": "true"},
            "label_column must be one of",
        ),
        ({"data.binarize": "true"}, "binarize must be False"),
        ({"data.options.test_share": "0.999"}, "`test_share` must leave"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, keys, message):
    rows(20).to_csv(tmp_path / "rows.csv", index=False)
    config = load_config("vae:table", {"data.path": str(tmp_path / "rows.csv"), **keys})
    with pytest.raises(ValueError, match=message):
        run_data.test_data(config)


def test_options_of_another_data_set(tmp_path):
    rows(20).to_csv(tmp_path / "rows.csv", index=False)
    keys = {"data.name": "table", "data.path": str(tmp_path / "rows.csv")}
    with pytest.raises(ValueError, match=r"options must be among label_column.*received 'noise'"):
        run_data.TrainingData(load_config("vae:pendulum", keys))


@pytest.mark.parametrize("name", ["images", pytest.param("arrays", marks=pytest.mark.slow)])
def test_a_step_on_own_images_and_arrays(tmp_path, name):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (12, 16, 16, 3)).astype("uint8")
    path = tmp_path / "images"
    path.mkdir()
    for i, pixels in enumerate(x):
        Image.fromarray(pixels).save(path / f"{i:02d}.png")
    if name == "arrays":
        path = tmp_path / "x.npy"
        np.save(path, x)
    config = shrunk(load_config(f"vae:{name}", {"data.path": str(path)}))
    if name == "images":
        set_keys(config, {"data.options.size": "16", "model.encoder.filters": "4",
                          "model.decoder.filters": "4"})  # fmt: skip
    data = run_data.TrainingData(config)
    assert data.shape == (16, 16, 3) and data.size == 10 and data.table is None
    model = experiment.build_model(config, data.shape)
    history = model.fit(data.batches(0, 1), steps_per_epoch=1, verbose=0).history
    assert np.isfinite(history["elbo"][0])


def test_a_config_of_another_data_set_takes_own_arrays(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 5)))
    keys = {"data.name": "arrays", "data.path": str(tmp_path / "x.npy"), "data.labels": "false"}
    assert run_data.TrainingData(load_config("vae:digits", keys)).shape == (5,)


def test_every_own_data_set_is_a_choice():
    for family in ("vae", "beta_vae", "factor_vae", "iwae", "vamp_vae", "vhp_vae"):
        for name in settings.OWN:
            config = load_config(f"{family}:{name}")
            assert config.data.name == name and config.data.path is None
    set_keys(config, {"model.objective.kappa": "0.2", "data.path": "a.csv"})
    assert config.model.objective.kappa == 0.2


def test_a_backbone_by_name():
    keys = {
        "model.encoder.name": "keras.applications.MobileNetV2",
        "model.encoder.alpha": "0.35",
        "model.encoder.trainable": "false",
    }
    config = load_config("vae:images", keys)
    assert config.model.encoder.to_dict() == {
        "name": "keras.applications.MobileNetV2",
        "alpha": 0.35,
        "trainable": False,
    }
    encoder = experiment.create("encoder", config.model.encoder.to_dict())
    assert encoder(np.zeros((1, 32, 32, 1))).shape == (1, 1280) and not encoder.trainable_weights
    with pytest.raises(ValueError, match="MobileNetV2"):
        experiment.create("encoder", {"name": "keras.applications.MobilNet"})
    with pytest.raises(ValueError, match=r"`hidden` must be an argument of keras.applications"):
        experiment.create("encoder", {"name": "keras.applications.MobileNetV2", "hidden": 3})


def test_own_networks_by_dotted_name(module):
    name = "own_package.made.make_encoder"
    config = load_config("vae:digits", {"model.encoder.name": name, "model.encoder.units": "5"})
    assert config.model.encoder.to_dict() == {"name": name, "units": 5} and not module.exists()
    encoder = experiment.create("encoder", config.model.encoder.to_dict())
    assert encoder(np.zeros((2, 8, 8, 1))).shape == (2, 5) and module.exists()
    # The same name again keeps the group.
    set_keys(config, {"model.encoder.name": name, "epochs": "3"})
    assert config.model.encoder.units == 5 and config.epochs == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_package.made.none", "has no such function"),
        ("own_package.made.not_callable", "has no such function"),
        ("own_package.none.make", "Is its folder in PYTHONPATH"),
        ("own_package.made.make_encoder", "unexpected keyword argument 'hidden'"),
    ],
)
def test_names_of_no_network(module, name, message):
    with pytest.raises(ValueError, match=message):
        experiment.create("encoder", {"name": name, "hidden": (3,)})


def test_only_networks_have_dotted_names(module):
    for kind in ("prior", "likelihood", "objective", "optimizer", "model"):
        with pytest.raises(ValueError, match="must be a name in"):
            experiment.create(kind, {"name": "own_package.made.make_encoder"})
    assert not module.exists() and "own_package.made" not in sys.modules


@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize("key", ["model.encoder.name", "model.prior.encoder.name"])
def test_the_config_of_somebody_else_imports_nothing(module, tmp_path, capsys, key, command):
    """A run's config.json names code: nothing is imported until the user names it, too."""
    name = "own_package.made.make_encoder"
    config = load_config("vhp_vae:mnist")
    with config.ignore_type():
        config.update_from_flattened_dict({key: name})
    config_file.write(config, tmp_path / "config.json")
    for more in ([], [f"--config.{key}=own_package.made.other"]):
        with pytest.raises(SystemExit) as ended:
            commands.main([command, f"--workdir={tmp_path}", *more])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert f"--config.{key} must be given" in said and f"add --config.{key}={name}" in said
        assert not module.exists() and "own_package.made" not in sys.modules


def test_what_the_user_names_may_be_in_the_file(module):
    leaves = {
        "model.encoder.name": "a.b",
        "data.name": "mnist/x:1.0.0",
        "model.decoder.name": "mlp",
    }
    own_networks.check_named(leaves, {"model.encoder.name": "a.b"}, "config.json")
    own_networks.check_named({"encoder.name": "keras.applications.ResNet50"}, {}, "config.json")
    with pytest.raises(UserError, match=r"names keras.applications.a.b there"):
        own_networks.check_named({"encoder.name": "keras.applications.a.b"}, {}, "config.json")


def test_a_backbone_is_saved_and_loaded(tmp_path):
    vae = tfvae.VAE(2, encoder=tfvae.networks.backbone("MobileNetV2", alpha=0.35))
    x = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype("float32")
    vae.compile("adam")
    vae.build((None, 32, 32, 3))
    vae.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.encode(x).mean(), vae.encode(x).mean(), rtol=1e-5)


def arrays(folder, **parts):
    np.savez(folder / "own.npz", **parts)
    return load_config("vae:arrays", {"data.path": str(folder / "own.npz")})


def test_values_of_arrays_are_looked_at_before_training(tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    x[17, 1] = x[21, 2] = np.nan
    config = shrunk(arrays(tmp_path, x_train=x, x_test=x[:5]))
    message = "2 NaN or infinite, in 2 of the 40 rows of 'x_train', the first in row 17"
    with pytest.raises(UserError, match=message):
        training.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    # Where the likelihood has missing values, they may be there.
    model = tfvae.VAE(2, likelihood=tfvae.likelihoods.Gaussian(missing=True), seed=0)
    model.build((None, 3))
    run_data.check_values(model, config)
    assert capsys.readouterr().out.endswith("own.npz: x_train and x_test.\n")


def test_the_array_that_is_read_is_named(tmp_path, capsys):
    model = tfvae.VAE(2, seed=0)
    for name, parts in {"foo": {}, "x": {"y": np.arange(4), "more": np.ones(2)}}.items():
        run_data.check_values(model, arrays(tmp_path, **{name: np.ones((4, 3))}, **parts))
        assert capsys.readouterr().out.endswith(f"own.npz: {name}.\n")


def test_what_fit_refuses_is_an_error_of_the_user(tmp_path):
    config = shrunk(arrays(tmp_path, x=np.full((40, 3), 2.0)))
    config.model.likelihood = {"name": "Bernoulli"}
    with pytest.raises(UserError, match="must be"):
        training.run(config, tmp_path / "run")
