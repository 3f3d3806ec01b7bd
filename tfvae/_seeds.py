"""Seeds of TFP's stateless random numbers from what a user gives."""

import numbers
import random

import tensorflow as tf


def stateless(seed) -> tf.Tensor:
    """A stateless seed, (2,) int32, from an int or a pair; None draws one from Python's `random`.

    Unlike an int that is given to TFP directly, it gives the same numbers at every call.
    """
    if seed is None:
        seed = random.randrange(2**31)
    if isinstance(seed, numbers.Integral):
        # Wrapped into the range of int32, since any int is allowed.
        seed = ((int(seed) + 2**31) % 2**32 - 2**31, 0)
    return tf.convert_to_tensor(seed, tf.int32)
