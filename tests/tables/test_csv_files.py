"""CSV and Parquet files as strangers write them."""

import gzip

import numpy as np
import pandas as pd
import pytest

from tfvae.tables import CSV, Table

GERMAN = """"Nr";"Größe (cm)";Betrag;Datum;Art;"Ja?";"Notiz; frei"
1;180,5;1.234,56;01.02.2024;rot;ja;"a ""b""
zweite Zeile"
2;;12,00;15.02.2024 13:45;blau;nein;"u;v"

3;165,25;0,5;29.02.2024;rot;ja;
4;170;-3,75;;"grün";nein;z
"""
LEFT_OUT = {"Nr": "ignore", "Notiz; frei": "ignore"}


def written(tmp_path, text, name="rows.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_german_file_is_read_without_help(tmp_path, encoding, line_end):
    path = written(tmp_path, GERMAN.replace("\n", line_end), encoding=encoding)
    table = Table(LEFT_OUT).fit(path)
    assert {one.name: one.kind for one in table.columns_} == {
        "Größe (cm)": "numeric",
        "Betrag": "numeric",
        "Datum": "date",
        "Art": "categorical",
        "Ja?": "boolean",
    }
    back = table.inverse_transform(table.transform(str(path)))
    np.testing.assert_allclose(back["Größe (cm)"], [180.5, np.nan, 165.25, 170.0], rtol=1e-6)
    np.testing.assert_allclose(back["Betrag"], [1234.56, 12.0, 0.5, -3.75], rtol=1e-4)
    dates = ["2024-02-01", "2024-02-15T13:45", "2024-02-29", None]
    assert back["Datum"].equals(pd.Series(pd.to_datetime(dates, format="ISO8601")).dt.as_unit("s"))
    assert back["Art"].tolist() == ["rot", "blau", "rot", "grün"]
    assert back["Ja?"].tolist() == ["ja", "nein", "ja", "nein"]


def test_a_file_gives_what_pandas_reads(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=50),
            "n": rng.poisson(2.0, size=50),
            "c": rng.choice(['x, "y"', "z\nz", "w"], size=50),
        }
    )
    frame.loc[::6, "a"] = np.nan
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    of_file = Table().fit(path)
    of_frame = Table().fit(frame)
    np.testing.assert_allclose(of_file.transform(path), of_frame.transform(frame), atol=1e-6)
    np.testing.assert_allclose(of_file.transform(frame), of_frame.transform(path), atol=1e-6)
    with gzip.open(tmp_path / "rows.csv.gz", "wb") as file:
        file.write(path.read_bytes())
    np.testing.assert_array_equal(
        of_file.transform(tmp_path / "rows.csv.gz"), of_file.transform(path)
    )
    frame.to_parquet(tmp_path / "rows.parquet")
    np.testing.assert_allclose(
        Table().fit_transform(tmp_path / "rows.parquet"), of_frame.transform(frame), atol=1e-6
    )


def test_pieces_of_a_file(tmp_path, monkeypatch):
    path = written(tmp_path, GERMAN)
    whole = Table(LEFT_OUT).fit(path)
    monkeypatch.setattr("tfvae.tables.sources.CHUNK", 1)
    pieces = Table(LEFT_OUT).fit(path)
    np.testing.assert_allclose(pieces.transform(path), whole.transform(path), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "options", "numbers"),
    [
        ("a;b\n1,5;x\n2,5;y\n", {}, [1.5, 2.5]),
        ("a,b\n1.5,x\n2.5,y\n", {}, [1.5, 2.5]),
        ('a,b\n"1,5",x\n"2,5",y\n', {}, [1.5, 2.5]),
        ('a,b\n"1,234.5",x\n"1,000",y\n', {}, [1234.5, 1000.0]),
        ("a;b\n1.234,5;x\n7.000;y\n", {}, [1234.5, 7000.0]),
        ("a;b\n1,234;x\n2,000;y\n", {"thousands": ","}, [1234.0, 2000.0]),
        ("a\tb\n1e-3\tx\n+2\ty\n", {}, [0.001, 2.0]),
        ("a|b\n 1.5 | x\n2.5|y \n", {}, [1.5, 2.5]),
        ("a:b\n1.5:x\n2.5:y\n", {"separator": ":"}, [1.5, 2.5]),
    ],
)  # fmt: skip
def test_numbers_are_spelled_in_many_ways(tmp_path, text, options, numbers):
    file = CSV(written(tmp_path, text), **options)
    table = Table().fit(file)
    back = table.inverse_transform(table.transform(file))
    np.testing.assert_allclose(back["a"], numbers, rtol=1e-6)
    assert back["b"].tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one row, received rows.csv with no line"),
        ("a,b\n", "a header and no row"),
        ("a,b\n1,2\n3\n", "received 1 cells in line 3 of rows.csv"),
        ('a,b\n"x\ny",2\nz,3,4\n', "received 3 cells in line 4"),
        ("a,b,a\n1,2,3\n", "'a' as the columns 1 and 3"),
        (",a\n0,1\n1,2\n", "none for column 1. If it is an index"),
        ('a,b\n1,"x\n2,y\n', "line 2 cannot be read"),
        ("a,b\n1,x\n2,y\nz,x\n4,y\n", "'a' must hold numbers.*'z' in line 4 of rows.csv"),
        ('a,b\n1,"x\nx"\n2,y\n?,"x\nx"\n4,y\n', "'a' must hold numbers.*in line 5 of rows.csv"),
        ("a,b\n1,\n2,NA\n", "'b' must have a value in some row, received none in 2 rows"),
        ("a;b\n1,5;x\n1.5;y\n", "`decimal` must be given for rows.csv, which has '1,5'"),
        ("a,b\ninf,1\n1,2\n", "'a' must hold finite numbers, received inf in line 2"),
        ("a,b\n1,03/04/2024\n2,05/06/2024\n", "fit %d/%m/%Y and %m/%d/%Y"),
    ],
)  # fmt: skip
def test_bad_files_are_refused_with_column_and_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        Table().fit(written(tmp_path, text))


