"""FactorVAE and β-VAE score: can the factor that a set of examples shares be predicted?"""

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.evaluation.disentanglement.inputs import Inputs, checked


def factor_vae_score(
    representation: ArrayLike,
    factors: ArrayLike | dict[str, ArrayLike],
    *,
    categories: ArrayLike | None = None,
    active: ArrayLike | None = None,
    num_train: int = 800,
    num_test: int | None = 5000,
    num_examples: int = 100,
    seed: int = 0,
) -> float:
    """Returns the accuracy with which the least varying latent tells the fixed factor [KM18].

    Each vote draws a factor k uniformly and fixes it at the value of a random example. L examples
    with that value are drawn with replacement. A value that occurs only once is never fixed. The
    vote is (i*, k) with

        i* = argmin_i v_i / V_i

    over the active latents, the first one in a tie. v_i and V_i of a continuous latent are its
    unbiased variance over the L examples and its variance over all examples. For a
    discrete latent they are Gini variances: the probability that two draws differ, for pairs of
    different draws among the L examples and of independent draws from all examples. A majority of
    the training votes assigns a factor to each latent. The score is the accuracy of this assignment
    on test votes; its standard error is at most 0.007 with the default `num_test`. Training and
    test votes draw from two halves of the examples: latents of pure noise tell apart votes of the
    same few examples.

    [KM18] score the training votes themselves, as `num_test=None` does, from all examples. That
    favours noise: a little with many examples, much with fewer than about a thousand.

    Chance is 1/F for F factors, also if no latent is active. With one factor it would be 1.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). A factor
            with one value is left out.
        categories: discrete latents, whole numbers (n, V).
        active: the continuous latents to use, (N_z,) bool; None: all. Latents that never change are
            left out.
        num_train: number of training votes.
        num_test: number of test votes; None: the training votes are scored.
        num_examples: L, at least 2.
        seed: seed for the draws.

    Raises:
        ValueError: if a shape, type or number does not fit, a number is not finite, fewer than two
            factors have two values, or no two examples of a half share a value of a factor.

    Example:
        >>> import numpy as np, tfvae
        >>> factors = np.random.default_rng(0).integers(4, size=(1000, 3))
        >>> tfvae.evaluation.factor_vae_score(factors, factors)
        1.0
    """
    data = checked(representation, factors, categories)
    _two_factors(data)
    size = _at_least_two("num_examples", num_examples)
    used = used_latents(data, active)
    rng = np.random.default_rng(seed)
    training, test = _sharing(data, num_test, rng)

    def votes(draws, number):
        held, rows = draws.sets(number, size, rng)
        if not used.any():
            return held, np.zeros(number, dtype=int)
        return held, normalised_variances(data, rows, used).argmin(axis=1)

    held, latents = votes(training, _checks.positive_int("num_train", num_train))
    counts = np.zeros((data.num_latents, len(data.names)), dtype=int)
    np.add.at(counts, (latents, held), 1)
    if num_test is not None:
        held, latents = votes(test, _checks.positive_int("num_test", num_test))
    return float(np.mean(counts.argmax(axis=1)[latents] == held))


def beta_vae_score(
    representation: ArrayLike,
    factors: ArrayLike | dict[str, ArrayLike],
    *,
    categories: ArrayLike | None = None,
    active: ArrayLike | None = None,
    num_train: int = 800,
    num_test: int = 5000,
    num_pairs: int = 64,
    seed: int = 0,
) -> float:
    """Returns the accuracy with which a linear classifier tells the factor that pairs share [H17].

    Each vote draws a factor k uniformly, and L pairs of examples that agree in it: the first is
    drawn uniformly, the second, with replacement, from the examples with the same value. A logistic
    regression of scikit-learn, with an L2 penalty of weight 1, is trained to predict k from

        z_diff = (1/L) Σ_l |z_{1,l} − z_{2,l}|

    on training votes. The score is its accuracy on test votes, which draw from the other half of
    the examples. Each latent is divided by its
    standard deviation over all examples, which removes its scale. A discrete latent has the
    difference 1[d₁ ≠ d₂], divided by its Gini variance.

    Chance is 1/F for F factors, also if no latent is active. With one factor it would be 1.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). A factor
            with one value is left out.
        categories: discrete latents, whole numbers (n, V).
        active: the continuous latents to use, (N_z,) bool; None: all. Latents that never change are
            left out.
        num_train: number of training votes.
        num_test: number of test votes.
        num_pairs: L.
        seed: seed for the draws.

    Raises:
        ValueError: as for `factor_vae_score`.

    Example:
        >>> import numpy as np, tfvae
        >>> factors = np.random.default_rng(0).integers(4, size=(1000, 3))
        >>> tfvae.evaluation.beta_vae_score(factors, factors)
        1.0
    """
    from sklearn.linear_model import LogisticRegression

    data = checked(representation, factors, categories)
    _two_factors(data)
    pairs = _checks.positive_int("num_pairs", num_pairs)
    used = used_latents(data, active)
    rng = np.random.default_rng(seed)
    training, test = _sharing(data, num_test, rng)

    def votes(draws, number):
        held, first, second = draws.pairs(number, pairs, rng)
        return held, mean_differences(data, first, second, used)

    held, differences = votes(training, _checks.positive_int("num_train", num_train))
    test_held, test_differences = votes(test, _checks.positive_int("num_test", num_test))
    if not used.any() or np.all(held == held[0]):
        return float(np.mean(test_held == np.bincount(held).argmax()))
    classifier = LogisticRegression(max_iter=1000).fit(differences, held)
    return float(np.mean(classifier.predict(test_differences) == test_held))


