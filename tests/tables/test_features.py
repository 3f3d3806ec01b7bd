"""Features of each kind against NumPy, pandas and scikit-learn, and the way back."""

import datetime
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import tfvae
from tfvae.tables import Table

SIZES = ["S", "M", "L"]


@pytest.fixture(scope="module")
def frame():
    rng, n = np.random.default_rng(0), 90
    start = np.datetime64("2023-11-05T10:00:00")
    frame = pd.DataFrame(
        {
            "weight": rng.normal(70.0, 12.0, n),
            "visits": rng.poisson(3.0, n),
            "size": rng.choice(SIZES, n),
            "member": rng.random(n) < 0.3,
            "colour": rng.choice(["red", "blue", "größer"], n, p=[0.5, 0.3, 0.2]),
            "when": start + rng.integers(0, 500 * 86400, n).astype("timedelta64[s]"),
        }
    )
    frame.loc[::7, "weight"] = np.nan
    frame.loc[1::9, "colour"] = None
    frame.loc[2::11, "when"] = pd.NaT
    return frame


@pytest.fixture(scope="module")
def table(frame):
    return Table({"size": SIZES}).fit(frame)


@pytest.fixture(scope="module")
def features(frame, table):
    return pd.DataFrame(table.transform(frame), columns=table.get_feature_names_out())


def test_kinds_are_guessed(table):
    assert {one.name: one.kind for one in table.columns_} == {
        "weight": "numeric",
        "visits": "count",
        "size": "ordinal",
        "member": "boolean",
        "colour": "categorical",
        "when": "date",
    }
    assert all(name in table.summary() for name in table.feature_names_in_)


