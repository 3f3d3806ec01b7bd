"""Kinds that are guessed or given, and columns that cannot be used."""

import decimal

import numpy as np
import pandas as pd
import pytest

from tfvae.tables import Table

NAMES = [f"person {i}" for i in range(40)]
WORDS = np.array(["a", "b", "c", "d"] * 10)
VALUES = np.linspace(0.5, 3.5, 40)


def kind_of(values, **arguments):
    return Table(**arguments).fit({"c": values, "x": np.arange(len(values)) + 0.5}).columns_[0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.5, 1.5, 2.0], "numeric"),
        ([0, 1, 2], "count"),
        ([1, 2, 9], "count"),
        ([-1, 0, 1], "numeric"),
        ([1950, 1960, 2000], "numeric"),
        ([0, 1, 1], "boolean"),
        ([True, False, True], "boolean"),
        (["Yes", "No", "Yes"], "boolean"),
        (["f", "t", ""], "boolean"),
        (["f", "m", "m"], "categorical"),
        (["1", "2.5", "NaN"], "numeric"),
        (["12a", "12b", "7"], "categorical"),
        (["2024-02-29", "2023-01-01", ""], "date"),
        (["31/01/2024", "01/02/2024", "N/A"], "date"),
        (["1/31/2024", "1/2/2024", "1/3/2024"], "date"),
        (["2024-02-29T10:00:00Z", "2023-01-01 10:30", "2023-01-02"], "date"),
        (["2023-02-29", "2023-01-01", "2023-01-02"], "categorical"),
    ],
)
def test_guess(values, kind):
    assert kind_of(values).kind == kind


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("numeric", [0, 1, 1], "numeric"),
        ("categorical", [0, 1, 2], "categorical"),
        ("ordinal", [3, 1, 2], "ordinal"),
        ("boolean", ["m", "f", "m"], "boolean"),
        (["low", "mid", "high"], ["mid", "low", "low"], "ordinal"),
        ("count", [5, 6, 9], "count"),
        ("categorical", NAMES, "categorical"),
        ("%Y%m%d", [20240131, 20240201, 20240202], "date"),
        ("%d/%m/%Y", ["01/02/2024", "02/02/2024", "03/02/2024"], "date"),
    ],
)
def test_a_kind_that_is_given_is_used(kind, values, expected):
    assert kind_of(values, kinds={"c": kind}).kind == expected


def test_dates_of_numbers_are_read():
    table = Table({"c": "%Y%m%d"})
    back = table.inverse_transform(table.fit_transform({"c": [20240131, 20240229, 20240202]}))
    expected = [f"2024-{day}" for day in ("01-31", "02-29", "02-02")]
    assert back["c"].dt.strftime("%Y-%m-%d").tolist() == expected


