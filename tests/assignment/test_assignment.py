"""Assignments: the flow against brute force and SciPy, greedy and several variables beside it."""

import itertools
import sys

import keras
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from tfvae import assignment
from tfvae.assignment import (
    Assignment,
    Custom,
    Greedy,
    MinCostFlow,
    assign,
    minimum_cost,
    objective,
    scaled_costs,
)

PENALTIES = (0.001, 0.1, 0.37, 1.0, 25.0)


def direct_objective(unary, categories, penalty):
    """The definition, pair by pair."""
    value = sum(unary[i][d] for i, d in enumerate(categories))
    for i, j in itertools.combinations(range(len(categories)), 2):
        value -= penalty * (categories[i] == categories[j])
    return value


def brute_force(unary, penalty):
    """The largest objective of all S^n assignments."""
    choices = itertools.product(range(unary.shape[1]), repeat=len(unary))
    d = np.array(list(choices))
    sizes = (d[:, :, np.newaxis] == np.arange(unary.shape[1])).sum(axis=1)
    values = unary[np.arange(len(unary)), d].sum(axis=1)
    return np.max(values - penalty * (sizes * (sizes - 1)).sum(axis=1) / 2)


def small_problems():
    """Unary terms for n ≤ 7, S ≤ 4: of several spreads, with ties, with impossible categories."""
    rng = np.random.default_rng(0)
    for n, num_categories in itertools.product(range(1, 8), range(1, 5)):
        shape = (n, num_categories)
        yield np.zeros(shape)
        yield rng.integers(-2, 3, shape).astype(float)
        for spread in (0.01, 1.0, 30.0):
            yield spread * rng.normal(size=shape) - 700.0
        impossible = rng.normal(size=shape)
        impossible[rng.uniform(size=shape) < 0.4] = -np.inf
        impossible[np.arange(n), rng.integers(num_categories, size=n)] = 0.5
        yield impossible


def test_objective_is_its_definition():
    rng = np.random.default_rng(1)
    for n, num_categories in itertools.product((1, 2, 6), (1, 2, 5)):
        unary = rng.normal(size=(n, num_categories))
        categories = rng.integers(num_categories, size=n)
        expected = direct_objective(unary, categories, 0.7)
        assert objective(unary, categories, 0.7) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_flow_is_as_good_as_the_best_of_all_assignments(penalty):
    solver = MinCostFlow(penalty)
    for unary in small_problems():
        categories = solver(unary)
        assert categories.dtype == np.int32
        assert categories.shape == (len(unary),)
        best = brute_force(unary, penalty)
        assert objective(unary, categories, penalty) >= best - len(unary) / solver.resolution


@pytest.mark.parametrize("penalty", PENALTIES)
def test_cost_of_the_flow_is_the_integer_objective(penalty):
    for unary in small_problems():
        costs, step = scaled_costs(unary, penalty, 1000.0)
        categories, cost = minimum_cost(costs, step)
        assert cost == -direct_objective((-costs).tolist(), categories.tolist(), step)
        assert cost == -brute_force(-costs, step)


def test_scaled_costs_keep_the_penalty_exactly_and_the_terms_to_half_a_step():
    unary = np.random.default_rng(2).normal(size=(6, 3))
    for penalty, resolution in [(0.3, 7.0), (0.001, 1e8), (1e-9, 1e6), (250.0, 1e6)]:
        costs, step = scaled_costs(unary, penalty, resolution)
        scale = step / penalty
        assert scale >= resolution * (1 - 1e-12)
        gaps = unary.max(axis=1, keepdims=True) - unary
        np.testing.assert_allclose(costs, np.minimum(scale * gaps, 6 * step), atol=0.5)
        assert costs.min(axis=1).tolist() == [0] * 6


