"""Disentanglement of sprites, and categories of digits: CascadeVAE beside its baselines.

    python -m benchmarks.disentanglement [--results FOLDER] [--seeds 3] [--only NAME] [--json FILE]
    python -m benchmarks.disentanglement --full --results FOLDER  # the published dSprites setting
    python -m benchmarks.disentanglement --digits [--data FOLDER]    # MNIST, unsupervised accuracy

Every model has the same networks, steps and optimizer. The continuous-only ones have ten latents,
the joint ones six and one category of three, as in [JS19, section 5]. Each finished run is a file
of its own in FOLDER; what is there with the same settings is not run again, so that the benchmark
can be stopped at any time.
"""

import argparse
import hashlib
import json
import os
import time

import keras
import numpy as np
import tensorflow as tf

import tfvae
from benchmarks import common
from tfvae._files import write_text
from tfvae.objectives import Capacity, InformationCascade

# Sizes of the setting that fits two cores, and of the published one. In the small one there is no
# rotation, but all positions of dSprites, and activations are smooth: where neighbouring positions
# do not overlap, or no unit is active at both, a category may stand for one shape here and for
# another one there, and the two never meet.
SMALL = {
    "size": 32,
    "scales": 4,
    "orientations": 1,
    "positions": 32,
    "filters": (8, 16, 32),
    "dense": 128,
    "activation": "elu",
    "steps": 6_600,
    "learning_rate": 1e-3,
    "discriminator": (256,) * 4,
    "gamma": 10.0,
    "capacity": (50.0, 20.0),
    "penalty": 1.0,
    "betas": (2.0, 20.0),
    "start": 3,
    "periods": 10,
    "continuous_betas": (0.5, 10.0),
    "l2": 4e-5,
}
FULL = {
    **SMALL,
    "size": 64,
    "scales": 6,
    "orientations": 40,
    "positions": 32,
    "filters": (32, 32, 64, 64),
    "dense": 256,
    "activation": "relu",
    "steps": 300_000,
    "learning_rate": 1e-4,
    "discriminator": (1000,) * 6,
    "gamma": 35.0,
    "capacity": (150.0, 40.0),
    "penalty": 0.001,
    "betas": (0.1, 10.0),
    "continuous_betas": (0.1, 10.0),
    "start": 4,
    "periods": 15,
}
DIGITS = {
    "hidden": (256, 256),
    "activation": "relu",
    "steps": 4_000,
    "learning_rate": 1e-3,
    "capacity": (30.0, 5.0),
    "penalty": 0.1,
    "betas": (5.0, 20.0),
    "start": 0,
    "periods": 15,
    "l2": 0.0,
    "latents": 6,
    "categories": 10,
    "train": 8_000,
}
BATCH = 64
# Settings that concern some of the models only: others keep their runs when these change.
OWN = {
    "FactorVAE": {"discriminator", "gamma"},
    "CascadeVAE-C": {"continuous_betas", "periods"},
    "JointVAE": {"capacity"},
    "CascadeVAE": {"betas", "start", "periods", "penalty"},
}
SCORES = {
    "FactorVAE score": "factor_vae_score",
    "MIG": "mig",
    "DCI D": "disentanglement",
    "DCI C": "completeness",
    "β-VAE score": "beta_vae_score",
    "SAP": "sap",
}


def sprites(settings):
    """Images in [0, 1] and their factors."""
    positions = settings["positions"]
    x, factors = tfvae.datasets.sprite_grid(
        size=settings["size"],
        scales=settings["scales"],
        orientations=settings["orientations"],
        positions_x=positions,
        positions_y=positions,
    )
    return x, dict(zip(tfvae.datasets.SPRITE_FACTORS, factors.T, strict=True))


def networks(settings, shape):
    """Encoder and decoder: those of [JS19, appendix] for 64×64, or dense ones."""
    # Adam takes weights that have no other gradient, those of d before it begins, to zero by it.
    kwargs = {
        "activation": settings["activation"],
        "kernel_regularizer": keras.regularizers.L2(settings["l2"]),
    }
    if "hidden" in settings:
        hidden = settings["hidden"]
        encoder = tfvae.networks.mlp(hidden, **kwargs)
        decoder = tfvae.networks.mlp(hidden[::-1], shape, **kwargs)
    else:
        kwargs |= {"filters": settings["filters"], "dense": settings["dense"]}
        encoder = tfvae.networks.conv_encoder(**kwargs)
        decoder = tfvae.networks.conv_decoder(shape, **kwargs)
    return {"encoder": encoder, "decoder": decoder, "likelihood": "bernoulli"}