def _two_factors(data: Inputs) -> None:
    """Raises a ValueError when there is one factor, which any vote would name."""
    if len(data.names) < 2:
        raise ValueError(
            "`factors` must hold two factors or more that vary, received one, "
            f"{data.names[0]!r}: any latents, noise too, would have the score 1. Use `mig` or "
            "`sap`."
        )


def _sharing(
    data: Inputs, num_test: int | None, rng: np.random.Generator
) -> tuple["Sharing", "Sharing"]:
    """Draws for training and for test votes: from two halves, or both from all examples."""
    if num_test is None:
        return Sharing(data), Sharing(data)
    rows = rng.permutation(len(data.codes))
    return Sharing(data, rows[len(rows) // 2 :]), Sharing(data, rows[: len(rows) // 2])


class Sharing:
    """Draws examples that share a value of a factor, from all examples or `among` some rows."""

    def __init__(self, data: Inputs, among: np.ndarray | None = None):
        among = np.arange(len(data.codes)) if among is None else among
        own = data.states[among]
        self.states = data.states
        self.counts = [np.bincount(states) for states in own.T]
        self.rows = among[np.argsort(own, axis=0, kind="stable")]
        self.starts = [np.cumsum(counts) - counts for counts in self.counts]
        self.first = [
            among[counts[states] > 1] for counts, states in zip(self.counts, own.T, strict=True)
        ]
        for name, rows in zip(data.names, self.first, strict=True):
            if not len(rows):
                raise ValueError(
                    f"`factors` must have values that two examples share, but every value of "
                    f"{name!r} occurs once in {len(among)} examples. Use more examples or "
                    "coarser states."
                )

    def sets(
        self, number: int, size: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws fixed factors, (number,), and rows that share a value, (number, size)."""
        held, _, rows = self._draw(number, (number, 1), (number, size), rng)
        return held, rows

    def pairs(
        self, number: int, size: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws fixed factors, (number,), and the two rows of the pairs, (number, size) each."""
        return self._draw(number, (number, size), (number, size), rng)

    def _draw(self, number, shape, shape_of_partners, rng):
        held = rng.integers(len(self.counts), size=number)
        first, partners = np.empty(shape, dtype=int), np.empty(shape_of_partners, dtype=int)
        for k, counts in enumerate(self.counts):
            own = held == k
            first[own] = rng.choice(self.first[k], first[own].shape)
            state = self.states[first[own], k]
            place = rng.integers(counts[state], size=partners[own].shape)
            partners[own] = self.rows[self.starts[k][state] + place, k]
        return held, first, partners


def used_latents(data: Inputs, active: ArrayLike | None) -> np.ndarray:
    """Returns which latents change and are active, (N_z + V,) bool.

    Raises:
        ValueError: if `active` is not one bool for each continuous latent.
    """
    codes = np.ptp(data.codes, axis=0) > 0.0
    if active is not None:
        active = np.asarray(active)
        if active.shape != codes.shape or active.dtype != bool:
            raise ValueError(
                f"`active` must be bool of shape {codes.shape}, one for each continuous latent, "
                f"received {active.dtype} of shape {active.shape}."
            )
        codes &= active
    return np.append(codes, np.any(data.categories, axis=0))


def normalised_variances(data: Inputs, rows: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Returns v_i / V_i of rows (votes, L), (votes, N_z + V); infinite for unused latents."""
    variances = np.full((len(rows), data.num_latents), np.inf)
    num_codes = data.codes.shape[1]
    for i in np.flatnonzero(used):
        if i < num_codes:
            code = data.codes[:, i]
            values = code[rows]
            # Subtracting the first value gives equal values a variance of exactly 0.
            variances[:, i] = np.var(values - values[:, :1], axis=1, ddof=1) / np.var(code)
        else:
            category = data.categories[:, i - num_codes]
            number = category.max() + 1
            votes = np.arange(len(rows))[:, None] * number
            counts = np.bincount((votes + category[rows]).ravel(), minlength=len(rows) * number)
            size = rows.shape[1]
            disagreeing = gini(counts.reshape(-1, number)) * size / (size - 1)
            variances[:, i] = disagreeing / gini(np.bincount(category))
    return variances


def mean_differences(
    data: Inputs, first: np.ndarray, second: np.ndarray, used: np.ndarray
) -> np.ndarray:
    """Returns z_diff of pairs of rows (votes, L), (votes, number of used latents)."""
    columns = []
    num_codes = data.codes.shape[1]
    for i in np.flatnonzero(used):
        if i < num_codes:
            code = data.codes[:, i]
            columns.append(np.mean(np.abs(code[first] - code[second]), axis=1) / np.std(code))
        else:
            category = data.categories[:, i - num_codes]
            unequal = np.mean(category[first] != category[second], axis=1)
            columns.append(unequal / gini(np.bincount(category)))
    return np.stack(columns, axis=1) if columns else np.zeros((len(first), 0))


def gini(counts: np.ndarray) -> np.ndarray:
    """Returns the share of pairs of draws that differ, 1 − Σ_k p_k²: (..., S) -> (...)."""
    shares = counts / np.sum(counts, axis=-1, keepdims=True)
    return 1.0 - np.sum(shares**2, axis=-1)


def _at_least_two(name: str, value: int) -> int:
    value = _checks.positive_int(name, value)
    if value < 2:
        raise ValueError(f"`{name}` must be at least 2, received {value}: a variance needs two.")
    return value
