"""Scores of classifiers that predict the factors from the latents: DCI and SAP."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.evaluation.disentanglement.inputs import Inputs, checked, split, top_gap

# Candidates for the smallest leaf: one example, or a share of the training examples. Larger leaves
# make few splits, and noise spreads over few splits unevenly.
LEAF_SIZES = (1, 0.001, 0.004, 0.013, 0.04)
# One quarter of the examples is for the test, one quarter of the rest chooses the leaf size.
_LEAST_EXAMPLES = 8


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness, with their importance matrix."""

    disentanglement: float
    """1 if each latent predicts one factor only; NaN if there is one factor."""
    completeness: float
    """1 if one latent alone predicts each factor; NaN if there is one latent."""
    informativeness: float
    """Accuracy of the classifiers on test examples, mean over factors."""
    importance: np.ndarray
    """R, (N_z + V, F): a column sums to 1, or to 0 if no latent predicts its factor."""


def dci(
    representation: ArrayLike,
    factors: ArrayLike | dict[str, ArrayLike],
    *,
    categories: ArrayLike | None = None,
    num_trees: int = 10,
    seed: int = 0,
) -> DCI:
    """Returns disentanglement, completeness and informativeness [EW18].

    A classifier of each factor k gives the importance R_ik of each latent i. There are N latents
    and F factors. The base of an entropy (N or F) makes its largest value 1.

        D = Σ_i ρ_i (1 − H_F(P_i)),   P_ik = R_ik / Σ_k' R_ik',   ρ_i = Σ_k R_ik / Σ_i'k R_i'k,
        C = (1/F) Σ_k (1 − H_N(P̃_k)),   P̃_ik = R_ik / Σ_i' R_i'k.

    All three are 1 if the latents are the factors. Noise has D and C near 0, and informativeness
    at chance. A factor that cannot be predicted adds 0 to C. D is 0 if no factor can be predicted.
    D is NaN for a single factor and C for a single latent: noise would have 1 there.

    The classifier is a random forest of scikit-learn. Its trees consider all latents at each split,
    which keeps them from splitting on a useless one. R is the mean decrease of Gini impurity,
    summed over the one-hot columns of a discrete latent. Trees that are too deep spread the
    importance over useless latents. [EW18] choose the depth; here the smallest number of examples
    in a leaf is chosen from one and 0.1, 0.4, 1.3 and 4% of the training examples. The choice
    minimises the squared error of a single tree's probabilities on held-out training examples.
    Factors are states, so informativeness is an accuracy; [EW18] use a regression error.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). A factor
            with one value is left out.
        categories: discrete latents, whole numbers (n, V).
        num_trees: number of trees of each forest.
        seed: seed for the choice of the test quarter and for the forests.

    Raises:
        ValueError: if a shape, type or number does not fit, a number is not finite, no factor has
            two values, or there are fewer than 8 examples.

    Example:
        >>> import numpy as np, tfvae
        >>> factors = np.random.default_rng(0).integers(4, size=(400, 3))
        >>> score = tfvae.evaluation.dci(factors, factors)
        >>> score.informativeness, np.round(score.importance, 2)
        (1.0, array([[1., 0., 0.],
                     [0., 1., 0.],
                     [0., 0., 1.]]))
    """
    from sklearn.ensemble import RandomForestClassifier

    data = checked(representation, factors, categories)
    num_trees = _checks.positive_int("num_trees", num_trees)
    _check_enough(data)
    rng = np.random.default_rng(seed)
    columns, owner = _columns(data)
    train, test = split(len(columns), rng)
    importance = np.zeros((data.num_latents, len(data.names)))
    accuracy = []
    for k, states in enumerate(data.states.T):
        leaf = _leaf_size(columns[train], states[train], rng)
        forest = RandomForestClassifier(
            num_trees, max_features=None, min_samples_leaf=leaf, random_state=_integer(rng)
        ).fit(columns[train], states[train])
        np.add.at(importance[:, k], owner, forest.feature_importances_)
        accuracy.append(np.mean(forest.predict(columns[test]) == states[test]))
    return DCI(
        _disentanglement(importance),
        float(np.mean(_concentration(importance))),
        float(np.mean(accuracy)),
        importance,
    )


