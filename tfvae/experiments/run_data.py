"""The data of a run: training examples in a decided order, test batches, and their labels."""

import hashlib
import math
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf
from ml_collections import config_dict

import tfvae.datasets
import tfvae.tables
from tfvae.datasets import own_files
from tfvae.experiments import own_table
from tfvae.models import LatentVariableModel

# Number of examples in the fingerprint of the data.
_DIGESTED = 16
# Examples, or frames of sequences, from which the aggregated posterior is made.
_NUM_STEPS = 20_000


class TrainingData:
    """The training examples, in an order that depends on (seed, epoch) alone.

    A resumed run therefore sees the same batches as an uninterrupted one. (A data set that shuffles
    at each iteration would repeat the order of the first epoch.)

    With `data.sequences` examples are sequences of frames. Their random numbers depend on the seed,
    the epoch and the place of the example. An incomplete last batch is left out.

    With `data.supervised` batches are (x, label), else x. With `data.num_labels` only so many
    examples, the first ones of the split, have their label; it is `model.discrete.unknown` for the
    others.

    Attributes:
        size: number of examples.
        shape: shape of one example.
        steps: number of batches of an epoch; the last batch may be smaller.
        fingerprint: what tells these examples from others: their number, and a digest of the first.
        table: the fitted `tfvae.tables.Table` that made features of raw rows, or None.
    """

    def __init__(self, config: config_dict.ConfigDict):
        if config.data.supervised and not config.data.labels:
            raise ValueError(
                "--config.data.labels must be True if --config.data.supervised is, received False."
            )
        labels = config.data.supervised and (config.data.label or True)
        self.table = own_table.fitted(config) if config.data.name == own_table.NAME else None
        batches = _load(config, config.data.train, self.table, labels=labels, shuffle=False)
        self._examples = batches.unbatch()
        if labels and config.data.num_labels:
            self._examples = _with_first_labels(self._examples, config)
        if config.data.cache:
            self._examples = self._examples.cache()
        self._examples, self.size = _counted(self._examples)  # That fills the cache, too.
        self._config = config
        self._makes_sequences = bool(config.data.sequences)
        self.steps = math.ceil(self.size / config.batch_size)
        if self._makes_sequences:
            self.steps = self.size // config.batch_size
            if not self.steps:
                raise ValueError(
                    "--config.batch_size must be at most the number of training images, "
                    f"{self.size}, received {config.batch_size}."
                )
            batches = _sequences(self._examples, config).map(lambda x, _: x)
        self.shape = tuple(tf.nest.flatten(batches.element_spec)[0].shape[1:])
        first = tf.nest.flatten(list(self._examples.take(_DIGESTED).as_numpy_iterator()))
        digest = hashlib.sha256(b"".join(np.asarray(part).tobytes() for part in first))
        self.fingerprint = {"examples": self.size, "first examples": digest.hexdigest()[:16]}

    def batches(self, first_epoch: int, last_epoch: int) -> tf.data.Dataset:
        """Returns the batches of the epochs from `first_epoch` to `last_epoch` − 1, in a row."""
        config = self._config
        buffer = max(1, min(self.size, config.data.shuffle_buffer))

        def epoch_examples(epoch: tf.Tensor) -> tf.data.Dataset:
            # Sets the seed of this function's graph only, so the global seed has no effect.
            tf.random.set_seed(1)
            limit = tf.int64.max
            seed = tf.random.stateless_uniform((), (config.seed, epoch), 0, limit, tf.int64)
            return self._examples.shuffle(buffer, seed=seed, reshuffle_each_iteration=False)

        epochs = tf.data.Dataset.range(first_epoch, last_epoch)
        if self._makes_sequences:
            whole = self.steps * config.batch_size
            images = epochs.flat_map(lambda epoch: epoch_examples(epoch).take(whole))
            return _sequences(images, config, first=first_epoch * whole).map(lambda x, _: x)
        batches = epochs.flat_map(lambda epoch: epoch_examples(epoch).batch(config.batch_size))
        return batches.prefetch(tf.data.AUTOTUNE)


def test_data(
    config: config_dict.ConfigDict, table: tfvae.tables.Table | None = None
) -> tf.data.Dataset:
    """Returns batches of (x, label), or of x if `data.labels` is False, in a fixed order.

    With `data.sequences` the batches are (x, factors).

    Args:
        config: config of the run.
        table: what made the features of the training data, if these are raw rows; None: it is
            learned from the rows again.
    """
    batches = _load(config, config.data.test, table, labels=config.data.labels, shuffle=False)
    if config.data.sequences:
        batches = _sequences(_counted(batches.unbatch())[0], config)
    return _cached(batches) if config.data.cache else batches


def check_values(model: LatentVariableModel, config: config_dict.ConfigDict) -> None:
    """Says which arrays of the user's file are read, and refuses values that are not finite.

    Raises:
        ValueError: for NaN, where the likelihood has no missing values, and for infinities: names
            the array, its first such row, and how many there are.
    """
    if config.data.name != "arrays":
        return
    found = own_files.arrays_of(pathlib.Path(config.data.path).expanduser())
    for name, x in found.items():
        bad = np.isinf(x) if model.takes_missing else ~np.isfinite(x)
        rows = np.flatnonzero(bad.reshape(len(x), -1).any(axis=1))
        if len(rows):
            raise ValueError(
                f"--config.data.path must hold finite numbers, received {np.sum(bad):,} NaN or "
                f"infinite, in {len(rows):,} of the {len(x):,} rows of {name!r}, the first in row "
                f"{rows[0]} (from 0), in {config.data.path}. Fill them or leave their rows "
                "out. If NaN stands for a missing value, a config of your own may give its "
                "likelihood `missing=True`."
            )
    print(f"Examples of {config.data.path}: {' and '.join(found)}.", flush=True)


