"""Time of a Topographic VAE's training step over its products and update, and of the forms of W u².

    python -m benchmarks.topographic [--steps 20] [--rounds 12] [--json FILE]

At the published shapes [KW21]: 8 sequences of 18 frames of 3×28×28, 18 capsules of 18 (MNIST); 8 of
15 frames of 64×64, 15 capsules of 15 (sprites); encoders 3s–2s–2s, decoder 2s–3s–N_x, SGD with
momentum. The reference is what the matrix products of the networks take alone, forward and
backward, and what the update takes alone, in the same rounds. `benchmarks.topographic_quality`
measures what the models learn.
"""

import argparse
import statistics
import sys

import keras
import tensorflow as tf

import tfvae
from benchmarks import common
from benchmarks.arithmetic import median_seconds, products_alone
from benchmarks.step_models import fit_steps
from tfvae.distributions import Bubble, Shifting
from tfvae.models.compiled_update import apply_gradients

BATCH = 8
# Frames, which is the size of a capsule; number of capsules; shape of a frame.
SHAPES = {"MNIST": (18, 18, (28, 28, 3)), "sprites": (15, 15, (64, 64, 1))}
# Frames, number of capsules and capsule size of the grids on which the forms are compared.
GRIDS = ((18, 18, 18), (32, 8, 32), (48, 4, 48), (64, 4, 64))


def networks(size, frame):
    """Encoder 3s–2s, with a head of 2s after it, twice; decoder 2s–3s–N_x [KW21, appendix]."""
    mlp = tfvae.networks.mlp
    widths = [3 * size, 2 * size]
    return mlp(widths), mlp(widths), mlp(widths[::-1], frame)


def model_of(shape):
    """The Topographic VAE of a published shape, compiled."""
    frames, capsules, frame = SHAPES[shape]
    keras.utils.set_random_seed(0)
    encoder, encoder_u, decoder = networks(frames * capsules, frame)
    model = tfvae.TopographicVAE(
        frames * capsules,
        encoder=encoder,
        encoder_u=encoder_u,
        decoder=decoder,
        likelihood="bernoulli",
        seed=0,
    )
    # On noise the published rate, 1e-4, diverges within a few steps. The rate costs no time.
    model.compile(keras.optimizers.SGD(1e-6, momentum=0.9))
    return model


def parts(model, rows):
    """The networks of a step: (network, rows, whether its input has a gradient)."""
    for encoder in (model.encoder, model.encoder_u):
        yield encoder, rows, False
        features = int(encoder.output_shape[-1])
        head = keras.layers.Dense(2 * model.latent_dim)
        yield keras.Sequential([keras.Input((features,)), head]), rows, True
    yield model.decoder, rows, True


def optimizer_alone(model):
    """A step of the optimizer on gradients of zero, in one pass as in training."""
    zeros = [tf.zeros_like(weight.value) for weight in model.trainable_weights]
    update = tf.function(lambda: apply_gradients(model.optimizer, zeros, model.trainable_weights))
    return median_seconds(update, 21)


def step_row(shape, steps, rounds):
    """The numbers of one shape, in ms, in the order of the columns."""
    frames, capsules, frame = SHAPES[shape]
    rows = BATCH * frames
    x = tf.random.stateless_uniform([BATCH, frames, *frame], (0, 0))
    x = tf.cast(x > 0.5, tf.float32)
    model = model_of(shape)
    fit_steps(model, x, 5)
    seconds, products, updates = [], [], []
    for number in range(rounds):
        seconds.extend(fit_steps(model, x, steps))
        if number % 4 == 0:
            products.append(sum(products_alone(*part) for part in parts(model, rows)))
            updates.append(optimizer_alone(model))
    step, product, update = (
        1e3 * statistics.median(values) for values in (seconds, products, updates)
    )
    return [
        f"{shape}: {BATCH} × {frames} frames of {'×'.join(map(str, frame))}, {capsules} capsules",
        step,
        product,
        update,
        step / (product + update),
    ]


def forms_rows():
    """Seconds of every form of the sum with its gradient, on grids of rising size."""
    for neighborhood in (Shifting(), Bubble()):
        for grid in GRIDS:
            values = tf.random.stateless_uniform([BATCH, *grid], (0, 0))
            times = {}
            for form in neighborhood.forms:

                @tf.function
                def both(values, form=form, neighborhood=neighborhood, grid=grid):
                    with tf.GradientTape() as tape:
                        tape.watch(values)
                        sums = neighborhood.sums(values, grid, form)
                    return sums, tape.gradient(sums, values)

                times[form] = 1e3 * median_seconds(lambda call=both: call(values), 21)  # noqa: B023
            other = neighborhood.forms[1]
            chosen = neighborhood.fastest_form(grid)
            name = f"{type(neighborhood).__name__}, {'×'.join(map(str, grid))}"
            yield [name, times["matrix"], other, times[other], chosen]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=20, help="steps in a round")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", help="prefix of the files to write the numbers to, with units")
    arguments = parser.parse_args()
    settings = {"seeds": "models and data 0", **common.environment()}
    rows = [step_row(shape, arguments.steps, arguments.rounds) for shape in SHAPES]
    common.report(
        "Training step of the Topographic VAE",
        ["shape", "step", "products alone", "update alone", "over both"],
        rows,
        ["", "ms", "ms", "ms", ""],
        {"steps": f"{arguments.rounds} rounds of {arguments.steps}, median", **settings},
        arguments.json and f"{arguments.json}_step.json",
    )  # fmt: skip
    common.report(
        "W u² and its gradient",
        ["neighbourhood and grid", "one product", "other form", "other form takes", "chosen"],
        list(forms_rows()),
        ["", "ms", "", "ms", ""],
        {"batch": BATCH, **settings},
        arguments.json and f"{arguments.json}_forms.json",
    )
    ratio = rows[0][-1]
    goal = common.Goal("MNIST, over products and update", "≤ 1.1", f"{ratio:.2f}", ratio <= 1.1)
    common.print_goals([goal])
    return common.exit_code([goal])


if __name__ == "__main__":
    sys.exit(main())
