"""Unsupervised classification: how well do categories, found without labels, match them?"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from tfvae.evaluation.disentanglement.inputs import contingency


class UnsupervisedAccuracy(NamedTuple):
    """Shares of examples whose category stands for their label."""

    one_to_one: float
    """No two categories stand for the same label."""
    majority: float
    """Each category stands for the label that is most frequent in it."""


def unsupervised_accuracy(categories, labels) -> UnsupervisedAccuracy:
    """Accuracy of categories as labels, under the best assignments of categories to labels.

        one to one:  max_π (1/n) Σ_i 1[π(c_i) = y_i],  π injective
        majority:    (1/n) Σ_c max_y #{i: c_i = c, y_i = y}

    With more categories than labels the one-to-one assignment leaves categories without a label,
    whose examples count as wrong; the majority assignment rises to 1 with the number of categories.
    S equally frequent categories that know nothing of K equally frequent labels have about
    1 / max(S, K) one to one, and 1/K by majority.

    Args:
        categories: whole numbers or names, (n,), such as one discrete latent.
        labels: whole numbers or names, (n,), such as one factor.

    Raises:
        ValueError: when the two are not vectors of one length, or hold no example.

    Example:
        >>> import tfvae
        >>> tfvae.evaluation.unsupervised_accuracy([2, 2, 0, 0, 1], ["a", "a", "b", "b", "b"])
        UnsupervisedAccuracy(one_to_one=0.8, majority=1.0)
    """
    categories, labels = np.asarray(categories), np.asarray(labels)
    if categories.ndim != 1 or categories.shape != labels.shape:
        raise ValueError(
            "`categories` and `labels` must be vectors of one length, received the shapes "
            f"{categories.shape} and {labels.shape}."
        )
    for name, values in {"categories": categories, "labels": labels}.items():
        if values.dtype.kind == "f" or not values.size:
            raise ValueError(
                f"`{name}` must be whole numbers or names, at least one, received {values.size} "
                f"values of {values.dtype}."
            )
    counts = contingency(
        np.unique(categories, return_inverse=True)[1], np.unique(labels, return_inverse=True)[1]
    )
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return UnsupervisedAccuracy(
        float(counts[rows, columns].sum() / counts.sum()),
        float(counts.max(axis=1).sum() / counts.sum()),
    )
