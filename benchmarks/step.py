"""Median ms of a `fit` step of each model, beside a bare Keras step and the arithmetic floor.

    python -m benchmarks.step [--steps 20] [--rounds 12] [--json FILE]

Every model is fitted on the same batch, in rounds that take turns, so that what else the machine
does falls on all alike; the number is the median over all steps. The floor is the arithmetic of the
step's matrix products and convolutions over the rate of a large matrix product in the same rounds;
beside it, the time that these products and convolutions take alone, forward and backward.
Where pythae is installed (`pip install pythae torch`), its models run in the same rounds.
"""

import argparse
import statistics
import time

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from benchmarks import common, peers
from benchmarks.arithmetic import forward_flop, gemm_rate, products_alone, training_flop

LATENT_DIM = 32
SHAPES = {"dense": ((784,), 128), "conv": ((64, 64, 1), 64)}
IMPORTANCE_SAMPLES = 16
COMPONENTS = 500


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
    """The models to compare, by name."""

    def make(cls, **kwargs):
        encoder, decoder = networks(shape)
        return cls(
            LATENT_DIM, encoder=encoder, decoder=decoder, likelihood="bernoulli", seed=0, **kwargs
        )

    return {
        "bare Keras VAE": BareVAE(shape),
        "VAE": make(tfvae.VAE),
        "VHP-VAE": make(
            tfvae.VHPVAE,
            prior=tfvae.priors.HierarchicalPrior(IMPORTANCE_SAMPLES, hidden=(128, 128)),
            objective=tfvae.objectives.Constrained(kappa=0.1),
        ),
        "VampPrior VAE": make(tfvae.VAE, prior=tfvae.priors.VampPrior(COMPONENTS)),
        "IWAE": make(
            tfvae.ImportanceWeightedVAE,
            objective=tfvae.objectives.ImportanceWeighted(IMPORTANCE_SAMPLES),
        ),
    }


def parts(name, model, batch):
    """The networks that a training step runs: (network, rows, whether its input has a gradient)."""

    def head_of(features):
        return keras.Sequential([keras.Input((features,)), keras.layers.Dense(2 * LATENT_DIM)])

    head = head_of(int(np.prod(model.encoder.output_shape[1:])))
    yield model.encoder, batch, False
    yield head, batch, True
    yield model.decoder, batch * (IMPORTANCE_SAMPLES if name == "IWAE" else 1), True
    if name == "VampPrior VAE":  # The pseudo-inputs are weights: their gradient is needed.
        yield model.encoder, COMPONENTS, True
        yield head, COMPONENTS, True
    if name == "VHP-VAE":
        prior, samples = model.prior, batch * IMPORTANCE_SAMPLES
        yield prior.encoder, batch, True
        yield head_of(prior.encoder.output_shape[-1]), batch, True
        yield prior.decoder, samples, True
        yield head_of(prior.decoder.output_shape[-1]), samples, True


def step_flop(name, model, batch):
    """FLOP of the matrix products and convolutions of one training step."""
    total = sum(
        training_flop(forward_flop(network, rows), needs_input_gradient)
        for network, rows, needs_input_gradient in parts(name, model, batch)
    )
    if name == "VampPrior VAE":  # The densities of its components.
        total += 3 * 2.0 * batch * COMPONENTS * 2 * LATENT_DIM
    return total


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


def measure(shape, steps, rounds):
    """Median seconds of a step of each model, its FLOP, seconds of its products; GEMM FLOP/s."""
    data_shape, batch = SHAPES[shape]
    x = tfp.random.rayleigh([batch, *data_shape], seed=(0, 0))
    x = tf.cast(x > 1.0, tf.float32)
    candidates = models(shape)
    for model in candidates.values():
        model.compile(keras.optimizers.Adam(1e-3))
    runs = {
        name: (lambda count, model=model: fit_steps(model, x, count))
        for name, model in candidates.items()
    }
    runs |= peers.pythae_steps(x.numpy(), LATENT_DIM, COMPONENTS) if shape == "dense" else {}
    for run in runs.values():
        run(5)
    seconds = {name: [] for name in runs}
    rates = []
    order = np.random.default_rng(0)
    for _ in range(rounds):
        rates.append(gemm_rate())
        # In another order each time: what runs after a larger model finds other caches.
        for name in order.permutation(list(runs)):
            seconds[name].extend(runs[name](steps))
    flop = {name: step_flop(name, model, batch) for name, model in candidates.items()}
    products = {
        name: sum(products_alone(*part) for part in parts(name, model, batch))
        for name, model in candidates.items()
    }
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return medians, flop, products, statistics.median(rates)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=20, help="steps of a model in a round")
    parser.add_argument(
        "--rounds", type=int, default=12, help="rounds in which the models take turns"
    )
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args()
    rows, rates = [], []
    for shape in SHAPES:
        seconds, flop, products, rate = measure(shape, arguments.steps, arguments.rounds)
        rates.append(f"{rate / 1e9:.0f}")
        for name, value in seconds.items():
            floor = 1e3 * flop[name] / rate if name in flop else None
            ms = 1e3 * value
            rows.append(
                [
                    f"{shape}: {name}",
                    ms,
                    ms / (1e3 * seconds["bare Keras VAE"]),
                    ms / (1e3 * seconds["VAE"]),
                    floor,
                    None if floor is None else ms / floor,
                    1e3 * products[name] if name in products else None,
                ]
            )
    common.report(
        "Training step",
        [
            "shape and model",
            "step",
            "over bare step",
            "over VAE",
            "floor",
            "over floor",
            "products alone",
        ],
        rows,
        ["", "ms", "", "", "ms", "", "ms"],
        {
            "GEMM rate": f"{' and '.join(rates)} GFLOP/s, median over the rounds of each shape",
            "steps": f"{arguments.rounds} rounds of {arguments.steps}, median",
            "seeds": "models and data 0",
            **common.environment(),
        },
        arguments.json,
    )


if __name__ == "__main__":
    main()
