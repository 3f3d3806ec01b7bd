"""What the Topographic VAE learns from sequences of digits, beside its baselines.

    python -m benchmarks.topographic_quality [--data FOLDER] [--steps 3000] [--figures FOLDER]

MNIST's test digits (FOLDER/mnist), shrunk by half: 8,000 train, 200 others test. Each sequence of
18 frames turns a digit, or its hue, or its size, all the way round. The same networks and steps for
all models, and for each the learning rate that was best for it: the TVAE with coherence over the
whole sequence, without coherence (w = 1), the BubbleVAE, and the VAE of single frames. Decoders
normalise their latents first: t is about 5 with changes of a tenth, a mean that Adam would have to
unlearn.

−log p(x) by importance sampling over whole sequences, E_eq with and without the roll, CapCorr, the
squared error of frames 5 steps on by rolling the capsules over that of copying the frame, and the
squared error of the second half of a turn foretold from the first, over that of copying the nearest
frame shown. E_eq is low for a collapsed model too: it counts only beside the others.
"""

import argparse
import os
import time

import keras
import numpy as np

import tfvae
from benchmarks import common
from tfvae.distributions import Bubble, Shifting
from tfvae.priors import TopographicPrior

TRANSFORMATIONS = ("rotation", "hue", "scale")
FRAMES, CAPSULES, TRAIN, TEST, BATCH = 18, 10, 8_000, 200, 8
SIZE = FRAMES * CAPSULES
# Learning rate of Adam at its highest, and μ at first, by model.
SETTINGS = {
    "TVAE, w = T": (2e-3, 40.0),
    "TVAE, w = 1": (4e-3, 5.0),
    "BubbleVAE": (2e-3, 40.0),
    "VAE": (2.5e-3, None),
}
COLUMNS = {
    "−log p(x)": "nats per frame",
    "−ELBO": "nats per frame",
    "rate": "nats per frame",
    "E_eq": "",
    "E_eq without roll": "",
    **{f"CapCorr, {name}": "" for name in TRANSFORMATIONS},
    **{f"mean cosine, {name}": "" for name in TRANSFORMATIONS},
    "rolled over copied": "",
    "foretold over nearest": "",
    "foretold": "MSE",
    "training": "s",
}


def digits(folder):
    """8,000 + 200 digits of half the size, 14×14 grey."""
    path = os.path.join(folder, "mnist")
    data = tfvae.datasets.load("idx", "test", path=path, shuffle=False, labels=False)
    x = tfvae.datasets.as_arrays(data)[: TRAIN + TEST]
    x = tfvae.datasets.area_average(x[..., 0], 14)[..., np.newaxis].astype("float32")
    return x[:TRAIN], x[TRAIN:]


def models(frame_shape, seed):
    """The models to compare, by name, with their learning rates."""
    mlp = tfvae.networks.mlp
    hidden = (3 * SIZE, 2 * SIZE)
    neighborhoods = {"TVAE, w = T": Shifting(), "TVAE, w = 1": Shifting(1), "BubbleVAE": Bubble()}
    for name, (rate, mean) in SETTINGS.items():
        keras.utils.set_random_seed(seed)
        normalized = [keras.layers.LayerNormalization(), mlp(hidden[::-1], frame_shape)]
        networks = {"encoder": mlp(hidden), "decoder": keras.Sequential(normalized)}
        cls = tfvae.SequenceVAE
        if name in neighborhoods:
            cls = tfvae.BubbleVAE if name == "BubbleVAE" else tfvae.TopographicVAE
            networks["encoder_u"] = mlp(hidden)
            networks["prior"] = TopographicPrior(neighborhoods[name], initial_mean=mean)
        yield name, rate, cls(SIZE, likelihood="bernoulli", seed=seed, **networks)


