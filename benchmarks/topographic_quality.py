"""What the Topographic VAE learns from sequences of digits, beside the published baselines.

    python -m benchmarks.topographic_quality [--data FOLDER] [--steps 1000] [--figures FOLDER]

MNIST's test digits (FOLDER/mnist), shrunk by half: 8,000 train, 200 others validate, 200 more test.
Each sequence of 18 frames turns a digit, or its hue, or its size, all the way round. The rows are
the TVAE with coherence over the whole sequence (the paper's L = 1/2) and over 5 frames, and the
published baselines: the BubbleVAE with 5 frames and K = 3, L = 0 (K = 3 neighbours in the capsule,
without a window in time or a roll), and the VAE of single frames.

All rows have the same networks, steps and grid of learning rates × μ at first (the VAE has no μ).
The cell with the lowest −ELBO on the validation sequences is the row's; only that model is tested.
Decoders normalise their latents first: t is about 5 with changes of a tenth, a mean that Adam would
have to unlearn.

−log p(x) by importance sampling over whole sequences, E_eq of posterior means and of samples, with
and without the roll, CapCorr, the squared error of frames 5 steps on by rolling the capsules over
that of copying the frame, and the squared error of the second half of a turn foretold from the
first, over that of copying the nearest frame shown. E_eq is low for a collapsed model too: it
counts only beside the others.
"""

import argparse
import itertools
import os
import time

import keras
import numpy as np

import tfvae
from benchmarks import common
from tfvae.distributions import Bubble, Shifting
from tfvae.priors import TopographicPrior

TRANSFORMATIONS = ("rotation", "hue", "scale")
FRAMES, CAPSULES, TRAIN, TEST, BATCH = 18, 6, 8_000, 200, 8
SIZE = FRAMES * CAPSULES
# The neighbourhood of each row; None for the VAE of frames.
MODELS = {
    "TVAE, L = 1/2": Shifting(),
    "TVAE, 5 frames": Shifting(window=5),
    "BubbleVAE, 5 frames": Bubble(window=5, coherence=3),
    "TVAE, L = 0": Bubble(window=1, coherence=3),
    "VAE": None,
}
# The grid that all rows are tuned on: Adam's learning rate at its highest, and μ at first.
RATES, MEANS = (2e-3, 4e-3, 8e-3), (10.0, 30.0, 90.0)
COLUMNS = {
    "rate of Adam": "",
    "μ at first": "",
    "validation −ELBO": "nats per frame",
    "−ELBO": "nats per frame",
    "−log p(x)": "nats per frame",
    "rate": "nats per frame",
    "E_eq of means": "",
    "without roll": "",
    "E_eq of samples": "",
    "samples without roll": "",
    **{f"CapCorr, {name}": "" for name in TRANSFORMATIONS},
    **{f"mean cosine, {name}": "" for name in TRANSFORMATIONS},
    "rolled over copied": "",
    "foretold over nearest": "",
    "foretold": "MSE",
    "training": "s",
}


def digits(folder):
    """8,000 + 200 + 200 digits of half the size, 14×14 grey."""
    path = os.path.join(folder, "mnist")
    data = tfvae.datasets.load("idx", "test", path=path, shuffle=False, labels=False)
    x = tfvae.datasets.as_arrays(data)[: TRAIN + 2 * TEST]
    x = tfvae.datasets.area_average(x[..., 0], 14)[..., np.newaxis].astype("float32")
    return np.split(x, [TRAIN, TRAIN + TEST])


def model_of(neighborhood, mean, frame_shape, seed):
    """A TVAE with this neighbourhood, or a VAE of frames with the same networks."""
    keras.utils.set_random_seed(seed)
    mlp, hidden = tfvae.networks.mlp, (3 * SIZE, 2 * SIZE)
    normalized = [keras.layers.LayerNormalization(), mlp(hidden[::-1], frame_shape)]
    networks = {"encoder": mlp(hidden), "decoder": keras.Sequential(normalized)}
    cls = tfvae.SequenceVAE
    if neighborhood is not None:
        cls = tfvae.TopographicVAE
        networks["encoder_u"] = mlp(hidden)
        networks["prior"] = TopographicPrior(neighborhood, initial_mean=mean)
    return cls(SIZE, likelihood="bernoulli", seed=seed, **networks)


def train(model, data, rate, steps):
    """Seconds of `steps` steps of Adam whose rate rises for a tenth of them, then falls."""
    rise = steps // 10
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rise, warmup_target=rate, warmup_steps=rise
    )
    model.compile(keras.optimizers.Adam(schedule))
    start = time.perf_counter()
    model.fit(data.repeat(), steps_per_epoch=steps, shuffle=False, verbose=0)
    return time.perf_counter() - start


