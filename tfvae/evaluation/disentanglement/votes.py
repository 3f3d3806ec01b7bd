"""Scores by votes: which factor was held in a set of examples? FactorVAE and β-VAE score."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from tfvae import _checks
from tfvae.evaluation.disentanglement.inputs import Inputs, checked


def factor_vae_score(
    representation,
    factors,
    *,
    categories=None,
    active=None,
    num_train: int = 800,
    num_test: int | None = 5000,
    num_examples: int = 100,
    seed: int = 0,
) -> float:
    """Share of votes that tell the factor held by the latent that varies least [KM18, section 4].

    For each vote a factor k is held, drawn uniformly, at the value of an example that is drawn
    uniformly, and L examples that share it are drawn with replacement; a value that a single
    example has is not held. The vote is (i*, k) with

        i* = argmin_i v_i / V_i,

    the first one where several are least, over the active latents. For a continuous latent v_i and
    V_i are its variances, ½ E (z − z')² over pairs of different draws from the L examples, and over
    pairs of independent draws from all examples; for a discrete latent they are Gini variances,
    E 1[d ≠ d'] over the same pairs. Training votes make each latent stand for the factor it votes
    for most; the score is the accuracy of that on test votes, drawn like them, so many that its
    standard error is at most 0.007.

    [KM18] is Kim & Mnih, Disentangling by factorising, 2018. They count the training votes
    themselves, `num_test=None` here, which flatters noise a little.

    Chance is 1/F for F factors, also where no latent is active.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). Those with
            one value are left out.
        categories: discrete latents, whole numbers (n, V).
        active: which continuous latents take part, (N_z,) bool; None: all. Those that never change
            do not.
        num_train: votes that the latents' factors are learned from.
        num_test: votes that are counted; None: the training votes.
        num_examples: L, at least 2.
        seed: of the draws.

    Raises:
        ValueError: when a shape, type or number does not fit, a number is not finite, no factor has
            two values, or no two examples share a value of a factor.

    Example:
        >>> import numpy as np, tfvae
        >>> factors = np.random.default_rng(0).integers(4, size=(1000, 3))
        >>> tfvae.evaluation.factor_vae_score(factors, factors)
        1.0
    """
    data = checked(representation, factors, categories)
    size = _at_least_two("num_examples", num_examples)
    used = used_latents(data, active)
    rng = np.random.default_rng(seed)
    draws = Sharing(data)

    def votes(number):
        held, rows = draws.sets(number, size, rng)
        if not used.any():
            return held, np.zeros(number, dtype=int)
        return held, normalised_variances(data, rows, used).argmin(axis=1)

    held, latents = votes(_checks.positive_int("num_train", num_train))
    counts = np.zeros((data.num_latents, len(data.names)), dtype=int)
    np.add.at(counts, (latents, held), 1)
    if num_test is not None:
        held, latents = votes(_checks.positive_int("num_test", num_test))
    return float(np.mean(counts.argmax(axis=1)[latents] == held))


def beta_vae_score(
    representation,
    factors,
    *,
    categories=None,
    active=None,
    num_train: int = 800,
    num_test: int = 5000,
    num_pairs: int = 64,
    seed: int = 0,
) -> float:
    """Accuracy with which a linear classifier tells the factor that pairs share [H17].

    For each vote a factor k is drawn uniformly, and L pairs of examples, each with the same value
    of it: the first drawn uniformly, the second among those that share its value, with replacement.
    A logistic regression (scikit-learn's, L2 penalty of weight 1) learns k from

        z_diff = (1/L) Σ_l |z_{1,l} − z_{2,l}|,

    on training votes and is counted on test votes. Each latent is divided by its standard deviation
    over all examples, so that its scale does not matter; a discrete latent has the difference
    1[d₁ ≠ d₂], divided by its Gini variance. [H17] is Higgins et al., beta-VAE, 2017.

    Chance is 1/F for F factors, also where no latent is active.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). Those with
            one value are left out.
        categories: discrete latents, whole numbers (n, V).
        active: which continuous latents take part, (N_z,) bool; None: all. Those that never change
            do not.
        num_train: votes that the classifier is trained on.
        num_test: votes that are counted.
        num_pairs: L.
        seed: of the draws.

    Raises:
        ValueError: as `factor_vae_score`.

    Example:
        >>> import numpy as np, tfvae
        >>> factors = np.random.default_rng(0).integers(4, size=(1000, 3))
        >>> tfvae.evaluation.beta_vae_score(factors, factors)
        1.0
    """
    data = checked(representation, factors, categories)
    pairs = _checks.positive_int("num_pairs", num_pairs)
    used = used_latents(data, active)
    rng = np.random.default_rng(seed)
    draws = Sharing(data)

    def votes(number):
        held, first, second = draws.pairs(number, pairs, rng)
        return held, mean_differences(data, first, second, used)

    held, differences = votes(_checks.positive_int("num_train", num_train))
    test_held, test_differences = votes(_checks.positive_int("num_test", num_test))
    if not used.any() or np.all(held == held[0]):
        return float(np.mean(test_held == np.bincount(held).argmax()))
    classifier = LogisticRegression(max_iter=1000).fit(differences, held)
    return float(np.mean(classifier.predict(test_differences) == test_held))


class Sharing:
    """Draws examples that share their value of a factor."""

    def __init__(self, data: Inputs):
        self.states = data.states
        self.counts = [np.bincount(states) for states in data.states.T]
        self.rows = np.argsort(data.states, axis=0, kind="stable")
        self.starts = [np.cumsum(counts) - counts for counts in self.counts]
        self.first = [
            np.flatnonzero(counts[states] > 1)
            for counts, states in zip(self.counts, data.states.T, strict=True)
        ]
        for name, rows in zip(data.names, self.first, strict=True):
            if not len(rows):
                raise ValueError(
                    f"`factors`: every value of {name!r} occurs once in {len(data.codes)} examples,"
                    " so that no two share it: more examples, or coarser states, are needed."
                )

    def sets(self, number, size, rng):
        """Factors that are held (number,), and rows that share their value, (number, size)."""
        held, _, rows = self._draw(number, (number, 1), (number, size), rng)
        return held, rows

    def pairs(self, number, size, rng):
        """Factors that are held (number,), first and second rows of the pairs, (number, size)."""
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


def used_latents(data: Inputs, active) -> np.ndarray:
    """Which latents change and are active, (N_z + V,) bool.

    Raises:
        ValueError: when `active` is not one bool for each continuous latent.
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


def normalised_variances(data: Inputs, rows, used) -> np.ndarray:
    """v_i / V_i of rows (votes, L), (votes, N_z + V); infinite for latents that are not used."""
    variances = np.full((len(rows), data.num_latents), np.inf)
    num_codes = data.codes.shape[1]
    for i in np.flatnonzero(used):
        if i < num_codes:
            code = data.codes[:, i]
            values = code[rows]
            # Relative to the first, so that equal values have a variance of exactly 0.
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


def mean_differences(data: Inputs, first, second, used) -> np.ndarray:
    """z_diff of pairs of rows (votes, L), (votes, number of used latents)."""
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


def gini(counts) -> np.ndarray:
    """Share of disagreeing pairs of independent draws, 1 − Σ_k p_k²: (..., S) -> (...)."""
    shares = counts / np.sum(counts, axis=-1, keepdims=True)
    return 1.0 - np.sum(shares**2, axis=-1)


def _at_least_two(name, value):
    value = _checks.positive_int(name, value)
    if value < 2:
        raise ValueError(f"`{name}` must be at least 2, a variance needs two, received {value}.")
    return value
