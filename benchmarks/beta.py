"""β tables on digits and on events: posterior moments, rate and distortion, in both weightings.

    python -m benchmarks.beta [--data FOLDER] [--only digits events] [--epochs 60] [--processes 2]
        [--out FILE.jsonl] [--figures FOLDER]

The 1,797 digits of scikit-learn (8×8 pixels in [0, 1]), or 10,000 lepton pairs (MadGraph,
FOLDER/physics/z_jets_madgraph.lhe.gz) as `tfvae.datasets.EventCoordinates`, train and test.
D + β·R, and the convex form (1 − β)·MSE + β·R at the β of the particle-physics column [O21].
Wanted: as β rises, the rate falls and the distortion rises; in the convex form the average variance
runs from nearly 0 to 1, and the average mean to 0. Finished models are lines of FILE.jsonl, and are
not trained again.
"""

import argparse
import functools
import os
import sys

import keras
import numpy as np
from sklearn.datasets import load_digits

import tfvae
from benchmarks import common
from benchmarks.events import collisions

LATENT_DIM, UNITS, LEARNING_RATE = 4, [64, 64], 1e-3
BETAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
CONVEX = (0.0, 5e-6, 5e-5, 5e-4, 5e-3, 5e-2, 0.5, 1.0)
# Data -> σ of the likelihood in D + β·R, and examples of a batch.
DATA = {"digits": (0.15, 64), "events": (0.3, 256)}
# What two trainings may differ by, as a share of the range over all β.
SLACK = 0.01


def load(name, folder):
    """Examples as rows: pixels in [0, 1], (1797, 64), or coordinates of events, (10000, 6)."""
    if name == "digits":
        return (load_digits().data / 16.0).astype("float32")
    events = collisions(folder)
    return tfvae.datasets.EventCoordinates.fit(events).apply(events)


def networks(size):
    """Encoder and decoder of `size` features."""
    return {
        "encoder": tfvae.networks.mlp(UNITS),
        "decoder": tfvae.networks.mlp(UNITS, (size,)),
    }


def compiled(model, steps):
    """The model with Adam, whose learning rate falls to zero: the posterior comes to rest."""
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(schedule))
    return model


def weighted(beta, size, steps, sigma):
    """D + β·R, with σ of the likelihood fixed: a learned one would change what β weighs."""
    likelihood = tfvae.likelihoods.Gaussian(sigma)
    model = tfvae.BetaVAE(LATENT_DIM, beta, likelihood=likelihood, seed=0, **networks(size))
    return compiled(model, steps)


def convex(beta, size, steps):
    """(1 − β)·MSE + β·R."""
    objective = tfvae.objectives.ConvexBeta(beta)
    model = tfvae.BetaVAE(LATENT_DIM, objective=objective, seed=0, **networks(size))
    return compiled(model, steps)


def is_monotone(values, rising):
    """Whether values never turn by more than `SLACK` of their range."""
    values = np.asarray(values) if rising else -np.asarray(values)
    return bool(np.all(np.diff(values) >= -SLACK * np.ptp(values)))


def goals(name, scan, is_convex):
    """What is wanted, with what a scan shows."""

    def goal(what, wanted, value, holds):
        return common.Goal(f"{name}: {what}", wanted, f"{value:.4g}", bool(holds))

    def monotone(what, values, rising):
        holds = is_monotone(values, rising)
        reached = f"from {values[0]:.4g} to {values[-1]:.4g}"
        return common.Goal(
            f"{name}: {what}", f"{'rises' if rising else 'falls'} with β", reached, holds
        )

    found = [
        monotone("rate", scan.rate, rising=False),
        monotone("distortion", scan.distortion, rising=True),
        monotone("error", scan.error, rising=True),
    ]
    if is_convex:
        variance, mean = scan.variance, scan.mean[-1]
        found += [
            monotone("average variance", variance, rising=True),
            goal("average variance at β = 0", "below 0.01", variance[0], variance[0] < 0.01),
            goal("average variance at β = 1", "1", variance[-1], abs(variance[-1] - 1.0) < 1e-3),
            goal("average mean at β = 1", "0", mean, abs(mean) < 0.01),
        ]
    return found


def main(argv=None):
    """Runs the benchmark; returns its goals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    common.add_data(parser)
    parser.add_argument("--only", nargs="+", choices=[*DATA], default=[*DATA], help="data sets")
    parser.add_argument("--epochs", type=int, default=60, help="of Adam")
    parser.add_argument("--processes", type=int, default=2, help="models trained at a time")
    parser.add_argument("--out", help="file of finished models, JSON lines")
    parser.add_argument("--figures", help="folder to write the figures to")
    parser.add_argument("--json", help="folder to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    for folder in (arguments.figures, arguments.json):
        if folder:
            os.makedirs(folder, exist_ok=True)
    found = []
    for data in arguments.only:
        x = load(data, arguments.data)
        sigma, batch_size = DATA[data]
        given = {"size": x.shape[1], "steps": arguments.epochs * -(-len(x) // batch_size)}
        for form, formula, factory, betas in (
            ("weighted", "D + β·R", functools.partial(weighted, sigma=sigma, **given), BETAS),
            ("convex", "(1 − β)·MSE + β·R", functools.partial(convex, **given), CONVEX),
        ):
            scan = tfvae.evaluation.beta_scan(
                factory,
                x,
                betas,
                epochs=arguments.epochs,
                batch_size=batch_size,
                processes=arguments.processes,
                path=arguments.out,
                verbose=0,
            )
            columns = ["β", "average mean", "average squared mean", "average variance"]
            common.report(
                f"β on {data}, {formula}",
                [*columns, "distortion", "rate", "error"],
                np.transpose(list(scan.columns.values())).tolist(),
                ["", "", "", "", "nats", "nats", "RMSE"],
                {
                    "data": f"{len(x)} examples of {x.shape[1]} features, which train and test",
                    "settings": f"N_z {LATENT_DIM}, dense {UNITS}, {arguments.epochs} epochs of "
                    f"Adam {LEARNING_RATE}, cosine decay, batch {batch_size}, seed 0"
                    + (f", σ {sigma:g}" if form == "weighted" else ""),
                    **common.environment(),
                },
                arguments.json and os.path.join(arguments.json, f"{data}_{form}.json"),
            )
            found += goals(f"{data}, {formula}", scan, form == "convex")
            if arguments.figures:
                file = os.path.join(arguments.figures, f"{data}_{form}.png")
                tfvae.plots.beta_scan(scan).savefig(file)
    common.print_goals(found)
    return found


if __name__ == "__main__":
    sys.exit(common.exit_code(main()))
