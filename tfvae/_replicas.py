"""Reductions over the replicas of tf.distribute, and a stream of random numbers for each."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def _context():
    """The replica context where there are several replicas, else None."""
    context = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None


def total(value: tf.Tensor | list[tf.Tensor]) -> tf.Tensor | list[tf.Tensor]:
    """The sum of a tensor, or of each in a list, over all replicas; as it is where there is one."""
    context = _context()
    return value if context is None else context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def mean(value: tf.Tensor) -> tf.Tensor:
    """The mean of `value` over all replicas; the value itself where there is one."""
    context = _context()
    return value if context is None else context.all_reduce(tf.distribute.ReduceOp.MEAN, value)


def mean_of(values: tf.Tensor) -> tf.Tensor:
    """The mean of all numbers in `values` of all replicas; one may hold fewer, or none."""
    if _context() is None:
        return tf.reduce_mean(values)
    sums = total([tf.reduce_sum(values), tf.cast(tf.size(values), values.dtype)])
    return sums[0] / sums[1]


def moments(weights: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Σ w, the mean and the mean square deviation of each column over the rows of all replicas.

    One reduction, where two passes would take two: each replica's own moments are joined
    [CGL83]. A column without weight has the mean 0 and the deviation 0.

    Args:
        weights: w ≥ 0 of each number, (n, columns).
        values: finite numbers, (n, columns).

    Returns:
        Three tensors, (columns,).
    """
    total = tf.reduce_sum(weights, axis=0)
    mean = tf.math.divide_no_nan(tf.reduce_sum(weights * values, axis=0), total)
    squares = tf.reduce_sum(weights * tf.square(values - mean), axis=0)
    each = gathered(tf.stack([total, mean, squares]))  # (replicas, 3, columns)
    totals, means, squares = each[:, 0], each[:, 1], each[:, 2]
    total = tf.reduce_sum(totals, axis=0)
    mean = tf.math.divide_no_nan(tf.reduce_sum(totals * means, axis=0), total)
    between = totals * tf.square(means - mean)
    squares = tf.reduce_sum(squares + between, axis=0)
    return total, mean, tf.math.divide_no_nan(squares, total)


def gathered(value: tf.Tensor) -> tf.Tensor:
    """The values of all replicas, (replicas, …)."""
    return total(own_row(value))


def own_row(value: tf.Tensor) -> tf.Tensor:
    """`value` as this replica's row among rows of zeros, (replicas, …).

    Their total is what all replicas have: one reduction, which can be shared with others, where
    TensorFlow's `all_gather` takes two, one for the shapes.
    """
    context = _context()
    if context is None:
        return value[tf.newaxis]
    place = tf.reshape(tf.cast(context.replica_id_in_sync_group, tf.int32), [1, 1])
    shape = tf.concat([[context.num_replicas_in_sync], tf.shape(value)], axis=0)
    return tf.scatter_nd(place, value[tf.newaxis], shape)


def shared_scalar(layer, name: str, value: float):
    """A scalar weight of `layer`; every replica computes the same for it, and one is kept."""
    return shared_vector(layer, name, value)


def shared_vector(layer, name: str, value: Sequence[float] | float):
    """A weight of `layer` with the shape of `value`, as `shared_scalar`."""
    return layer.add_weight(
        shape=np.shape(value),
        initializer=lambda shape, dtype: tf.constant(value, dtype, shape),
        dtype="float32",
        trainable=False,
        autocast=False,  # A state, exact in half precision too.
        aggregation="only_first_replica",
        name=name,
    )


def own_seed(seed: tf.Tensor) -> tf.Tensor:
    """A stateless seed of this replica's own, (2,); the seed itself where there is one replica."""
    context = _context()
    if context is None:
        return seed
    return tf.random.experimental.stateless_fold_in(
        seed, tf.cast(context.replica_id_in_sync_group, seed.dtype)
    )


def several() -> bool:
    """Whether the code runs in one of several replicas."""
    return _context() is not None


def over_workers() -> bool:
    """Whether several workers, processes or machines, train one model."""
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return False
    cluster = strategy.cluster_resolver.cluster_spec().as_dict()
    return sum(len(tasks) for job, tasks in cluster.items() if job in ("chief", "worker")) > 1
