"""From a config to a model and its data."""

import collections.abc
import difflib
import inspect
import math

import keras
import tensorflow as tf

import tfvae
import tfvae.datasets

# Arguments of `compile` that a config describes, the first one always.
OPTIMIZERS = ("optimizer", "discriminator_optimizer")
# Where the names of a config are looked up: the key of a group tells the package of its `name`.
PACKAGES = {
    "model": tfvae,
    "encoder": tfvae.networks,
    "encoder_u": tfvae.networks,
    "decoder": tfvae.networks,
    "likelihood": tfvae.likelihoods,
    "prior": tfvae.priors,
    "objective": tfvae.objectives,
    "multiplier": tfvae.objectives,
    "flatness": tfvae.geometry,
    "neighborhood": tfvae.distributions,
    "assignment": tfvae.assignment,
    "discriminator": tfvae.networks,
    "kernel_regularizer": keras.regularizers,
    "learning_rate": keras.optimizers.schedules,
    **dict.fromkeys(OPTIMIZERS, keras.optimizers),
}


COUNTS = ("epochs", "batch_size", "report.num_samples", "report.num_examples")


def check_counts(config):
    """Raises a ValueError unless all keys that count something are whole numbers of at least 1."""
    for key in COUNTS:
        value = config
        for part in key.split("."):
            value = value[part]
        if value < 1:
            raise ValueError(f"--config.{key} must be at least 1, received {value}.")


def create(kind: str, settings, **more):
    """The object that a group of a config describes: a `name` and its arguments.

    A group within the group is created first. `more` are arguments that are not in the config.

    Raises:
        ValueError: for an unknown name or argument, with the nearest ones.
    """
    arguments = {**settings, **more}
    name = arguments.pop("name")
    package = PACKAGES[kind]
    maker = getattr(package, name, None)
    if not callable(maker):
        names = [n for n in dir(package) if callable(getattr(package, n)) and n[0] != "_"]
        nearest = ", ".join(difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names)
        raise ValueError(f"{kind}.name: {package.__name__} has no {name!r}. Nearest: {nearest}.")
    for key, value in arguments.items():
        if isinstance(value, collections.abc.Mapping) and "name" in value:
            arguments[key] = create(key, value)
    try:
        return maker(**arguments)
    except (TypeError, ValueError) as error:
        known = ", ".join(inspect.signature(maker).parameters)
        raise ValueError(f"{kind}: {error} ({name} takes {known})") from error


def build_model(config, data_shape):
    """The compiled model, built for examples of `data_shape`, weights drawn by `config.seed`."""
    keras.utils.set_random_seed(config.seed)
    settings = config.model.to_dict()
    # The networks of a model of sequences see one frame at a time.
    shape = data_shape[1:] if config.data.sequences else data_shape
    settings["decoder"] = create("decoder", settings["decoder"], output_shape=shape)
    model = create("model", settings, seed=config.seed)
    if model.learns_from_labels and not config.data.supervised:
        raise ValueError(
            f"A {type(model).__name__} with categories learns from labels: it needs "
            "--config.data.supervised=True."
        )
    model.build((None, *data_shape))
    kinds = [kind for kind in OPTIMIZERS if kind in config]
    model.compile(**{kind: create(kind, config[kind].to_dict()) for kind in kinds})
    return model


def start_prior(model, data):
    """Gives a prior that is made of training examples (VampPrior) the first ones of epoch 0."""
    if not hasattr(model.prior, "adapt"):
        return
    size = min(model.prior.num_components, data.size)
    examples = next(data.batches(0, 1).unbatch().batch(size).as_numpy_iterator())
    model.prior.adapt(keras.utils.unpack_x_y_sample_weight(examples)[0])


class TrainingData:
    """The training examples, in an order that depends on nothing but (seed, epoch).

    So a run that is resumed at an epoch sees the batches that it would have seen; a data set that
    is shuffled anew at each of its iterations starts again with the order of the first.

    With `data.sequences` examples are sequences of frames: what is drawn for one depends on the
    seed, the epoch and its place, and what does not fill a batch is left out of an epoch.

    With `data.supervised` batches are (x, label), else x.

    Attributes:
        size: number of examples.
        shape: of one example.
        steps: batches of an epoch, the last one possibly smaller.
    """

    def __init__(self, config):
        if config.data.supervised and not config.data.labels:
            raise ValueError("--config.data.supervised needs --config.data.labels=True.")
        labels = config.data.supervised and (config.data.label or True)
        batches = _load(config, config.data.train, labels=labels, shuffle=False)
        self._examples = batches.unbatch()
        if config.data.cache:
            self._examples = self._examples.cache()
        self._config = config
        self._makes_sequences = bool(config.data.sequences)
        self.size = int(self._examples.reduce(0, lambda count, _: count + 1))
        self.steps = math.ceil(self.size / config.batch_size)
        if self._makes_sequences:
            self.steps = self.size // config.batch_size
            if not self.steps:
                raise ValueError(
                    f"--config.batch_size is {config.batch_size}, but there are only {self.size} "
                    "training images: choose at most as many."
                )
            batches = _sequences(self._examples, config).map(lambda x, _: x)
        self.shape = tuple(tf.nest.flatten(batches.element_spec)[0].shape[1:])

    def batches(self, first_epoch: int, last_epoch: int) -> tf.data.Dataset:
        """The batches of the epochs from `first_epoch` to before `last_epoch`, in a row."""
        config = self._config
        buffer = max(1, min(self.size, config.data.shuffle_buffer))

        def epoch_examples(epoch):
            # Of this function's graph alone: the order must not depend on the global seed.
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


def test_data(config) -> tf.data.Dataset:
    """Batches of (x, label), or of x where `data.labels` is False, in a fixed order.

    With `data.sequences` batches of (x, factors).
    """
    batches = _load(config, config.data.test, labels=config.data.labels, shuffle=False)
    if config.data.sequences:
        batches = _sequences(batches.unbatch(), config)
    return batches.cache() if config.data.cache else batches


def with_labels_of(model, test, config):
    """Test data as `evaluate` takes them: of several labels the one that the model learns."""
    if not model.learns_from_labels:
        return test
    return test.map(lambda x, labels: (x, shown_labels(labels, config)))


def shown_labels(labels, config):
    """The labels that figures show, (n,): of several the one that `data.label` names, or None."""
    return labels.get(config.data.label) if isinstance(labels, dict) else labels


def factors(labels):
    """Labels as factors, dict of (n,), named without the "label_" of a data set's features."""
    return {name.removeprefix("label_"): states for name, states in labels.items()}


def _sequences(images, config, **more):
    """Batches of (sequences, factors) that depend on nothing but the seed and the order."""
    return tfvae.datasets.sequences(
        images,
        batch_size=config.batch_size,
        training=False,
        seed=config.seed,
        **config.data.sequences.to_dict(),
        **more,
    )


def _load(config, split, **more):
    data = config.data
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
