"""Metrics of disentanglement: representations of known score, and every formula in plain loops."""

import itertools
import math

import numpy as np
import pytest

from tfvae.evaluation import (
    beta_vae_score,
    dci,
    factor_vae_score,
    irs,
    mig,
    mutual_information,
    sap,
    unsupervised_accuracy,
)
from tfvae.evaluation.disentanglement import inputs, prediction, votes

N, F, STATES = 2000, 4, 4


def some_factors(number=N, seed=0, states=STATES):
    return np.random.default_rng(seed).integers(states, size=(number, F))


def some_noise(number=N, latents=6, seed=1):
    return np.random.default_rng(seed).normal(size=(number, latents))


def rotated(factors):
    """The first two factors turned by 45°, the others as they are."""
    turned = factors @ np.array([[1, -1], [1, 1], [0, 0], [0, 0]]) / math.sqrt(2)
    return np.concatenate([turned, factors[:, 2:]], axis=1)


def noisy(factors, scale=0.7, seed=2):
    return rotated(factors) + scale * np.random.default_rng(seed).normal(size=factors.shape)


def disentangled(*arguments, **options):
    return dci(*arguments, **options).disentanglement


def complete(*arguments, **options):
    return dci(*arguments, **options).completeness


# ---- representations of known score ----------------------------------------------------------

METRICS = {
    # What noise scores: the accuracy of guessing one of four factors, or no gap, or no structure.
    factor_vae_score: 1 / F,
    beta_vae_score: 1 / F,
    mig: 0.0,
    disentangled: 0.0,
    complete: 0.0,
    sap: 0.0,
    irs: 0.0,
}


def tolerance_of_noise(metric):
    """Trees that are held back from noise have few splits, which do not share evenly."""
    return 0.08 if metric in (disentangled, complete) else 0.04


ALL = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)


@ALL
def test_the_factors_themselves_score_1(metric):
    factors = some_factors()
    # The best of three latents that tell nothing is told from a sample: sap's gap is below 1.
    assert metric(factors, factors) == pytest.approx(1.0, abs=0.04 if metric is sap else 0.01)


@ALL
def test_functions_of_one_factor_each_score_1_in_any_order_and_scale(metric):
    """Monotonic functions, with a latent that never changes and one factor that is discrete."""
    factors = some_factors()
    codes = np.stack([1e9 + factors[:, 2], np.full(N, 0.1), -1e-6 * factors[:, 0] ** 1.5], axis=1)
    categories = (factors[:, [3, 1]] + 1) % STATES * 7
    score = metric(codes, factors, categories=categories)
    assert score == pytest.approx(1.0, abs=0.04 if metric is sap else 0.01)


@ALL
def test_noise_scores_chance(metric):
    score = metric(some_noise(), some_factors())
    assert score == pytest.approx(METRICS[metric], abs=tolerance_of_noise(metric))


@ALL
def test_discrete_noise_scores_chance(metric):
    categories = np.random.default_rng(3).integers(5, size=(N, 6))
    score = metric(np.zeros((N, 0)), some_factors(), categories=categories)
    assert score == pytest.approx(METRICS[metric], abs=tolerance_of_noise(metric))


@ALL
def test_a_rotated_pair_lies_between(metric):
    factors = some_factors()
    score = metric(rotated(factors), factors)
    if metric is beta_vae_score:
        # While one of a rotated pair is held the two latents differ by as much, and by half of what
        # they do otherwise: no linear map of their mean differences tells which it was.
        assert score == pytest.approx(0.75, abs=0.03)
    elif metric is factor_vae_score:
        # Either latent may vary least while one of the pair is held: a guess, for half the votes.
        assert score == pytest.approx(0.75, abs=0.03)
    elif metric in (disentangled, complete):
        # The pair shares its importance equally: 1 − log 2 / log 4 for half of the latents.
        assert score == pytest.approx(0.75, abs=0.03)
    elif metric in (mig, sap):
        # No gap for the two factors that two latents tell equally.
        assert score == pytest.approx(0.5, abs=0.03)
    else:
        # While a is held, (a + b)/√2 deviates by up to 1.5/√2 of 3/√2: R = 1/2.
        assert 0.6 < score < 0.9


