"""Presets: what a folder holds, what it gives back, and what is said where something is wrong."""

import io
import json
import os
import pathlib
import subprocess
import sys
import warnings

import huggingface_hub
import keras
import numpy as np
import pytest

import tfvae
from tfvae.presets import Preset, folder, preset
from tfvae.presets.readable import readable
from tfvae.tables import Table

X = np.random.default_rng(0).normal(size=(20, 6)).astype("float32")


def network(**options):
    return tfvae.networks.mlp([8], **options)


def small(latent_dim=2, **options):
    vae = tfvae.VAE(latent_dim, network(), network(output_shape=(6,)), seed=0, **options)
    vae.build((None, 6))
    vae.compile("adam")
    return vae


@pytest.fixture(scope="module")
def vae():
    return small()


@pytest.fixture(scope="module")
def saved(vae, tmp_path_factory):
    path = tmp_path_factory.mktemp("presets") / "pumps"
    tfvae.save(
        vae,
        path,
        scaling=(np.arange(6.0), np.full(6, 2.0)),
        summary="Tells usual pumps from others.",
        data="pumps of 2024",
        unit="bar",
        metrics={"ELBO": {"value": -3.25, "unit": "nats"}},
        limits="Not for <new> pumps.",
    )
    return path


def test_files(saved):
    assert sorted(os.listdir(saved)) == ["README.md", "config.json", "model.keras"]
    assert sorted(os.listdir(saved.parent)) == ["pumps"]


def test_the_model_is_the_same(saved, vae):
    for model in (tfvae.load(saved), tfvae.load(str(saved)), Preset.load(saved).model):
        np.testing.assert_array_equal(model.embed(X), vae.embed(X))
        np.testing.assert_array_equal(model.predict(X, verbose=0), vae.predict(X, verbose=0))
        assert model.compiled
    assert not tfvae.load(saved, compile=False).compiled
    assert not Preset.load(saved, compile=False).model.compiled


def test_an_optimizer_that_is_left_out_is_no_warning(tmp_path):
    model = small()
    model.fit(X, verbose=0)
    model.save(tmp_path / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert not tfvae.load(tmp_path, compile=False).compiled


def test_config_says_what_made_it(saved):
    config = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    assert config == Preset.load(saved).config
    assert config["model"] == "tfvae.VAE" and config["name"] == "pumps"
    assert config["versions"]["keras"] == keras.__version__
    assert config["versions"]["tfvae"] == tfvae.__version__
    assert config["data"]["shape of an example"] == [6] and config["data"]["unit"] == "bar"
    assert config["metrics"] == {"ELBO": {"value": -3.25, "unit": "nats"}}
    arguments = config["arguments"]
    assert arguments["latent_dim"] == 2 and arguments["seed"] == 0
    assert arguments["likelihood"]["class"] == "Gaussian"
    assert arguments["prior"]["class"] == "StandardNormal"
    first, second = arguments["encoder"]["layers"]
    assert first == "Flatten" and (second["class"], second["units"]) == ("Dense", 8)


def test_the_card_has_what_was_given(saved):
    text = (saved / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\nlibrary_name: keras\n")
    for part in (
        "# pumps\n",
        "Tells usual pumps from others.",
        "A tfvae.VAE with 2 latent dimensions",
        "Trained on: pumps of 2024",
        "Unit of raw data: bar",
        "-3.25",
        "Not for \\<new\\> pumps.",
        "tfvae.presets.Preset.load(",
        "pip install tfvae`",
    ):
        assert part in text, part
    assert "None were given" not in text


def test_the_code_of_the_card_runs(saved, monkeypatch):
    text = (saved / "README.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0].replace("path/to/this/folder", str(saved))
    names = {"raw": X}
    exec(code, names)
    assert names["z"].shape == (20, 2)


def test_preprocessing_and_back(saved):
    found = Preset.load(saved)
    raw = 2.0 * X + np.arange(6.0)
    prepared = found.prepare(raw)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, X, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.restore(prepared), raw, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="`prepare_target` needs a model with target='y'"):
        found.prepare_target(raw)


def test_targets_have_their_own_scaling(tmp_path):
    model = tfvae.VAE(2, network(), network(output_shape=(3,)), target="y", seed=0)
    model.build(((None, 6), (None, 3)))
    tfvae.save(model, tmp_path / "one", scaling=(1.0, 2.0), target_scaling=(10.0, 4.0))
    found = Preset.load(tmp_path / "one")
    np.testing.assert_array_equal(found.prepare([[3.0]]), [[1.0]])
    np.testing.assert_array_equal(found.prepare_target([[18.0]]), [[2.0]])
    np.testing.assert_array_equal(found.restore([[2.0]]), [[18.0]])
    assert "`prepare_target` scales them" in (tmp_path / "one" / "README.md").read_text()


def test_a_table_goes_with_its_model(tmp_path):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"size": rng.normal(50.0, 9.0, 40), "kind": rng.choice(["a", "b"], 40)})
    table = Table().fit(rows)
    x = table.transform(rows)
    model = tfvae.VAE(2, network(), None, likelihood=table.likelihood(), seed=0)
    model.build(x.shape)
    tfvae.save(model, tmp_path / "rows", table=table)
    assert (tmp_path / "rows" / "table.keras").exists()
    found = Preset.load(tmp_path / "rows")
    np.testing.assert_array_equal(found.prepare(rows), x)
    back = found.restore(found.prepare(rows))
    np.testing.assert_allclose(back["size"], rows["size"], rtol=1e-4)
    assert list(back["kind"]) == list(rows["kind"])
    text = (tmp_path / "rows" / "README.md").read_text()
    assert "rows of the table in table.keras" in text and "preset.prepare(rows)" in text
    path = tmp_path / "rows" / "table.keras"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"whole table\.keras.*cannot be loaded"):
        Preset.load(tmp_path / "rows")
    assert tfvae.load(tmp_path / "rows").latent_dim == 2
    path.unlink()
    with pytest.raises(ValueError, match=r"whole table\.keras"):
        Preset.load(tmp_path / "rows")


