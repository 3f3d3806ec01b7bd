"""How flat VHP-FMVAE makes the latent space, beside VHP-VAE and a plain VAE.

    python -m benchmarks.flatness [--data FOLDER] [--seeds 3] [--defaults] [--json FILE]

On images of a pendulum (2,000 + 500, generated) and on CMU motion capture (subjects 35 and 49 in
FOLDER/cmu_mocap, whole sequences held out): condition number, spread of the magnification factor,
length of geodesics over straight lines, smoothness of interpolations, and reconstruction error, of
a posterior sample, which the constraint bounds, and of the posterior mean; on held-out data, mean ±
standard deviation over seeds. One default weight for both; the published, absolute form of the
penalty with a weight of its own beside it. `--defaults` sets nothing but the number of latents, and
trains by Adam(1e-3).
"""

import argparse
import os
import time

import keras
import numpy as np

import tfvae
import tfvae.datasets
from benchmarks import common
from tfvae.evaluation.flatness import random_pairs

COLUMNS = (
    "condition number: excess of the median",
    "std of normalised MF",
    "geodesic over straight line",
    "smoothness",
    "error",
    "error of the mean",
    "training",
)
# Settings of a data set: epochs of Adam, its learning rate, κ, β₀, and η of the absolute penalty.
DATASETS = {
    "pendulum": {
        "epochs": 120, "learning_rate": 2e-3, "kappa": 0.055, "beta": 1.0, "absolute": 1.0,
    },
    "cmu_mocap": {
        "epochs": 100, "learning_rate": 1e-3, "kappa": 0.4, "beta": 0.01, "absolute": 1.0,
    },
}  # fmt: skip
LATENT_DIM = 2
PATHS, PATH_POINTS = 32, 40


def load(name, folder):
    """Training and held-out examples."""
    options = {
        "pendulum": {"size": 16, "noise": 0.05, "num_train": 2_000, "num_test": 500},
        "cmu_mocap": {"subjects": ("35", "49"), "every": 4},
    }[name]
    path = os.path.join(folder, name) if name == "cmu_mocap" else None
    parts = []
    for split in ("train", "test"):
        data = tfvae.datasets.load(name, split, path=path, shuffle=False, labels=False, **options)
        parts.append(tfvae.datasets.as_arrays(data))
    return parts


def default_models(seed):
    """The models to compare with nothing set but the number of latents, by name."""
    named = {"VAE": tfvae.VAE, "VHP-VAE": tfvae.VHPVAE, "VHP-FMVAE": tfvae.FlatManifoldVAE}
    for label, cls in named.items():
        keras.utils.set_random_seed(seed)
        yield label, cls(LATENT_DIM, seed=seed)


def models(name, data_shape, seed):
    """The models to compare, by name."""
    settings, flatness = DATASETS[name], tfvae.penalties.Flatness
    absolute = flatness(settings["absolute"], normalization="absolute")
    chosen = {
        "VAE": (tfvae.VAE, {}),
        "VHP-VAE": (tfvae.VHPVAE, {}),
        "VHP-FMVAE": (tfvae.FlatManifoldVAE, {"penalties": [flatness()]}),
        "VHP-FMVAE, absolute": (tfvae.FlatManifoldVAE, {"penalties": [absolute]}),
    }
    for label, (cls, kwargs) in chosen.items():
        if cls is not tfvae.VAE:
            multiplier = tfvae.objectives.REWO(initial=settings["beta"])
            kwargs["objective"] = tfvae.objectives.Constrained(settings["kappa"], multiplier)
        keras.utils.set_random_seed(seed)
        yield (
            label,
            cls(
                LATENT_DIM,
                encoder=tfvae.networks.mlp([256, 256], activation="elu"),
                decoder=tfvae.networks.mlp([256, 256], data_shape, activation="gelu"),
                seed=seed,
                **kwargs,
            ),
        )


def measured(model, train, test, epochs, learning_rate, seed):
    """The numbers of one run, in the order of `COLUMNS`."""
    model.compile(keras.optimizers.Adam(learning_rate))
    start = time.perf_counter()
    model.fit(train, batch_size=128, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - start
    error = model.evaluate(test, verbose=0)["constraint"]
    report = tfvae.evaluation.flatness(model, test, num_pairs=PATHS, seed=seed)
    z, _ = tfvae.evaluation.posterior_moments(model, test)
    first, second = random_pairs(np.random.default_rng(seed), len(z), PATHS)
    paths = np.linspace(z[first], z[second], PATH_POINTS, axis=1)
    decoded = model.decode(paths).mean().numpy()
    return [
        float(np.median(report.condition_encoded)) - 1.0,
        float(np.std(report.magnification_encoded)),
        float(np.median(report.ratios)),
        tfvae.evaluation.smoothness(decoded),
        float(error),
        float(np.sqrt(np.mean((model.predict(test, verbose=0) - test) ** 2))),
        seconds,
    ]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=os.environ.get("TFVAE_DATA_DIR", "data"))
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0")
    parser.add_argument("--only", nargs="*", help="data sets; all by default")
    parser.add_argument("--epochs", type=int, help="in place of those of the data set")
    parser.add_argument(
        "--defaults", action="store_true", help="set nothing but the number of latents"
    )
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    start = time.perf_counter()
    rows = []
    for name in arguments.only or DATASETS:
        train, test = load(name, arguments.data)
        runs = {}
        epochs = arguments.epochs or DATASETS[name]["epochs"]
        rate = 1e-3 if arguments.defaults else DATASETS[name]["learning_rate"]
        for seed in range(arguments.seeds):
            chosen = (
                default_models(seed) if arguments.defaults else models(name, train.shape[1:], seed)
            )
            for label, model in chosen:
                numbers = measured(model, train, test, epochs, rate, seed)
                runs.setdefault(label, []).append(numbers)
                shown = ", ".join(f"{value:.4g}" for value in numbers)
                print(f"{name}, {label}, seed {seed}: {shown}", flush=True)
        for label, values in runs.items():
            mean, spread = np.mean(values, axis=0), np.std(values, axis=0)
            cells = [f"{m:.4g} ± {s:.2g}" for m, s in zip(mean, spread, strict=True)]
            rows.append([f"{name}: {label}", *cells])
    epochs = {name: one["epochs"] for name, one in DATASETS.items()}
    settings = {"settings": f"N_z {LATENT_DIM} and nothing else, Adam 1e-3, epochs {epochs}"}
    if not arguments.defaults:
        settings = {
            "η": f"{tfvae.penalties.flatness.CONSTRAINED_WEIGHT} (relative), "
            + ", ".join(f"{d['absolute']} ({n}, absolute)" for n, d in DATASETS.items()),
            "settings": f"{DATASETS}",
        }
    common.report(
        f"Flatness of the latent space{', with the defaults' if arguments.defaults else ''}",
        ["data and model", *COLUMNS],
        rows,
        ["", "", "", "", "", "RMSE", "RMSE", "s"],
        {
            **settings,
            **({"epochs": arguments.epochs} if arguments.epochs else {}),
            "seeds": f"0 to {arguments.seeds - 1}",
            "time": f"{(time.perf_counter() - start) / 60:.1f} minutes",
            **common.environment(),
        },
        arguments.json,
    )


if __name__ == "__main__":
    main()
