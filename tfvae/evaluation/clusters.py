"""Clusters of latents, by k-means or a mixture of Gaussians, and how well labels agree."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.evaluation.disentanglement.clustering import UnsupervisedAccuracy, unsupervised_accuracy
from tfvae.evaluation.principal import finite_latents
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel
from tfvae.models.data import latents

METHODS = ("kmeans", "gaussian_mixture")
# The silhouette compares all pairs of this many latents at most.
MOST_COMPARED = 5000


@dataclasses.dataclass(frozen=True, repr=False)
class Clustering(Report):
    """Clusters of latents, their silhouette, and how well labels agree with them."""

    assignments: np.ndarray
    """The cluster of each example or step, whole numbers from 0, (n,)."""
    centres: np.ndarray
    """The means of the clusters, (S, N_z)."""
    silhouette: float
    """Mean of (b − a)/max(a, b), in [−1, 1]; NaN where fewer than two clusters are taken."""
    normalised_mutual_information: float | None = None
    """Of clusters and labels, in [0, 1], divided by the mean of the two entropies; or None."""
    adjusted_rand_index: float | None = None
    """Of clusters and labels: 1 if they agree, 0 on average by chance; None without labels."""
    accuracy: UnsupervisedAccuracy | None = None
    """Of clusters as labels: `tfvae.evaluation.unsupervised_accuracy`; None without labels."""

    title = "Clusters of the latents"

    def lines(self) -> list[Line]:
        """Returns the numbers of the report."""
        sizes = np.bincount(self.assignments, minlength=len(self.centres))
        lines = [
            Line("clusters", len(self.centres)),
            Line("smallest cluster", int(sizes.min()), "examples or steps"),
            Line("largest cluster", int(sizes.max()), "examples or steps"),
            Line("silhouette", self.silhouette, "in [−1, 1]"),
        ]
        if self.accuracy is None:
            return lines
        return [
            *lines,
            Line("normalised mutual information", self.normalised_mutual_information, "in [0, 1]"),
            Line("adjusted Rand index", self.adjusted_rand_index, "0 by chance, at most 1"),
            Line("accuracy, one to one", self.accuracy.one_to_one, "share"),
            Line("accuracy, by majority", self.accuracy.majority, "share"),
        ]


def clusters(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    num_clusters: int | None = None,
    *,
    y: Any = None,
    labels: ArrayLike | None = None,
    method: str = "kmeans",
    num_starts: int = 10,
    batch_size: int = 512,
    seed: int = 0,
) -> Clustering:
    """Clusters the latents of data, and measures how compact the clusters are and what they tell.

        kmeans:            min_c Σ_i min_s ‖z_i − c_s‖²
        gaussian_mixture:  max Σ_i log Σ_s π_s N(z_i; c_s, Σ_s), each z_i to its likeliest s
        silhouette:        mean of (b_i − a_i)/max(a_i, b_i)

    a_i is the mean distance of z_i to the others of its cluster, b_i that to the nearest other
    cluster; of more than 5,000 latents, 5,000 drawn by the seed are compared. z_i stands for one
    example, or one step of a sequence, as in `principal_axes`. scikit-learn's `KMeans`,
    `GaussianMixture` and metrics do the work. `tfvae.plots.clusters` shows the result.

    Args:
        model: a built model of the library.
        data: array, or tf.data.Dataset or PyDataset of x or (x, y).
        num_clusters: S, from 2 to n; None: the number of different labels.
        y: the condition beside an array, for a model with one.
        labels: whole numbers or names, (n,), for sequences (n,) or (n, T); they only measure.
        method: "kmeans" or "gaussian_mixture", whose clusters have full covariance matrices.
        num_starts: the best of so many starts is taken.
        batch_size: number of rows of an array at a time; a dataset keeps its own batches.
        seed: of the starts, and of the latents of the silhouette.

    Raises:
        ValueError: if an argument does not fit, `labels` are all equal, or the data are of the
            wrong shape or have encodings that are not finite.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build((None, 5))
        >>> labels = np.arange(60) % 2
        >>> x = 3.0 * labels[:, np.newaxis] + np.random.default_rng(0).normal(size=(60, 5))
        >>> found = tfvae.evaluation.clusters(vae, x, labels=labels)
        >>> found.centres.shape, found.accuracy.one_to_one > 0.8
        ((2, 2), True)
    """
    from sklearn import metrics
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    method = _checks.one_of("method", method, METHODS)
    num_starts = _checks.positive_int("num_starts", num_starts)
    seed = _checks.whole_in("seed", seed, 0, 2**32 - 1)
    z = finite_latents(latents(model, data, y, batch_size=batch_size))
    labels = None if labels is None else _labels(labels, len(z), model.sequence_shape)
    if num_clusters is None and labels is None:
        raise ValueError("`num_clusters` must be given where there are no `labels`, received None.")
    count = len(np.unique(labels)) if num_clusters is None else num_clusters
    count = _checks.whole_in("num_clusters", count, 2, len(z), "There is one latent per example.")
    if method == "kmeans":
        fitted = KMeans(count, n_init=num_starts, random_state=seed).fit(z)
        assignments, centres = fitted.labels_, fitted.cluster_centers_
    else:
        # Starts from k-means are all alike, and near what k-means finds.
        start = {"n_init": num_starts, "init_params": "random_from_data", "max_iter": 500}
        fitted = GaussianMixture(count, random_state=seed, **start).fit(z)
        assignments, centres = fitted.predict(z), fitted.means_
    silhouette = _silhouette(z, assignments, seed)
    if labels is None:
        return Clustering(assignments, centres, silhouette)
    return Clustering(
        assignments,
        centres,
        silhouette,
        float(metrics.normalized_mutual_info_score(labels, assignments)),
        float(metrics.adjusted_rand_score(labels, assignments)),
        unsupervised_accuracy(assignments, labels),
    )


def _silhouette(z: np.ndarray, assignments: np.ndarray, seed: int) -> float:
    from sklearn import metrics

    if len(z) > MOST_COMPARED:
        chosen = np.random.default_rng(seed).permutation(len(z))[:MOST_COMPARED]
        z, assignments = z[chosen], assignments[chosen]
    if not 2 <= len(np.unique(assignments)) < len(z):
        return math.nan
    return float(metrics.silhouette_score(z, assignments))


def _labels(labels: ArrayLike, count: int, sequence_shape: tuple[int, ...]) -> np.ndarray:
    """Labels of all latents, (count,); those of whole sequences are repeated for each step."""
    labels = np.asarray(labels)
    steps = math.prod(sequence_shape)
    if sequence_shape and labels.shape == (count // steps,):
        labels = np.repeat(labels, steps)
    if labels.shape not in ((count,), (count // steps, *sequence_shape)):
        shape = f"({count},)"
        if sequence_shape:
            shape = f"({count // steps},) or {(count // steps, *sequence_shape)}"
        raise ValueError(f"`labels` must have the shape {shape}, received {labels.shape}.")
    return labels.ravel()
