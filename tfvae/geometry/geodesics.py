"""Shortest curves in a latent space: splines of least energy in the space of the data."""

import dataclasses
import functools
from collections.abc import Sequence

import keras
import numpy as np
import scipy.interpolate
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from tfvae import _checks, _progress
from tfvae.geometry.metric import (
    NUMBERS_AT_A_TIME,
    HeldMean,
    Mean,
    flattened,
    num_features,
    with_held,
)

# The length of a curve found is measured again with each piece cut into SUBDIVISIONS. It is
# confirmed when this changes it by at most the share CONFIRMED.
SUBDIVISIONS = 4
CONFIRMED = 0.02


def curve_length(
    mean: Mean | HeldMean | keras.Model,
    points: ArrayLike,
    *,
    held: ArrayLike | None = None,
    subdivisions: int = 1,
) -> np.ndarray:
    """Length of curves in the space of the data, ∫ sqrt(γ̇ᵀ G(γ) γ̇) dt [C20].

    It is the length of the decoded polyline, Σ_t ‖f(γ_{t+1}) − f(γ_t)‖. This converges to the
    integral from below, and also holds for decoders with kinks.

    Args:
        mean: function z -> x, or (z, held) -> x where `held` is given; or a built model.
        points: curves, (P, T, N_z), T ≥ 2.
        held: what is held along each curve, (P, H); see `metric_tensors`.
        subdivisions: pieces into which each given piece is cut, for curves of few points.

    Returns:
        float64 array (P,), in the unit of the data.

    Raises:
        ValueError: when `points` or `held` has another shape.
    """
    points = np.asarray(points, dtype="float32")
    if points.ndim != 3 or points.shape[1] < 2:
        raise ValueError(f"`points` must have the shape (P, T ≥ 2, N_z), received {points.shape}.")
    subdivisions = _checks.positive_int("subdivisions", subdivisions)
    count, given, latent_dim = points.shape
    length = (given - 1) * subdivisions + 1
    steps = np.arange(length) / subdivisions
    mean, held = with_held(mean, held, count)
    lengths = np.zeros([count])
    size = 1
    if count:
        size = max(1, NUMBERS_AT_A_TIME // (length * num_features(mean, points[0], held)))
    for start in range(0, count, size):
        part = points[start : start + size]
        if subdivisions > 1:
            part = scipy.interpolate.interp1d(np.arange(given), part, axis=1)(steps)
        z = tf.constant(part.reshape(-1, latent_dim), tf.float32)
        rows = tf.repeat(tf.constant(held[start : start + size]), length, axis=0)
        x = flattened(mean(z, rows)).numpy()
        pieces = np.diff(x.reshape(len(part), length, -1).astype("float64"), axis=1)
        lengths[start : start + size] = np.linalg.norm(pieces, axis=-1).sum(axis=1)
    return lengths


@dataclasses.dataclass(frozen=True, repr=False)
class Geodesics:
    """Shortest curves between pairs of points, and the outcome of the search for them."""

    points: np.ndarray
    """The curves, (P, T, N_z), both ends included."""
    lengths: np.ndarray
    """Lengths in the space of the data, (P,)."""
    straight_lengths: np.ndarray
    """Lengths of the straight lines between the same ends, (P,)."""
    converged: np.ndarray
    """Whether the search converged to a length that finer pieces confirm, (P,) bool."""
    iterations: int
    """Iterations of the longest search."""

    @property
    def ratios(self) -> np.ndarray:
        """Length over the straight line's length, (P,): 1 where the latent space is flat [C20]."""
        positive = np.where(self.straight_lengths > 0.0, self.straight_lengths, 1.0)
        return np.where(self.straight_lengths > 0.0, self.lengths / positive, 1.0)

    def __str__(self) -> str:
        return (
            f"{len(self.lengths)} geodesics, {np.mean(self.converged):.0%} converged, at most "
            f"{self.iterations} iterations; length over straight line: median "
            f"{np.median(self.ratios):.4f}, least {np.min(self.ratios):.4f}"
        )


def spline_basis(num_nodes: int, num_points: int) -> np.ndarray:
    """Values of the natural cubic splines through unit vectors, (num_points, num_nodes + 2).

    A curve through the ends and `num_nodes` nodes between them is this matrix times those points.
    """
    nodes = np.linspace(0.0, 1.0, num_nodes + 2)
    spline = scipy.interpolate.CubicSpline(nodes, np.eye(num_nodes + 2), bc_type="natural")
    return spline(np.linspace(0.0, 1.0, num_points))


def geodesics(
    mean: Mean | HeldMean | keras.Model,
    z_start: ArrayLike,
    z_end: ArrayLike,
    *,
    held: ArrayLike | None = None,
    num_nodes: int = 8,
    num_points: int = 64,
    start: ArrayLike | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 200,
    batch_size: int | None = None,
    verbose: str | int = "auto",
) -> Geodesics:
    """Curves γ from z_start to z_end of least energy ∫ γ̇ᵀ G(γ) γ̇ dt [C18; C20].

    A curve of least energy has least length and constant speed. γ is a natural cubic spline with
    fixed ends; L-BFGS finds its nodes, for all pairs of a batch at once. **Choice**: the energy is
    computed from the decoded polyline, (T − 1) Σ_t ‖f(γ_{t+1}) − f(γ_t)‖². Its gradient is also
    useful for networks with kinks, whose G is constant in pieces.

    The search is local: if several ways lead around a hole, it keeps to the way of `start`.

    The first search with a model and these numbers is compiled, which takes some seconds; the model
    keeps it for the next ones. A function `mean` is compiled anew by each call, as what it refers
    to may have changed, unless `decoder_mean` has made it.

    Args:
        mean: function z -> x of TensorFlow, or (z, held) -> x where `held` is given; or a built
            model.
        z_start: (P, N_z) or (N_z,).
        z_end: as z_start.
        held: what is held along each curve, (P, H); see `metric_tensors`.
        num_nodes: nodes of the spline between the ends.
        num_points: T.
        start: initial curves, (P, M, N_z) with any M ≥ 2, such as paths of a `LatentGraph`. None:
            straight lines.
        tolerance: the search has converged when the gradient is below it, or an iteration gains
            less than a hundredth of it. Energies are relative to the straight line's, lengths to
            the ends' distance.
        max_iterations: largest number of iterations.
        batch_size: pairs at a time. None: 64, or fewer for large data.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Raises:
        ValueError: when the shapes do not fit, or a value is not finite.
    """
    ends = [np.atleast_2d(np.asarray(z, dtype="float32")) for z in (z_start, z_end)]
    if ends[0].shape != ends[1].shape or ends[0].ndim != 2 or not np.all(np.isfinite(ends)):
        raise ValueError(
            "`z_start` and `z_end` must be finite and have one shape, (P, N_z) or (N_z,), received "
            f"the shapes {np.shape(z_start)} and {np.shape(z_end)}."
        )
    num_nodes = _checks.positive_int("num_nodes", num_nodes)
    num_points = max(num_nodes + 2, _checks.positive_int("num_points", num_points))
    if not len(ends[0]):
        raise ValueError(
            f"`z_start` must hold at least one point, received the shape {np.shape(z_start)}."
        )
    searches = _kept_searches(mean)
    mean, held = with_held(mean, held, len(ends[0]))
    if batch_size is None:
        size = num_points * num_features(mean, ends[0], held)
        batch_size = min(64, max(1, NUMBERS_AT_A_TIME // size))
    batch_size = _checks.positive_int("batch_size", batch_size)
    first = _first_nodes(ends, start, num_nodes)
    sizes = (ends[0].shape[1], held.shape[1])
    settings = (*sizes, num_nodes, num_points, float(tolerance), int(max_iterations))
    if settings not in searches:
        searches[settings] = _search(mean, *settings)
    search = searches[settings]
    results = []
    with _progress.progress(len(ends[0]), verbose, "geodesic") as add:
        for i in range(0, len(ends[0]), batch_size):
            rows = slice(i, i + batch_size)
            found = search(first[rows], ends[0][rows], ends[1][rows], held[rows])
            results.append([result.numpy() for result in found])
            add(len(ends[0][rows]))
    points, converged, iterations = (list(column) for column in zip(*results, strict=True))
    points = np.concatenate(points)
    straight = np.linspace(ends[0], ends[1], points.shape[1], axis=1)
    # Finer pieces than the search used: it may have stepped over a narrow ridge.
    lengths, straight_lengths = (
        curve_length(mean, curves, held=held, subdivisions=SUBDIVISIONS)
        for curves in (points, straight)
    )
    coarse = curve_length(mean, points, held=held)
    confirmed = np.abs(lengths - coarse) <= CONFIRMED * lengths
    # Where the search did not improve on the straight line, the line is the result.
    worse = lengths > (straight_lengths if start is None else np.inf)
    points = np.where(worse[:, np.newaxis, np.newaxis], straight, points)
    lengths = np.where(worse, straight_lengths, lengths)
    return Geodesics(
        points,
        lengths,
        straight_lengths,
        np.concatenate(converged) & confirmed,
        int(max(iterations)),
    )


def _first_nodes(ends: Sequence[np.ndarray], start: ArrayLike | None, num_nodes: int) -> np.ndarray:
    """Initial nodes, (P, num_nodes, N_z)."""
    times = np.linspace(0.0, 1.0, num_nodes + 2)[1:-1]
    if start is None:
        start = np.stack(ends, axis=1)
    start = np.asarray(start, dtype="float32")
    if start.ndim != 3 or start.shape[::2] != ends[0].shape or start.shape[1] < 2:
        raise ValueError(
            f"`start` must have the shape ({len(ends[0])}, M ≥ 2, {ends[0].shape[1]}), received "
            f"{start.shape}."
        )
    given = np.linspace(0.0, 1.0, start.shape[1])
    return scipy.interpolate.interp1d(given, start, axis=1)(times).astype("float32")


def kept(mean: Mean | HeldMean | keras.Model) -> Mean | HeldMean | keras.Model:
    """`mean` as one for which `geodesics` keeps what it compiles; for several calls in a row."""
    if hasattr(mean, "decoder_outputs") or hasattr(mean, "geodesic_searches"):
        return mean

    def same(*arguments):
        return mean(*arguments)

    same.geodesic_searches = {}
    return same


def _kept_searches(mean):
    """The compiled searches by their settings; they live as long as the model that keeps them."""
    if hasattr(mean, "decoder_outputs"):
        # Not by `setattr`: Keras would track it.
        return vars(mean).setdefault("_geodesic_searches", {})
    return getattr(mean, "geodesic_searches", {})


def _search(mean, latent_dim, held_dim, num_nodes, num_points, tolerance, max_iterations):
    """A compiled function (nodes, z_start, z_end, held) -> (curves, converged, iterations)."""
    basis = tf.constant(spline_basis(num_nodes, num_points), tf.float32)

    def curves(nodes, z_start, z_end):
        points = tf.concat([z_start[:, tf.newaxis], nodes, z_end[:, tf.newaxis]], axis=1)
        return tf.einsum("tk,pkz->ptz", basis, points)

    def energies(points, held):
        shape = tf.shape(points)
        rows = tf.repeat(held, shape[1], axis=0)
        x = flattened(mean(tf.reshape(points, [-1, points.shape[-1]]), rows))
        x = tf.reshape(x, [shape[0], shape[1], x.shape[-1]])
        pieces = tf.cast(shape[1] - 1, x.dtype)
        return pieces * tf.reduce_sum(tf.math.squared_difference(x[:, 1:], x[:, :-1]), axis=[1, 2])

    def search(nodes, z_start, z_end, held):
        tiny = 1e-12
        shape = tf.shape(nodes)
        flat_shape = [shape[0], nodes.shape[1] * nodes.shape[2]]
        unit = tf.maximum(tf.norm(z_end - z_start, axis=-1), tiny)[:, tf.newaxis, tf.newaxis]
        lines = tf.linspace(z_start, z_end, basis.shape[0], axis=1)
        energy_unit = tf.maximum(energies(lines, held), tiny)

        def to_nodes(position):
            return nodes + unit * tf.reshape(position, shape)

        def value_and_gradients(position):
            with tf.GradientTape() as tape:
                tape.watch(position)
                value = energies(curves(to_nodes(position), z_start, z_end), held) / energy_unit
            return value, tape.gradient(value, position, unconnected_gradients="zero")

        found = tfp.optimizer.lbfgs_minimize(
            value_and_gradients,
            tf.zeros(flat_shape),
            tolerance=tolerance,
            f_relative_tolerance=0.01 * tolerance,
            max_iterations=max_iterations,
        )
        return (
            curves(to_nodes(found.position), z_start, z_end),
            found.converged,
            found.num_iterations,
        )

    shapes = [(num_nodes, latent_dim), (latent_dim,), (latent_dim,), (held_dim,)]
    signature = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
    # A partial: TensorFlow would count the tracing of several searches as that of one.
    return tf.function(functools.partial(search), input_signature=signature, autograph=False)