@ALL
def test_all_is_the_same_for_the_same_seed_names_and_dicts(metric):
    factors = some_factors(400)
    codes = noisy(factors)
    names = np.array(["ant", "bee", "cat", "dog"])[factors]
    one = metric(codes, factors, seed=3)
    assert metric(codes, factors, seed=3) == one
    assert metric(codes, {name: names[:, i] for i, name in enumerate("abcd")}, seed=3) == one


# ---- votes -----------------------------------------------------------------------------------


def held_set(factors, rng, size):
    k = int(rng.integers(F))
    value = factors[rng.integers(len(factors)), k]
    rows = [row for row in range(len(factors)) if factors[row, k] == value]
    return k, [rows[rng.integers(len(rows))] for _ in range(size)]


def held_pairs(factors, rng, size):
    k, pairs = int(rng.integers(F)), []
    for _ in range(size):
        first, second = rng.integers(len(factors), size=2)
        while factors[second, k] != factors[first, k]:
            second = rng.integers(len(factors))
        pairs.append((first, second))
    return k, pairs


def disagreeing(values):
    pairs = list(itertools.combinations(values, 2))
    return sum(a != b for a, b in pairs) / len(pairs)


def test_factor_vae_score_against_loops():
    """Its own sampler and votes; its score has a standard error of about 0.02."""
    factors = some_factors(1500)
    codes, categories = noisy(factors, 1.0)[:, :3], factors[:, 3:]
    categories = np.where(some_noise(1500, 1) > 0.5, 0, categories)
    rng, counts = np.random.default_rng(5), {}
    total = [np.var(codes[:, i]) for i in range(3)] + [disagreeing(categories[:, 0])]

    def vote():
        k, rows = held_set(factors, rng, 20)
        spread = [np.var(codes[rows, i], ddof=1) for i in range(3)]
        spread.append(disagreeing(categories[rows, 0]))
        ratios = [one / all_ for one, all_ in zip(spread, total, strict=True)]
        return ratios.index(min(ratios)), k

    for _ in range(500):
        latent, k = vote()
        counts.setdefault(latent, [0] * F)[k] += 1
    right = []
    for _ in range(800):
        latent, k = vote()
        right.append(counts[latent].index(max(counts[latent])) == k)
    score = factor_vae_score(codes, factors, categories=categories, num_examples=20)
    assert 0.4 < score < 0.9
    assert score == pytest.approx(np.mean(right), abs=0.05)


def test_normalised_variances_against_loops():
    factors = some_factors(50)
    data = inputs.checked(noisy(factors), factors, factors[:, :2] * 3)
    rows = np.random.default_rng(0).integers(50, size=(6, 7))
    used = np.array([True, False, True, True, True, True])
    values = votes.normalised_variances(data, rows, used)
    for vote, chosen in enumerate(rows):
        for i in range(4):
            code = data.codes[:, i]
            mean = sum(code[chosen]) / 7
            variance = sum((code[row] - mean) ** 2 for row in chosen) / 6 / np.var(code)
            assert values[vote, i] == pytest.approx(variance if used[i] else np.inf)
        for i in range(2):
            category = data.categories[:, i]
            everywhere = sum(a != b for a in category for b in category) / 50**2
            assert values[vote, 4 + i] == pytest.approx(disagreeing(category[chosen]) / everywhere)


