"""The list of slow tests: what is in it exists, and how it is made."""

import pathlib
import re

import durations

FOLDER = pathlib.Path(__file__).parent


def test_slow_tests_exist():
    for line in (FOLDER / "slow.txt").read_text().splitlines():
        file, _, name = line.partition("::")
        if not name:
            assert (FOLDER.parent / file).is_file()
            continue
        function = re.escape(name.partition("[")[0].rpartition("::")[2])
        source = (FOLDER.parent / file).read_text()
        assert re.search(rf"^ *def {function}\(", source, re.MULTILINE), line


def test_slow_ones_and_table(tmp_path):
    kept = f"{durations.KEPT[0]}[VAE]"
    lines = [
        "4.00 tests/models/test_a.py::test_long[x y]",
        "2.00 tests/models/test_a.py::test_long[x y]",
        "3.50 tests/models/test_a.py::test_longest",
        f"9.00 {kept}",
        "0.50 tests/test_b.py::test_short",
    ]
    file = tmp_path / "times.txt"
    file.write_text("\n".join(lines))
    seconds = durations.read(file)
    assert seconds["tests/models/test_a.py::test_long[x y]"] == 2.0
    slow = durations.slow_ones(seconds, 3.0)
    assert slow == sorted([*durations.FILES, "tests/models/test_a.py::test_longest"])
    table = durations.table(seconds)
    assert table[2] == "| models | 3 | 14 |"
    assert table[-1] == "| all | 4 | 15 |"
