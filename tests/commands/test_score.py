"""`tfvae score`: a CSV in, scores and reasons out."""

import csv
import functools
import importlib

import numpy as np
import pytest

from tfvae import applications, commands, tables
from tfvae.commands import parsing, score


def write(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["number", "price %", "weight", "colour", "bought"], *rows])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """300 orders whose price follows from the weight; three odd ones."""
    folder = tmp_path_factory.mktemp("orders")
    rng = np.random.default_rng(0)
    rows = []
    for i in range(300):
        weight = float(rng.gamma(4.0))
        colour = ["red", "blue", "green"][int(rng.integers(3))]
        price = 10.0 * weight + float(rng.normal())
        gap = "" if i % 20 == 0 else f"{weight:.3f}"
        rows.append([i, f"{price:.2f}", gap, colour, f"2026-03-{1 + i % 28:02d}"])
    rows[10][1] = "900.00"
    rows[20][3] = "purple"
    rows[30][4] = "1999-01-01"
    write(folder / "orders.csv", rows)
    write(folder / "new.csv", [rows[41], [7, "-50.0", "3.0", "red", "2026-03-05"],
                                [8, "30.0", "3.0", "pink", "2026-03-05"]])  # fmt: skip
    return folder


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_rows_and_reasons(folder, capsys):
    output = folder / "found.csv"
    commands.main(
        [
            "score",
            str(folder / "orders.csv"),
            f"--output={output}",
            "--contamination=0.05",
            f"--figure={folder / 'found.png'}",
            "--rows_in_figure=3",
        ]
    )
    lines = read(output)
    assert len(lines) == 300 and "15 of 300 rows are outliers" in capsys.readouterr().out
    assert (folder / "found.png").read_bytes()[:4] == b"\x89PNG"
    scores = [float(line["score"]) for line in lines]
    assert scores == sorted(scores, reverse=True)
    assert [line["is_outlier"] for line in lines] == ["1"] * 15 + ["0"] * 285
    reasons = {line["row"]: line["reason_1"] for line in lines[:15]}
    assert {row: reasons.get(row) for row in ("11", "21", "31")} == {
        "11": "price %", "21": "colour", "31": "bought"
    }  # fmt: skip


def test_new_rows_and_the_export(folder, capsys):
    output = folder / "new_found.csv"
    commands.main(
        [
            "score", str(folder / "orders.csv"), f"--new={folder / 'new.csv'}",
            f"--output={output}", f"--export={folder / 'serving'}",
        ]
    )  # fmt: skip
    lines = {line["row"]: line for line in read(output)}
    assert [lines[row]["is_outlier"] for row in "123"] == ["0", "1", "1"]
    assert [lines[row]["reason_1"] for row in "23"] == ["price %", "colour"]
    assert (folder / "serving" / "saved_model.pb").is_file()
    said = capsys.readouterr()
    assert (
        "Warning: There are categories that were not seen in training, in the column 'colour' ("
        in (said.err)
    )
    assert "'pink' in 1 row)" in said.err
    # The number of the row is left out.
    assert "Warning: The column 'number' numbers the rows" in said.err
    assert "--kind=number=numeric" in said.err and ".py" not in said.err
    assert "'price %' is price__" in said.out


def refused(arguments, capsys):
    """What a command that is given up says."""
    with pytest.raises(SystemExit):
        commands.main(["score", *map(str, arguments)])
    return capsys.readouterr().err


@pytest.fixture
def unread(monkeypatch):
    """No table may be read."""

    def fail(*_):
        raise AssertionError("The table was read.")

    monkeypatch.setattr(tables.Table, "fit", fail)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--contamination=0.9"], "--contamination"),
        (["--contamination=0"], "--contamination"),
        (["--false_positive_rate=1"], "--false_positive_rate"),
        (["--reasons=0"], "--reasons"),
        (["--rows_in_figure=0"], "--rows_in_figure"),
        (["--figure=reasons.doc"], "reasons.doc"),
        (["--figure=no/reasons.png"], "--figure must be in a folder that exists"),
        (["--new=missing.csv"], "missing.csv"),
        (["--output=no/such/found.csv"], "--output must be in a folder that exists"),
        (["--output=."], "--output must be a file"),
        (["--export=."], "--export must be a new folder"),
        (["--kind=number"], "COLUMN=KIND"),
    ],
)
def test_arguments_are_looked_at_before_the_table(folder, unread, change, message, capsys):
    output = folder / "no.csv"
    said = refused([folder / "orders.csv", f"--output={output}", *change], capsys)
    assert message in said and not output.exists()


def test_an_unwritable_folder_is_told_before_the_table(folder, unread, monkeypatch, capsys):
    monkeypatch.setattr("os.access", lambda *_: False)  # Root may write everywhere.
    for option in ("--output=a.csv", "--figure=a.png", "--export=a"):
        arguments = [folder / "orders.csv", f"--output={folder / 'a.csv'}", option]
        assert "that you may write to" in refused(arguments, capsys)