def tuned(name, make_data, validation, steps, seed):
    """The model of the best cell on the validation sequences, and its first and last numbers."""
    x, _ = tfvae.datasets.as_arrays(validation)
    neighborhood = MODELS[name]
    best = None
    for rate, mean in itertools.product(RATES, MEANS if neighborhood else (None,)):
        model = model_of(neighborhood, mean, x.shape[2:], seed)
        seconds = train(model, make_data(), rate, steps)
        loss = -model.evaluate(x, batch_size=BATCH, verbose=0)["elbo"] / FRAMES
        print(f"{name}: rate {rate:g}, μ {mean}: −ELBO {loss:.2f}, {seconds:.0f} s", flush=True)
        if best is None or loss < best[1][2]:
            best = model, [rate, "–" if mean is None else mean, loss], seconds
    return best


def foretold(model, turns):
    """MSE of the second half of turns, foretold and copied from the nearest frame shown."""
    seen = FRAMES // 2
    later = np.arange(seen, FRAMES)
    # The sequence closes: the last frames are nearer to the first one than to the last one shown.
    nearest = np.where(later - (seen - 1) <= FRAMES - later, seen - 1, 0)
    predicted = model.predict_sequence(turns[:, :seen])[:, seen:]
    errors = (predicted - turns[:, later], turns[:, nearest] - turns[:, later])
    return [float(np.mean(error**2)) for error in errors]


def measured(model, test, samples):
    """The numbers of a trained model, in the order of `COLUMNS`, tuning and time left out."""
    x, factors = tfvae.datasets.as_arrays(test)
    logs = model.evaluate(x, batch_size=BATCH, verbose=0)
    report = tfvae.evaluation.equivariance(model, test, names=TRANSFORMATIONS)
    likelihood = tfvae.evaluation.log_likelihood(model, x, samples)
    error, copied = foretold(model, x[factors["rotation"][:, 0] >= 0])
    correlations = [report.correlations[name] for name in TRANSFORMATIONS]
    return [
        -logs["elbo"] / FRAMES,
        -likelihood.mean / FRAMES,
        logs["rate"] / FRAMES,
        float(np.mean(report.errors_of_means)),
        float(np.mean(report.changes_of_means)),
        float(np.mean(report.errors_of_samples)),
        float(np.mean(report.changes_of_samples)),
        *(one.correlation for one in correlations),
        *(one.agreement for one in correlations),
        report.ratio,
        error / copied,
        error,
    ]


def draw(model, name, test, folder):
    """Writes forward predictions of four turns, and traversals of four sequences."""
    x, factors = tfvae.datasets.as_arrays(test)
    turns = x[factors["rotation"][:, 0] >= 0][:4]
    stem = os.path.join(folder, name.replace(", ", "_").replace(" = ", "").replace("/", "_"))
    os.makedirs(folder, exist_ok=True)
    figure = tfvae.plots.forward_prediction(model, turns, FRAMES // 2)
    figure.savefig(f"{stem}_prediction.png", dpi=120)
    tfvae.plots.capsule_traversals(model, x[:4]).savefig(f"{stem}_traversals.png", dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=os.environ.get("TFVAE_DATA_DIR", "data"))
    parser.add_argument("--steps", type=int, default=1000, help="of Adam, 8 sequences each")
    parser.add_argument("--samples", type=int, default=50, help="importance samples of a sequence")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=MODELS, help="one model")
    parser.add_argument("--figures", help="folder to write pictures to")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args()
    start = time.perf_counter()
    images, *others = digits(arguments.data)
    make = tfvae.datasets.sequences

    def make_data():
        return make(images, None, TRANSFORMATIONS, batch_size=BATCH, seed=arguments.seed)

    validation, test = (
        make(held_out, None, TRANSFORMATIONS, batch_size=BATCH, training=False).cache()
        for held_out in others
    )
    rows = []
    for name in MODELS if arguments.only is None else [arguments.only]:
        model, setting, seconds = tuned(
            name, make_data, validation, arguments.steps, arguments.seed
        )
        rows.append([name, *setting, *measured(model, test, arguments.samples), seconds])
        print("done:", *rows[-1][:10], flush=True)
        if arguments.figures:
            draw(model, name, test, arguments.figures)
    common.report(
        "Topographic VAE on sequences of digits",
        ["model", *COLUMNS],
        rows,
        ["", *COLUMNS.values()],
        {
            "data": f"{TRAIN} training, {TEST} validation and {TEST} test digits, 14×14×3, "
            f"{FRAMES} frames, one of {', '.join(TRANSFORMATIONS)} each",
            "models": f"{CAPSULES} capsules of {FRAMES}, K = 3, dense 3s–2s and "
            f"(normalised) 2s–3s, s = {SIZE}",
            "training": f"{arguments.steps} steps of Adam, batch {BATCH}, the rate rising for a "
            "tenth of them, then falling along a cosine",
            "tuning": "each row on the same grid, rate of Adam at its highest "
            f"{', '.join(f'{rate:g}' for rate in RATES)} × μ at first "
            f"{', '.join(f'{mean:g}' for mean in MEANS)} (the VAE has no μ); the cell with the "
            "lowest −ELBO on the validation digits is tested",
            "estimate": f"{arguments.samples} importance samples of each sequence",
            "seed": arguments.seed,
            "time": f"{(time.perf_counter() - start) / 60:.1f} minutes",
            **common.environment(),
        },
        arguments.json,
    )


if __name__ == "__main__":
    main()
