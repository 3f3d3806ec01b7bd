"""Unsupervised classification: how well do categories match labels?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from tfvae.evaluation.disentanglement.inputs import contingency


class UnsupervisedAccuracy(NamedTuple):
    """Shares of examples whose category is assigned to their label."""

    one_to_one: float
    """No two categories are assigned to the same label."""
    majority: float
    """Each category is assigned to its most frequent label."""


def unsupervised_accuracy(categories: ArrayLike, labels: ArrayLike) -> UnsupervisedAccuracy:
    """Returns the accuracy of categories as labels, under the best assignments.

        one to one:  max_π (1/n) Σ_i 1[π(c_i) = y_i],  π injective
        majority:    (1/n) Σ_c max_y #{i: c_i = c, y_i = y}

    If there are more categories than labels, the one-to-one assignment leaves some categories
    without a label, and their examples count as wrong. The majority accuracy rises to 1 with the
    number of categories. Chance for S equally frequent categories and K equally frequent labels is
    1 / max(S, K) one to one, and 1/K by majority.

    Args:
        categories: whole numbers or names, (n,), such as one discrete latent.
        labels: whole numbers or names, (n,), such as one factor.

    Raises:
        ValueError: if the two are not vectors of one length, hold no example, or all labels are
            equal, which any categories would tell.

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
                f"`{name}` must be one or more whole numbers or names, received {values.size} "
                f"values of type {values.dtype}."
            )
    if np.all(labels == labels[0]):
        raise ValueError(
            f"`labels` must have two values or more, received {labels[0]} alone: any categories "
            "would have the majority accuracy 1."
        )
    counts = contingency(
        np.unique(categories, return_inverse=True)[1], np.unique(labels, return_inverse=True)[1]
    )
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return UnsupervisedAccuracy(
        float(counts[rows, columns].sum() / counts.sum()),
        float(counts.max(axis=1).sum() / counts.sum()),
    )
