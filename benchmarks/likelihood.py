"""−log p(x) in nats for several ways to train the same networks: the comparison of [K19].

    TFVAE_DATA_DIR=DATA python -m benchmarks.likelihood [--seeds 3] [--out FILE.jsonl]
    python -m benchmarks.likelihood --full [SET …] [--data-dir FOLDER] [--download] --out FILE.jsonl

The first form takes MNIST's test digits, IDX files in DATA/mnist: 8,000 of them train, the other
2,000 test, both binarised once. Networks: two hidden layers of 300 each, 32 latent dimensions. The
estimate is the importance-weighted one with 5,000 samples [BGS16].

The second form is made for a machine with a GPU and the data: statically binarised MNIST, OMNIGLOT
and Fashion-MNIST from TensorFlow Datasets (SET: binarized_mnist, omniglot, fashion_mnist; all by
default), prepared in FOLDER, or downloaded where there is a network. What [K19] leaves open, or we
could not read there, is in `CHOICES`.

Wanted is the published order: VHP with REWO below the VampPrior, below the standard prior; the exit
code is 0 if the means over the seeds have it. Every finished run is a line of FILE.jsonl, and is
not run again while data, settings and the code of tfvae stay as they are.
"""

import argparse
import itertools
import os
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import tfvae
import tfvae.datasets
from benchmarks import common
from tfvae.objectives import GECO, REWO, Constrained

# Settings of the runs on 8,000 digits; all of them choices.
DIGITS = {
    "hidden": (300, 300),
    "latent_dim": 32,
    "pseudo_inputs": 200,
    "prior_samples": 16,
    "kappa_squared": 70.0,
    "nu": 2.0,
    "initial_beta": 0.1,
    "epochs": 60,
    "batch_size": 128,
    "learning_rate": 1e-3,
    # Steps on the hierarchical prior alone, after the epochs.
    "fit_prior_steps": 3_000,
    "samples": 5_000,
    "models": ("N(0, I), ELBO", "VampPrior, ELBO", "IWAE", "VHP, REWO"),
}
# Settings of the published comparison. Two hidden layers of 300, 40 latents, 500 pseudo-inputs,
# batches of 100, Adam 5e-4 and the estimate with 5,000 samples are those of the authors' program of
# [TW18], which the comparison goes back to.
FULL = {
    **DIGITS,
    "latent_dim": 40,
    "pseudo_inputs": 500,
    "kappa_squared": None,
    "epochs": 300,
    "batch_size": 100,
    "learning_rate": 5e-4,
    "models": (
        "N(0, I), ELBO", "VampPrior, ELBO", "IWAE", "VHP, ELBO", "VHP, GECO", "VHP, REWO",
    ),
}  # fmt: skip
# What is our choice in `FULL` and in `SETS`, as it is printed below the table.
CHOICES = (
    "plain dense layers (no gates), a constant learning rate, 300 epochs, no warm-up, no early "
    "stopping: validation images train as well; K = 16 samples of the prior, ν = 2, β₀ = 0.1, "
    "κ² = 70 nats for MNIST and automatic elsewhere; Fashion-MNIST and OMNIGLOT binarised once, "
    "OMNIGLOT shrunk to 28×28 by area and divided at random into as many images as [TW18] has"
)
# What differs between the data sets of `FULL`. κ² of MNIST is that of the 8,000 digits.
SETS = {
    "binarized_mnist": {"kappa_squared": 70.0},
    "omniglot": {},
    "fashion_mnist": {},
}
SIZE = 28
# Training and test images of OMNIGLOT in [TW18].
OMNIGLOT = (24_345, 8_070)
# The published order, best first.
ORDER = ("VHP, REWO", "VampPrior, ELBO", "N(0, I), ELBO")
COLUMNS = {
    "−log p(x)": "nats",
    "over seeds": "nats",
    "over examples": "nats",
    "−ELBO": "nats",
    "distortion": "nats",
    "rate": "nats",
    "active units": "",
    "train distortion": "nats",
    "over κ²": "",
    "λ": "",
    "training": "s",
    "evaluation": "s",
}


# ---- data ------------------------------------------------------------------------------------


def digits(folder):
    """8,000 + 2,000 binarised digits, the same for all seeds."""
    dataset = tfvae.datasets.load(
        "idx", "test", path=os.path.join(folder, "mnist"), shuffle=False, labels=False,
        binarize=True,
    )  # fmt: skip
    return common.divided(flat(tfvae.datasets.as_arrays(dataset)), 8_000)


def flat(images):
    """(n, …) -> (n, N_x)."""
    return images.reshape(len(images), -1)


