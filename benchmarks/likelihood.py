"""−log p(x) of MNIST digits in nats for four ways to train the same networks.

    TFVAE_DATA_DIR=DATA python -m benchmarks.likelihood [--epochs 60] [--json FILE]

DATA/mnist holds MNIST's test digits as IDX files: 8,000 of them train, the other 2,000 test, both
binarised once. Networks: two hidden layers of 300 each, 32 latent dimensions. The estimate is the
importance-weighted one with 5,000 samples [BGS16]. About 15 minutes on 2 cores.
"""

import argparse
import os
import time

import keras
import numpy as np

import tfvae
from benchmarks import common

TRAIN, LATENT_DIM, HIDDEN = 8_000, 32, (300, 300)
KAPPA_SQUARED = 70.0  # nats
NUM_FEATURES = 784


def digits(folder, seed):
    """8,000 + 2,000 binarised digits in an order that the seed decides."""
    dataset = tfvae.datasets.load(
        "idx", "test", path=os.path.join(folder, "mnist"), shuffle=False, binarize=True, seed=seed
    )
    x, _ = tfvae.datasets.as_arrays(dataset)
    x = x.reshape(len(x), NUM_FEATURES)[np.random.default_rng(seed).permutation(len(x))]
    return x[:TRAIN], x[TRAIN:]


def models(train, seed):
    """The models to compare, by name."""
    vamp = tfvae.priors.VampPrior(num_components=200)
    vamp.adapt(train, seed=seed)
    kappa = KAPPA_SQUARED / NUM_FEATURES
    rewo = tfvae.objectives.REWO(nu=2.0, initial=0.1)
    hierarchical = tfvae.priors.HierarchicalPrior(
        16,
        decoder=tfvae.networks.mlp(HIDDEN),
        encoder=tfvae.networks.mlp(HIDDEN),
    )
    constrained = tfvae.objectives.Constrained(kappa, multiplier=rewo)
    settings = {
        "N(0, I), ELBO": (tfvae.VAE, {}),
        "VampPrior (200), ELBO": (tfvae.VAE, {"prior": vamp}),
        "IWAE (16)": (tfvae.ImportanceWeightedVAE, {}),
        "VHP, REWO": (tfvae.VHPVAE, {"prior": hierarchical, "objective": constrained}),
    }
    for name, (cls, kwargs) in settings.items():
        keras.utils.set_random_seed(seed)
        yield (
            name,
            cls(
                LATENT_DIM,
                encoder=tfvae.networks.mlp(HIDDEN),
                decoder=tfvae.networks.mlp(HIDDEN, (NUM_FEATURES,)),
                likelihood="bernoulli",
                seed=seed,
                **kwargs,
            ),
        )


def row(name, model, train, test, arguments):
    """Trains a model and measures it."""
    model.compile(keras.optimizers.Adam(1e-3))
    start = time.perf_counter()
    history = model.fit(train, batch_size=128, epochs=arguments.epochs, verbose=0).history
    seconds = time.perf_counter() - start
    logs = model.evaluate(test, verbose=0)
    report = tfvae.evaluation.log_likelihood(model, test, arguments.samples)
    posterior = tfvae.evaluation.posterior_report(model, test)
    is_constrained = "lambda" in history
    reached = NUM_FEATURES * history["constraint"][-1]
    return [
        name,
        -report.mean,
        report.standard_error,
        -logs["elbo"],
        logs["distortion"],
        logs["rate"],
        int(posterior.active.sum()),
        reached,
        reached / KAPPA_SQUARED if is_constrained else None,
        history["lambda"][-1] if is_constrained else None,
        seconds,
        time.perf_counter() - start - seconds,
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--samples", type=int, default=5000, help="importance samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of the name of the models to run")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args()
    folder = os.environ.get("TFVAE_DATA_DIR")
    if not folder:
        parser.error("set TFVAE_DATA_DIR to the folder that holds mnist/")
    train, test = digits(folder, arguments.seed)
    rows = []
    for name, model in models(train, arguments.seed):
        if arguments.only in name:
            rows.append(row(name, model, train, test, arguments))
            print("done:", *rows[-1][:4], flush=True)
    columns = {
        "model": "",
        "−log p(x)": "nats",
        "standard error": "nats",
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
    common.report(
        "Log-likelihood of MNIST digits",
        list(columns),
        rows,
        list(columns.values()),
        {
            "data": f"{len(train)} training and {len(test)} test digits, binarised",
            "training": f"{arguments.epochs} epochs of Adam 1e-3, batch 128; κ² = {KAPPA_SQUARED}",
            "estimate": f"{arguments.samples} importance samples",
            "seed": arguments.seed,
            **common.environment(),
        },
        arguments.json,
    )


if __name__ == "__main__":
    main()