def test_bad_rows_of_later_files_are_refused_with_column_and_line(tmp_path):
    table = Table({"when": "%d.%m.%Y"}, unknown="error").fit(
        written(tmp_path, "a,c,when\n1.5,x,01.02.2024\n2.5,y,03.02.2024\n")
    )
    for text, message in [
        ("a,c,when\n1.5,x,01.02.2024\nl0,x,01.02.2024\n", "'a' must hold numbers.*'l0' in line 3"),
        ("a,c,when\n1.5,q,01.02.2024\n", "'c' must hold one of x, y.*'q' in line 2"),
        ("a,c,when\n1.5,x,30.02.2024\n", "'when' must hold dates.*'30.02.2024' in line 2"),
        ("a,c,when\n1.5,x,\n", "'when' must have a value.*none in line 2"),
        ("a,c,when\n1e999,x,01.02.2024\n", "'a' must hold finite numbers.*'1e999' in line 2"),
        ("a,c,wen\n1,x,01.02.2024\n", "none of the name 'when'. Did you mean 'wen'"),
        ("a,c,when\n", "a header and no row"),
    ]:
        with pytest.raises(ValueError, match=f"(?s){message}"):
            table.transform(written(tmp_path, text, "later.csv"))


def test_other_encodings_have_to_be_given(tmp_path):
    path = written(tmp_path, GERMAN, encoding="cp1252")
    with pytest.raises(ValueError, match="encoding='cp1252'"):
        Table(LEFT_OUT).fit(path)
    assert Table(LEFT_OUT).fit(CSV(path, encoding="cp1252")).n_features_in_ == 7


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        Table().fit(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match=r"path of a \.csv or \.parquet file"):
        Table().fit("rows.xlsx")
    with pytest.raises(ValueError, match="whole Parquet file"):
        Table().fit(written(tmp_path, "PAR1 and no more", "rows.parquet"))
    for options in ({"separator": ";;"}, {"decimal": "x"}, {"decimal": ",", "thousands": ","}):
        with pytest.raises(ValueError, match=r"`(separator|decimal|thousands)` must"):
            CSV("rows.csv", **options)


def test_without_pyarrow_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'tfvae\[tables\]'"):
        Table().fit(tmp_path / "rows.parquet")


def test_progress_is_shown(tmp_path, capsys):
    Table(verbose=1).fit(written(tmp_path, "a,b\n1,2\n3,4\n"))
    assert "MB" in capsys.readouterr().out


PLAIN = "a,b\n" + "".join(f"{i % 7}.5,{'xyz'[i % 3]}\n" for i in range(200))


@pytest.mark.parametrize("change", ["cut", "flipped", "plain"])
def test_a_damaged_gzip_file_is_said_to_be_one(tmp_path, change):
    whole = gzip.compress(PLAIN.encode())
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x55
    path = tmp_path / "rows.csv.gz"
    path.write_bytes({"cut": whole[:-5], "flipped": flipped, "plain": PLAIN.encode()}[change])
    with pytest.raises(ValueError, match=r"whole file of gzip.*rows\.csv\.gz, which is damaged"):
        Table().fit(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PLAIN.encode("utf-16"), "Give the encoding: tfvae.tables.CSV.path, encoding='utf-16'"),
        (gzip.compress(PLAIN.encode()), "It begins as a file compressed by gzip"),
        (b"PK\3\4" + bytes(range(256)), "It begins as a zip archive"),
        (PLAIN.replace("y", "\0").encode(), "a character of the number 0 in line 3"),
        (PLAIN.encode("utf-16-le"), "a character of the number 0 in line 1"),
    ],
    ids=["utf-16", "gzip", "zip", "zero", "utf-16-le"],
)
def test_what_is_no_text_is_told_by_its_beginning(tmp_path, content, message):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Table().fit(path)


@pytest.mark.parametrize("encoding", ["nonsense", "base64", None])
def test_an_encoding_is_one_of_text(tmp_path, encoding):
    with pytest.raises(ValueError, match="`encoding` must be the name of an encoding of text"):
        CSV(tmp_path / "rows.csv", encoding=encoding)


@pytest.mark.parametrize("encoding", ["U8", "UTF_8", "utf-8"])
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path, encoding):
    path = written(tmp_path, PLAIN, encoding="utf-8-sig")
    assert CSV(path, encoding=encoding).look()[0] == ["a", "b"]


def test_a_parquet_file_with_damaged_pages_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=500)})
    frame.to_parquet(path, write_page_checksum=True)
    assert Table().fit_transform(path).shape == (500, 1)
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"must be a whole Parquet file.*Take another copy"):
        Table().fit(path)