def test_a_bare_file_has_no_config(vae, tmp_path):
    vae.save(tmp_path / "one.keras")
    found = Preset.load(tmp_path / "one.keras")
    np.testing.assert_array_equal(found.model.embed(X), vae.embed(X))
    assert found.config == {} and found.table is None and found.scaling.is_identity
    np.testing.assert_array_equal(found.prepare(X), X)


def test_the_folder_of_a_run(vae, tmp_path):
    vae.save(tmp_path / "model.keras")
    (tmp_path / "config.json").write_text('{"epochs": 3}')
    (tmp_path / "checkpoints").mkdir()
    found = Preset.load(tmp_path)
    np.testing.assert_array_equal(found.model.embed(X), vae.embed(X))
    assert found.config == {"epochs": 3} and found.scaling.is_identity


@pytest.mark.parametrize("path", ["", "model.keras"])
def test_the_run_of_a_table_takes_raw_rows(tmp_path, path):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"size": rng.normal(50.0, 9.0, 40), "kind": rng.choice(["a", "b"], 40)})
    table = Table().fit(rows)
    model = tfvae.VAE(2, network(), None, likelihood=table.likelihood(), seed=0)
    model.build((None, table.model_.num_features))
    model.save(tmp_path / "model.keras")
    table.save(tmp_path / "table.keras")
    (tmp_path / "config.json").write_text('{"data": {"name": "table"}}')
    found = Preset.load(tmp_path / path)
    assert found.config == {"data": {"name": "table"}}
    rows.assign(label="of no use").to_csv(tmp_path / "rows.csv", index=False)
    x = found.prepare(str(tmp_path / "rows.csv"))
    np.testing.assert_allclose(x, table.transform(rows), rtol=1e-5)
    back = found.restore(x)
    np.testing.assert_allclose(back["size"], rows["size"], rtol=1e-4)
    assert list(back["kind"]) == list(rows["kind"])
    made = found.restore(found.model.generate(5, seed=0))
    assert list(made) == ["size", "kind"] and set(made["kind"].dropna()) <= {"a", "b"}
    # Of another run, or cut short.
    Table().fit(rows[["size"]]).save(tmp_path / "table.keras")
    with pytest.raises(ValueError, match=r"shape \(n, 4\).*makes 1 features"):
        Preset.load(tmp_path / path)
    (tmp_path / "table.keras").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"whole table\.keras.*cannot be loaded"):
        Preset.load(tmp_path / path)
    # Without its table `prepare` would take raw numbers as they are.
    (tmp_path / "table.keras").unlink()
    with pytest.raises(ValueError, match=r"whole table\.keras.*cannot be loaded"):
        Preset.load(tmp_path / path)
    assert tfvae.load(tmp_path / path).data_shape == model.data_shape