@pytest.mark.parametrize(
    ("values", "arguments", "message"),
    [
        (NAMES, {}, "'c' must hold numbers, dates or categories, received text: 40 different"),
        ([1.5, 2.5, "x"], {}, "as 2 of its 3 values are, received 'x' in row 2"),
        ([None, np.nan, None], {}, "must have a value in some row"),
        ([1.0, np.inf, 2.0], {}, "finite numbers, received inf in row 1"),
        ([1.0, 2.0, [3]], {}, r"received \[3\] of the type list in row 2"),
        (np.array([1j, 2, 3]), {}, "received the type complex128"),
        (["a", "b", "c"], {"kinds": {"c": "numeric"}}, "must hold numbers, received 'a' in row 0"),
        (["a", "b", "c"], {"kinds": {"c": "ordinal"}}, "must have its levels in order"),
        (["a", "b", "c"], {"kinds": {"c": ["a", "b"]}}, "must hold one of .*received 'c'"),
        (["a", "b", "c"], {"kinds": {"c": "boolean"}}, "must hold two values, received 3"),
        (["a", "b", "c"], {"kinds": {"c": "date"}}, "must hold dates of the format"),
        ([1.5, 2.5, 3.0], {"kinds": {"c": "date"}}, "must hold dates, received numbers"),
        (["1.2.2024", "x", "2.2.2024"], {"kinds": {"c": "%d.%m.%Y"}}, "received 'x' in row 1"),
        ([1, -1, 2], {"kinds": {"c": "count"}}, "whole numbers from 0, received -1"),
        ([1, 1.5, 2], {"kinds": {"c": "count"}}, "numbers with decimals"),
        (["a", "b", "c"], {"unknown": "error", "max_categories": 2}, "at most `max_categories`"),
        ([1, 2, 3], {"kinds": {"d": "numeric"}}, "`kinds` must name columns, received 'd'"),
        ([1, 2, 3], {"kinds": {"c": "number"}}, "must be one of 'numeric'"),
        ([1, 2, 3], {"kinds": {"c": "%Y"}}, "must have each of %Y, %m, %d once"),
        ([1, 2, 3], {"kinds": ["numeric"]}, "`kinds` must be a dict"),
        ([1, 2, 3], {"encoding": "hot"}, "`encoding` must be one of"),
        ([1, 2, 3], {"unknown": "drop"}, "`unknown` must be one of"),
        ([1, 2, 3], {"indicators": "some"}, "`indicators` must be one of"),
        ([1, 2, 3], {"cycles": ("month",)}, "`cycles` must be one of"),
        ([1, 2, 3], {"missing_values": "NA"}, "`missing_values` must be a tuple"),
        ([1e308, -1e308, 0.0], {}, "standard deviation that float64 can hold"),
    ],
)
def test_what_cannot_be_used_is_refused(values, arguments, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        kind_of(values, **arguments)


def test_all_bad_columns_are_named_at_once():
    with pytest.raises(ValueError, match=r"(?s)'names'.*'empty'"):
        Table().fit({"names": NAMES, "empty": [None] * 40, "x": VALUES})


def test_a_constant_column_is_no_feature_and_comes_back():
    rows = pd.DataFrame({"x": VALUES, "c": 5, "t": "only", "g": [1.5, None] * 20})
    with pytest.warns(UserWarning, match="'c', 't', 'g' have one value only"):
        table = Table().fit(rows)
    assert table.get_feature_names_out().tolist() == ["x", "g missing"]
    back = table.inverse_transform(table.transform(rows[["x", "g"]]))
    assert back["c"].tolist() == [5] * 40
    assert back["t"].tolist() == ["only"] * 40
    np.testing.assert_array_equal(back["g"], rows["g"])
    with pytest.raises(ValueError, match="must have a column that varies"):
        Table().fit({"c": [1.0, 1.0]})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' as the columns 1 and 2"),
        (pd.DataFrame({"Unnamed: 0": [0, 1], "a": [1, 2]}), "none for column 1"),
        (pd.DataFrame({"a": []}), "must have a row"),
        (pd.DataFrame(), "at least one column"),
        ({"a": [1, 2], "b": [1]}, "must have one length"),
        ({"a": 1.0}, "must have a value for each row"),
        (np.zeros(3), r"must have the axes \(n, columns\)"),
        (np.zeros((3, 2, 2)), r"must have the axes \(n, columns\)"),
        (7, "must be a DataFrame"),
        (None, "must be a DataFrame"),
    ],
)
def test_what_is_no_table_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        Table().fit(rows)


