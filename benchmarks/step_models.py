"""Training steps of tfvae's models: a worker of `benchmarks.step`.

python -m benchmarks.step_models SHAPE MODEL
"""

import collections
import functools
import pathlib
import sys
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

import tfvae
from benchmarks.arithmetic import median_seconds, products_alone
from benchmarks.step_shapes import (
    BATCHES,
    COMPONENTS,
    DATA,
    DISCRIMINATOR,
    IMPORTANCE_SAMPLES,
    LATENT_DIM,
)
from benchmarks.turns import serve
from tfvae.models.compiled_update import apply_gradients

BARE = "bare Keras VAE"


def networks(shape):
    """Encoder and decoder of the shape: 784-300-300-32, or the convolutions for 64×64."""
    if shape == "dense":
        return tfvae.networks.mlp([300, 300]), tfvae.networks.mlp([300, 300], (784,))
    return tfvae.networks.conv_encoder(), tfvae.networks.conv_decoder((64, 64, 1))


class BareVAE(keras.Model):
    """The same network in the train_step of the Keras guide: what a user would write by hand."""

    def __init__(self, shape):
        super().__init__()
        self.encoder, self.decoder = networks(shape)
        self.head = keras.layers.Dense(2 * LATENT_DIM)
        self.seeds = keras.random.SeedGenerator(0)
        self.trackers = [keras.metrics.Mean(name=name) for name in ("loss", "distortion", "rate")]

    @property
    def metrics(self):
        return self.trackers

    def train_step(self, x):
        with tf.GradientTape() as tape:
            loc, raw = tf.split(self.head(self.encoder(x)), 2, axis=-1)
            scale = tf.math.softplus(raw)
            z = loc + scale * keras.random.normal(tf.shape(loc), seed=self.seeds)
            logits = self.decoder(z)
            axes = list(range(1, logits.shape.rank))
            distortion = tf.reduce_mean(
                tf.reduce_sum(
                    tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits), axis=axes
                )
            )
            rate = tf.reduce_mean(
                0.5 * tf.reduce_sum(loc**2 + scale**2 - 1.0 - 2.0 * tf.math.log(scale), axis=-1)
            )
            loss = distortion + rate
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        for tracker, value in zip(self.trackers, (loss, distortion, rate), strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def models(shape):
    """Functions that make the models to compare, by name."""

    def make(cls, **kwargs):
        encoder, decoder = networks(shape)
        return cls(
            LATENT_DIM, encoder=encoder, decoder=decoder, likelihood="bernoulli", seed=0, **kwargs
        )

    def factor():
        discriminator = tfvae.networks.mlp(DISCRIMINATOR, (1,), activation="leaky_relu")
        penalty = tfvae.penalties.TotalCorrelation(discriminator=discriminator)
        return make(tfvae.FactorVAE, penalties=[penalty])

    return {
        BARE: lambda: BareVAE(shape),
        "VAE": lambda: make(tfvae.VAE),
        "VHP-VAE": lambda: make(
            tfvae.VHPVAE,
            prior=tfvae.priors.HierarchicalPrior(IMPORTANCE_SAMPLES, hidden=(128, 128)),
            objective=tfvae.objectives.Constrained(kappa=0.1),
        ),
        "VampPrior VAE": lambda: make(tfvae.VAE, prior=tfvae.priors.VampPrior(COMPONENTS)),
        "IWAE": lambda: make(
            tfvae.ImportanceWeightedVAE,
            objective=tfvae.objectives.ImportanceWeighted(IMPORTANCE_SAMPLES),
        ),
        "FactorVAE": factor,
        "β-TCVAE": lambda: make(tfvae.VAE, penalties=[tfvae.penalties.BetaTC()]),
    }


def parts(name, model, batch):
    """What a training step runs: (network, rows, whether input and weights have gradients)."""

    def head_of(features):
        return keras.Sequential([keras.Input((features,)), keras.layers.Dense(2 * LATENT_DIM)])

    head = head_of(int(np.prod(model.encoder.output_shape[1:])))
    yield model.encoder, batch, False, True
    yield head, batch, True, True
    yield model.decoder, batch * (IMPORTANCE_SAMPLES if name == "IWAE" else 1), True, True
    if name == "VampPrior VAE":  # The pseudo-inputs are weights: their gradient is needed.
        yield model.encoder, COMPONENTS, True, True
        yield head, COMPONENTS, True, True
    if name == "VHP-VAE":
        prior, samples = model.prior, batch * IMPORTANCE_SAMPLES
        # Once for z of the networks' own gradient, and then in the prior's own steps.
        for own_step in (False, *[True] * prior.steps):
            yield prior.encoder, batch, not own_step, own_step
            yield head_of(prior.encoder.output_shape[-1]), batch, True, own_step
            yield prior.decoder, samples, True, own_step
            yield head_of(prior.decoder.output_shape[-1]), samples, True, own_step
    if name == "FactorVAE":  # It sees the batch, and the batch with its latents permuted.
        yield model.penalties[0].discriminator, 2 * batch, True, True


def update_alone(name, model):
    """Median seconds of the optimizers' updates alone: Keras' for the bare model, else tfvae's."""
    if name == BARE:
        trained = [(model, model.trainable_weights, 1)]
    else:
        trained = [(model, model.own_trainable_weights, 1)]
        trained += [(one, one.network.trainable_weights, 1) for one in model.network_penalties]
        if model.prior.steps:
            trained.append((model.prior, model.prior.trainable_weights, model.prior.steps))
    updates = []
    for owner, weights, times in trained:
        weights = [keras.Variable(weight, name="copied") for weight in weights]
        optimizer = type(owner.optimizer).from_config(owner.optimizer.get_config())
        gradients = [tf.fill(weight.shape, 1e-3) for weight in weights]
        optimizer.build(weights)
        updates += [(optimizer, gradients, weights)] * times

    @tf.function
    def update():
        for optimizer, gradients, weights in updates:
            if name == BARE:
                optimizer.apply_gradients(zip(gradients, weights, strict=True))
            else:
                apply_gradients(optimizer, gradients, weights)

    return median_seconds(update, 31)


class StepTimes(keras.callbacks.Callback):
    """Seconds between the beginnings of consecutive steps."""

    def __init__(self):
        super().__init__()
        self.begins = []

    def on_train_batch_begin(self, batch, logs=None):
        self.begins.append(time.perf_counter())

    def seconds(self):
        return np.diff(self.begins)


def fit_steps(model, x, steps):
    """Seconds of each of `steps` steps of `fit` on the batch `x`."""
    times = StepTimes()
    dataset = tf.data.Dataset.from_tensors(x).repeat(steps + 1)
    model.fit(dataset, verbose=0, callbacks=[times])
    return times.seconds()


def profile(run, steps=10, top=10):
    """The operations in which a step spends most, [(type, ms of CPU time a step), …].

    A compiled cluster, such as the update of many weights, is one operation.
    """
    # Part of TensorFlow; its reader of these files is a package of its own.
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        run(steps)
        tf.profiler.experimental.stop()
        (file,) = pathlib.Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    picoseconds = collections.Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                # Operations are named "name:Type"; the executor's own events hold those of theirs.
                _, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if colon and kind.isidentifier() and kind not in ("Process", "Run"):
                    picoseconds[kind] += event.duration_ps
    return [(kind, value / 1e9 / (steps + 1)) for kind, value in picoseconds.most_common(top)]


def main():
    """Answers `{"count": n}` with the seconds of n steps, and "products", "update", "profile"."""
    shape, name = sys.argv[1:]
    batch = BATCHES[shape]
    keras.utils.set_random_seed(0)
    model = models(shape)[name]()
    model.compile(keras.optimizers.Adam(1e-3))
    rng = np.random.default_rng(0)
    x = tf.constant(rng.random((batch, *DATA[shape])) < 0.6, tf.float32)
    run = functools.partial(fit_steps, model, x)

    def answer(request):
        if "count" in request:
            return list(run(request["count"]))
        match request["what"]:
            case "products":
                return sum(products_alone(*part) for part in parts(name, model, batch))
            case "update":
                return update_alone(name, model)
            case "profile":
                return profile(run)

    serve(answer)


if __name__ == "__main__":
    main()
