"""Reductions over replicas against NumPy on all of the data."""

import numpy as np
import tensorflow as tf

from tfvae import _replicas


def of_all(mirrored, function, *parts):
    """`function` in each replica of its rows; the first replica's answer."""

    @tf.function
    def run(values):
        return mirrored.run(function, values)

    shards = [
        mirrored.experimental_distribute_values_from_function(
            lambda context, part=part: tf.constant(part[context.replica_id_in_sync_group])
        )
        for part in parts
    ]
    found = run(tuple(shards))
    return [[one.numpy() for one in mirrored.experimental_local_results(part)] for part in found]


def test_moments_of_replicas_of_unequal_size_far_from_zero(mirrored):
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(n, 3)) * [1.0, 0.1, 5.0] + [1e3, -50.0, 0.0] for n in (7, 2)]
    weights = [rng.uniform(size=one.shape) for one in rows]
    for one in weights:
        one[:, 2] = 0.0  # a column that nobody counts
    values = [np.float32(one) for one in rows], [np.float32(one) for one in weights]
    found = of_all(mirrored, lambda x, w: _replicas.moments(w, x), *values)
    w, x = np.concatenate(weights), np.concatenate(rows)
    total = w.sum(0)
    mean = (w * x).sum(0) / np.maximum(total, 1e-30)
    variance = (w * (x - mean) ** 2).sum(0) / np.maximum(total, 1e-30)
    for name, each, expected in zip(
        ("Σ w", "mean", "variance"), found, (total, mean, variance), strict=True
    ):
        for answer in each:
            np.testing.assert_allclose(answer, expected, rtol=2e-3, atol=1e-6, err_msg=name)


def test_moments_in_one_place():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2)) + 3.0
    total, mean, variance = _replicas.moments(tf.ones((40, 2)), tf.constant(x, tf.float32))
    np.testing.assert_allclose(total, [40.0, 40.0])
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, x.var(0), rtol=1e-4)