def cascade(settings, betas="betas"):
    """The schedule of the CascadeVAE; "continuous_betas" are those without categories."""
    period = settings["steps"] // settings["periods"]
    return InformationCascade(*settings[betas], period, settings["start"])


def capacity(settings):
    """The schedule of the JointVAE."""
    weight, continuous = settings["capacity"]
    return Capacity(weight, continuous, num_steps=settings["steps"])


def models(settings):
    """Functions that make the models to compare, by name."""
    discriminator = settings["discriminator"]

    def factor_vae(**kwargs):
        mlp = tfvae.networks.mlp(discriminator, (1,), activation="leaky_relu")
        penalty = tfvae.penalties.TotalCorrelation(settings["gamma"], mlp)
        return tfvae.FactorVAE(10, penalties=[penalty], **kwargs)

    return {
        "VAE": lambda **kwargs: tfvae.VAE(10, **kwargs),
        "β-VAE (4)": lambda **kwargs: tfvae.BetaVAE(10, beta=4.0, **kwargs),
        "FactorVAE": factor_vae,
        "CascadeVAE-C": lambda **kwargs: tfvae.CascadeVAE(
            10, objective=cascade(settings, "continuous_betas"), **kwargs
        ),
        **categorical_models(settings, 6, 3),
    }


def categorical_models(settings, latent_dim, num_categories):
    """Functions that make the models with categories, by name."""

    def joint_vae(**kwargs):
        discrete = tfvae.discrete.GumbelSoftmax(num_categories)
        return tfvae.JointVAE(latent_dim, capacity(settings), discrete, **kwargs)

    def cascade_vae(**kwargs):
        flow = tfvae.assignment.MinCostFlow(settings["penalty"])
        discrete = tfvae.discrete.Assigned(num_categories, flow)
        return tfvae.CascadeVAE(latent_dim, cascade(settings), discrete, **kwargs)

    return {"JointVAE": joint_vae, "CascadeVAE": cascade_vae}


def batches(x, seed):
    """Batches of random images without end."""
    data = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x), seed=seed).repeat()
    return data.batch(BATCH).map(lambda v: tf.cast(v, tf.float32)).prefetch(2)


def trained(model, x, settings, seed):
    """Trains, and returns the seconds that it took."""
    rate = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"], 0.1)
    model.compile(keras.optimizers.Adam(rate))
    start = time.perf_counter()
    model.fit(batches(x, seed), steps_per_epoch=settings["steps"], verbose=0)
    return time.perf_counter() - start


def run_sprites(make, x, factors, settings, seed):
    """The numbers of one model and seed."""
    keras.utils.set_random_seed(seed)
    model = make(seed=seed, **networks(settings, x.shape[1:]))
    seconds = trained(model, x, settings, seed)
    report = tfvae.evaluation.disentanglement(model, x, factors=factors, seed=seed)
    part = np.random.default_rng(seed).choice(len(x), 2000, replace=False)
    logs = model.evaluate(x[part].astype("float32"), verbose=0)
    numbers = {name: float(getattr(report, field)) for name, field in SCORES.items()}
    shape = [one for (_, factor), one in report.accuracies.items() if factor == "shape"]
    return {
        **numbers,
        "shape accuracy": float(shape[0].one_to_one) if shape else None,
        "distortion": logs["distortion"],
        "rate": logs["rate"],
        "active": int(report.active.sum()),
        "training": seconds,
    }


def digits(folder, settings):
    """MNIST's test digits in [0, 1] and their labels: some train, the others test."""
    path = os.path.join(folder, "mnist")
    data = tfvae.datasets.load("idx", "test", path=path, shuffle=False)
    x, labels = tfvae.datasets.as_arrays(data)
    train = settings["train"]
    return (x[:train], labels[:train]), (x[train:], labels[train:])


