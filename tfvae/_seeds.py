"""Seeds of random numbers from what a user gives: TFP's stateless ones, NumPy's, Keras' layers'."""

import contextlib
import numbers
import random
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

_EXPECTED = (
    "A seed (`seed`, `random_state`) must be a whole number, two of them or None, received {}. An "
    "example: 0."
)


def stateless(seed) -> tf.Tensor:
    """A stateless seed, (2,) int32, from an int or a pair; None draws one from Python's `random`.

    Unlike an int that is given to TFP directly, it gives the same numbers at every call.

    Raises:
        ValueError: when it is something else.
    """
    if seed is None:
        seed = random.randrange(2**31)
    if isinstance(seed, numbers.Integral):
        # Wrapped into the range of int32, since any int is allowed.
        seed = ((int(seed) + 2**31) % 2**32 - 2**31, 0)
    try:
        seed = tf.convert_to_tensor(seed, tf.int32)
    except (TypeError, ValueError) as error:
        raise ValueError(_EXPECTED.format(repr(seed)[:80])) from error
    if not seed.shape.is_compatible_with([2]):
        raise ValueError(_EXPECTED.format(seed))
    return seed


def generator(seed) -> np.random.Generator:
    """A generator of NumPy from a seed that `stateless` takes."""
    return np.random.default_rng([int(one) % 2**32 for one in stateless(seed)])


@contextlib.contextmanager
def decided(model: keras.Model, seed: int | None) -> Iterator[None]:
    """Within the block `seed` decides the first weights that `model` creates; None: nothing.

    An initializer and a layer such as Dropout draw their seed from Python's `random` when they are
    made, unless they are given one. What is made within the block therefore draws from a stream
    that starts at `seed`; what was made before, for layers that have no weights yet, draws anew.
    Python's own stream goes on after the block as if nothing had happened.
    """
    if seed is None:
        yield
        return
    before = random.getstate()
    random.seed(seed)
    try:
        initializers = {}
        for layer in model._flatten_layers(include_self=False):
            if not layer.built:
                held = [v for v in vars(layer).values() if isinstance(v, keras.Initializer)]
                initializers |= {id(one): one for one in held}
            for generator in layer._seed_generators:
                if generator.get_config()["seed"] is None:
                    generator.state.assign([random.randrange(2**31), 0])
        for one in initializers.values():
            if one.get_config().get("seed", seed) is None:
                one.seed = random.randrange(2**31)
        yield
    finally:
        random.setstate(before)
