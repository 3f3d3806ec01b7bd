"""Which tests are slow, and where the time of the quick ones goes.

    python -m pytest -q -n 2 --durations-file=times.txt        # all tests, for an hour or more
    python tests/durations.py times.txt [--seconds 1.0]

writes tests/slow.txt, the tests that took more seconds of CPU than that and have no mark `slow` of
their own, and prints the table of CONTRIBUTING.md. Tests that are to stay among the quick ones
whatever they take are in `KEPT`: for each kind of model that it is trained, saved and given back.
"""

import argparse
import collections
import pathlib

# Beginnings of identifiers.
KEPT = (
    "tests/models/test_contract.py::test_fit_lowers_the_loss_and_reports_every_term",
    "tests/models/test_contract.py::test_keras_file_gives_back_the_same_model[VHPVAE]",
    "tests/models/test_contract.py::test_keras_file_gives_back_the_same_model[CascadeVAE]",
)
# Files that are slow whole, since whichever test of theirs is the first pays for what all share.
FILES = (
    "tests/applications/tracking/test_track_command.py",
    "tests/commands/test_score.py",
    "tests/experiments/test_runs.py",
    "tests/serving/test_saved_model.py",
)


def read(path):
    """CPU seconds by identifier, each the least of its runs."""
    seconds = {}
    for line in pathlib.Path(path).read_text().splitlines():
        value, _, name = line.partition(" ")
        seconds[name] = min(float(value), seconds.get(name, float("inf")))
    return seconds


def slow_ones(seconds, limit):
    """Identifiers of the tests that take longer, but for those that are kept, and whole files."""
    long = {name for name, value in seconds.items() if value > limit}
    return sorted([*FILES, *(name for name in long if not name.startswith((*KEPT, *FILES)))])


def table(seconds):
    """Lines of a Markdown table: CPU seconds and number of tests by folder or file of tests/."""
    totals, numbers = collections.Counter(), collections.Counter()
    for name, value in seconds.items():
        part = name.partition("::")[0].split("/")[1]
        totals[part] += value
        numbers[part] += 1
    lines = ["| tests | number | CPU seconds |", "|---|---|---|"]
    lines += [
        f"| {part} | {numbers[part]} | {value:.0f} |" for part, value in totals.most_common(12)
    ]
    others = sum(totals.values()) - sum(value for _, value in totals.most_common(12))
    number = sum(numbers.values()) - sum(numbers[part] for part, _ in totals.most_common(12))
    total = f"| all | {sum(numbers.values())} | {sum(totals.values()):.0f} |"
    return [*lines, f"| others | {number} | {others:.0f} |", total]


def main():
    """Writes slow.txt, and prints the table of the quick tests."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("times", help="file that --durations-file has written")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="that a quick test takes at most"
    )
    arguments = parser.parse_args()
    seconds = read(arguments.times)
    slow = slow_ones(seconds, arguments.seconds)
    folder = pathlib.Path(__file__).parent
    (folder / "slow.txt").write_text("".join(f"{name}\n" for name in slow))
    known = set(slow)
    quick = {
        name: value
        for name, value in seconds.items()
        if name not in known and not name.startswith(FILES)
    }
    print("\n".join(table(quick)))


if __name__ == "__main__":
    main()
