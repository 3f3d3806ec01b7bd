"""Columns that only number the rows, and categories that training did not see."""

import warnings

import numpy as np
import pandas as pd
import pytest

from tfvae import tables
from tfvae.tables import Table, remedies, statistics

VALUES = np.linspace(0.5, 3.5, 40)


@pytest.mark.parametrize(
    "numbers",
    [np.arange(40), np.arange(1001, 1041), [f"{i:04}" for i in range(1, 41)], np.arange(40) - 5],
)
def test_a_row_number_is_no_feature(numbers, tmp_path):
    rows = pd.DataFrame({"id": numbers, "x": VALUES})
    with pytest.warns(UserWarning, match=r"'id' numbers the rows.*kinds={'id': 'numeric'}"):
        table = Table().fit(rows)
    assert table.get_feature_names_out().tolist() == ["x"]
    assert "number of the row, no feature" in table.summary()
    x = table.transform(rows[["x"]])  # It need not be there later.
    assert table.inverse_transform(x).columns.tolist() == ["x"]
    table.save(tmp_path / "table.keras")
    again = Table.load(tmp_path / "table.keras")
    assert again.columns_ == table.columns_ and again.columns_[0].is_row_number


@pytest.mark.parametrize(
    ("numbers", "arguments"),
    [
        (np.arange(40)[::-1], {}),
        (np.r_[np.arange(39), 38], {}),
        (np.r_[np.nan, np.arange(1, 40)], {}),
        (np.arange(40) + 0.5, {}),
        (np.arange(40), {"kinds": {"id": "count"}}),
        (["a", *map(str, range(39))], {"kinds": {"id": "categorical"}}),
    ],
)
def test_other_columns_are_features(numbers, arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = Table(**arguments).fit({"id": numbers, "x": VALUES})
    assert table.columns_[0].order == "" and table.groups_[0].column == "id"


def test_numbers_that_rise_are_told_and_used():
    with pytest.warns(UserWarning, match=r"'id' rises from row to row.*kinds={'id': 'ignore'}"):
        table = Table().fit({"id": np.arange(40) ** 2, "x": VALUES})
    assert table.get_feature_names_out().tolist() == ["id", "x"]


def test_nineteen_rows_are_too_few_and_one_column_is_kept():
    rows = {"id": np.arange(19), "x": VALUES[:19]}
    assert Table().fit(rows).get_feature_names_out().tolist() == ["id", "x"]
    with pytest.warns(UserWarning, match="rises"):
        assert Table().fit({"id": np.arange(40)}).model_.num_features == 1


@pytest.mark.parametrize("end", [40_000, 39_999])
def test_the_order_is_looked_for_in_all_pieces(tmp_path, end):
    numbers = np.r_[np.arange(40_000), end]
    path = tmp_path / "rows.csv"
    path.write_text("id,x\n" + "".join(f"{i},{i % 7}.5\n" for i in numbers))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = Table().fit(path)
    assert table.columns_[0].is_row_number == (end == 40_000)


def test_the_order_of_huge_numbers_is_not_told():
    huge = np.arange(2**60, 2**60 + 40).astype("float64")
    found = statistics.statistics_for(None, tables.values.Spelling(), frozenset())
    found.add(huge, 0)
    assert found.order == ""


@pytest.mark.parametrize("encoding", ["one_hot", "codes"])
@pytest.mark.parametrize("levels", [["a", "b"], [3, 4]])
def test_new_categories_are_told(encoding, levels):
    kinds = {"c": "categorical"}
    table = Table(kinds, encoding=encoding).fit({"c": levels * 20, "x": VALUES})
    new = "new" if isinstance(levels[0], str) else 7
    rows = {"c": [levels[0], new, new, None], "x": [1.0, 1.0, 1.0, 1.0]}
    rows["c"][3] = levels[1]
    shown = "new" if new == "new" else "7"
    with pytest.warns(UserWarning, match=rf"the column 'c' \('{shown}' in 2 rows\)"):
        table.transform(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table.transform({"c": levels, "x": [1.0, 1.0]})


def test_categories_that_may_have_been_seen_are_not_told():
    table = Table(max_categories=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table.fit_transform({"c": ["a", "a", "b", "b", "c"] * 8, "x": VALUES})


def test_remedies_speak_python_or_options():
    said = [
        lambda: remedies.kind("a b", ["S", "M"]),
        lambda: remedies.kind("a,b", "ignore"),
        lambda: remedies.option("missing_values"),
        lambda: remedies.option("indicators", "all"),
        lambda: remedies.csv(encoding="cp1252"),
    ]
    assert [one() for one in said] == [
        "kinds={'a b': ['S', 'M']}",
        "kinds={'a,b': 'ignore'}",
        "`missing_values`",
        'Table(indicators="all")',
        "tfvae.tables.CSV(path, encoding='cp1252')",
    ]
    with remedies.as_options():
        assert [one() for one in said] == [
            "--kind='a b=S,M'",
            "--kind=a,b=ignore",
            "--missing",
            "--indicators=all",
            "--encoding=cp1252",
        ]