def test_numbers_are_those_of_a_standard_scaler(frame, features):
    expected = StandardScaler().fit_transform(frame[["weight"]])[:, 0]
    gaps = frame["weight"].isna().to_numpy()
    np.testing.assert_allclose(features["weight"][~gaps], expected[~gaps], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(features["weight"][gaps], 0.0)
    np.testing.assert_array_equal(features["weight missing"], gaps)


def test_counts_and_ranks_are_standardised(frame, features):
    for name, values in (
        ("visits", np.log1p(frame["visits"])),
        ("size", frame["size"].map(SIZES.index)),
    ):
        expected = (values - values.mean()) / values.std(ddof=0)
        np.testing.assert_allclose(features[name], expected, rtol=1e-5, atol=1e-6)


def test_categories_are_those_of_a_one_hot_encoder(frame, features):
    encoder = OneHotEncoder(sparse_output=False).fit(frame[["colour"]])
    expected = encoder.transform(frame[["colour"]])
    for category, column in zip(encoder.categories_[0], expected.T, strict=True):
        name = "colour missing" if pd.isna(category) else f"colour={category}"
        np.testing.assert_array_equal(features[name], column)
    assert not features["colour other"].any()
    np.testing.assert_array_equal(features["member"], frame["member"])


def test_dates_are_those_of_pandas(frame, features):
    when = frame["when"]
    seconds = (when - pd.Timestamp("1970-01-01")).dt.total_seconds()
    expected = (seconds - seconds.mean()) / seconds.std(ddof=0)
    np.testing.assert_allclose(features["when"], expected.fillna(0.0), rtol=1e-5, atol=1e-6)
    clock = when.dt.hour * 3600 + when.dt.minute * 60 + when.dt.second
    angles = {"day": clock / 86400, "week": ((when.dt.dayofweek - 3) * 86400 + clock) / (7 * 86400)}
    for name, share in angles.items():
        for function in ("sin", "cos"):
            wave = getattr(np, function)(2 * np.pi * share).fillna(0.0)
            np.testing.assert_allclose(features[f"when {name} {function}"], wave, atol=1e-5)


def test_groups_cover_all_features(table):
    names = table.get_feature_names_out()
    ends = [group.features.stop for group in table.groups_]
    assert [group.start for group in table.groups_] == [0, *ends[:-1]]
    assert ends[-1] == len(names)
    for group in table.groups_:
        assert names[group.features].tolist() == list(group.names)
    one_hot = next(group for group in table.groups_ if group.column == "colour")
    assert one_hot.kind == "categorical" and len(one_hot.names) == 5


@pytest.mark.parametrize("encoding", ["one_hot", "codes"])
def test_rows_come_back(frame, encoding):
    table = Table({"size": SIZES}, encoding=encoding)
    back = table.inverse_transform(table.fit_transform(frame))
    assert back.columns.tolist() == frame.columns.tolist()
    np.testing.assert_allclose(back["weight"], frame["weight"], rtol=1e-5)
    for name in ("visits", "size", "member"):
        assert back[name].tolist() == frame[name].tolist()
    assert back["visits"].dtype.kind == "i"
    assert back["colour"].isna().tolist() == frame["colour"].isna().tolist()
    assert back["colour"].dropna().tolist() == frame["colour"].dropna().tolist()
    assert back["when"].isna().tolist() == frame["when"].isna().tolist()
    # float32 of 500 days.
    assert (back["when"] - frame["when"]).abs().max() <= pd.Timedelta(seconds=5)


def test_codes_are_one_number_for_each_column(frame):
    table = Table({"size": SIZES}, encoding="codes")
    x = dict(zip(frame.columns, table.fit_transform(frame).T, strict=True))
    assert table.get_feature_names_out().tolist() == frame.columns.tolist()
    levels = next(one for one in table.columns_ if one.name == "colour").levels
    assert levels[0] == "red"
    expected = frame["colour"].map({name: code for code, name in enumerate(levels)})
    np.testing.assert_array_equal(x["colour"], expected)
    np.testing.assert_array_equal(x["visits"], frame["visits"])
    np.testing.assert_array_equal(np.isnan(x["weight"]), frame["weight"].isna())
    new = frame.iloc[[1, 2]].assign(colour=["violet", None])
    np.testing.assert_array_equal(table.transform(new)[:, 4], [3.0, np.nan])


def test_generated_features_become_rows():
    table = Table().fit({"n": [0, 2, 5], "c": ["a", "b", "b"], "b": [True, False, True]})
    names = table.get_feature_names_out().tolist()
    assert names == ["n", "c=b", "c=a", "c other", "b"]
    back = table.inverse_transform([[-99.0, 0.2, 0.6, 0.1, 0.4], [0.0, 0.1, 0.2, 0.7, 0.6]])
    assert back["n"][0] == 0 and back["b"].tolist() == [False, True]
    assert back["c"][0] == "a" and pd.isna(back["c"][1])


def test_new_rows_may_have_other_columns_in_any_order(frame, table):
    new = frame[frame.columns[::-1]].assign(more=1)
    np.testing.assert_array_equal(table.transform(new), table.transform(frame))
    np.testing.assert_array_equal(
        table.transform({name: column.tolist() for name, column in frame.items()}),
        table.transform(frame),
    )


def test_pieces_give_what_the_whole_gives(monkeypatch, frame, table):
    monkeypatch.setattr("tfvae.tables.sources.CHUNK", 13)
    pieces = Table({"size": SIZES}).fit(frame)
    for one, other in zip(pieces.columns_, table.columns_, strict=True):
        np.testing.assert_allclose([one.mean, one.scale], [other.mean, other.scale], rtol=1e-12)
        assert one._replace(mean=0, scale=0) == other._replace(mean=0, scale=0)
    np.testing.assert_allclose(pieces.transform(frame), table.transform(frame), atol=1e-6)


def test_units_of_any_size_are_standardised():
    for unit in (1e-30, 1e-9, 1e12):
        x = Table().fit_transform({"x": unit * np.array([1.0, 2.0, 4.0])})
        np.testing.assert_allclose(x.std(), 1.0, rtol=1e-5)
    # A standard deviation of one at 1e9 needs more digits than float32 has.
    x = Table().fit_transform({"x": 1e9 + np.array([1.0, -1.0])})
    np.testing.assert_array_equal(x[:, 0], [1.0, -1.0])


def test_types_of_columns_are_understood():
    rows = {
        "Int64": pd.array([1, None, 30], "Int64"),
        "boolean": pd.array([True, None, False], "boolean"),
        "category": pd.Categorical(["b", None, "a"]),
        "ordered": pd.Categorical(["low", "high", "low"], ["low", "high"], ordered=True),
        "zone": pd.to_datetime(["2024-01-01T01+01", "2024-06-01T02+02", None], utc=True),
        "date": [datetime.date(2024, 1, 1), None, datetime.date(2024, 1, 3)],
        "mixed": ["1", 2, None],
        "object": np.array([1.5, None, 2], object),
    }  # fmt: skip
    table = Table().fit(pd.DataFrame(rows))
    kinds = {one.name: one.kind for one in table.columns_}
    assert kinds == {
        "Int64": "numeric",
        "boolean": "boolean",
        "category": "categorical",
        "ordered": "ordinal",
        "zone": "date",
        "date": "date",
        "mixed": "numeric",
        "object": "numeric",
    }
    back = table.inverse_transform(table.transform(pd.DataFrame(rows)))
    assert back["zone"][0] == pd.Timestamp("2024-01-01")
    assert back["ordered"].tolist() == ["low", "high", "low"]


def test_arrays_have_numbered_columns():
    x = np.random.default_rng(0).normal(size=(20, 2))
    table = Table()
    expected = StandardScaler().fit_transform(x)
    np.testing.assert_allclose(table.fit_transform(x), expected, atol=1e-6)
    assert table.get_feature_names_out().tolist() == ["x0", "x1"]
    mixed = [[1.5, "a"], [2.5, "b"], [None, "a"]]
    assert Table().fit_transform(mixed).shape == (3, 5)


def test_rare_and_new_categories_are_other():
    colours = ["red"] * 5 + ["blue"] * 3 + ["green", "pink"]
    table = Table(max_categories=2).fit({"c": colours})
    assert table.get_feature_names_out().tolist() == ["c=red", "c=blue", "c other"]
    np.testing.assert_array_equal(table.transform({"c": ["green", "new", "red"]})[:, 2], [1, 1, 0])
    codes = Table({"c": "categorical"}).fit({"c": [7, 7, 1]})
    np.testing.assert_array_equal(codes.transform({"c": [1, 5]}), [[0, 1, 0], [0, 0, 1]])


def test_a_file_keeps_the_table(tmp_path, frame, table):
    path = tmp_path / "table.keras"
    table.save(path)
    loaded = Table.load(path)
    assert loaded.columns_ == table.columns_
    assert loaded.get_params() == table.get_params()
    np.testing.assert_array_equal(loaded.transform(frame), table.transform(frame))
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(table)).transform(frame), table.transform(frame)
    )
    model = keras.saving.load_model(path)
    raw = {
        "weight": np.array([70.0, np.nan]),
        "visits": np.array([2, 0]),
        "size": np.array(["S", "L"]),
        "member": np.array([True, False]),
        "colour": np.array(["red", ""]),
        "when": np.array(["2024-02-29 12:00", ""]),
    }
    expected = table.transform(raw)
    raw = {name: keras.ops.convert_to_tensor(value) for name, value in raw.items()}
    np.testing.assert_array_equal(model(raw), expected)


