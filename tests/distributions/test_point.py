"""All probability at one point, against TFP's deterministic distribution."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions import Point

LOC = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1e-3]], "float32")


def test_agrees_with_tfp():
    p, expected = Point(LOC), tfp.distributions.VectorDeterministic(LOC)
    assert p.batch_shape == expected.batch_shape and p.event_shape == expected.event_shape
    values = LOC + np.array([[0.0], [1e-3]], "float32")
    np.testing.assert_array_equal(p.log_prob(values), expected.log_prob(values))
    np.testing.assert_array_equal(p.log_prob(values), [0.0, -np.inf])
    for name in ("mean", "mode", "stddev", "variance", "entropy"):
        np.testing.assert_array_equal(getattr(p, name)(), getattr(expected, name)())
    np.testing.assert_array_equal(p.sample(4, seed=1), np.stack([LOC] * 4))
    np.testing.assert_array_equal(p.sample(seed=1), LOC)


def test_gradients_go_through_samples():
    loc = tf.constant(LOC)
    with tf.GradientTape() as tape:
        tape.watch(loc)
        total = tf.reduce_sum(Point(loc).sample(3, seed=1) ** 2)
    np.testing.assert_allclose(tape.gradient(total, loc), 6.0 * LOC)


def test_batches_of_open_length():
    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def moments(loc):
        p = Point(loc)
        return p.mean(), p.stddev(), p.sample(2, seed=1), p.entropy()

    mean, deviation, samples, entropy = moments(LOC)
    np.testing.assert_array_equal(mean, LOC)
    assert not np.any(deviation) and samples.shape == (2, 2, 3) and entropy.shape == (2,)