def test_no_input_is_overwritten(folder, unread, tmp_path, capsys):
    table, new = tmp_path / "t.png", tmp_path / "n.csv"
    for path in (table, new):
        path.write_text("a,b\n1,2\n")
    link, hard, output = tmp_path / "link.png", tmp_path / "hard.png", tmp_path / "out.png"
    link.symlink_to(table)
    hard.hardlink_to(table)
    for change, name in [
        ([f"--output={table}"], "TABLE"),
        ([f"--output={link}"], "TABLE"),
        ([f"--output={hard}"], "TABLE"),
        ([f"--output={tmp_path}/./n.csv", f"--new={new}"], "--new"),
        ([f"--output={output}", f"--figure={link}"], "TABLE"),
        ([f"--output={output}", f"--figure={output}"], "--output"),
    ]:
        assert f"must be another file than {name}" in refused([table, *change], capsys)
    assert table.read_text() == new.read_text() == "a,b\n1,2\n"


FILES = {
    "a name that is none": (b"a,b\n1,2\n", "--ignore and --kind", ["--ignore=nothing"]),
    "no name": (b"a,,b\n1,2,3\n", "--ignore='Unnamed: 1'", []),
    "bytes": ("a,b\n1,\u00e4\n".encode("cp1252"), "--encoding=cp1252", []),
    "decimals": (b"a;b\n1,5;2.5\n", "--decimal=", []),
    "a word": (b"a,b\n1,2\n3,?\n4,5\n", "--missing, or give --kind=b=categorical", []),
    "a kind": (b"a,b\n1,2\n3,?\n4,5\n", "--missing", ["--kind=b=numeric"]),
    "levels": (b"a,b\n1,S\n3,M\n", "--kind=b=M,S", ["--kind=b=ordinal"]),
    "dates": (b"a,b\n1,01/02/2024\n3,02/02/2024\n", "--kind=b=%d/%m/%Y", []),
    "no date": (b"a,b\n1,x\n3,y\n", "--kind='b=%d.%m.%Y %H:%M'", ["--kind=b=date"]),
    "free text": (
        ("flow %,b\n" + "".join(f"text {i},{i}\n" for i in range(30))).encode(),
        "--ignore='flow %'", [],
    ),
    "no value": (b"a,b\n1,\n3,\n", "--ignore=b", []),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_errors_name_options(tmp_path, case, capsys):
    content, option, more = FILES[case]
    (tmp_path / "t.csv").write_bytes(content)
    said = refused([tmp_path / "t.csv", f"--output={tmp_path / 'o.csv'}", *more], capsys)
    assert option in said
    for python in ("kinds", "missing_values", "tfvae.tables", "Table(", "CSV("):
        assert python not in said


def test_options_of_the_table_and_the_file(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("x|g\u00f6\n1.234,5|S\n2.000,25|?\n1.000,5|M\n".encode("cp1252"))
    parser = parsing.Parser("tfvae score")
    score.add_arguments(parser)
    options = parser.parse(
        [str(path), "--output=o.csv", "--encoding=cp1252", "--separator=|", "--decimal=,",
         "--thousands=.", "--missing=?,-", "--kind=g\u00f6=S,M"]
    )  # fmt: skip
    table = score.table_of(options)
    x = table.fit_transform(score.source(options.table, options))
    assert [(one.kind, one.missing) for one in table.columns_] == [("numeric", 0), ("ordinal", 1)]
    assert table.get_feature_names_out().tolist() == ["x", "g\u00f6"] and x.shape == (3, 2)
    options = parser.parse([str(path), "--output=o.csv", "--indicators=all"])
    assert score.table_of(options).indicators == "all"


def test_three_rows_are_too_few(tmp_path, capsys, monkeypatch):
    quick = functools.partial(applications.OutlierDetector, members=1, steps=2)
    monkeypatch.setattr(applications, "OutlierDetector", quick)
    (tmp_path / "t.csv").write_text("a,b\n1.5,2.5\n2.5,3.5\n9.5,1.5\n")
    commands.main(["score", str(tmp_path / "t.csv"), f"--output={tmp_path / 'o.csv'}"])
    assert "Warning: 3 rows are too few to tell" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["score", "infer", "explore", "export"])
def test_help_tells_each_default(name):
    parser = parsing.Parser(f"tfvae {name}")
    importlib.import_module(f"tfvae.commands.{name}").add_arguments(parser)
    told = dict(
        (entry + " ").split(maxsplit=1) for entry in parser.format_help().split("\n  --")[1:]
    )
    for action in parser._actions:
        if action.option_strings and action.default not in (None, "", False, [], "==SUPPRESS=="):
            assert "default" in told[action.option_strings[0][2:]].lower(), action.option_strings


def test_gaps_do_not_drown_faults(tmp_path):
    """Faults that break a relation come before rows that have gaps only."""
    rng = np.random.default_rng(0)
    load = rng.uniform(0.2, 1.0, 500)
    flow = 100.0 * load + rng.normal(size=500)
    flow[:10] = 120.0 - flow[:10]
    far = np.abs(flow[:10] - 100.0 * load[:10])
    rows = [
        [f"{a:.4f}", f"{b:.3f}", "ABC"[i % 3]]
        for i, (a, b) in enumerate(zip(load, flow, strict=True))
    ]
    for i in np.flatnonzero(rng.uniform(size=490) < 0.08) + 10:
        rows[i][1 + i % 2] = ""
    with open(tmp_path / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows([["load", "flow", "pump"], *rows])
    commands.main(["score", str(tmp_path / "t.csv"), f"--output={tmp_path / 'o.csv'}"])
    first = {int(line["row"]) - 1 for line in read(tmp_path / "o.csv")[:20]}
    faults = set(np.flatnonzero(far > 30.0).tolist())
    assert len(faults) == 7 and len(first & faults) >= 6
