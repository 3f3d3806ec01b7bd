"""`tfvae score`: a CSV in, scores and reasons out."""

import csv

import numpy as np
import pytest

from tfvae import commands


def write(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["number", "price", "weight", "colour", "bought"], *rows])


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
    write(folder / "new.csv", [rows[41], [7, "-50.0", "3.0", "red", "2026-03-05"]])
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
            "--ignore=number",
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
        "11": "price", "21": "colour", "31": "bought"
    }  # fmt: skip


def test_new_rows_and_the_export(folder):
    output = folder / "new_found.csv"
    commands.main(
        [
            "score", str(folder / "orders.csv"), f"--new={folder / 'new.csv'}",
            f"--output={output}", "--ignore=number", f"--export={folder / 'serving'}",
        ]
    )  # fmt: skip
    lines = read(output)
    assert [line["row"] for line in lines] == ["2", "1"]
    assert lines[0]["is_outlier"] == "1" and lines[0]["reason_1"] == "price"
    assert (folder / "serving" / "saved_model.pb").is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--contamination=0.9"], "contamination"),
        (["--figure=reasons.doc"], "reasons.doc"),
        (["--ignore=nothing"], "nothing"),
        (["--new=missing.csv"], "missing.csv"),
    ],
)
def test_bad_input(folder, change, message, capsys):
    with pytest.raises(SystemExit):
        commands.main(
            ["score", str(folder / "orders.csv"), f"--output={folder / 'no.csv'}", *change]
        )
    assert message in capsys.readouterr().err
    assert not (folder / "no.csv").exists()
