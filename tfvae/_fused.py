"""Compiles sums over the features or over pairs, and their gradients, into one pass each.

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
def is_available() -> bool:
    """Whether XLA compiles for the default device; builds for some Macs lack it."""
    with tf.init_scope(), contextlib.suppress(tf.errors.OpError):
        tf.function(lambda x: x + 1.0, jit_compile=True)(tf.constant(1.0))
        return True
    return False


def fused(function, for_xla=None):
    """Wraps a pure function of x (B, N_x) and outputs (L, B, N_x) that returns sums (L, B).

    No gradient flows to x, the data. `for_xla` has the same value, and is quicker once compiled.
    """
    compiled = _compiled(for_xla or function, (1,))

    @functools.wraps(function)
    def call(x, outputs):
        # With one sample of each example the launch costs more than the passes do.
        several = outputs.shape[0] is None or outputs.shape[0] > 1
        if not several or not is_used():
            return function(tf.stop_gradient(x), outputs)
        return compiled(x, outputs)

    return call


def fused_pairs(function):
    """Wraps a pure function of tensors (B, …) that goes over all pairs of examples.

    Its value and its gradients are one pass each; as it is outside of `tf.function`.
    """
    compiled = _compiled(function, None)

    @functools.wraps(function)
    def call(*tensors):
        used = not tf.executing_eagerly() and is_used()
        return compiled(*tensors) if used else function(*tensors)

    return call


def is_used() -> bool:
    """Whether functions are compiled: XLA is there, and not switched off."""
    return not _state["disabled"] and is_available()


def _compiled(function, places):
    """`function` by XLA, and its gradient with respect to the tensors in `places`; None: all.

    The gradient computes the function again: what it would need of it is as large as all features
    or all pairs, and writing and reading that takes longer.
    """
    value = tf.function(function, jit_compile=True, autograph=False)

    @functools.partial(tf.function, jit_compile=True, autograph=False)
    def pullback(tensors, upstream):
        sources = tensors if places is None else [tensors[place] for place in places]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            values = function(*tensors)
        found = iter(tape.gradient(values, sources, output_gradients=upstream))
        numbers = range(len(tensors)) if places is None else places
        return {number: next(found) for number in numbers}

    @tf.custom_gradient
    def call(*tensors):
        def gradients(upstream):
            found = pullback(tensors, upstream)
            return [found.get(number) for number in range(len(tensors))]

        return value(*tensors), gradients

    return call