def test_coarse_costs_err_within_their_bound():
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(40):
        unary = rng.normal(size=(6, 3))
        found = objective(unary, MinCostFlow(0.25, resolution=4.0)(unary), 0.25)
        errors.append(brute_force(unary, 0.25) - found)
    assert max(errors) <= 6 / 4.0
    # They do err: the bound is not met for want of rounding.
    assert max(errors) > 1e-3


@pytest.mark.parametrize(("n", "num_categories"), [(64, 3), (50, 10), (7, 20)])
@pytest.mark.parametrize("spread", [0.02, 1.0])
def test_flow_is_the_assignment_problem_with_n_copies_of_each_category(n, num_categories, spread):
    unary = spread * np.random.default_rng(4).normal(size=(n, num_categories))
    for penalty in (0.001, 0.1):
        copies = unary[:, :, np.newaxis] - penalty * np.arange(n)
        copies = copies.reshape(n, -1)
        best = copies[linear_sum_assignment(copies, maximize=True)].sum()
        value = objective(unary, MinCostFlow(penalty)(unary), penalty)
        assert value == pytest.approx(best, abs=2e-6)


def test_costs_close_to_the_limit_do_not_overflow():
    unary = 1e6 * np.random.default_rng(5).normal(size=(7, 4))
    penalty = 0.99 * 2**62 / (7 * 15) / 1e8
    value = objective(unary, MinCostFlow(penalty)(unary), penalty)
    assert value == pytest.approx(brute_force(unary, penalty), rel=1e-12)
    with pytest.raises(
        ValueError, match=r"must be at most.*times 1e\+08.*overflow.*A `resolution` of"
    ) as error:
        MinCostFlow(1.03 * penalty)(unary)
    fitting = float(str(error.value).split("A `resolution` of ")[1].split()[0])
    MinCostFlow(1.03 * penalty, resolution=fitting)(unary)


def test_without_a_penalty_the_flow_is_argmax(monkeypatch):
    # None in sys.modules: the import fails, and is not needed.
    monkeypatch.setitem(sys.modules, "ortools.graph.python.min_cost_flow", None)
    unary = np.random.default_rng(6).integers(-3, 3, (40, 5))
    assert MinCostFlow(0.0)(unary).tolist() == unary.argmax(axis=1).tolist()
    assert Greedy(0.0)(unary).tolist() == unary.argmax(axis=1).tolist()


def test_without_or_tools_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools.graph.python.min_cost_flow", None)
    with pytest.raises(ImportError, match="pip install ortools"):
        MinCostFlow()(np.zeros([3, 2]))


@pytest.mark.parametrize(("n", "num_categories"), [(64, 10), (63, 3), (4, 9)])
def test_a_large_penalty_makes_categories_equal_in_size(n, num_categories):
    unary = np.random.default_rng(7).normal(size=(n, num_categories))
    unary[:, 0] += 5.0
    sizes = np.bincount(MinCostFlow(1000.0)(unary), minlength=num_categories)
    assert sizes.max() - sizes.min() <= 1
    small = np.bincount(MinCostFlow(0.001)(unary), minlength=num_categories)
    assert small[0] > sizes[0]


def test_equal_terms_share_out_the_examples():
    for n in (1, 2, 7, 10):
        sizes = np.bincount(MinCostFlow(0.001)(np.full((n, 3), -123.4)), minlength=3)
        assert sizes.max() - sizes.min() <= 1


def test_greedy_is_one_example_after_the_other_and_never_better_than_the_flow():
    worse = 0
    for unary in small_problems():
        sizes = [0] * unary.shape[1]
        expected = []
        for row in unary:
            gains = [u - 0.37 * size for u, size in zip(row, sizes, strict=True)]
            expected.append(gains.index(max(gains)))
            sizes[expected[-1]] += 1
        greedy = Greedy(0.37)(unary)
        assert greedy.dtype == np.int32
        assert greedy.tolist() == expected
        best = objective(unary, MinCostFlow(0.37)(unary), 0.37)
        value = objective(unary, greedy, 0.37)
        assert value <= best + 1e-6
        worse += value < best - 1e-3
    assert worse > 0


