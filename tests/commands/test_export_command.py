"""`tfvae export`: the card of a run says what its report and its config say."""

import json
import sys

import pytest
import tensorflow as tf
from ml_collections import config_dict

import tfvae
from tfvae.commands import export as program
from tfvae.experiments import UserError

CONFIG = config_dict.create(data=dict(name="digits", train="train[:64]", path=None))


@pytest.fixture
def vector_model():
    """A Gaussian VAE of 4 features."""
    mlp = tfvae.networks.mlp
    model = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (4,)), seed=3)
    model.build((None, 4))
    return model


@pytest.fixture
def workdir(vector_model, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    vector_model.compile("adam")
    vector_model.save(folder / "model.keras")
    report = {"ELBO": {"value": -3.5, "unit": "nats"}, "κ reached": {"value": "yes", "unit": ""}}
    (folder / "report.json").write_text(json.dumps(report))
    return folder


def test_saved_model_with_the_report_of_the_run(workdir, vector_model, tmp_path):
    output = tmp_path / "serving" / "1"
    program.write(CONFIG, workdir, str(output), "saved_model")
    card = json.loads((output / "assets.extra" / "model_card.json").read_text())
    assert card["metrics"]["ELBO"] == {"value": -3.5, "unit": "nats"}
    assert card["data"]["trained on"] == {"name": "digits", "train": "train[:64]", "path": None}
    served = tf.saved_model.load(str(output)).signatures["serving_default"]
    x = tf.ones([2, 4])
    tf.debugging.assert_near(served(x=x)["embedding"], vector_model.embed(x), 1e-5, 1e-5)


def test_the_run_of_a_table_takes_raw_columns(workdir, tmp_path, capsys, monkeypatch):
    table = tfvae.tables.Table().fit({"a": [1.0, 3.0, 2.0], "b": ["red", "blue", "red"]})
    table.save(workdir / "table.keras")
    given = []
    monkeypatch.setattr(tfvae, "export", lambda *_, **more: given.append(more))
    monkeypatch.setattr(tfvae.serving, "export_litert", lambda *_, **more: given.append(more))
    program.write(CONFIG, workdir, tmp_path / "1", "saved_model")
    assert given[0]["table"].columns_ == table.columns_ and capsys.readouterr().out == ""
    program.write(CONFIG, workdir, tmp_path / "devices", "litert")
    assert "table" not in given[1]
    assert "The files take features. tfvae.tables.Table.load(" in capsys.readouterr().out


def test_errors_are_those_of_a_user(workdir, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="not empty"):
        program.write(CONFIG, workdir, str(workdir), "saved_model")
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UserError, match="pip install"):
        program.write(CONFIG, workdir, str(tmp_path / "onnx"), "onnx")
