"""Cost of the flatness penalty: its estimators beside a plain step on the decoder.

    python -m benchmarks.jacobian [--repeats 15] [--fit] [--json FILE]

A gradient step on the decoder's weights for the penalty alone, by each estimator and by reverse
mode (`GradientTape.batch_jacobian`), over the decoder's plain forward and backward pass; the `fit`
step of a FlatManifoldVAE over that of a VHP-VAE; and the peak memory of the stochastic estimator at
3×64×64 and N_z = 128 beside the size that a Jacobian would have.
"""

import argparse
import statistics
import subprocess
import sys
import time

import keras
import tensorflow as tf

import tfvae
from benchmarks import common
from benchmarks.step_models import fit_steps, networks
from benchmarks.step_shapes import BATCHES, DATA, LATENT_DIM
from tfvae.penalties import Flatness, flatness

SEED = (0, 1)
# Reverse mode needs seconds a step: it is timed at the shapes of vectors only.
SHAPES = {
    "dense 16→512→512→784, B 128": ("dense", 16, (512, 512), 128, True),
    "dense 8→256→256→784, B 64": ("dense", 8, (256, 256), 64, True),
    "dense 128→512→512→784, B 128": ("dense", 128, (512, 512), 128, False),
    "conv 64×64, N_z 8, B 64": ("conv", 8, None, 64, False),
    "conv 64×64, N_z 32, B 32": ("conv", 32, None, 32, False),
    "conv 64×64, N_z 128, B 32": ("conv", 128, None, 32, False),
}
# Beyond this many dimensions the estimators that form J are left out: minutes a step, gigabytes.
MOST_FOR_JACOBIAN = 32


def decoder_of(kind, latent_dim, hidden, channels=1):
    """A built decoder."""
    if kind == "dense":
        network = tfvae.networks.mlp(list(hidden), (784,))
    else:
        network = tfvae.networks.conv_decoder((64, 64, channels))
    network.build((None, latent_dim))
    return network


def plain(decoder, z):
    """A loss whose gradient step is the decoder's forward and backward pass."""
    return tf.reduce_mean(tf.square(decoder(z)))


def reverse_mode(decoder, z):
    """The penalty from `batch_jacobian`, (B, N_x, N_z)."""
    with tf.GradientTape() as tape:
        tape.watch(z)
        x = tf.reshape(decoder(z), [tf.shape(z)[0], -1])
    columns = tf.transpose(tape.batch_jacobian(x, z), [2, 0, 1])
    tensors = tfvae.geometry.metric.gram(columns)
    scale = tf.stop_gradient(tf.reduce_mean(tf.linalg.trace(tensors)) / z.shape[-1])
    return tf.reduce_mean(flatness.deviation(tensors / scale, 1.0))


def penalty_by(estimator):
    """The penalty's mean by an estimator."""
    regulariser = Flatness(estimator=estimator)
    return lambda decoder, z: tf.reduce_mean(regulariser.deviations(decoder, z, seed=SEED))


def milliseconds(decoder, z, losses, repeats):
    """Median ms of a gradient step on the decoder's weights for each loss, measured in turns."""
    weights = [weight.value for weight in decoder.trainable_weights]

    def gradient_step(loss):
        @tf.function(autograph=False)
        def run():
            with tf.GradientTape() as tape:
                value = loss(decoder, z)
            gradients = tape.gradient(value, weights, unconnected_gradients="zero")
            return [tf.reshape(gradient, [-1])[0] for gradient in gradients]

        return run

    steps = {name: gradient_step(loss) for name, loss in losses.items()}
    times = {name: [] for name in steps}
    for run in steps.values():
        run()
    for _ in range(repeats):
        for name, run in steps.items():
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def estimator_rows(repeats):
    """A row for each shape."""
    for name, (kind, latent_dim, hidden, batch, with_reverse) in SHAPES.items():
        keras.utils.set_random_seed(0)
        decoder = decoder_of(kind, latent_dim, hidden)
        z = tf.random.stateless_normal([batch, latent_dim], SEED)
        losses = {"plain": plain, "stochastic": penalty_by("stochastic")}
        if latent_dim <= MOST_FOR_JACOBIAN:
            losses["finite_difference"] = penalty_by("finite_difference")
            losses["exact"] = penalty_by("exact")
        measured = milliseconds(decoder, z, losses, repeats)
        if with_reverse:
            measured |= milliseconds(decoder, z, {"reverse": reverse_mode}, 3)
        base, exact = measured["plain"], measured.get("exact")
        finite, reverse = measured.get("finite_difference"), measured.get("reverse")
        yield [
            name,
            base,
            measured["stochastic"],
            measured["stochastic"] / base,
            finite,
            exact,
            exact / finite if exact else None,
            reverse,
            reverse / exact if reverse else None,
        ]