def published(name, data_dir=None, download=False):
    """Both parts of a data set of `SETS`, binary, (n, 784).

    Raises:
        ValueError: if the data are not prepared and may not be downloaded.
    """
    import tensorflow_datasets as tfds

    builder = tfds.builder(name, data_dir=data_dir)
    if download:
        builder.download_and_prepare()
    if not builder.is_prepared():
        raise ValueError(
            f"The data set {name!r} must be prepared in {builder.data_path!s}, which it is not. It "
            f"comes from {builder.info.homepage}: add --download where there is a network, or run "
            f"`tfds build {name} --data_dir=FOLDER` there, copy FOLDER, and give --data-dir=FOLDER."
        )

    def binary(split):
        # Ink of OMNIGLOT is black on white, in three channels, at 105×105 pixels.
        data = tfvae.datasets.load(
            name, split, data_dir=data_dir, shuffle=False, labels=False,
            binarize=name == "fashion_mnist",
        )  # fmt: skip
        if name == "omniglot":
            data = data.map(lambda x: 1.0 - tf.image.resize(x[..., :1], (SIZE, SIZE), "area"))
        return tfvae.datasets.as_arrays(data).astype("float32")

    if name == "omniglot":
        x = binary("train+test")
        uniform = np.random.default_rng(0).uniform(size=x.shape)
        return common.divided(flat((uniform < x).astype("float32")), *OMNIGLOT)
    # The binarised digits have 10,000 validation images, which train as well.
    with_validation = "validation" in builder.info.splits
    splits = ("train+validation" if with_validation else "train", "test")
    return tuple(flat(binary(split)) for split in splits)


# ---- models ----------------------------------------------------------------------------------


def vamp(settings, train, seed):
    """A VampPrior that starts at training examples."""
    prior = tfvae.priors.VampPrior(num_components=settings["pseudo_inputs"])
    prior.adapt(train, seed=seed)
    return prior


def hierarchical(settings):
    """A hierarchical prior with networks of the model's size."""
    mlp, hidden = tfvae.networks.mlp, settings["hidden"]
    return tfvae.priors.HierarchicalPrior(
        settings["prior_samples"], decoder=mlp(hidden), encoder=mlp(hidden)
    )


def constrained(settings, train, multiplier):
    """The constraint of κ² nats, or an automatic one."""
    kappa = settings["kappa_squared"]
    return Constrained(None if kappa is None else kappa / train.shape[1], multiplier)


def model_of(name, settings, train, seed):
    """A model with the prior and the objective of this name."""

    def vhp(multiplier):
        objective = constrained(settings, train, multiplier)
        return tfvae.VHPVAE, {"prior": hierarchical(settings), "objective": objective}

    cls, options = {
        "N(0, I), ELBO": lambda: (tfvae.VAE, {}),
        "VampPrior, ELBO": lambda: (tfvae.VAE, {"prior": vamp(settings, train, seed)}),
        "IWAE": lambda: (tfvae.ImportanceWeightedVAE, {}),
        "VHP, ELBO": lambda: (tfvae.VAE, {"prior": hierarchical(settings)}),
        "VHP, GECO": lambda: vhp(GECO()),
        "VHP, REWO": lambda: vhp(REWO(nu=settings["nu"], initial=settings["initial_beta"])),
    }[name]()
    return cls(
        settings["latent_dim"],
        encoder=tfvae.networks.mlp(settings["hidden"]),
        decoder=tfvae.networks.mlp(settings["hidden"], train.shape[1:]),
        likelihood="bernoulli",
        seed=seed,
        **options,
    )


def measured(name, settings, train, test, seed):
    """Trains a model and measures it: one number for each column but those over the seeds."""
    keras.utils.set_random_seed(seed)
    model = model_of(name, settings, train, seed)
    model.compile(keras.optimizers.Adam(settings["learning_rate"]))
    start = time.perf_counter()
    history = model.fit(
        train, batch_size=settings["batch_size"], epochs=settings["epochs"], verbose=0
    ).history
    if isinstance(model, tfvae.VHPVAE):
        model.fit_prior(train, steps=settings["fit_prior_steps"], seed=seed, verbose=0)
    seconds = time.perf_counter() - start
    logs = model.evaluate(test, verbose=0)
    report = tfvae.evaluation.log_likelihood(model, test, settings["samples"], verbose=0)
    posterior = tfvae.evaluation.posterior_report(model, test)
    # For a Bernoulli the error is the distortion, and κ² the bound on it.
    reached = model.likelihood.bound(history["constraint"][-1])
    is_constrained = "lambda" in history
    return {
        "−log p(x)": -report.mean,
        "over examples": report.standard_error,
        "−ELBO": -logs["elbo"],
        "distortion": logs["distortion"],
        "rate": logs["rate"],
        "active units": int(posterior.active.sum()),
        "train distortion": reached,
        "over κ²": history["constraint"][-1] / history["kappa"][-1] if is_constrained else None,
        "λ": history["lambda"][-1] if is_constrained else None,
        "training": seconds,
        "evaluation": time.perf_counter() - start - seconds,
    }


