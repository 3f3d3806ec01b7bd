"""Datasets whose order depends on nothing but the epoch."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.callbacks import _fingerprint


class EpochOrder(keras.callbacks.Callback):
    """Makes datasets whose order depends on the epoch, for a `fit` with this callback."""

    def __init__(self) -> None:
        super().__init__()
        self._epoch_variable = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._datasets = []  # Pairs of a dataset and what is known of its arrays.

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Gives the datasets the number of the epoch."""
        self._epoch_variable.assign(epoch)

    def each_epoch(self, make: Callable[[tf.Tensor], tf.data.Dataset]) -> tf.data.Dataset:
        """Returns a dataset for `fit` that is `make(epoch)` in each epoch.

        Args:
            make: function from the epoch, an int64 tensor () that counts from 0, to a
                `tf.data.Dataset` that depends on nothing else, such as
                `ds.shuffle(n, seed=epoch, reshuffle_each_iteration=False)`.

        Returns:
            The dataset. It follows the epoch while `fit` runs with this callback.

        Raises:
            ValueError: when `make` does not return a dataset.

        Example:
            >>> import tempfile, tensorflow as tf, tfvae
            >>> saved = tfvae.callbacks.Checkpoints(tempfile.mkdtemp())
            >>> numbers = tf.data.Dataset.range(100)
            >>> def shuffled(epoch):
            ...     return numbers.shuffle(100, seed=epoch, reshuffle_each_iteration=False).batch(8)
            >>> len(saved.each_epoch(shuffled))
            13
        """
        first = make(tf.constant(0, tf.int64))
        if not isinstance(first, tf.data.Dataset):
            raise ValueError(f"`make` must return a tf.data.Dataset, received {first!r}.")

        def this_epoch(_):
            # This seed holds in this function's graph only. The order must not depend on the global
            # seed, and with a global seed of 0 `shuffle` does not accept a tensor as its seed.
            tf.random.set_seed(1)
            return make(self._epoch_variable)

        dataset = tf.data.Dataset.range(1).flat_map(this_epoch)
        size = first.cardinality()
        # Keras asks for the number of batches, which `flat_map` does not keep.
        if size >= 0:
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(size))
        return dataset

    def batches(self, *arrays: np.ndarray, batch_size: int = 32, seed: int = 0) -> tf.data.Dataset:
        """Returns batches of arrays in a new order each epoch, which depends on seed and epoch.

        Args:
            *arrays: x, or x, y, or x, y, sample weights; each (n, …).
            batch_size: B; the last batch may be smaller.
            seed: seed of the orders.

        Returns:
            A dataset for `fit` of x, or of the tuple.

        Raises:
            ValueError: when there is no array, arrays are empty or differ in length, or
                `batch_size` < 1.

        Example:
            >>> import tempfile, numpy as np, tfvae
            >>> saved = tfvae.callbacks.Checkpoints(tempfile.mkdtemp())
            >>> [len(batch) for batch in saved.batches(np.zeros((10, 3)), batch_size=4)]
            [4, 4, 2]
        """
        batch_size = _checks.positive_int("batch_size", batch_size)
        lengths = {len(array) for array in arrays}
        if len(lengths) != 1 or lengths == {0}:
            raise ValueError(
                "`arrays` must be at least one array, all of the same length above 0, received the "
                f"lengths {[len(array) for array in arrays]}."
            )
        with tf.device("CPU"):
            tensors = [tf.convert_to_tensor(array) for array in arrays]
        numbers = tf.range(lengths.pop())

        def gathered(rows):
            parts = tuple(tf.gather(tensor, rows) for tensor in tensors)
            return parts if len(parts) > 1 else parts[0]

        def make(epoch):
            order = tf.random.experimental.stateless_shuffle(numbers, seed=[seed, epoch])
            return tf.data.Dataset.from_tensor_slices(order).batch(batch_size).map(gathered)

        dataset = self.each_epoch(make).prefetch(tf.data.AUTOTUNE)
        known = {f"arrays.{i}": _fingerprint.of_array(tensor) for i, tensor in enumerate(tensors)}
        self._datasets.append((dataset, {**known, "batch_size": batch_size, "seed": seed}))
        return dataset