def train(model, data, rate, steps):
    """Seconds of `steps` steps of Adam whose rate rises for a tenth of them, then falls."""
    rise = steps // 10
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rise, warmup_target=rate, warmup_steps=rise
    )
    model.compile(keras.optimizers.Adam(schedule))
    start = time.perf_counter()
    model.fit(data.repeat(), steps_per_epoch=steps, verbose=0)
    return time.perf_counter() - start


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
    """The numbers of a trained model, in the order of `COLUMNS` but for the last."""
    x, factors = tfvae.datasets.as_arrays(test)
    logs = model.evaluate(x, batch_size=BATCH, verbose=0)
    report = tfvae.evaluation.equivariance(model, test, names=TRANSFORMATIONS)
    likelihood = tfvae.evaluation.log_likelihood(model, x, samples)
    error, copied = foretold(model, x[factors["rotation"][:, 0] >= 0])
    correlations = [report.correlations[name] for name in TRANSFORMATIONS]
    return [
        -likelihood.mean / FRAMES,
        -logs["elbo"] / FRAMES,
        logs["rate"] / FRAMES,
        float(np.mean(report.errors)),
        float(np.mean(report.changes)),
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
    stem = os.path.join(folder, name.replace(" ", "").replace(",", "_").replace("=", ""))
    os.makedirs(folder, exist_ok=True)
    figure = tfvae.plots.forward_prediction(model, turns, FRAMES // 2)
    figure.savefig(f"{stem}_prediction.png", dpi=120)
    tfvae.plots.capsule_traversals(model, x[:4]).savefig(f"{stem}_traversals.png", dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=os.environ.get("TFVAE_DATA_DIR", "data"))
    parser.add_argument("--steps", type=int, default=3000, help="of Adam, 8 sequences each")
    parser.add_argument("--samples", type=int, default=50, help="importance samples of a sequence")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=SETTINGS, help="one model")
    parser.add_argument("--rate", type=float, help="another learning rate, to compare")
    parser.add_argument("--figures", help="folder to write pictures to")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args()
    start = time.perf_counter()
    images, others = digits(arguments.data)
    make = tfvae.datasets.sequences
    data = make(images, None, TRANSFORMATIONS, batch_size=BATCH, seed=arguments.seed)
    test = make(others, None, TRANSFORMATIONS, batch_size=BATCH, training=False).cache()
    used = {name: values for name, values in SETTINGS.items() if arguments.only in (None, name)}
    rows = []
    for name, rate, model in models(data.element_spec[0].shape[2:], arguments.seed):
        if name not in used:
            continue
        seconds = train(model, data, arguments.rate or rate, arguments.steps)
        rows.append([name, *measured(model, test, arguments.samples), seconds])
        print("done:", *rows[-1][:5], flush=True)
        if arguments.figures:
            draw(model, name, test, arguments.figures)
    common.report(
        "Topographic VAE on sequences of digits",
        ["model", *COLUMNS],
        rows,
        ["", *COLUMNS.values()],
        {
            "data": f"{TRAIN} training and {TEST} test digits, 14×14×3, {FRAMES} frames, one of "
            f"{', '.join(TRANSFORMATIONS)} each",
            "models": f"{CAPSULES} capsules of {FRAMES}, K = 3, dense 3s–2s and "
            f"(normalised) 2s–3s, s = {SIZE}",
            "training": f"{arguments.steps} steps of Adam, batch {BATCH}, the rate rising for a "
            "tenth of them, then falling along a cosine; at its highest "
            + ", ".join(f"{arguments.rate or rate:g} ({name})" for name, (rate, _) in used.items())
            + "".join(
                f"; μ at first {mean:g} ({name})" for name, (_, mean) in used.items() if mean
            ),
            "estimate": f"{arguments.samples} importance samples of each sequence",
            "seed": arguments.seed,
            "time": f"{(time.perf_counter() - start) / 60:.1f} minutes",
            **common.environment(),
        },
        arguments.json,
    )


if __name__ == "__main__":
    main()