@pytest.mark.parametrize("solver", [MinCostFlow(), Greedy(), Custom(lambda u: u.argmax(1))])
def test_nothing_to_choose(solver):
    for shape in [(0, 4), (3, 1), (0, 1)]:
        categories = solver(np.zeros(shape, "float32"))
        assert categories.dtype == np.int32
        assert categories.tolist() == [0] * shape[0]


def test_impossible_categories_are_never_chosen():
    unary = np.full((6, 3), -np.inf)
    unary[:, 1] = -1e4
    assert MinCostFlow(1e3)(unary).tolist() == [1] * 6
    unary[0, 2] = -2e4
    assert MinCostFlow(1e3)(unary).tolist() == [1] * 6
    assert MinCostFlow(3e3)(unary).tolist() == [2] + [1] * 5


@keras.saving.register_keras_serializable(package="test_assignment")
def second_best(unary):
    return np.argsort(unary, axis=1)[:, -2]


@pytest.mark.parametrize(
    ("solver", "attributes"),
    [
        (MinCostFlow(0.25, resolution=1e5), {"penalty": 0.25, "resolution": 1e5}),
        (Greedy(0.25), {"penalty": 0.25}),
        (Custom(second_best), {"function": second_best}),
    ],
)
def test_config_round_trip(solver, attributes):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(solver))
    assert type(again) is type(solver)
    assert {name: getattr(again, name) for name in attributes} == attributes
    unary = np.random.default_rng(8).normal(size=(9, 4))
    assert again(unary).tolist() == solver(unary).tolist()


def test_short_names_objects_and_functions():
    assert type(assignment.get("min_cost_flow")) is MinCostFlow
    assert type(assignment.get("greedy")) is Greedy
    assert assignment.get("min_cost_flow").penalty == 0.001
    solver = Greedy(2.0)
    assert assignment.get(solver) is solver
    custom = assignment.get(second_best)
    assert custom([[0.0, 2.0, 1.0]]).tolist() == [2]
    for unknown in ("hungarian", 3, MinCostFlow):
        with pytest.raises(ValueError, match="'greedy', 'min_cost_flow'"):
            assignment.get(unknown)


def test_every_assignment_is_covered_here():
    covered = {assignment.base.PenalizedAssignment, Custom, Greedy, MinCostFlow}
    known = {one for one in vars(assignment).values() if isinstance(one, type)}
    assert {one for one in known if issubclass(one, Assignment)} == covered | {Assignment}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MinCostFlow(-0.1), "`penalty` must lie in"),
        (lambda: MinCostFlow(np.inf), "`penalty` must lie in"),
        (lambda: MinCostFlow(resolution=0), "`resolution` must lie in"),
        (lambda: Greedy(float("nan")), "`penalty` must lie in"),
        (lambda: Custom(3), "`function` must be a function"),
        (lambda: Greedy()(np.zeros(3)), r"shape \(n, S\).*\(3,\)"),
        (lambda: Greedy()(np.zeros([3, 0])), r"shape \(n, S\).*\(3, 0\)"),
        (lambda: MinCostFlow()([[0, 1], [np.nan, 1]]), r"received NaN for example 1 \(1 of 2"),
        (lambda: MinCostFlow()([[np.inf, 1], [0, 1]]), r"received \+inf for example 0"),
        (lambda: MinCostFlow()([[0, 1], [-np.inf, -np.inf]]), "received only −inf for example 1"),
        (lambda: MinCostFlow()([[np.nan]]), "received NaN for example 0"),
        (lambda: Custom(lambda u: [0.5, 1])(np.zeros([2, 2])), r"whole numbers from 0 to 1"),
        (lambda: Custom(lambda u: [0, 2])(np.zeros([2, 2])), "from 0 to 2"),
        (lambda: Custom(lambda u: [[0, 1]])(np.zeros([2, 2])), r"shape \(2,\)"),
        (lambda: objective(np.zeros([2, 2]), [0], 1.0), r"shape \(2,\)"),
        (lambda: assign(np.zeros([2, 3]), (), Greedy()), "`sizes` must have an entry"),
        (lambda: assign(np.zeros([2, 3]), (2, 2), Greedy()), r"\(n, 2, 2\) or \(n, 4\)"),
        (lambda: assign(np.full([2, 2, 2], np.nan), (2, 2), Greedy()), "NaN for example 0"),
        (lambda: assign(np.zeros([2, 3]), (3,), Greedy(), max_sweeps=0), "`max_sweeps`"),
    ],
)
def test_arguments_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def objective_of_several(unary, categories, penalty):
    """The definition, pair by pair."""
    value = sum(unary[(i, *d)] for i, d in enumerate(categories))
    for i, j in itertools.combinations(range(len(categories)), 2):
        value -= penalty * np.sum(np.equal(categories[i], categories[j]))
    return value