def sap(
    representation: ArrayLike,
    factors: ArrayLike | dict[str, ArrayLike],
    *,
    categories: ArrayLike | None = None,
    adjusted: bool = True,
    seed: int = 0,
) -> float:
    """Returns separated attribute predictability: the gap between the two best latents [KSB18].

        SAP = (1/F) Σ_k (S_{i_k k} − max_{i ≠ i_k} S_ik),   i_k = argmax_i S_ik.

    S_ik is the accuracy with which latent i alone predicts factor k by thresholds, on a test
    quarter of the examples. It is balanced: a mean over the states of the factor. A decision tree
    of scikit-learn with K leaves gives the K − 1 thresholds for K states. All states have equal
    weights in it, and the largest decrease of Gini impurity is split first. The tree of a discrete
    latent may split off every category.

    A useless latent has S = 1/K, so the best gap is 1 − 1/K. `adjusted` uses (S − 1/K)/(1 − 1/K),
    and the best gap is 1; without it the gap is one of accuracies, as published. The accuracy of
    useless latents scatters about chance, less with more examples. Perfect latents therefore score
    a little below 1, and noise a little above 0.

    Differences from [KSB18] and from the common program, disentanglement_lib [L19], whose printed
    numbers do not compare with these:

    - Factors are states here, also ordered ones; [KSB18] take the R² of a line, the squared
      correlation, for continuous factors, which misses what is not monotone.
    - The program classifies by a linear support vector machine on one latent (C = 0.01, balanced
      weights), which cannot give each of many ordered states an interval of its own, and counts
      plain accuracy. A tree can, and the accuracy is balanced.
    - Neither adjusts for chance: take `adjusted=False` for their scale. Discrete latents are an
      addition.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). A factor
            with one value is left out.
        categories: discrete latents, whole numbers (n, V).
        adjusted: whether to adjust accuracies for chance.
        seed: seed for the choice of the test quarter.

    Raises:
        ValueError: as for `dci`.

    Example:
        >>> import numpy as np, tfvae
        >>> factor = np.random.default_rng(0).integers(4, size=(400, 1))
        >>> coarse = factor // 2
        >>> tfvae.evaluation.sap(np.hstack([factor, coarse]), factor, adjusted=False)
        0.5
    """
    from sklearn.tree import DecisionTreeClassifier

    data = checked(representation, factors, categories)
    _check_enough(data)
    columns, owner = _columns(data)
    train, test = split(len(columns), np.random.default_rng(seed))
    chance = 1.0 / data.num_states
    accuracy = np.zeros((data.num_latents, len(data.names)))
    for i in range(data.num_latents):
        own = columns[:, owner == i]
        for k, states in enumerate(data.states.T):
            continuous = i < data.codes.shape[1]
            tree = DecisionTreeClassifier(
                max_leaf_nodes=data.num_states[k] if continuous else None,
                class_weight="balanced",
                random_state=0,
            ).fit(own[train], states[train])
            accuracy[i, k] = _balanced_accuracy(tree.predict(own[test]), states[test])
    gaps = top_gap((accuracy - chance) / (1.0 - chance))
    return float(np.mean(gaps if adjusted else gaps * (1.0 - chance)))


def _columns(data: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Returns the columns of all latents, discrete ones one-hot, and the latent of each column."""
    # Standardised, because the trees compute in float32.
    spread = np.std(data.codes, axis=0)
    codes = (data.codes - np.mean(data.codes, axis=0)) / np.where(spread > 0.0, spread, 1.0)
    one_hot = [np.eye(category.max() + 1)[category] for category in data.categories.T]
    parts = [*(code[:, None] for code in codes.T), *one_hot]
    owner = np.repeat(np.arange(data.num_latents), [part.shape[1] for part in parts])
    return np.concatenate(parts, axis=1), owner


def _leaf_size(columns: np.ndarray, states: np.ndarray, rng: np.random.Generator) -> float:
    """Returns the leaf size with which a tree predicts held-out states best."""
    from sklearn.tree import DecisionTreeClassifier

    fitted, held_out = split(len(columns), rng)
    errors = []
    for leaf in LEAF_SIZES:
        tree = DecisionTreeClassifier(min_samples_leaf=leaf, random_state=_integer(rng))
        tree.fit(columns[fitted], states[fitted])
        probabilities = tree.predict_proba(columns[held_out])
        right = tree.classes_ == states[held_out][:, None]
        errors.append(np.mean(np.sum(probabilities * (probabilities - 2.0 * right), axis=1)))
    return LEAF_SIZES[int(np.argmin(errors))]


def _disentanglement(importance: np.ndarray) -> float:
    weights = importance.sum(axis=1)
    if importance.shape[1] > 1 and not weights.any():
        return 0.0
    return float(np.average(_concentration(importance.T), weights=weights))


def _concentration(weights: np.ndarray) -> np.ndarray:
    """Returns 1 − H/log N of each column, (N, F) -> (F,); a column of zeros has 0, N = 1 NaN."""
    if len(weights) == 1:
        return np.full(weights.shape[1], np.nan)
    total = weights.sum(axis=0)
    shares = np.divide(weights, total, out=np.ones_like(weights) / len(weights), where=total > 0.0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0.0)
    return 1.0 + np.sum(shares * logs, axis=0) / np.log(len(weights))


def _balanced_accuracy(predicted: np.ndarray, states: np.ndarray) -> float:
    """Returns the mean, over the states that occur, of their share of correct predictions."""
    counts = np.bincount(states)
    right = np.bincount(states[predicted == states], minlength=len(counts))
    return np.mean(right[counts > 0] / counts[counts > 0])


def _integer(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _check_enough(data: Inputs) -> None:
    if len(data.codes) < _LEAST_EXAMPLES:
        raise ValueError(
            f"`representation` must have {_LEAST_EXAMPLES} examples or more to train and test "
            f"classifiers, received {len(data.codes)}."
        )
