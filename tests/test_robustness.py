"""Kills, flipped bits, several writers and bad inputs: noticed or without effect, never wrong."""

import json
import os

import numpy as np
import pytest

from benchmarks import bad_inputs, faults, robustness


@pytest.mark.parametrize("name", robustness.FORMATS)
def test_a_flipped_bit_is_noticed_or_has_no_effect(name, tmp_path):
    counts = robustness.flips(name, tmp_path)
    assert counts.wrong == 0
    assert counts.tried == robustness.FLIPS[name] == counts.noticed + counts.same
    assert counts.noticed > 10


def test_500_bits_are_flipped():
    assert robustness.FLIPS.keys() == robustness.FORMATS.keys()
    assert sum(robustness.FLIPS.values()) == 500


@pytest.mark.parametrize("name", robustness.WRITERS)
def test_a_kill_at_any_write_loses_nothing(name, tmp_path):
    counts = robustness.kills(name, tmp_path)
    assert counts.wrong == 0
    assert counts.tried >= 3


def test_processes_killed_at_random_moments(tmp_path):
    assert robustness.killed_processes(tmp_path, times=6) == faults.Counts(6, 0, 6, 0)


@pytest.mark.parametrize("writers", [robustness.two_writers_and_a_reader, robustness.two_exports])
def test_two_threads_write_to_one_place(writers, tmp_path):
    counts = writers(tmp_path, rounds=10)
    assert counts.wrong == 0 and counts.tried > 0


def test_two_processes_train_in_one_folder(tmp_path):
    assert robustness.two_runs(tmp_path, rounds=2) == faults.Counts(4, 2, 2, 0)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize(
    "method",
    [
        pytest.param(name, marks=pytest.mark.slow)
        if name in ("fit", "evaluate", "predict")
        else name
        for name in bad_inputs.METHODS
    ],
)
def test_awkward_arrays_mean_what_they_mean_to_numpy_or_are_refused(method, likelihood):
    counts, wrong = bad_inputs.bad_inputs(method, likelihood)
    assert wrong == []
    assert counts.same >= 10 and counts.noticed >= 10


def test_a_careless_writer_is_found_out(tmp_path):
    """The injector of kills and the injector of flips can fail."""
    path = tmp_path / "numbers.json"

    def write(numbers):
        with open(path, "w") as file:
            json.dump(numbers, file)
            file.flush()
            os.fsync(file.fileno())

    def read():
        try:
            return json.loads(path.read_text())
        except ValueError:
            return "nothing"

    counts = faults.kills(lambda: write([1] * 9), lambda: write([2] * 9), read)
    assert counts == faults.Counts(1, 0, 0, 1)
    write([1] * 200)
    counts = faults.flips(path, lambda: json.loads(path.read_text()), 50, seed=0)
    assert counts.wrong > 0 and counts.noticed > 0


def test_answers_are_compared_exactly():
    one = {"a": [np.arange(3), "x"], "b": np.array(np.nan)}
    assert faults.same(one, {"b": np.array(np.nan), "a": [np.arange(3), "x"]})
    for other in ({"a": [np.arange(3), "x"]}, {**one, "b": 1.0}, {**one, "a": [np.arange(4), "x"]}):
        assert not faults.same(one, other)