def test_examples_of_a_vote_share_the_factor_that_is_held_and_no_other():
    factors = some_factors(300)
    # A value with one example is never held.
    factors[17, 2] = 9
    data = inputs.checked(factors, factors)
    held, rows = votes.Sharing(data).sets(500, 30, np.random.default_rng(0))
    values = np.take_along_axis(data.states[rows], held[:, None, None], axis=2)[..., 0]
    assert np.all(values == values[:, :1])
    assert not np.any((held == 2) & (values[:, 0] == data.states[17, 2]))
    assert np.bincount(held) / 500 == pytest.approx(np.full(F, 0.25), abs=0.06)
    others = data.states[rows][held == 0, :, 1]
    assert np.bincount(others.ravel()) / others.size == pytest.approx(np.full(4, 0.25), abs=0.05)
    held, first, second = votes.Sharing(data).pairs(500, 30, np.random.default_rng(0))
    pick = held[:, None, None]
    a = np.take_along_axis(data.states[first], pick, axis=2)
    assert np.array_equal(a, np.take_along_axis(data.states[second], pick, axis=2))
    assert len(np.unique(a[held == 0][0])) > 1


def test_beta_vae_score_against_loops():
    """Differences by loops, and a classifier by gradient descent instead of scikit-learn's."""
    factors = some_factors(300)
    codes = noisy(factors, 1.5)
    rng = np.random.default_rng(6)

    def some_votes(number):
        held, differences = [], []
        for _ in range(number):
            k, pairs = held_pairs(factors, rng, 8)
            held.append(k)
            difference = [
                sum(abs(codes[a, i] - codes[b, i]) for a, b in pairs) / 8 for i in range(F)
            ]
            differences.append(np.append(np.array(difference) / codes.std(axis=0), 1.0))
        return np.array(held), np.array(differences)

    held, x = some_votes(500)
    weights = np.zeros((F + 1, F))
    for _ in range(3000):
        p = np.exp(x @ weights)
        p /= p.sum(axis=1, keepdims=True)
        penalty = np.append(np.ones(F), 0.0)[:, None] * weights
        weights -= 1e-3 * (x.T @ (p - np.eye(F)[held]) + penalty)
    test_held, test_x = some_votes(800)
    expected = np.mean((test_x @ weights).argmax(axis=1) == test_held)
    score = beta_vae_score(codes, factors, num_pairs=8)
    assert 0.35 < score < 0.9
    assert score == pytest.approx(expected, abs=0.05)


def test_latents_that_are_not_active_do_not_vote():
    factors = some_factors()[:, :2]
    for metric in (factor_vae_score, beta_vae_score):
        assert metric(factors, factors, active=np.array([True, True])) == 1.0
        guess = metric(factors, factors, active=np.array([False, False]))
        assert guess == pytest.approx(0.5, abs=0.02)
    one = factor_vae_score(factors, factors, active=np.array([True, False]))
    assert one == pytest.approx(0.5, abs=0.02)
    # A linear map of one difference still tells whether its factor is held.
    assert beta_vae_score(factors, factors, active=np.array([True, False])) == 1.0


def test_counting_the_training_votes_flatters_noise():
    factors = some_factors()
    of_training, of_test = (
        np.mean([factor_vae_score(some_noise(), factors, num_train=40, num_test=n, seed=s)
                 for s in range(10)])
        for n in (None, 400)
    )  # fmt: skip
    assert of_training > of_test + 0.1
    assert of_test == pytest.approx(0.25, abs=0.03)


# ---- information -----------------------------------------------------------------------------


def information_by_loops(a, b):
    n, total = len(a), 0.0
    for x in set(a):
        for y in set(b):
            both = sum(p == x and q == y for p, q in zip(a, b, strict=True))
            if both:
                product = sum(p == x for p in a) * sum(q == y for q in b)
                total += both / n * math.log(both * n / product)
    return total


def binned_by_loops(code, bins):
    low, width = min(code), (max(code) - min(code)) / bins
    return [min(int((value - low) / width), bins - 1) for value in code]


@pytest.mark.parametrize("bins", [20, 5])
def test_mig_against_loops(bins):
    factors = some_factors(150)
    codes, categories = noisy(factors)[:, :3], factors[:, 3:] // 2
    latents = [binned_by_loops(list(codes[:, i]), bins) for i in range(3)]
    latents.append(list(categories[:, 0]))
    gaps = []
    for k in range(F):
        factor = list(factors[:, k])
        shares = sorted(
            information_by_loops(latent, factor) / information_by_loops(factor, factor)
            for latent in latents
        )
        gaps.append(shares[-1] - shares[-2])
    score = mig(codes, factors, categories=categories, num_bins=bins)
    assert score == pytest.approx(sum(gaps) / F, rel=1e-9)
    matrix = mutual_information(codes, factors, categories=categories, num_bins=bins)
    expected = [[information_by_loops(a, list(b)) for b in factors.T] for a in latents]
    assert matrix == pytest.approx(np.array(expected), rel=1e-9)