@pytest.mark.parametrize("penalty", [0.0, 0.05, 0.6, 10.0])
def test_several_variables_end_where_no_single_one_can_do_better(penalty):
    rng = np.random.default_rng(9)
    for n, sizes in [(4, (2, 3)), (3, (2, 2, 2)), (5, (3, 2)), (1, (2, 2)), (4, (1, 3))]:
        unary = rng.normal(size=(n, *sizes))
        categories = assign(unary, sizes, MinCostFlow(penalty))
        assert categories.dtype == np.int32
        assert categories.shape == (n, len(sizes))
        value = objective_of_several(unary, categories.tolist(), penalty)
        start = [np.unravel_index(row.argmax(), sizes) for row in unary]
        assert value >= objective_of_several(unary, start, penalty) - 1e-12
        for v, size in enumerate(sizes):
            for column in itertools.product(range(size), repeat=n):
                changed = categories.copy()
                changed[:, v] = column
                other = objective_of_several(unary, changed.tolist(), penalty)
                assert other <= value + n / 1e8
        flat = assign(unary.reshape(n, -1), sizes, MinCostFlow(penalty))
        assert flat.tolist() == categories.tolist()


def test_more_sweeps_are_never_worse():
    rng = np.random.default_rng(10)
    gains = []
    for _ in range(60):
        unary = rng.normal(size=(6, 3, 3))
        values = [
            objective_of_several(unary, assign(unary, (3, 3), solver, max_sweeps=sweeps), 0.8)
            for solver in (Greedy(0.8), MinCostFlow(0.8))
            for sweeps in (1, 2, 20)
        ]
        joint = [np.unravel_index(row.argmax(), (3, 3)) for row in unary]
        for one in (values[:3], values[3:]):
            steps = np.diff([objective_of_several(unary, joint, 0.8), *one])
            assert steps.min() >= -1e-12
            gains.append(steps)
    # Sweeps after the first one matter now and then.
    assert np.max(gains, axis=0)[1] > 0.0


def test_one_variable_is_solved_exactly():
    unary = np.random.default_rng(11).normal(size=(6, 3))
    categories = assign(unary, (3,), MinCostFlow(0.5))
    assert categories.shape == (6, 1)
    value = objective(unary, categories[:, 0], 0.5)
    assert value == pytest.approx(brute_force(unary, 0.5), abs=1e-7)


def test_several_variables_by_a_function():
    unary = np.zeros([2, 2, 3])
    unary[:, 1, 2] = 1.0
    first = Custom(lambda block: np.zeros(len(block), int))
    assert assign(unary, (2, 3), first).tolist() == [[0, 0], [0, 0]]
    # It never settles: the sweeps end.
    flip = Custom(lambda block: np.argmin(block, axis=1))
    assert assign(unary, (2, 3), flip, max_sweeps=3).shape == (2, 2)


def test_several_variables_of_an_empty_batch():
    assert assign(np.zeros([0, 2, 3]), (2, 3), MinCostFlow()).shape == (0, 2)
