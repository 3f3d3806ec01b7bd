"""Large arrays as tensors that share their memory: Keras would copy them whole, two or three times.

Keras makes one tensor of an array before it takes batches from it: a copy that TensorFlow makes of
every array, a second one where the memory is not aligned, and for float64 one more as float32.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

# Bytes of an array from which a copy is worth avoiding.
LARGE = 2**26
# Bytes of a copy that are made at a time.
AT_A_TIME = 2**24
# TensorFlow's kernels take memory that starts at a multiple of this many bytes.
ALIGNMENT = 64


def without_copies(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a loop of Keras with tensors in place of large arrays: see `shared`."""
    names = ("x", "y", "validation_data")
    return {name: _each(value) if name in names else value for name, value in options.items()}


def _each(value):
    """`shared` for each array of a pair or a dict."""
    if type(value) in (tuple, list):
        return type(value)(_each(one) for one in value)
    if isinstance(value, dict):
        return {name: _each(one) for name, one in value.items()}
    return shared(value)


def shared(array: Any) -> Any:
    """A large NumPy array of numbers as a tensor in the same memory; all else as it is.

    Floats become those of Keras, float32, as Keras has it. What has another type, lies unaligned
    or in pieces, or must not be written (DLPack knows no such memory), is copied once.
    """
    if not isinstance(array, np.ndarray) or array.nbytes < LARGE or array.dtype.kind not in "iuf":
        return array
    is_float = array.dtype.kind == "f"
    dtype = np.dtype(keras.config.floatx()) if is_float else array.dtype.newbyteorder("=")
    array = np.asarray(array)
    flags = array.flags
    usable = flags.c_contiguous and flags.writeable and array.ctypes.data % ALIGNMENT == 0
    if array.dtype != dtype or not usable:
        array = _aligned(array, dtype)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _aligned(array, dtype):
    """A copy as `dtype` in aligned memory, made some rows at a time."""
    size = array.size * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + size].view(dtype).reshape(array.shape)
    rows = max(1, AT_A_TIME * len(array) // size)
    for first in range(0, len(array), rows):
        copy[first : first + rows] = array[first : first + rows]
    return copy