def test_a_factor_with_more_states_than_bins():
    """40 states in 20 bins of two: the information of the bins, log 20 of log 40."""
    factors = np.indices((40, 40)).reshape(2, -1).T
    assert mig(factors, factors) == pytest.approx(math.log(20) / math.log(40), rel=1e-9)
    assert mig(factors, factors, num_bins=40) == pytest.approx(1.0)


# ---- prediction ------------------------------------------------------------------------------


def concentration_by_loops(weights):
    shares = [weight / sum(weights) for weight in weights]
    return 1.0 + sum(p * math.log(p, len(weights)) for p in shares if p > 0)


def test_dci_against_loops():
    factors = some_factors(600)
    score = dci(noisy(factors), factors, categories=factors[:, :1] // 2)
    R = score.importance
    assert R.shape == (5, F)
    assert R.sum(axis=0) == pytest.approx(np.ones(F))
    expected = sum(sum(row) / F * concentration_by_loops(list(row)) for row in R)
    assert 0.1 < score.disentanglement < 0.9
    assert score.disentanglement == pytest.approx(expected, rel=1e-9)
    columns = [concentration_by_loops(list(column)) for column in R.T]
    assert score.completeness == pytest.approx(sum(columns) / F, rel=1e-9)


@pytest.mark.parametrize("discrete", [False, True])
def test_importance_in_closed_form(discrete):
    """States 0, 1, 2 with probabilities 1/2, 1/4, 1/4: 0 where u = 0, else 1 + v.

    Gini impurities: 5/8 at the root; splitting on u decreases it by 3/8, on v by 1/8 only; then v
    decreases the right half's 1/2 to 0: by 1/4. So u has 3/5 of the decrease and v 2/5.
    """
    u, v = np.random.default_rng(0).integers(2, size=(2, 8000))
    states = {"state": u * (1 + v), "v": v}
    pair = np.stack([u, v], axis=1)
    latents = (np.zeros((8000, 0)), states, pair) if discrete else (pair, states, None)
    score = dci(latents[0], latents[1], categories=latents[2])
    assert score.importance == pytest.approx(np.array([[0.6, 0.0], [0.4, 1.0]]), abs=0.02)
    assert score.informativeness == 1.0
    u_only, both = 1.0, 1.0 + (2 / 7 * math.log2(2 / 7) + 5 / 7 * math.log2(5 / 7))
    assert score.disentanglement == pytest.approx(0.3 * u_only + 0.7 * both, abs=0.02)
    column = 1.0 + 0.6 * math.log2(0.6) + 0.4 * math.log2(0.4)
    assert score.completeness == pytest.approx((column + 1.0) / 2, abs=0.02)


def test_importance_is_not_spread_by_noise_within_a_latent(monkeypatch):
    """Each latent tells one factor, imperfectly. Deep trees tell noise apart by all others."""
    factors = some_factors(2000, states=8)
    codes = factors + some_noise(2000, F)
    assert dci(codes, factors).disentanglement > 0.85
    monkeypatch.setattr(prediction, "LEAF_SIZES", (1,))
    assert dci(codes, factors).disentanglement < 0.6


def test_informativeness_is_the_accuracy_of_the_best_guess():
    """A binary factor that shows through a flip of one in five: 0.8."""
    factors = some_factors(8000, states=2)
    flipped = factors ^ (np.random.default_rng(1).uniform(size=factors.shape) < 0.2)
    assert dci(flipped, factors).informativeness == pytest.approx(0.8, abs=0.015)


def thresholds_by_loops(code, states, number):
    """Best-first growth of a tree on one latent, equal weights of the states."""
    weight = {s: 1.0 / np.sum(states == s) for s in set(states)}

    def impurity(rows):
        mass = {s: sum(weight[s] for r in rows if states[r] == s) for s in weight}
        total = sum(mass.values())
        return total - sum(m**2 for m in mass.values()) / total

    def best_split(rows):
        rows, best = sorted(rows, key=lambda r: code[r]), (0.0, None)
        for cut in range(1, len(rows)):
            if code[rows[cut - 1]] < code[rows[cut]]:
                gain = impurity(rows) - impurity(rows[:cut]) - impurity(rows[cut:])
                if gain > best[0] + 1e-12:
                    best = (gain, (rows[:cut], rows[cut:]))
        return best

    leaves = [list(range(len(code)))]
    while len(leaves) < number:
        splits = [best_split(leaf) for leaf in leaves]
        chosen = max(range(len(leaves)), key=lambda i: splits[i][0])
        if splits[chosen][1] is None:
            break
        leaves[chosen : chosen + 1] = splits[chosen][1]
    leaves.sort(key=lambda rows: code[rows[0]])
    tops = [max(code[r] for r in rows) for rows in leaves]
    bottoms = [min(code[r] for r in rows) for rows in leaves]
    cuts = [(a + b) / 2 for a, b in zip(tops[:-1], bottoms[1:], strict=True)]

    def state_of(rows):
        mass = {s: sum(weight[s] for r in rows if states[r] == s) for s in sorted(weight)}
        return max(mass, key=mass.get)

    labels = [state_of(rows) for rows in leaves]
    return lambda value: labels[sum(value > cut for cut in cuts)]


def test_sap_departs_from_a_squared_correlation_where_it_says_so():
    """A latent that is no monotone function of a factor predicts it, but has no correlation."""
    factor = np.tile(np.arange(5), 80)
    latents = np.stack([np.array([2.0, -1.0, 0.0, 1.0, -2.0])[factor], some_noise(400, 1)[:, 0]], 1)
    assert np.corrcoef(latents[:, 0], factor)[0, 1] ** 2 < 0.5
    assert sap(latents, factor[:, None]) > 0.9


def test_sap_against_loops():
    factors = some_factors(120, states=3)
    codes, categories = noisy(factors, 0.4)[:, :3], factors[:, 3:] + (some_noise(120, 1) > 1.0)
    train, test = inputs.split(120, np.random.default_rng(0))
    assert (len(train), len(test)) == (90, 30)
    assert sorted([*train, *test]) == list(range(120))
    adjusted, published = [], []
    for k in range(F):
        states, accuracies = factors[:, k], []
        for latent in [*codes.T, *categories.T]:
            number = 3 if latent.dtype.kind == "f" else len(set(latent))
            told = thresholds_by_loops(latent[train], states[train], number)
            shares = [
                np.mean([told(latent[row]) == s for row in test if states[row] == s])
                for s in range(3)
            ]
            accuracies.append(sum(shares) / 3)
        accuracies.sort()
        published.append(accuracies[-1] - accuracies[-2])
        adjusted.append((accuracies[-1] - accuracies[-2]) / (1 - 1 / 3))
    assert sap(codes, factors, categories=categories) == pytest.approx(sum(adjusted) / F, rel=1e-9)
    score = sap(codes, factors, categories=categories, adjusted=False)
    assert score == pytest.approx(sum(published) / F, rel=1e-9)


# ---- robustness and clustering ---------------------------------------------------------------


@pytest.mark.parametrize("quantile", [1.0, 0.9])
def test_irs_against_loops(quantile):
    factors = some_factors(200)
    codes, categories = noisy(factors)[:, :3], factors[:, 3:] // 2

    def largest(latent, rows):
        values = [latent[row] for row in rows]
        if isinstance(values[0], float):
            deviations = [abs(value - sum(values) / len(values)) for value in values]
        else:
            deviations = [1 - values.count(value) / len(values) for value in values]
        return np.quantile(deviations, quantile)

    weights, best = [], []
    for latent in [*codes.T.tolist(), *categories.T.tolist()]:
        weights.append(largest(latent, range(200)))
        robustness = []
        for factor in factors.T.tolist():
            inside = 0.0
            for value in set(factor):
                rows = [row for row in range(200) if factor[row] == value]
                inside += len(rows) / 200 * largest(latent, rows)
            robustness.append(1 - inside / weights[-1])
        best.append(max(robustness))
    expected = sum(w * b for w, b in zip(weights, best, strict=True)) / sum(weights)
    score = irs(codes, factors, categories=categories, quantile=quantile)
    assert score == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("quantile", [1.0, 0.9])
def test_irs_is_the_published_one_for_the_maximum_on_a_balanced_grid(quantile):
    """The authors' program has the quantile above, the maximum below, and values alike."""
    factors = np.indices((4, 5, 6)).reshape(3, -1).T
    latents = factors + 0.3 * some_noise(120, 3)
    deviation = np.abs(latents - latents.mean(axis=0)).max(axis=0)
    robustness = []
    for factor in factors.T:
        groups = [latents[factor == value] for value in np.unique(factor)]
        inside = [np.quantile(np.abs(g - g.mean(axis=0)), quantile, axis=0) for g in groups]
        robustness.append(1.0 - np.mean(inside, axis=0) / deviation)
    program = np.average(np.max(robustness, axis=0), weights=deviation)
    same = irs(latents, factors, quantile=quantile) == pytest.approx(program, rel=1e-9)
    assert same == (quantile == 1.0)


@pytest.mark.parametrize("number_of_categories", [2, 3, 5])
def test_unsupervised_accuracy_against_all_assignments(number_of_categories):
    rng = np.random.default_rng(number_of_categories)
    labels = rng.integers(3, size=60)
    found = np.where(rng.uniform(size=60) < 0.5, labels, rng.integers(5, size=60))
    found = found % number_of_categories
    size = max(3, number_of_categories)
    best = max(
        sum(order[c] == y for c, y in zip(found, labels, strict=True)) / 60
        for order in itertools.permutations(range(size))
    )
    majority = sum(
        max(sum((found == c) & (labels == y)) for y in range(3))
        for c in range(number_of_categories)
    )
    score = unsupervised_accuracy(found, labels)
    assert score.one_to_one == pytest.approx(best)
    assert score.majority == pytest.approx(majority / 60)


# ---- degenerate input ------------------------------------------------------------------------


@ALL
def test_latents_that_never_change_tell_nothing(metric):
    score = metric(np.full((N, 3), 0.1), some_factors())
    assert score == pytest.approx(METRICS[metric], abs=0.03)


@ALL
def test_a_factor_with_one_value_is_left_out(metric):
    factors = some_factors(400)
    codes = noisy(factors)
    named = {"constant": np.full(400, 7), **{str(i): factors[:, i] for i in range(F)}}
    assert metric(codes, named) == metric(codes, factors)


@pytest.mark.parametrize("latents", [1, 6])
@pytest.mark.parametrize("num_factors", [1, 4])
@ALL
def test_noise_scores_chance_or_nothing_with_one_latent_and_one_factor(
    metric, latents, num_factors
):
    """A score that noise would reach as well is refused, or NaN beside others that it has."""
    codes, factors = some_noise(latents=latents), some_factors()[:, :num_factors]
    if num_factors == 1 and metric in (factor_vae_score, beta_vae_score):
        with pytest.raises(ValueError, match=r"two factors or more that vary, .*'factor 0'"):
            metric(codes, factors)
        constant = np.concatenate([factors, np.zeros_like(factors)], axis=1)
        with pytest.raises(ValueError, match="two factors or more that vary"):
            metric(codes, constant)
        return
    score = metric(codes, factors)
    if (metric, num_factors) == (disentangled, 1) or (metric, latents) == (complete, 1):
        assert math.isnan(score)
    else:
        assert score == pytest.approx(METRICS[metric], abs=tolerance_of_noise(metric))


@pytest.mark.parametrize("metric", [factor_vae_score, beta_vae_score])
@pytest.mark.parametrize("number", [30, 100])
def test_few_examples_do_not_flatter_noise(metric, number):
    """Votes of the same few examples can be told by any latents; those of others cannot."""
    scores = [
        metric(
            some_noise(number, 10, seed),
            some_factors(number, seed + 50)[:, :2],
            num_train=400,
            num_test=800,
        )
        for seed in range(8)
    ]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.12)


