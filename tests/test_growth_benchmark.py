"""The benchmark of growth: exponents, goals and the sizes that it asks for."""

import re

import numpy as np
import pytest

from benchmarks import common, growth
from benchmarks.growth import Part

SIZES = [10, 20, 40, 80]


def test_the_slope_is_the_exponent_of_a_power_law():
    sizes = np.array(SIZES, float)
    assert growth.slope(sizes, 3.0 * sizes**1.5) == pytest.approx(1.5)
    assert growth.slope(sizes, np.full(4, 7.0)) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("time", "memory", "part", "holds"),
    [
        (1.0, 1.0, {}, True),
        (1.2, 1.0, {}, False),
        (1.0, 1.2, {}, False),
        (1.9, 2.0, {"exponent": 2.0, "reason": "pairs"}, True),
        (2.2, 2.0, {"exponent": 2.0, "reason": "pairs"}, False),
        (1.0, 1.0, {"most": 8000.0}, True),
        (1.0, 1.0, {"most": 7999.0}, False),
        (1.0, 9.0, {"most": 1e30}, True),
    ],
)
def test_goals(time, memory, part, holds):
    found = [(1e-3 * n**time, 100.0 * n**memory) for n in SIZES]
    goal = growth.goal("a part", Part(None, SIZES, SIZES, "rows", **part), SIZES, found)
    assert goal.holds == holds
    assert f"n^{time:.2f}" in goal.reached
    assert part.get("reason", "") in goal.wanted


def test_memory_that_is_noise_has_no_exponent():
    found = [(n, mega) for n, mega in zip(SIZES, [0.0, 1.0, 5.0, 12.0], strict=True)]
    goal = growth.goal("a part", Part(None, SIZES, SIZES, "rows"), SIZES, found)
    assert goal.holds and goal.reached.endswith("n^0.00")


def test_every_part_has_four_rising_sizes_and_a_text():
    for name, part in growth.PARTS.items():
        for sizes in (part.sizes, part.quick):
            assert len(sizes) == 4 and np.all(np.diff(sizes) > 0), name
        assert part.prepare.__doc__ and part.unit
        assert bool(part.reason) == (part.exponent > 1.0), name


def test_a_part_is_measured_after_a_small_run(monkeypatch):
    prepared, memory = [], []

    def prepare(n):
        return lambda: (prepared.append(n), memory.append(np.ones(n)))

    monkeypatch.setitem(growth.PARTS, "own", Part(prepare, SIZES, SIZES, "numbers"))
    seconds, peak = growth.measured("own", 8_000_000, 10)
    assert prepared == [10] + [8_000_000] * growth.RUNS
    assert seconds > 0.0 and 0.0 <= peak < 400.0


def test_the_table_and_the_goals(monkeypatch, capsys):
    class Pool:
        def __init__(self, number, maxtasksperchild):
            assert maxtasksperchild == 1

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def apply(self, function, arguments):
            assert function is growth.measured
            name, n, first = arguments
            assert first == growth.PARTS[name].quick[0]
            return 1e-3 * n, 1e-3 * n

    context = growth.multiprocessing.get_context("spawn")
    monkeypatch.setattr(type(context), "Pool", lambda self, *a, **k: Pool(*a, **k))
    monkeypatch.setattr(context, "set_forkserver_preload", lambda modules: None)
    monkeypatch.setattr(growth.multiprocessing, "get_context", lambda kind: context)
    goals = growth.main(["--only", "torus", "graph", "--quick"])
    assert [goal.name for goal in goals] == ["torus", "graph"]
    assert common.exit_code(goals) == 0
    out = capsys.readouterr().out
    assert re.search(r"\| graph, nodes +\| 8000 +\| 8 +\| 8 +\|", out), out
    assert "√n for each latent" in out


@pytest.mark.parametrize("name", ["latents", "torus", "graph", "part of an array"])
def test_parts_run(name):
    growth.PARTS[name].prepare(growth.PARTS[name].quick[0])()
