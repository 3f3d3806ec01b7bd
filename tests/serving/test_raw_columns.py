"""A SavedModel with a table takes raw columns and gives what Python gives."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tfvae
from tfvae.serving.raw_columns import RawColumns
from tfvae.serving.signatures import minus_elbo
from tfvae.tables import Table

SEED = np.array([3, 5], "int32")
# A server has TensorFlow only.
SERVER = """
import pickle, sys
for name in ("tfvae", "keras", "tf_keras", "tensorflow_probability", "pandas"):
    sys.modules[name] = None
import tensorflow as tf
with open(sys.argv[2], "rb") as file:
    calls = pickle.load(file)
signatures = tf.saved_model.load(sys.argv[1]).signatures
answers = []
for name, given in calls:
    found = signatures[name](**{k: tf.constant(v) for k, v in given.items()})
    answers.append({k: v.numpy() for k, v in found.items()})
with open(sys.argv[2], "wb") as file:
    pickle.dump(answers, file)
"""


def answers_of(folder, calls, tmp_path):
    """What a process without tfvae and Keras answers."""
    path = tmp_path / "calls.pkl"
    pd.to_pickle(calls, path)
    subprocess.run([sys.executable, "-c", SERVER, str(folder), str(path)], check=True)
    return pd.read_pickle(path)


def model_of(table, rows):
    x = table.fit_transform(rows)
    mlp = tfvae.networks.mlp
    vae = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (x.shape[1],)), seed=0)
    vae.compile("adam")
    vae.fit(x, epochs=1, verbose=0)
    return vae


@pytest.fixture(scope="module")
def rows():
    rng, n = np.random.default_rng(0), 60
    frame = pd.DataFrame(
        {
            "Größe (cm)": rng.normal(170.0, 10.0, n),
            "class": rng.choice(["a", "b", "ü"], n),
            "seed": rng.poisson(3.0, n),
            "when": np.datetime64("2024-01-01T07:00:00")
            + rng.integers(0, 500 * 86400, n).astype("timedelta64[s]"),
            "a/b": rng.choice([1, 2, 7], n),
            "a_b": rng.choice(["S", "M", "L"], n),
        }
    )
    frame.loc[::7, "Größe (cm)"] = np.nan
    frame.loc[::5, "class"] = None
    return frame


@pytest.fixture(scope="module")
def table():
    return Table({"a/b": "categorical", "a_b": ["S", "M", "L"]})


@pytest.fixture(scope="module")
def exported(rows, table, tmp_path_factory):
    vae = model_of(table, rows)
    folder = tmp_path_factory.mktemp("served") / "model" / "1"
    tfvae.export(vae, folder, table=table)
    return vae, folder


def raw_of(rows):
    """The rows as a client sends them."""
    texts = rows["class"].fillna("").to_numpy(object)
    return {
        "Gr__e__cm_": rows["Größe (cm)"].to_numpy("float64"),
        "column_class": texts,
        "column_seed": rows["seed"].to_numpy("float64"),
        "when": rows["when"].dt.strftime("%Y-%m-%dT%H:%M:%S").to_numpy(object),
        "a_b_2": rows["a/b"].to_numpy("float64"),
        "a_b": rows["a_b"].to_numpy(object),
    }


def test_a_served_raw_row_equals_python(exported, rows, table, tmp_path):
    vae, folder = exported
    x = table.transform(rows)
    raw = raw_of(rows)
    new = {**raw, "column_class": np.array(["new"] * len(rows), object)}
    bad = {name: value.copy() for name, value in raw.items()}
    bad["when"][1], bad["a_b"][2], bad["column_seed"][3] = "yesterday", "XXL", np.nan
    calls = [
        ("score", raw | {"seed": SEED}),
        ("serving_default", raw),
        ("reconstruct", raw),
        ("score", new | {"seed": SEED}),
        ("score", bad | {"seed": SEED}),
        ("generate", {"count": np.int32(4), "seed": SEED}),
    ]
    score, embedding, mean, of_new, of_bad, generated = answers_of(folder, calls, tmp_path)
    expected = minus_elbo(vae, x, tf.constant(SEED)).numpy()
    np.testing.assert_allclose(score["score"], expected, rtol=1e-5)
    np.testing.assert_allclose(embedding["embedding"], vae.embed(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mean["mean"], vae(x), rtol=1e-5, atol=1e-6)
    others = table.transform(rows.assign(**{"class": "new"}))
    np.testing.assert_allclose(
        of_new["score"], minus_elbo(vae, others, tf.constant(SEED)), rtol=1e-5
    )
    assert np.isnan(of_bad["score"][[1, 2, 3]]).all()
    rest = np.delete(np.arange(len(rows)), [1, 2, 3])
    np.testing.assert_allclose(of_bad["score"][rest], expected[rest], rtol=1e-5)
    assert len(table.inverse_transform(generated["mean"])) == 4


def test_the_card_names_columns_and_features(exported, rows, table):
    folder = exported[1]
    card = json.loads((folder / "assets.extra" / "model_card.json").read_text())
    inputs = card["signatures"]["score"]["inputs"]
    assert list(inputs) == [*raw_of(rows), "seed"]
    assert "Größe (cm)" in inputs["Gr__e__cm_"]["meaning"]
    assert card["data"]["features of the table"] == table.get_feature_names_out().tolist()
    text = (folder / "assets.extra" / "MODEL_CARD.md").read_text()
    assert "inverse_transform" in text and "np.array(['" in text


def test_example_requests_are_answered(exported, tmp_path):
    folder = exported[1]
    calls = []
    for name in ("score", "encode"):
        request = json.loads((folder / "assets.extra" / "requests" / f"{name}.json").read_text())
        values = {k: np.array(v) for k, v in request["inputs"].items()}
        values = {
            k: v.astype("int32") if k == "seed" else v.astype(object) if v.dtype.kind == "U" else v
            for k, v in values.items()
        }
        calls.append((name, values))
    for answer in answers_of(folder, calls, tmp_path):
        assert all(np.isfinite(value).all() for value in answer.values())


def test_names_of_inputs_are_free_and_different():
    names = ["A b", "a_b", "a-b", "x", "1st", "class", "ok", "größe"]
    rows = {name: [0.5, 1.5, 4.0] for name in names}
    columns = RawColumns(Table().fit(rows).model_)
    inputs = [spec.name for spec in columns.specs()]
    assert inputs == [
        "A_b_2",
        "a_b",
        "a_b_3",
        "column_x",
        "column_1st",
        "column_class",
        "ok",
        "gr__e",
    ]


def test_tables_that_do_not_fit_are_refused(exported, rows, table, tmp_path):
    vae = exported[0]
    for arguments, message in [
        ({"table": Table()}, "must be a fitted"),
        ({"table": rows}, "must be a fitted"),
        ({"table": Table().fit({"x": [1.0, 2.0]})}, "must make the features that the model"),
        ({"table": table, "scaling": (0.0, 2.0)}, "`scaling` must be None with a `table`"),
    ]:
        with pytest.raises(ValueError, match=message):
            tfvae.export(vae, tmp_path / "1", **arguments)


def test_each_column_has_its_own_input_and_the_card_tells_it():
    names = ["flow %", "flow__", "flow /", "Druck ä", "Flow__"]
    values = np.random.default_rng(0).normal(size=(30, len(names)))
    table = Table().fit(pd.DataFrame(values, columns=names))
    columns = RawColumns(table.model_)
    # A name that can stay is never given to another column.
    assert columns.names == {
        "flow___3": "flow %",
        "flow__": "flow__",
        "flow___4": "flow /",
        "Druck__": "Druck ä",
        "Flow___2": "Flow__",
    }
    x = columns.x({name: values[:, names.index(own)] for name, own in columns.names.items()})
    np.testing.assert_array_equal(x, table.transform(pd.DataFrame(values, columns=names)))
    assert columns.meaning("Druck__").startswith("the column Druck ä (an input must have another")
    assert "another" not in columns.meaning("flow__")
