"""The benchmark of the index: its numbers, its exponents and its command line."""

import json

import numpy as np
import pytest

from benchmarks import index


def test_numbers_of_a_small_index(tmp_path):
    found = index.build(2_000, 4, tmp_path) | index.reopen(2_000, 4, tmp_path)
    assert set(found) == set(index.COLUMNS)
    assert found["recall"] == 1.0 and all(value >= 0 for value in found.values())


def test_exponents():
    sizes = [10, 100, 1_000]
    assert index.exponent(sizes, [3.0 * n**1.5 for n in sizes]) == pytest.approx(1.5)
    assert index.exponent(sizes, [2.0, 2.0, 2.0]) == pytest.approx(0.0, abs=1e-9)
    assert index.exponent([10], [1.0]) is index.exponent(sizes, [0.0, 1.0, 2.0]) is None


def test_entries_are_the_same_each_time_and_around_common_centres():
    z = index.entries(3_000, 8, 1)
    np.testing.assert_array_equal(z, index.entries(3_000, 8, 1))
    other = index.entries(3_000, 8, 2)
    assert not np.array_equal(z, other)
    # Of 8 numbers with spread 1 around a centre, and of the centres' spread of 3.
    assert np.std(z) == pytest.approx(10**0.5, rel=0.05)


@pytest.mark.parametrize(("recall", "code"), [(0.97, 0), (0.94, 1)])
def test_the_command_line(recall, code, monkeypatch, capsys, tmp_path):
    def alone(task, count, dim, folder):
        return {name: recall if name == "recall" else float(count) for name in index.COLUMNS}

    monkeypatch.setattr(index, "alone", alone)
    path = tmp_path / "numbers.json"
    assert index.main(["--sizes", "1000", "2000", f"--json={path}"]) == code
    out = capsys.readouterr().out
    assert ("NO" in out) == bool(code) and "| exponent | 1.00" in out
    assert len(json.loads(path.read_text())["rows"]) == 3
    with pytest.raises(SystemExit):
        index.main(["--sizes", "10"])
    assert "at least 1000" in capsys.readouterr().err


@pytest.mark.slow
def test_a_process_of_its_own(tmp_path):
    found = index.alone("build", 1_000, 4, str(tmp_path))
    assert set(found | index.alone("reopen", 1_000, 4, str(tmp_path))) == set(index.COLUMNS)