def test_rows_that_do_not_fit_are_refused():
    table = Table({"size": ["S", "L"]}).fit(
        {"x": VALUES, "size": ["S", "L"] * 20, "n": np.arange(40) // 2, "b": ["yes", "no"] * 20}
    )
    good = {"x": [1.0], "size": ["S"], "n": [3], "b": ["no"]}
    assert np.isfinite(table.transform(good)).all()
    for change, message in [
        ({"x": [np.nan]}, "'x' must have a value.*indicators"),
        ({"x": ["one"]}, "'x' must hold numbers, as in `fit`, received 'one' in row 0"),
        ({"x": np.array(["2024-01-01"], "M8[D]")}, "'x' must hold numbers.*dates"),
        ({"size": ["M"]}, "'size' must hold one of S, L, received 'M' in row 0"),
        ({"n": [-2]}, "'n' must hold numbers from 0"),
        ({"b": ["maybe"]}, "'b' must hold one of no, yes, received 'maybe'"),
        ({"x": [], "size": [], "n": [], "b": []}, "at least one row"),
    ]:
        with pytest.raises(ValueError, match=f"(?s){message}"):
            table.transform(good | change)
    for x, message in [
        (np.zeros((2, 3)), r"must have the shape \(n, 4\)"),
        (np.full((1, 4), np.nan), "must have finite features, received nan for 'x' in row 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            table.inverse_transform(x)


def test_missing_values_everywhere_if_wanted():
    table = Table(indicators="all").fit({"x": VALUES, "c": WORDS})
    x = table.transform({"x": [np.nan], "c": ["NA"]})
    names = table.get_feature_names_out().tolist()
    assert [name for name, one in zip(names, x[0], strict=True) if one] == [
        "x missing",
        "c missing",
    ]
    namibia = Table(missing_values=("",)).fit({"c": ["NA", "DE", "", "NA"]})
    assert namibia.columns_[0].levels == ("NA", "DE")


def test_gaps_without_indicators_are_neutral(tmp_path):
    rows = {"x": VALUES, "c": WORDS, "b": ["yes", "no"] * 20, "gone": [1.0] * 40}
    with pytest.warns(UserWarning, match="'gone' have one value only"):
        table = Table(indicators="none").fit(rows)
    assert not any("missing" in name for name in table.get_feature_names_out())
    gap = table.transform({"x": [np.nan], "c": [None], "b": [""], "gone": [np.nan]})
    is_boolean = table.get_feature_names_out() == "b"
    np.testing.assert_array_equal(gap[0], np.where(is_boolean, 0.5, 0.0))
    table.save(tmp_path / "table.keras")
    rows_with_gaps = {"x": [np.nan, 1.0], "c": [WORDS[0], ""], "b": ["no", None], "gone": [1, 1]}
    expected = table.transform(rows_with_gaps)
    found = Table.load(tmp_path / "table.keras").transform(rows_with_gaps)
    np.testing.assert_array_equal(found, expected)


def test_gaps_are_nan_if_wanted(tmp_path):
    rows = {"x": VALUES, "c": WORDS, "b": ["yes", "no"] * 20}
    table = Table(indicators="nan").fit(rows)
    assert not any("missing" in name for name in table.get_feature_names_out())
    gap = table.transform({"x": [np.nan, 1.0], "c": ["a", None], "b": ["", "no"]})
    columns = [group.column for group in table.groups_ for _ in group.names]
    expected = [[name in gone for name in columns] for gone in ("xb", "c")]
    np.testing.assert_array_equal(np.isnan(gap), expected)
    back = table.inverse_transform(gap)
    np.testing.assert_array_equal(back.isna()[["x", "c", "b"]], [[True, False, True], [0, 1, 0]])
    assert table.likelihood().missing and not Table().fit(rows).likelihood().missing
    table.save(tmp_path / "table.keras")
    np.testing.assert_array_equal(
        Table.load(tmp_path / "table.keras").transform({n: list(v) for n, v in rows.items()}),
        table.transform(rows),
    )


def test_words_of_the_lookup_may_be_categories():
    table = Table().fit({"c": ["unknown", "[UNK]", "other", "unknown?"]})
    x = table.transform({"c": ["unknown", "[UNK]", "other", "unknown?", "new"]})
    np.testing.assert_array_equal(x.sum(0), np.ones(5))


def test_a_file_of_something_else_is_no_table(tmp_path):
    import keras

    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(ValueError, match="must be the file of a Table"):
        Table.load(path)
    with pytest.raises(ValueError, match=r"must end in \.keras"):
        Table().fit({"x": VALUES}).save(tmp_path / "table.json")


def test_masked_values_are_missing_ones():
    rows = np.ma.array([[1, 5], [2, 6], [3, 7], [999, 9]], mask=[[0, 0], [0, 0], [0, 0], [1, 0]])
    expected = Table().fit_transform(np.array([[1, 5], [2, 6], [3, 7], [np.nan, 9]]))
    np.testing.assert_array_equal(Table().fit_transform(rows), expected)
    columns = {"x0": rows[:, 0], "x1": rows[:, 1]}
    np.testing.assert_array_equal(Table().fit_transform(columns), expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 10**400, 3], "'a' must hold finite numbers, received inf in row 1"),
        ([b"x", b"\xff", b"y"], "'a' must hold bytes that are text in UTF-8.*in row 1"),
        (np.array([b"x", b"\xff"]), "'a' must hold bytes that are text in UTF-8.*in row 1"),
    ],
)
def test_values_that_python_cannot_convert_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        Table().fit({"a": values, "b": list(range(len(values)))[::-1]})


def test_a_signaling_nan_is_missing():
    found = Table({"a": "numeric"}).fit({"a": [decimal.Decimal("sNaN"), decimal.Decimal(2), 3.0]})
    assert found.columns_[0].missing == 1