def test_the_file_of_a_preset_belongs_to_its_folder(saved):
    found = Preset.load(saved / "model.keras")
    assert found.config["data"]["unit"] == "bar" and not found.scaling.is_identity


def test_a_folder_that_keras_wrote(vae, tmp_path):
    """`keras.Model.save("hf://…")` uploads such a folder."""
    keras.saving.save_model(vae, str(tmp_path / "one"), zipped=False)
    np.testing.assert_array_equal(tfvae.load(tmp_path / "one").embed(X), vae.embed(X))


def test_hub_downloads_as_keras_does(saved, vae, monkeypatch):
    asked = []

    def snapshot_download(**given):
        asked.append(given)
        return str(saved)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    np.testing.assert_array_equal(tfvae.load("hf://user/pumps").embed(X), vae.embed(X))
    assert Preset.load("hf://user/pumps").config["name"] == "pumps"
    expected = {"repo_id": "user/pumps", "library_name": "tfvae"}
    assert asked == 2 * [{**expected, "library_version": tfvae.__version__}]


def test_hub_uploads_the_whole_folder(vae, monkeypatch):
    calls = []

    class Api:
        def __init__(self, **given):
            calls.append(("api", given["library_name"]))

        def create_repo(self, repo_id, exist_ok):
            calls.append(("create", repo_id, exist_ok))

        def upload_folder(self, repo_id, folder_path, commit_message):
            calls.append(("upload", repo_id, sorted(os.listdir(folder_path))))
            text = pathlib.Path(folder_path, "README.md").read_text(encoding="utf-8")
            assert "Preset.load('hf://user/pumps')" in text and "'tfvae[hub]'" in text
            assert "# pumps\n" in text

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    tfvae.save(vae, "hf://user/pumps")
    assert calls == [
        ("api", "tfvae"),
        ("create", "user/pumps", True),
        ("upload", "user/pumps", ["README.md", "config.json", "model.keras"]),
    ]