def run_digits(make, train, test, settings, seed):
    """Unsupervised accuracy of one model and seed."""
    keras.utils.set_random_seed(seed)
    model = make(seed=seed, **networks(settings, train[0].shape[1:]))
    seconds = trained(model, train[0], settings, seed)
    numbers = {"training": seconds}
    for name, (x, labels) in {"train": train, "test": test}.items():
        found = np.concatenate([model.categories(x[i : i + 500]) for i in range(0, len(x), 500)])
        accuracy = tfvae.evaluation.unsupervised_accuracy(found[:, 0], labels)
        numbers[f"accuracy, {name}"] = float(accuracy.one_to_one)
        numbers[f"majority, {name}"] = float(accuracy.majority)
    logs = model.evaluate(test[0], verbose=0)
    return {**numbers, "distortion": logs["distortion"], "rate": logs["rate"]}


def digit_models(settings):
    """Functions that make the models to compare, by name."""
    return categorical_models(settings, settings["latents"], settings["categories"])


def resumed(folder, name, seed, settings, run):
    """What `run` returns, or the file of an earlier run with the same settings holds."""
    others = set().union(*OWN.values()) - OWN.get(name.removeprefix("digits "), set())
    settings = {key: value for key, value in settings.items() if key not in others}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
    path = os.path.join(folder, f"{name}-{seed}-{digest}.json")
    if os.path.exists(path):
        with open(path) as file:
            return json.load(file)["numbers"]
    numbers = run()
    os.makedirs(folder, exist_ok=True)
    content = {"model": name, "seed": seed, "settings": settings, "numbers": numbers}
    write_text(path, json.dumps(content))
    shown = {key: value if value is None else round(value, 4) for key, value in numbers.items()}
    print(name, seed, shown, flush=True)
    return numbers


def summary(values):
    """Mean ± standard deviation over the seeds."""
    if any(value is None for value in values):
        return None
    return f"{np.mean(values):.4g} ± {np.std(values):.2g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", default="runs/disentanglement", help="folder of finished runs")
    parser.add_argument("--data", default=os.environ.get("TFVAE_DATA_DIR", "data"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="name of the one model to run")
    parser.add_argument("--set", default="{}", help="JSON of settings to use in place of others")
    parser.add_argument("--full", action="store_true", help="the published setting on dSprites")
    parser.add_argument("--digits", action="store_true", help="categories of MNIST digits")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args()
    settings = DIGITS if arguments.digits else FULL if arguments.full else SMALL
    settings = {**settings, **json.loads(arguments.set)}
    if arguments.digits:
        data = digits(arguments.data, settings)
        makers, run = digit_models(settings), run_digits
    else:
        data = sprites(settings)
        makers, run = models(settings), run_sprites
    rows, seconds = [], 0.0
    for name, make in makers.items():
        if arguments.only not in ("", name):
            continue
        runs = [
            resumed(
                arguments.results,
                ("digits " if arguments.digits else "") + name,
                seed,
                settings,
                lambda seed=seed, make=make: run(make, *data, settings, seed),
            )
            for seed in range(arguments.seeds)
        ]
        seconds += sum(one["training"] for one in runs)
        numbers = {key: summary([one[key] for one in runs]) for key in runs[0]}
        if not arguments.digits:
            found = [one["shape accuracy"] for one in runs]
            numbers["best shape accuracy"] = None if None in found else max(found)
        rows.append([name, *numbers.values()])
    columns = list(numbers)
    units = {"distortion": "nats", "rate": "nats", "training": "s"}
    common.report(
        "Categories of digits" if arguments.digits else "Disentanglement of sprites",
        ["model", *columns],
        rows,
        ["", *(units.get(column, "") for column in columns)],
        {
            "data": f"{len(data[0] if not arguments.digits else data[0][0])} training images",
            "settings": json.dumps(settings),
            "training": f"batches of {BATCH}, Adam with cosine decay to a tenth, "
            f"periods of {settings['steps'] // settings['periods']} steps",
            "seeds": arguments.seeds,
            "time": f"{seconds / 60:.1f} minutes of training, all runs one after the other",
            **common.environment(),
        },
        arguments.json,
    )


if __name__ == "__main__":
    main()