def test_the_graph_is_part_of_a_keras_model(tmp_path):
    table = Table().fit({"a": [1.0, 3.0], "c": ["x", "y"]})
    inputs = {
        "a": keras.Input((), dtype="float64", name="a"),
        "c": keras.Input((), dtype="string", name="c"),
    }
    model = keras.Model(inputs, keras.layers.Dense(2)(table.model_(inputs)))
    model.save(tmp_path / "all.keras")
    raw = {"a": np.array([1.5, 2.0]), "c": np.array(["y", "x"])}
    loaded = keras.saving.load_model(tmp_path / "all.keras")
    tensors = {name: keras.ops.convert_to_tensor(value) for name, value in raw.items()}
    expected = table.transform(raw) @ model.layers[-1].kernel + model.layers[-1].bias
    np.testing.assert_allclose(loaded(tensors), expected, atol=1e-6)


def test_it_is_an_estimator_of_scikit_learn(frame):
    table = Table({"size": SIZES}, max_categories=5)
    assert clone(table).get_params() == table.get_params()
    with pytest.raises(NotFittedError):
        table.transform(frame)
    pipeline = make_pipeline(clone(table), IsolationForest(n_estimators=5, random_state=0))
    scores = pipeline.fit(frame).score_samples(frame)
    direct = IsolationForest(n_estimators=5, random_state=0)
    x = clone(table).fit_transform(frame)
    np.testing.assert_array_equal(scores, direct.fit(x).score_samples(x))
    made = clone(table).set_output(transform="pandas").fit_transform(frame)
    assert made.columns.tolist() == table.fit(frame).get_feature_names_out().tolist()


