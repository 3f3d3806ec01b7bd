"""Scores by prediction: classifiers that tell the factors from the latents. DCI and SAP."""

from typing import NamedTuple

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from tfvae import _checks
from tfvae.evaluation.disentanglement.inputs import Inputs, checked, split, top_gap

# Least examples in a leaf, one or a share of the training examples, among which a held-out part of
# these chooses. Larger leaves make few splits, which noise shares out unevenly.
LEAF_SIZES = (1, 0.001, 0.004, 0.013, 0.04)
# A quarter is for tests, and a quarter of the rest for that choice.
_LEAST_EXAMPLES = 8


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness, with the importances behind them."""

    disentanglement: float
    """Does a latent serve one factor only?"""
    completeness: float
    """Does a factor take one latent only?"""
    informativeness: float
    """Accuracy of the classifiers on test examples, mean over factors."""
    importance: np.ndarray
    """R, (N_z + V, F): columns sum to 1, or to 0 for a factor that no latent tells."""


def dci(representation, factors, *, categories=None, num_trees: int = 10, seed: int = 0) -> DCI:
    """Disentanglement, completeness and informativeness [EW18, section 2].

    A classifier for each factor k gives the importance R_ik of each latent i. With N latents, F
    factors, and entropies to the base that makes their largest value 1,

        D = Σ_i ρ_i (1 − H_F(P_i)),   P_ik = R_ik / Σ_k' R_ik',   ρ_i = Σ_k R_ik / Σ_i'k R_i'k,
        C = (1/F) Σ_k (1 − H_N(P̃_k)),   P̃_ik = R_ik / Σ_i' R_i'k.

    All three are 1 for the factors themselves. For noise D and C are near 0, and informativeness is
    the accuracy of guessing. One latent alone has C = 1, one factor alone D = 1; a factor that no
    latent tells adds 0 to C, and D is 0 where there is none that one tells.

    The classifier is a random forest (scikit-learn's), each of whose trees sees all latents at each
    split, so that a useless one is not taken for lack of others; R is the mean decrease of Gini
    impurity, summed over the one-hot columns of a discrete latent. As [EW18] choose the depth of
    their trees, the least number of examples in a leaf is chosen, one or 0.1, 0.4, 1.3 or 4% of
    those that train, by the squared error of a single tree's probabilities on a held-out part of
    these: deeper trees than the data bear spread the importance over latents that tell nothing.
    Informativeness is an accuracy, because factors are states, where [EW18] have an error of
    regression. [EW18] is Eastwood & Williams, A framework for the quantitative evaluation of
    disentangled representations, 2018.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). Those with
            one value are left out.
        categories: discrete latents, whole numbers (n, V).
        num_trees: of a forest.
        seed: of the test quarter and of the forests.

    Raises:
        ValueError: when a shape, type or number does not fit, a number is not finite, no factor has
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


def sap(representation, factors, *, categories=None, adjusted: bool = True, seed: int = 0) -> float:
    """Separated attribute predictability: the gap of the two best latents [K18, section 3].

        SAP = (1/F) Σ_k (S_{i_k k} − max_{i ≠ i_k} S_ik),   i_k = argmax_i S_ik.

    S_ik is the balanced accuracy, the mean over the states of a factor, with which latent i alone
    tells factor k by thresholds, on a test quarter of the examples. Factors are states here, even
    where they are in order, so it is not the R² of a line, which [K18] have for continuous ones.
    K − 1 thresholds for K states come from a decision tree (scikit-learn's) with K leaves, grown on
    all states with equal weights, the largest decrease of Gini impurity first; each category of a
    discrete latent stands for a state of its own.

    With K states a latent that tells nothing has S = 1/K and the best gap is 1 − 1/K. `adjusted`
    takes (S − 1/K)/(1 − 1/K) instead, so that the factors themselves score 1; without it S is as
    published. Accuracies of latents that tell nothing scatter about chance, the less the more
    examples there are: the factors themselves score a little below 1, and noise a little above 0.
    [K18] is Kumar, Sattigeri & Balakrishnan, Variational inference of disentangled latent concepts
    from unlabeled observations, 2018.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). Those with
            one value are left out.
        categories: discrete latents, whole numbers (n, V).
        adjusted: whether accuracies are adjusted for chance.
        seed: of the test quarter.

    Raises:
        ValueError: as `dci`.

    Example:
        >>> import numpy as np, tfvae
        >>> factor = np.random.default_rng(0).integers(4, size=(400, 1))
        >>> coarse = factor // 2
        >>> tfvae.evaluation.sap(np.hstack([factor, coarse]), factor, adjusted=False)
        0.5
    """
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


def _columns(data: Inputs):
    """Continuous latents and one-hot discrete ones, (n, columns), and the latent of each column."""
    # The trees compute in float32.
    spread = np.std(data.codes, axis=0)
    codes = (data.codes - np.mean(data.codes, axis=0)) / np.where(spread > 0.0, spread, 1.0)
    one_hot = [np.eye(category.max() + 1)[category] for category in data.categories.T]
    parts = [*(code[:, None] for code in codes.T), *one_hot]
    owner = np.repeat(np.arange(data.num_latents), [part.shape[1] for part in parts])
    return np.concatenate(parts, axis=1), owner


def _leaf_size(columns, states, rng):
    """The least examples in a leaf with which a tree foretells held-out states best."""
    fitted, held_out = split(len(columns), rng)
    errors = []
    for leaf in LEAF_SIZES:
        tree = DecisionTreeClassifier(min_samples_leaf=leaf, random_state=_integer(rng))
        tree.fit(columns[fitted], states[fitted])
        probabilities = tree.predict_proba(columns[held_out])
        right = tree.classes_ == states[held_out][:, None]
        errors.append(np.mean(np.sum(probabilities * (probabilities - 2.0 * right), axis=1)))
    return LEAF_SIZES[int(np.argmin(errors))]


def _disentanglement(importance):
    weights = importance.sum(axis=1)
    if not weights.any():
        return 0.0
    return float(np.average(_concentration(importance.T), weights=weights))


def _concentration(weights):
    """1 − entropy of each column over its largest value, (N, F) -> (F,); 0 for a column of 0."""
    total = weights.sum(axis=0)
    shares = np.divide(weights, total, out=np.ones_like(weights) / len(weights), where=total > 0.0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0.0)
    if len(weights) == 1:
        return (total > 0.0).astype(float)
    return 1.0 + np.sum(shares * logs, axis=0) / np.log(len(weights))


def _balanced_accuracy(predicted, states):
    """Mean over the states that occur of the share that is told rightly."""
    counts = np.bincount(states)
    right = np.bincount(states[predicted == states], minlength=len(counts))
    return np.mean(right[counts > 0] / counts[counts > 0])


def _integer(rng):
    return int(rng.integers(2**31))


def _check_enough(data):
    if len(data.codes) < _LEAST_EXAMPLES:
        raise ValueError(
            f"`representation` must have {_LEAST_EXAMPLES} examples or more, to train classifiers "
            f"and test them, received {len(data.codes)}."
        )