def test_a_factor_or_a_category_with_one_value_alone():
    with pytest.raises(ValueError, match="two values or more, received 5 alone"):
        unsupervised_accuracy([0, 1, 1], [5, 5, 5])
    assert unsupervised_accuracy([2, 2, 2, 2], [5, 5, 5, 6]) == (0.75, 0.75)
    factors = some_factors()
    for metric in METRICS:
        one = metric(np.zeros((N, 0)), factors, categories=np.zeros((N, 2), int))
        assert one == pytest.approx(METRICS[metric], abs=0.03), metric


@ALL
@pytest.mark.parametrize(
    ("codes", "factors", "categories", "message"),
    [
        (np.full((20, 2), np.nan), some_factors(20), None, "20 of 20 rows are not"),
        (np.zeros(20), some_factors(20), None, r"\(n, N_z\), received the shape \(20,\)"),
        (np.zeros((20, 0)), some_factors(20), None, "at least one latent"),
        (np.zeros((1, 2)), some_factors(1), None, "two examples or more, received 1"),
        (np.array([["a"]] * 20), some_factors(20), None, "must hold numbers"),
        (np.zeros((20, 2)), some_factors(19), None, "20 rows and 19 values of 'factor 0'"),
        (np.zeros((20, 2)), np.zeros((20, 2), int), None, "with two values or more"),
        (np.zeros((20, 2)), np.zeros((20, 2)), None, "float64 .* for 'factor 0'"),
        (np.zeros((20, 2)), np.zeros((20, 2, 2), int), None, "received the shape"),
        (np.zeros((20, 2)), {}, None, "`factors` must hold at least one factor"),
        (np.zeros((20, 2)), some_factors(20), np.zeros((20, 1)), "`categories` must be whole"),
        (np.zeros((20, 2)), some_factors(20), np.zeros((19, 1), int), r"of shape \(19, 1\)"),
    ],
)
def test_bad_input_is_refused(metric, codes, factors, categories, message):
    with pytest.raises(ValueError, match=message):
        metric(codes, factors, categories=categories)


