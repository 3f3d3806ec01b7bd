"""What usual rows are given, and how several kinds of scores become one against it."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

# The middle half of the rows is usual.
QUARTILES = (0.25, 0.5, 0.75)
# Rows that are looked at at once, at most.
MOST_ROWS = 10_000


class Usual:
    """One score of what each kind of a committee's members says of a row.

        s = max_g w_g·(s_g − u_g)

    u_g is what usual rows have, so that 0 nats is a usual row for each kind. w_g is 1 for the first
    kind and stretches the others to its spread: the upper quartile of the training rows lies as far
    above their median for all. A row is as odd as the kind says that finds it most odd.

    Args:
        contributions: of usual rows, the columns' and then the latents', (G, D + 1), nats.
        weights: w, (G,).
    """

    def __init__(self, contributions: np.ndarray, weights: np.ndarray) -> None:
        self._contributions = np.asarray(contributions, "float32")
        self._weights = np.asarray(weights, "float32")

    def scores(self, found: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
        """s, (n,), of the kinds' scores, (n, G), and what is missing, bool (n, D)."""
        return tf.reduce_max(self._of_kinds(found, missing), axis=1)

    def parts(self, found: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
        """The parts of s, (n, D + 1), of the kinds' parts, (n, G, D + 1); a gap's is 0."""
        gaps = tf.pad(missing, [[0, 0], [0, 1]])[:, tf.newaxis]
        parts = tf.where(gaps, 0.0, found - self._contributions)
        parts *= self._weights[:, np.newaxis]
        kind = tf.argmax(tf.reduce_sum(parts, axis=2), axis=1)
        return tf.gather(parts, kind, axis=1, batch_dims=1)

    def of_rows(self, x: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """s, float64 (n,), of many rows whose kinds' scores, (n, G), are known."""
        return self.kinds_of_rows(x, scores).max(axis=1)

    def kinds_of_rows(self, x: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """w_g·(s_g − u_g), float64 (n, G), of many rows."""
        parts = [
            self._of_kinds(scores[i : i + MOST_ROWS], np.isnan(x[i : i + MOST_ROWS]))
            for i in range(0, len(x), MOST_ROWS)
        ]
        return np.concatenate(parts).astype("float64")

    def _of_kinds(self, found, missing):
        """w_g·(s_g − u_g), (n, G); usual values would add their part in the place of gaps."""
        of_gaps = 0.0
        if not tf.executing_eagerly() or np.any(missing):
            of_gaps = tf.cast(missing, tf.float32) @ self._contributions[:, :-1].T
        total = np.sum(self._contributions, axis=1, dtype="float64").astype("float32")
        return (tf.cast(found, tf.float32) + of_gaps - total) * self._weights


def measured(
    x: np.ndarray,
    scores: np.ndarray,
    parts_of: Callable[[np.ndarray], np.ndarray],
    generator: np.random.Generator,
) -> Usual:
    """What usual rows have of each kind, of training rows x, (n, D).

    Args:
        x: the rows; NaN is missing.
        scores: of the kinds, (n, G).
        parts_of: gives the kinds' parts, (n, G, D + 1), of rows; 0 for what is missing.
        generator: of the choice among very many rows.
    """
    usual = []
    for kind, own in enumerate(scores.T):
        low, high = np.quantile(own, QUARTILES[::2], method="nearest")
        rows = generator.permutation(np.flatnonzero((own >= low) & (own <= high)))[:MOST_ROWS]
        parts = parts_of(x[rows])[:, kind]
        there = np.append(len(rows) - np.isnan(x[rows]).sum(axis=0), len(rows))
        usual.append(parts.sum(axis=0) / np.maximum(there, 1))
    level = Usual(usual, np.ones(len(usual)))
    _, median, high = np.quantile(level.kinds_of_rows(x, scores), QUARTILES, axis=0)
    spread = high - median
    usable = (spread > 0.0) & (spread[0] > 0.0)
    return Usual(usual, np.where(usable, spread[0] / np.where(usable, spread, 1.0), 1.0))