def check_test(test: tf.data.Dataset) -> None:
    """Refuses a single test example, before the training: figures and reports need a spread.

    Raises:
        ValueError: if there are fewer than two.
    """
    number = int(test.unbatch().take(2).reduce(0, lambda count, *_: count + 1))
    if number < 2:
        raise ValueError(
            f"The test data must have at least two examples, received {number}. Give more rows or "
            "files, or a larger --config.data.options.test_share where it makes the split."
        )


def with_labels_of(
    model: LatentVariableModel, test: tf.data.Dataset, config: config_dict.ConfigDict
) -> tf.data.Dataset:
    """Returns test data with what the model needs beside x: (x, label), or the data unchanged."""
    if "labels" not in model.needs.names:
        return test
    return test.map(lambda x, labels: (x, shown_labels(labels, config)))


def first_steps(
    model: LatentVariableModel, test: tf.data.Dataset, config: config_dict.ConfigDict
) -> tf.data.Dataset:
    """Returns the first batches of the test data, about 20,000 examples or frames of sequences."""
    return test.take(_num_batches(model, config))


def first_training_steps(
    model: LatentVariableModel, data: TrainingData, config: config_dict.ConfigDict
) -> tf.data.Dataset:
    """Returns as many batches of the training data, in the order of epoch 0, at most all."""
    number = min(_num_batches(model, config), data.steps)
    batches = data.batches(0, 1).take(number)
    # Keras would warn of a dataset whose end it does not know.
    return batches.apply(tf.data.experimental.assert_cardinality(number))


def _num_batches(model: LatentVariableModel, config: config_dict.ConfigDict) -> int:
    steps_per_batch = config.batch_size * math.prod(model.sequence_shape)
    return math.ceil(_NUM_STEPS / steps_per_batch)


def labels_for(model: LatentVariableModel, labels: Any, config: config_dict.ConfigDict) -> Any:
    """Returns the labels (n,) if the model needs them beside x, else None."""
    return shown_labels(labels, config) if "labels" in model.needs.required else None


def arrays(
    test: tf.data.Dataset, config: config_dict.ConfigDict
) -> tuple[np.ndarray, np.ndarray | dict[str, np.ndarray] | None]:
    """Returns the test examples, and their labels, factors, or None."""
    arrays = tfvae.datasets.as_arrays(test)
    return arrays if config.data.labels else (arrays, None)


def shown_labels(labels: Any, config: config_dict.ConfigDict) -> Any:
    """Returns the labels for figures, (n,): from a dict the entry `data.label`, or None."""
    return labels.get(config.data.label) if isinstance(labels, dict) else labels


def factors(labels: dict[str, Any]) -> dict[str, Any]:
    """Returns labels as factors, dict of (n,), without the prefix "label_" of their names."""
    return {name.removeprefix("label_"): states for name, states in labels.items()}


def _cached(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the dataset, kept in memory from now on.

    It is read once here. An iterator that is dropped half-way through a cache which is not full
    yet clears it, even while another one reads: that one then ends early, without an error.
    """
    cached = dataset.cache()
    _counted(cached)
    return cached


def _counted(examples: tf.data.Dataset) -> tuple[tf.data.Dataset, int]:
    """Returns examples with their number, which `unbatch` has forgotten, as Keras warns."""
    size = int(examples.reduce(0, lambda count, _: count + 1))
    return examples.apply(tf.data.experimental.assert_cardinality(size)), size


def _with_first_labels(
    examples: tf.data.Dataset, config: config_dict.ConfigDict
) -> tf.data.Dataset:
    """Hides the labels of all examples but the first `data.num_labels`."""
    unknown = config.model.get("discrete", {}).get("unknown")
    if unknown is None:
        raise ValueError(
            "--config.data.num_labels must be 0, which keeps all labels, received "
            f"{config.data.num_labels}. Only a model with model.discrete.unknown in its config "
            "learns from examples without a label."
        )

    def hidden(index, example):
        x, label = example
        is_known = index < config.data.num_labels
        return x, tf.where(is_known, label, tf.cast(unknown, label.dtype))

    return examples.enumerate().map(hidden)


def _sequences(
    images: tf.data.Dataset, config: config_dict.ConfigDict, **more: Any
) -> tf.data.Dataset:
    """Returns batches of (sequences, factors) that depend on the seed and the order alone."""
    return tfvae.datasets.sequences(
        images,
        batch_size=config.batch_size,
        training=False,
        seed=config.seed,
        **config.data.sequences.to_dict(),
        **more,
    )


def _load(
    config: config_dict.ConfigDict, split: str, table: tfvae.tables.Table | None, **more: Any
) -> tf.data.Dataset:
    data = config.data
    if data.name == own_table.NAME:
        return own_table.load(config, split, labels=more["labels"], table=table)
    return tfvae.datasets.load(
        data.name,
        split,
        path=data.path,
        data_dir=data.data_dir,
        batch_size=config.batch_size,
        binarize=data.binarize,
        seed=config.seed,
        **data.options.to_dict(),
        **more,
    )