def test_a_model_knows_the_names_of_features(frame, table):
    features = clone(table).set_output(transform="pandas").fit_transform(frame)
    mlp = tfvae.networks.mlp
    vae = tfvae.VAE(2, encoder=mlp([4]), decoder=mlp([4], (features.shape[1],)), seed=0)
    vae.compile("adam")
    vae.fit(features, epochs=1, verbose=0)
    assert vae.columns == table.get_feature_names_out().tolist()
    assert len(table.inverse_transform(vae.generate(3, seed=0))) == 3


def test_a_damaged_file_of_a_table_is_refused(tmp_path):
    path = tmp_path / "table.keras"
    Table().fit({"a": [1.0, 2.5, 0.5]}).save(path)
    whole, rows, refused = path.read_bytes(), {"a": [1.0, 2.0]}, 0
    expected = Table.load(path).transform(rows)
    places = range(0, len(whole), max(1, len(whole) // 24))
    for content in (*(whole[:i] + bytes([whole[i] ^ 0x55]) + whole[i + 1 :] for i in places), b""):
        path.write_bytes(content)
        try:
            found = Table.load(path)
        except ValueError as error:
            assert "`path` must be a whole .keras file" in str(error)
            refused += 1
        else:  # The byte was none of the table's: of the time of writing, or of weights it has not.
            np.testing.assert_array_equal(found.transform(rows), expected)
    assert refused >= 3
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"`path` must be a whole \.keras file"):
        Table.load(path)
    with pytest.raises(ValueError, match="which does not exist"):
        Table.load(tmp_path / "none.keras")


@pytest.mark.parametrize("spelled", [("True", "False"), ("TRUE", "FALSE"), ("true", "false")])
def test_booleans_of_a_file_and_of_a_data_frame_are_the_same(tmp_path, spelled):
    frame = pd.DataFrame(
        {"a": [1.5, 2.0, 3.0], "ok": [True, False, True], "gaps": [True, None, False]}
    )
    path = tmp_path / "rows.csv"
    path.write_text("a,ok,gaps\n1.5,{0},{0}\n2,{1},\n3,{0},{1}\n".format(*spelled))
    of_file, of_frame = Table().fit(path), Table().fit(frame)
    expected = of_file.transform(path)
    for table in (of_file, of_frame):
        for rows in (path, frame, pd.read_csv(path), table.inverse_transform(expected)):
            np.testing.assert_array_equal(table.transform(rows), expected)
        with pytest.raises(ValueError, match="'ok' must hold one of"):
            table.transform(frame.assign(ok=2.0))