def test_too_few_examples_and_options_out_of_range_are_refused():
    factors = some_factors(7)
    for metric in (dci, sap):
        with pytest.raises(ValueError, match="8 examples or more"):
            metric(factors, factors)
        assert metric(some_factors(8), some_factors(8))
    for metric in (factor_vae_score, beta_vae_score):
        with pytest.raises(ValueError, match="every value of 'id' occurs once"):
            metric(factors, {"id": np.arange(7), "other": np.arange(7) % 2})
        with pytest.raises(ValueError, match="`num_test` must be a whole number"):
            metric(some_factors(), some_factors(), num_test=0)
        with pytest.raises(ValueError, match="`active` must be bool of shape"):
            metric(some_factors(), some_factors(), active=np.ones(F))
    with pytest.raises(ValueError, match="`num_examples` must be at least 2"):
        factor_vae_score(some_factors(), some_factors(), num_examples=1)
    with pytest.raises(ValueError, match="`num_bins`"):
        mig(some_factors(), some_factors(), num_bins=0)
    with pytest.raises(ValueError, match="`quantile` must lie in"):
        irs(some_factors(), some_factors(), quantile=0.0)
    with pytest.raises(ValueError, match="vectors of one length"):
        unsupervised_accuracy([0, 1], [0, 1, 2])
    with pytest.raises(ValueError, match="whole numbers or names"):
        unsupervised_accuracy([], [])
    with pytest.raises(ValueError, match="whole numbers or names"):
        unsupervised_accuracy([0.5, 1.0], [0, 1])
