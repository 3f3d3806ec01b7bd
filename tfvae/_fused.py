"""Compiles per-example sums over the features, and their gradients, into one pass each.

A likelihood of 16 samples of 128 images is a sum over 1.6 million numbers. Operation by operation
TensorFlow reads and writes them about ten times in a step, which takes as long as the matrix
products of the decoder; XLA makes two passes of it.
"""

import contextlib
import functools

import tensorflow as tf

_state = {"disabled": False}


@contextlib.contextmanager
def disabled():
    """Traces without XLA: for exported models, since not every server has it."""
    before, _state["disabled"] = _state["disabled"], True
    try:
        yield
    finally:
        _state["disabled"] = before


@functools.cache
def _is_available() -> bool:
    """Whether XLA compiles for the default device; some builds of TensorFlow lack it."""
    refusals = (
        tf.errors.InvalidArgumentError,
        tf.errors.NotFoundError,
        tf.errors.UnimplementedError,
    )
    with tf.init_scope(), contextlib.suppress(*refusals):
        tf.function(lambda x: x + 1.0, jit_compile=True)(tf.constant(1.0))
        return True
    return False


def fused(function):
    """Wraps a pure function of x (B, N_x) and outputs (L, B, N_x) that returns sums (L, B).

    No gradient flows to x, the data.
    """
    value = tf.function(function, jit_compile=True, autograph=False)

    @functools.partial(tf.function, jit_compile=True, autograph=False)
    def pullback(x, outputs, upstream):
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            sums = function(x, outputs)
        return tape.gradient(sums, outputs, output_gradients=upstream)

    @functools.wraps(function)
    def call(x, outputs):
        # With one sample of each example the launch costs more than the passes do.
        several = outputs.shape[0] is None or outputs.shape[0] > 1
        if _state["disabled"] or not several or not _is_available():
            return function(tf.stop_gradient(x), outputs)

        @tf.custom_gradient
        def of_outputs(outputs):
            return value(x, outputs), lambda upstream: pullback(x, outputs, upstream)

        return of_outputs(outputs)

    return call