def test_a_missing_package_is_named(vae, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for call in (lambda: tfvae.load("hf://user/one"), lambda: tfvae.save(vae, "hf://user/one")):
        with pytest.raises(ImportError, match=r"huggingface_hub.*pip install 'tfvae\[hub\]'"):
            call()


@pytest.mark.parametrize("path", ["hf://user", "hf://user/one/two", "hf://", "hf://a/b c"])
def test_other_forms_of_hub_paths_are_refused(path, vae):
    for call in (lambda: tfvae.load(path), lambda: tfvae.save(vae, path)):
        with pytest.raises(ValueError, match="must be of the form hf://user/name"):
            call()


def test_what_is_missing_is_said(vae, tmp_path):
    def refused(path, match):
        for call in (tfvae.load, Preset.load):
            with pytest.raises(ValueError, match=match):
                call(path)

    refused(tmp_path / "no", "does not exist")
    refused(tmp_path, r"folder with model\.keras.* holds nothing")
    (tmp_path / "notes.txt").write_text("one")
    refused(tmp_path, r"holds notes\.txt\. `tfvae\.save` writes")
    refused(tmp_path / "notes.txt", r"must lead to a whole \.keras file.* of 3 bytes")
    (tmp_path / "checkpoints").mkdir()
    refused(tmp_path, "a run that has not ended")
    tfvae.export(vae, tmp_path / "served")
    refused(tmp_path / "served", r"SavedModel, for servers")
    refused("gs://bucket/one", "must be local or hf://")
    refused(7, "must be a folder, a .keras file or hf://user/name, received 7")


def test_damage_names_the_file(saved, tmp_path):
    whole = (saved / "model.keras").read_bytes()
    path = tmp_path / "model.keras"
    for content in (whole[:-100], whole[:100], b""):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=rf"model\.keras', of {len(content)} bytes.* cut short"
        ):
            tfvae.load(tmp_path)
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    path.write_bytes(changed)
    with pytest.raises(ValueError, match=r"model\.keras', which cannot be loaded"):
        tfvae.load(tmp_path)
    path.write_bytes(whole)
    text = (saved / "config.json").read_text()
    for content in (text[: len(text) // 2], "[]"):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ValueError, match=r"config\.json is whole JSON"):
            Preset.load(tmp_path)
    for changes, match in (
        ({preset.FORMAT_KEY: 99}, "preset of format 1.* of format 99"),
        ({"scaling": {"offset": 0.0}}, "numbers `offset` and `scale`"),
        ({"scaling": {"offset": "a", "scale": 1.0}}, "numbers `offset` and `scale`"),
    ):
        (tmp_path / "config.json").write_text(json.dumps({**json.loads(text), **changes}))
        with pytest.raises(ValueError, match=match):
            Preset.load(tmp_path)


def test_code_in_a_file_does_not_run(tmp_path):
    ran = tmp_path / "ran"
    path = str(ran)
    layer = keras.layers.Lambda(lambda x: (open(path, "w").close(), x)[1], output_shape=(6,))
    encoder = keras.Sequential([keras.Input((6,)), layer, keras.layers.Dense(4)])
    model = tfvae.VAE(2, encoder, network(output_shape=(6,)), seed=0)
    model.build((None, 6))
    model.save(tmp_path / "model.keras")
    ran.unlink(missing_ok=True)
    with pytest.raises(ValueError, match=r"model\.keras', which holds a Lambda layer"):
        tfvae.load(tmp_path)
    assert not ran.exists()


def test_a_class_that_is_not_known_is_named(tmp_path):
    class Halves(keras.layers.Layer):
        def call(self, x):
            return 0.5 * x

    encoder = keras.Sequential([keras.Input((6,)), Halves(), keras.layers.Dense(4)])
    model = tfvae.VAE(2, encoder, network(output_shape=(6,)), seed=0)
    model.build((None, 6))
    tfvae.save(model, tmp_path / "one")
    with pytest.raises(ValueError, match=r"Could not locate class 'Halves'\. Import the module"):
        tfvae.load(tmp_path / "one")
    loaded = tfvae.load(tmp_path / "one", custom_objects={"Halves": Halves})
    np.testing.assert_array_equal(loaded.embed(X), model.embed(X))


def test_other_models_are_refused(vae, tmp_path):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    other.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="which holds a Sequential"):
        tfvae.load(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="`model` must be an instance of"):
        tfvae.save(other, tmp_path / "one")
    with pytest.raises(ValueError, match="needs a model that is built"):
        tfvae.save(tfvae.VAE(2), tmp_path / "one")
    with pytest.raises(ValueError, match="`compile` must be True or False"):
        tfvae.load(tmp_path / "other.keras", compile="no")


def test_nothing_is_written_where_it_does_not_fit(vae, saved, tmp_path):
    with pytest.raises(ValueError, match="must be a new or empty folder"):
        tfvae.save(vae, saved)
    with pytest.raises(ValueError, match=r"must be local or hf://"):
        tfvae.save(vae, "gs://bucket/one")
    for options, match in (
        ({"unit": 3}, "`unit` must be a text or None"),
        ({"scaling": (0.0, 0.0)}, "scale of `scaling` must be finite and not 0"),
        ({"metrics": [1.0]}, "`metrics` must be"),
        ({"table": 3}, "`table`"),
    ):
        with pytest.raises(ValueError, match=match):
            tfvae.save(vae, tmp_path / "one", **options)
    assert not os.listdir(tmp_path)


def test_arguments_become_readable():
    flat = tfvae.FlatManifoldVAE(2, seed=0, penalties=[tfvae.penalties.Flatness(3.0)])
    flat.build((None, 6))
    found = readable(flat.get_config())
    assert found["penalties"][0]["class"] == "Flatness" and found["penalties"][0]["weight"] == 3.0
    text = json.dumps(found)
    assert "class_name" not in text and "registered_name" not in text
    assert readable((1, {"a": (2,)})) == [1, {"a": [2]}]
    inputs = keras.Input((4,))
    functional = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    (layer,) = readable(keras.saving.serialize_keras_object(functional))["layers"]
    assert layer["class"] == "Dense" and layer["units"] == 3


@pytest.mark.slow
def test_a_fresh_program_loads_it(saved, vae):
    code = (
        "import sys, numpy as np, tfvae\n"
        "np.save(sys.stdout.buffer, tfvae.load(sys.argv[1]).embed(np.ones((1, 6), 'float32')))"
    )
    made = subprocess.run([sys.executable, "-c", code, str(saved)], capture_output=True, check=True)
    found = np.load(io.BytesIO(made.stdout))
    np.testing.assert_allclose(found, vae.embed(np.ones((1, 6), "float32")), rtol=1e-5, atol=1e-6)


def test_names_of_files_are_those_of_the_docstring():
    for name in (folder.MODEL, folder.CONFIG, folder.TABLE, folder.CARD):
        assert name in tfvae.save.__doc__
