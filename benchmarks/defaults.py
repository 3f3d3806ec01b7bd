"""What the defaults give: VAE, VHP-VAE and VHP-FMVAE with nothing set but the number of latents.

    python -m benchmarks.defaults [--folder FOLDER] [--only PART …] [--out FILE.jsonl] [--quick]
    python -m benchmarks.defaults --data FILE.npz [--likelihood bernoulli] [--latent-dim 8]

Adam(1e-3) trains each model for a short time, is measured, and goes on to three times as long. The
second form does it on arrays of your own, `x_train` and `x_test`. FOLDER holds the raw files of
MNIST, COIL-20 and motion capture; the other data sets need none. Three conditions are wanted of the
defaults, and the exit code is 0 if all of them hold:

(a) the held-out ELBO of VHP-VAE is at least the VAE's, minus one standard error;
(b) that of VHP-VAE and VHP-FMVAE is not worse after the longer training, by more than one;
(c) their error on the training data is at most the κ that they report.

A difference is taken example by example between two models, and its standard error is that of a
mean over held-out examples and over seeds: sqrt(var(mean over seeds)/n + var(mean over
examples)/seeds). Every finished run is a line of FILE.jsonl, and is not run again while data,
settings and the code of tfvae stay as they are: the benchmark can be stopped at any time, and two
processes with other `--only` may share a file. The report tells how long it took.
"""

import argparse
import functools
import os
import pathlib
import sys
import time
import warnings

import keras
import numpy as np
import sklearn.datasets

import tfvae
import tfvae.datasets
from benchmarks import common

MODELS = {"VAE": tfvae.VAE, "VHP-VAE": tfvae.VHPVAE, "VHP-FMVAE": tfvae.FlatManifoldVAE}
CONSTRAINED = ("VHP-VAE", "VHP-FMVAE")
# How often the steps of a data set each length of training has.
LENGTHS = {"short": 1, "long": 3}
# Posterior samples of an example for its ELBO; latents and importance samples of `prior_fit`.
SAMPLES, PRIOR_SAMPLES, IMPORTANCE_SAMPLES = 8, 1_000, 1_024
# The error may lie so far above κ: it is a mean over samples, and κ one over batches.
WITHIN = 1.01
# A quick run has this share of the steps and at most so many examples.
QUICK, QUICK_EXAMPLES = 0.2, 1_000
COLUMNS = {
    "held-out ELBO": "nats",
    "standard error over examples": "nats",
    "over seeds": "nats",
    "minus VAE": "nats",
    "minus VAE in standard errors": "",
    "long − short": "nats",
    "long − short in standard errors": "",
    "κ": "",
    "error, train": "",
    "error, held out": "",
    "KL(q ‖ p)": "nats",
    "samples where data are": "",
    "training": "s",
}


# ---- data ------------------------------------------------------------------------------------


def loaded(name, folder=None, **options):
    """Both splits of a data set of the library, (n, *data)."""
    path = None if folder is None else os.path.join(folder, name)
    load = functools.partial(tfvae.datasets.load, name, path=path, shuffle=False, labels=False)
    return [tfvae.datasets.as_arrays(load(split, **options)) for split in ("train", "test")]


def mnist(folder, binarize):
    """6,000 + 2,000 of MNIST's test digits."""
    data = tfvae.datasets.load(
        "idx", "test", path=os.path.join(folder, "mnist"), shuffle=False, labels=False,
        binarize=binarize,
    )  # fmt: skip
    return common.divided(tfvae.datasets.as_arrays(data), 6_000, 2_000)