def run(data, train, test, settings, seeds=(0, 1, 2), finished=None):
    """All models on one data set: {model: [numbers of each seed]}."""
    finished = common.Finished() if finished is None else finished
    digest, version, results = common.digest_of(train, test), common.code(), {}
    for name in settings["models"]:
        for seed in seeds:
            used = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
            del used["models"]
            key = {"data": data, "digest": digest, "model": name, "seed": seed, **used}
            key["code"] = version
            numbers = finished.get(key)
            if numbers is None:
                numbers = measured(name, settings, train, test, seed)
                finished.add(key, numbers)
                shown = {k: numbers[k] for k in ("−log p(x)", "over examples", "−ELBO", "training")}
                words = ", ".join(f"{k} {v:.5g}" for k, v in shown.items())
                print(f"{time.strftime('%H:%M')}  {data}, {name}, seed {seed}: {words}", flush=True)
                keras.backend.clear_session()
            results.setdefault(name, []).append(numbers)
    return results


# ---- the table and the order -----------------------------------------------------------------


def summary(runs):
    """The cells of a row: means over seeds, and the standard error of −log p(x) over them."""
    cells = {}
    for column in COLUMNS:
        if column == "over seeds":
            values = [one["−log p(x)"] for one in runs]
            spread = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else None
            cells[column] = None if spread is None else float(spread)
            continue
        values = [one[column] for one in runs]
        cells[column] = None if None in values else float(np.mean(values))
    return list(cells.values())


def in_order(data, results):
    """Prints how the rows of `ORDER` compare; returns whether the means are in this order."""
    rows = [name for name in ORDER if name in results]
    holds = True
    for better, worse in itertools.pairwise(rows):
        first, second = ([one["−log p(x)"] for one in results[name]] for name in (better, worse))
        gaps = np.subtract(second, first)
        error = np.std(gaps, ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else np.nan
        holds = holds and bool(gaps.mean() > 0)
        print(
            f"{data}: {better} below {worse} by {gaps.mean():.4g} ± {error:.2g} nats, in "
            f"{np.sum(gaps > 0)} of {len(gaps)} seeds"
        )
    return holds


def parsed(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--full", nargs="*", choices=SETS, metavar="SET",
        help=f"the published comparison, on {', '.join(SETS)}",
    )  # fmt: skip
    parser.add_argument("--data-dir", help="folder of TFDS's prepared data, for --full")
    parser.add_argument("--download", action="store_true", help="let TFDS download, for --full")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0")
    parser.add_argument("--epochs", type=int, help=f"{DIGITS['epochs']}; --full: {FULL['epochs']}")
    parser.add_argument("--samples", type=int, help=f"importance samples, {DIGITS['samples']}")
    parser.add_argument("--kappa-squared", type=float, help="κ² in nats")
    parser.add_argument("--only", default="", help="part of the name of the models to run")
    parser.add_argument("--out", help="file of finished runs, JSON lines; makes a run resumable")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    arguments.folder = os.environ.get("TFVAE_DATA_DIR")
    if arguments.full is None and not arguments.folder:
        parser.error("set TFVAE_DATA_DIR to the folder that holds mnist/")
    return arguments


def chosen(arguments):
    """(name of the data, training part, test part, settings) of each data set to run."""
    given = {
        name: value
        for name in ("epochs", "samples", "kappa_squared")
        if (value := getattr(arguments, name)) is not None
    }
    if arguments.full is None:
        yield ("digits", *digits(arguments.folder), {**DIGITS, **given})
        return
    for name in arguments.full or SETS:
        parts = published(name, arguments.data_dir, arguments.download)
        yield (name, *parts, {**FULL, **SETS[name], **given})


def main(argv=None):
    """Runs the benchmark; returns the exit code: 0 if the order is the published one, else 1."""
    arguments = parsed(argv)
    common.code()
    start = time.perf_counter()
    finished, rows, results, about = common.Finished(arguments.out), [], {}, {}
    for data, train, test, settings in chosen(arguments):
        names = tuple(name for name in settings["models"] if arguments.only in name)
        settings = {**settings, "models": names}
        about[data] = (
            f"{len(train)} training and {len(test)} test images, binarised; "
            f"{', '.join(f'{k} {v}' for k, v in settings.items() if k != 'models')}"
        )
        results[data] = run(data, train, test, settings, range(arguments.seeds), finished)
        rows += [[f"{data}: {name}", *summary(runs)] for name, runs in results[data].items()]
    common.report(
        "Log-likelihood of binarised images",
        ["data and model", *COLUMNS],
        rows,
        ["", *COLUMNS.values()],
        {
            **about,
            **({} if arguments.full is None else {"choices": CHOICES}),
            "seeds": f"0 to {arguments.seeds - 1}; means, and the standard error of −log p(x) over "
            "the seeds and over the test images",
            "code": common.code(),
            "time": f"{(time.perf_counter() - start) / 60:.1f} minutes in this process",
            **common.environment(),
        },
        arguments.json,
    )
    print()
    return 0 if all([in_order(*one) for one in results.items()]) else 1


if __name__ == "__main__":
    sys.exit(main())
