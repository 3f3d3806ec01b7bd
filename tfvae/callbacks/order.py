"""Data whose order in each epoch follows from the epoch alone."""

import keras
import tensorflow as tf

from tfvae import _checks


class EpochOrder(keras.callbacks.Callback):
    """Makes datasets for a `fit` with this callback, which tells them the epoch."""

    def __init__(self):
        super().__init__()
        self._epoch_variable = tf.Variable(0, dtype=tf.int64, trainable=False)

    def on_epoch_begin(self, epoch, logs=None):
        """Tells the datasets the epoch."""
        self._epoch_variable.assign(epoch)

    def each_epoch(self, make) -> tf.data.Dataset:
        """A dataset for `fit` that is `make(epoch)` in each epoch.

        Args:
            make: function from the epoch, from 0, a tensor int64 (), to a `tf.data.Dataset` that
                follows from it: `ds.shuffle(n, seed=epoch, reshuffle_each_iteration=False)`.

        Returns:
            The dataset. It knows the epoch while `fit` runs with this callback.

        Raises:
            ValueError: when `make` gives no dataset.

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
            raise ValueError(f"`make` must give a tf.data.Dataset, received {first!r}.")

        def this_epoch(_):
            # Of this function's graph alone: the order must not depend on the global seed, of which
            # 0 is one with which `shuffle` takes no tensor for its own.
            tf.random.set_seed(1)
            return make(self._epoch_variable)

        dataset = tf.data.Dataset.range(1).flat_map(this_epoch)
        size = first.cardinality()
        # Keras asks for it, and cannot know it of a dataset that is yet to be made.
        if size >= 0:
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(size))
        return dataset

    def batches(self, *arrays, batch_size: int = 32, seed: int = 0) -> tf.data.Dataset:
        """Batches of arrays, in a new order in each epoch that follows from seed and epoch.

        Args:
            *arrays: x, or x, y, or x, y, sample weights; each (n, …).
            batch_size: B; the last batch holds what is left.
            seed: of the orders.

        Returns:
            A dataset for `fit` of x, or of the tuple.

        Raises:
            ValueError: when there is no array, they are empty or their lengths differ, or
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
                "`batches` needs at least one array, and arrays of one length that is not 0, "
                f"received the lengths {[len(array) for array in arrays]}."
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

        return self.each_epoch(make).prefetch(tf.data.AUTOTUNE)