def table(load):
    """A table of scikit-learn: four fifths and one fifth, standardised by the first."""
    x = load().data
    train, test = common.divided(x, len(x) - len(x) // 5, len(x) // 5)
    mean, std = train.mean(axis=0), train.std(axis=0)
    return [((part - mean) / std).astype("float32") for part in (train, test)]


def sprite_sequences():
    """Sequences of 8 frames, 16×16 pixels, of a sprite that moves from left to right and around."""
    # With 5 orientations, a square has no two that look the same.
    sizes = dict(zip(tfvae.datasets.SPRITE_FACTORS, (3, 4, 5, 8, 10), strict=True))
    images, factors = tfvae.datasets.sprite_grid(
        size=16, scales=4, orientations=5, positions_x=8, positions_y=10
    )
    data = tfvae.datasets.factor_sequences(
        images, factors, "x_position", sizes=sizes, training=False
    )
    x, _ = tfvae.datasets.as_arrays(data)
    return common.divided(x, len(x) - len(x) // 5, len(x) // 5)


# Data of each name, a function of the folder, and what is no default: the number of latents, and
# how long to train.
DENSE = {"likelihood": "gaussian", "latent_dim": 8, "batch_size": 64, "steps": 400}
CONVOLUTIONS = {**DENSE, "latent_dim": 16, "steps": 220}
TABLE = {**DENSE, "latent_dim": 4, "batch_size": 32}
DATASETS = {
    "digits": (lambda folder: loaded("digits"), DENSE),
    "breast cancer": (lambda folder: table(sklearn.datasets.load_breast_cancer), TABLE),
    "wine": (lambda folder: table(sklearn.datasets.load_wine), TABLE),
    "cmu_mocap": (lambda folder: loaded("cmu_mocap", folder), DENSE),
    "sequences of sprites": (
        lambda folder: sprite_sequences(),
        {**DENSE, "likelihood": "bernoulli", "batch_size": 32},
    ),
    "mnist": (functools.partial(mnist, binarize=False), CONVOLUTIONS),
    "mnist, binarised": (
        functools.partial(mnist, binarize=True),
        {**CONVOLUTIONS, "likelihood": "bernoulli"},
    ),
    "coil20": (
        lambda folder: loaded("coil20", folder, size=32),
        {**CONVOLUTIONS, "batch_size": 32, "steps": 110},
    ),
}
NEED_FILES = ("cmu_mocap", "mnist", "mnist, binarised", "coil20")


def arrays(file):
    """`x_train` and `x_test` of an .npz file as float32."""
    with np.load(file) as content:
        missing = sorted({"x_train", "x_test"} - set(content.files))
        if missing:
            raise ValueError(
                f"{file}: the arrays must be x_train and x_test, received {content.files}. Write "
                "them by np.savez(file, x_train=…, x_test=…)."
            )
        return [content[name].astype("float32") for name in ("x_train", "x_test")]


# ---- runs ------------------------------------------------------------------------------------


def terms(model, x, batch_size=256):
    """ELBO of each example, (n,), and the error in the unit of κ, of some posterior samples."""
    elbo, error = [], []
    for start in range(0, len(x), batch_size):
        part = x[start : start + batch_size]
        found = model.elbo_terms(part, seed=[start, 0], num_samples=SAMPLES)
        rate = np.mean(found.rate, axis=0, dtype="float64")
        elbo.append(-np.mean(found.distortion, axis=0, dtype="float64") - rate)
        error.append(np.mean(found.error, axis=0, dtype="float64"))
    mean = float(np.mean(np.concatenate(error)))
    return np.concatenate(elbo), float(model.likelihood.kappa_of(mean))


def measured(model, train, test):
    """The numbers of a trained model, JSON-serialisable; "elbo" has one for each held-out example.

    Returns:
        dict of elbo, kappa (None for a model without a constraint), the errors in the unit of κ on
        both parts, and what `prior_fit` finds on the training data.
    """
    elbo, error = terms(model, test)
    bound = model.objective.bound
    fit = tfvae.evaluation.prior_fit(
        model, train, num_samples=PRIOR_SAMPLES, num_importance_samples=IMPORTANCE_SAMPLES,
        verbose=0,
    )  # fmt: skip
    return {
        "elbo": [float(f"{value:.7g}") for value in elbo],
        "kappa": None if bound is None else float(model.likelihood.kappa_of(bound)),
        "error_train": terms(model, train)[1],
        "error_test": error,
        "divergence": fit.divergence,
        "share": fit.share,
    }


def trained(cls, train, test, settings, seed, epochs):
    """What `measured` gives after each length of training, by length.

    A run that ends with numbers that are not finite has "failed", the message, instead.
    """
    keras.utils.set_random_seed(seed)
    model = cls(settings["latent_dim"], likelihood=settings["likelihood"], seed=seed)
    model.compile(keras.optimizers.Adam(1e-3))
    done, seconds, runs = 0, 0.0, {}
    for length, times in LENGTHS.items():
        start = time.perf_counter()
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(
                    train, batch_size=settings["batch_size"], initial_epoch=done,
                    epochs=times * epochs, verbose=0,
                )  # fmt: skip
        except FloatingPointError as error:
            return {**runs, **{one: {"failed": str(error)} for one in LENGTHS if one not in runs}}
        done, seconds = times * epochs, seconds + time.perf_counter() - start
        told = sorted({str(one.message) for one in caught if one.category is UserWarning})
        runs[length] = {**measured(model, train, test), "seconds": seconds, "warnings": told}
    return runs


def run(
    name,
    train,
    test,
    likelihood="gaussian",
    *,
    latent_dim=8,
    batch_size=64,
    steps=1_000,
    seeds=(0, 1),
    models=tuple(MODELS),
    finished=None,
):
    """Runs all models on one data set, and returns the numbers of `measured`.

    Args:
        name: of the data set, for the table.
        train: float array, (n, *data).
        test: the same, held out.
        likelihood: "gaussian" or "bernoulli".
        latent_dim: N_z.
        batch_size: examples of a training step.
        steps: number of training steps of the short training, rounded to whole epochs.
        seeds: one run for each.
        models: names in `MODELS`.
        finished: a `common.Finished`, asked first and told of new runs; None: nothing is kept.

    Returns:
        {(model, length): [numbers of each seed]}.
    """
    finished = common.Finished() if finished is None else finished
    train, test = (np.asarray(part, "float32") for part in (train, test))
    epochs = max(1, round(steps * batch_size / len(train)))
    settings = {"likelihood": likelihood, "latent_dim": latent_dim, "batch_size": batch_size}
    version, data = common.code(), common.digest_of(train, test)
    results = {}
    for model in models:
        for seed in seeds:
            keys = {
                length: {
                    "data": name, "digest": data, "model": model, "seed": seed, "length": length,
                    "epochs": times * epochs, **settings, "code": version,
                }
                for length, times in LENGTHS.items()
            }  # fmt: skip
            runs = {length: finished.get(key) for length, key in keys.items()}
            if None in runs.values():
                runs = trained(MODELS[model], train, test, settings, seed, epochs)
                for length, key in keys.items():
                    finished.add(key, runs[length])
                told(f"{name}, {model}, seed {seed}, {epochs} epochs", runs)
                keras.backend.clear_session()
            for length, numbers in runs.items():
                results.setdefault((model, length), []).append(numbers)
    return results


START = time.perf_counter()


def told(name, runs):
    """Prints a line of progress."""
    words = []
    for length, numbers in runs.items():
        if "failed" in numbers:
            words.append(f"{length}: failed, {numbers['failed']:.80}")
            continue
        kappa = "" if numbers["kappa"] is None else f" of {numbers['kappa']:.4g}"
        words.append(
            f"{length}: ELBO {np.mean(numbers['elbo']):.5g}, error {numbers['error_train']:.4g}"
            f"{kappa}, KL {numbers['divergence']:.3g}, {numbers['seconds']:.0f} s"
            + "".join(f" ({text:.60}…)" for text in numbers["warnings"])
        )
    minutes = (time.perf_counter() - START) / 60
    print(f"{minutes:5.1f} min  {name}: {'; '.join(words)}", flush=True)


# ---- the table and the verdict ---------------------------------------------------------------


def standard_errors(values):
    """Of the mean of `values`, (seeds, n): over the examples, and over the seeds (0 for one)."""
    values = np.asarray(values, "float64")
    seeds, n = values.shape
    of_examples = np.std(values.mean(axis=0), ddof=1) / np.sqrt(n)
    of_seeds = np.std(values.mean(axis=1), ddof=1) / np.sqrt(seeds) if seeds > 1 else 0.0
    return float(of_examples), float(of_seeds)


def difference(first, second):
    """Mean of first − second, (seeds, n) each, and the mean in standard errors."""
    paired = np.asarray(first, "float64") - np.asarray(second, "float64")
    mean = float(paired.mean())
    error = float(np.hypot(*standard_errors(paired)))
    return mean, mean / error if error else float(np.sign(mean)) * np.inf if mean else 0.0


def elbos(results, model, length):
    """ELBOs of the held-out examples, (seeds, n); None where a run has failed or there is none."""
    runs = results.get((model, length), [])
    complete = runs and not any("failed" in one for one in runs)
    return [one["elbo"] for one in runs] if complete else None


def row(results, model, length):
    """The numbers of a model and a length of training, by column; None where there are none."""
    own = elbos(results, model, length)
    cells = dict.fromkeys(COLUMNS)
    if own is None:
        return cells
    errors = standard_errors(own)
    cells |= {"held-out ELBO": float(np.mean(own)), "over seeds": errors[1] or None}
    cells["standard error over examples"] = errors[0]
    against = {"minus VAE": ("VAE", length), "long − short": (model, "short")}
    for column, key in against.items():
        other = elbos(results, *key)
        if other is not None and key != (model, length):
            cells[column], cells[f"{column} in standard errors"] = difference(own, other)
    means = {
        "κ": "kappa", "error, train": "error_train", "error, held out": "error_test",
        "KL(q ‖ p)": "divergence", "samples where data are": "share", "training": "seconds",
    }  # fmt: skip
    for column, name in means.items():
        values = [one[name] for one in results[model, length]]
        cells[column] = None if None in values else float(np.mean(values))
    return cells


def verdicts(results):
    """The three conditions with what they were looked at on.

    Args:
        results: what `run` returns, by data set.

    Returns:
        {condition: [(data set and model, number, whether it holds)]}; the number is None where a
        run has failed. Models and lengths that were not run are left out.
    """
    found = {
        "(a) held-out ELBO of VHP-VAE at least the VAE's − 1 standard error": [],
        "(b) longer training not worse by more than 1 standard error": [],
        "(c) error on the training data within κ": [],
    }
    compared, lasting, bounded = found.values()

    def compare(where, label, runs, first, second):
        if first in runs and second in runs:
            pair = [elbos(runs, *key) for key in (first, second)]
            number = None if None in pair else difference(*pair)[1]
            where.append((label, number, number is not None and number >= -1.0))

    for name, runs in results.items():
        for length in LENGTHS:
            label = f"{name}, {length}"
            compare(compared, label, runs, ("VHP-VAE", length), ("VAE", length))
        for model in CONSTRAINED:
            label = f"{name}, {model}"
            compare(lasting, label, runs, (model, "long"), (model, "short"))
            for length in LENGTHS:
                if (model, length) in runs:
                    ratio = worst_error(runs[model, length])
                    holds = ratio is not None and ratio <= WITHIN
                    bounded.append((f"{label}, {length}", ratio, holds))
    return found


def worst_error(runs):
    """The greatest error over κ on the training data of any seed; None if a run has failed."""
    if any("failed" in one for one in runs):
        return None
    return max(one["error_train"] / one["kappa"] for one in runs)


def say(found):
    """Prints a line for each condition; returns whether all of them hold."""
    for condition, looked in found.items():
        wrong = [
            f"{label} ({'failed' if number is None else f'{number:.3g}'})"
            for label, number, holds in looked
            if not holds
        ]
        if not looked:
            print(f"{condition}: not measured")
        elif wrong:
            print(f"{condition}: FAILS in {len(wrong)} of {len(looked)}: {'; '.join(wrong)}")
        else:
            print(f"{condition}: holds in all {len(looked)}")
    return all(looked and all(holds for *_, holds in looked) for looked in found.values())


def chosen_data(arguments):
    """(name, function that gives train and test, settings) of each data set to run."""
    if not arguments.data:
        for name, (load, settings) in DATASETS.items():
            yield name, functools.partial(load, arguments.folder), settings
        return
    own = {
        "likelihood": arguments.likelihood, "latent_dim": arguments.latent_dim,
        "batch_size": arguments.batch_size, "steps": arguments.steps,
    }  # fmt: skip
    for file in arguments.data:
        yield pathlib.Path(file).stem, functools.partial(arrays, file), own


def parsed(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--folder", default=os.environ.get("TFVAE_DATA_DIR", "data"), help="of raw files"
    )
    parser.add_argument(
        "--data", action="append", metavar="FILE.npz",
        help="arrays x_train and x_test to run on in place of the data sets; may be repeated",
    )  # fmt: skip
    own = parser.add_argument_group("settings of --data")
    own.add_argument("--likelihood", default="gaussian", choices=("gaussian", "bernoulli"))
    own.add_argument("--latent-dim", type=int, default=DENSE["latent_dim"])
    own.add_argument("--batch-size", type=int, default=DENSE["batch_size"])
    own.add_argument("--steps", type=int, default=DENSE["steps"], help="of the short training")
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of data sets")
    parser.add_argument("--models", nargs="*", default=[*MODELS], choices=[*MODELS])
    parser.add_argument("--seeds", type=int, default=2, help="number of seeds, from 0")
    parser.add_argument("--out", help="file of finished runs, JSON lines; makes a run resumable")
    parser.add_argument(
        "--quick", action="store_true",
        help=f"at most {QUICK_EXAMPLES} examples and {QUICK:g} of the steps",
    )  # fmt: skip
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    needs = any(name in NEED_FILES for name in chosen_names(arguments))
    if needs and not os.path.isdir(arguments.folder):
        parser.error(
            f"--folder must hold {', '.join(NEED_FILES)} as raw files, received "
            f"{arguments.folder!r}, which does not exist. Set TFVAE_DATA_DIR, or choose other data "
            "by --only or --data."
        )
    return arguments


def chosen_names(arguments):
    """Names of the data sets to run."""
    names = [name for name, *_ in chosen_data(arguments)]
    return [n for n in names if not arguments.only or any(part in n for part in arguments.only)]


def main(argv=None):
    """Runs the benchmark; returns the exit code: 0 if all conditions hold, else 1."""
    arguments = parsed(argv)
    start = time.perf_counter()
    common.code()
    finished, results, sizes = common.Finished(arguments.out), {}, {}
    names = chosen_names(arguments)
    for name, load, settings in chosen_data(arguments):
        if name not in names:
            continue
        train, test = load()
        if arguments.quick:
            settings = {**settings, "steps": max(1, round(QUICK * settings["steps"]))}
            train, test = train[:QUICK_EXAMPLES], test[: QUICK_EXAMPLES // 2]
        sizes[name] = (
            f"{len(train)} + {len(test)} of {train.shape[1:]}, "
            f"{', '.join(f'{key} {value}' for key, value in settings.items())}"
        )
        results[name] = run(
            name, train, test, seeds=range(arguments.seeds), models=arguments.models,
            finished=finished, **settings,
        )  # fmt: skip
    rows = [
        [f"{name}: {model}, {length}", *row(runs, model, length).values()]
        for name, runs in results.items()
        for model, length in runs
    ]
    common.report(
        "Defaults",
        ["data and model", *COLUMNS],
        rows,
        ["", *COLUMNS.values()],
        {
            "training": "Adam 1e-3; short, then on to three times as long",
            **sizes,
            "estimates": f"{SAMPLES} posterior samples; {PRIOR_SAMPLES} latents with "
            f"{IMPORTANCE_SAMPLES} importance samples for the prior",
            "κ and error": "RMSE per feature (Gaussian) or nats per feature (Bernoulli)",
            "seeds": f"0 to {arguments.seeds - 1}",
            "code": common.code(),
            "time": f"{(time.perf_counter() - start) / 60:.1f} minutes in this process",
            **common.environment(),
        },
        arguments.json,
    )
    print()
    return 0 if say(verdicts(results)) else 1


if __name__ == "__main__":
    sys.exit(main())