def fit_ratio(rounds):
    """Median ms of a `fit` step of VHP-VAE and FlatManifoldVAE at the dense shape."""
    data_shape, batch = DATA["dense"], BATCHES["dense"]
    x = tf.cast(tf.random.stateless_uniform([batch, *data_shape], SEED) > 0.5, tf.float32)
    seconds = {}
    models = {}
    for name, cls in (("VHP-VAE", tfvae.VHPVAE), ("FlatManifoldVAE", tfvae.FlatManifoldVAE)):
        encoder, decoder = networks("dense")
        model = cls(
            LATENT_DIM,
            encoder=encoder,
            decoder=decoder,
            likelihood="bernoulli",
            objective=tfvae.objectives.Constrained(kappa=0.7),
            seed=0,
        )
        model.compile(keras.optimizers.Adam(1e-3))
        fit_steps(model, x, 5)
        models[name], seconds[name] = model, []
    for _ in range(rounds):
        for name, model in models.items():
            seconds[name].extend(fit_steps(model, x, 20))
    return {name: 1e3 * statistics.median(values) for name, values in seconds.items()}


def peak_memory():
    """MB: the peak of a process that takes a stochastic step at 3×64×64 and N_z = 128."""
    program = "from benchmarks import jacobian; jacobian.one_large_step({})"
    peaks = []
    for wanted in (False, True):
        output = subprocess.run(
            [sys.executable, "-c", program.format(wanted)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        peaks.append(float(output.split()[-1]))
    return peaks


def one_large_step(with_penalty):
    """Prints the peak memory, MB, of a decoder's plain step, or of it and the penalty's; Linux."""
    decoder = decoder_of("conv", 128, None, channels=3)
    z = tf.random.stateless_normal([32, 128], SEED)
    losses = {"plain": plain}
    if with_penalty:
        losses["stochastic"] = penalty_by("stochastic")
    milliseconds(decoder, z, losses, 3)
    # Not `ru_maxrss`, which a process inherits from the one that started it.
    with open("/proc/self/status", encoding="ascii") as status:
        (line,) = (line for line in status if line.startswith("VmHWM"))
    print(int(line.split()[1]) / 1024)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=15, help="timed steps of each estimator")
    parser.add_argument("--fit", action="store_true", help="the steps of `fit` alone")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args()
    fit = fit_ratio(rounds=8)
    ratio = fit["FlatManifoldVAE"] / fit["VHP-VAE"]
    goal = common.Goal("fit step over VHP-VAE's, dense", "≤ 1.3", f"{ratio:.2f}", ratio <= 1.3)
    if arguments.fit:
        common.print_goals([goal])
        return common.exit_code([goal])
    rows = list(estimator_rows(arguments.repeats))
    without, with_penalty = peak_memory()
    held = 32 * 3 * 64 * 64 * 128 * 4 / 2**20
    common.report(
        "Flatness penalty: a gradient step on the decoder",
        [
            "decoder",
            "plain",
            "stochastic",
            "stochastic over plain",
            "finite differences",
            "exact",
            "exact over finite differences",
            "reverse mode",
            "reverse mode over exact",
        ],
        rows,
        ["", "ms", "ms", "", "ms", "ms", "", "ms", ""],
        {
            "fit step, dense shape": f"VHP-VAE {fit['VHP-VAE']:.2f} ms, FlatManifoldVAE "
            f"{fit['FlatManifoldVAE']:.2f} ms, ratio {ratio:.2f}",
            "peak memory, 3×64×64, N_z 128, B 32": f"plain step {without:.0f} MB, with the "
            f"stochastic penalty's {with_penalty:.0f} MB; a Jacobian alone would be {held:.0f} MB",
            "steps": f"{arguments.repeats} of each, in turns, median",
            "seeds": "0",
            **common.environment(),
        },
        arguments.json,
    )
    common.print_goals([goal])
    return common.exit_code([goal])


if __name__ == "__main__":
    sys.exit(main())
