"""β tables on scikit-learn's digits: posterior moments, rate and distortion, in both weightings.

    python -m benchmarks.beta [--epochs 60] [--processes 1] [--out FILE.jsonl] [--figures FOLDER]

The 1,797 digits (8×8 pixels in [0, 1]) train and test. D + β·R, and the convex form
(1 − β)·MSE + β·R at the β of the particle-physics column [O21]. Wanted: as β rises, the rate falls
and the distortion rises; in the convex form the average variance runs from nearly 0 to 1, and the
average mean to 0. Finished models are lines of FILE.jsonl, and are not trained again.
"""

import argparse
import os

import numpy as np
from sklearn.datasets import load_digits

import tfvae
from benchmarks import common

LATENT_DIM, UNITS = 4, [64, 64]
BETAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
CONVEX = (0.0, 5e-6, 5e-5, 5e-4, 5e-3, 5e-2, 0.5, 1.0)
# What two trainings may differ by, as a share of the range over all β.
SLACK = 0.01


def digits():
    """The images as vectors in [0, 1], (1797, 64)."""
    return (load_digits().data / 16.0).astype("float32")


def networks():
    """Encoder and decoder."""
    return {
        "encoder": tfvae.networks.mlp(UNITS),
        "decoder": tfvae.networks.mlp(UNITS, (64,)),
    }


def weighted(beta):
    """D + β·R, with σ of the likelihood fixed: a learned one would change what β weighs."""
    likelihood = tfvae.likelihoods.Gaussian(0.15)
    return tfvae.BetaVAE(LATENT_DIM, beta, likelihood=likelihood, seed=0, **networks())


def convex(beta):
    """(1 − β)·MSE + β·R."""
    objective = tfvae.objectives.ConvexBeta(beta)
    return tfvae.BetaVAE(LATENT_DIM, objective=objective, seed=0, **networks())


def is_monotone(values, rising):
    """Whether values never turn by more than `SLACK` of their range."""
    values = np.asarray(values) if rising else -np.asarray(values)
    return bool(np.all(np.diff(values) >= -SLACK * np.ptp(values)))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=60, help="of Adam, batch 64")
    parser.add_argument("--processes", type=int, default=1, help="models trained at a time")
    parser.add_argument("--out", help="file of finished models, JSON lines")
    parser.add_argument("--figures", help="folder to write the figures to")
    parser.add_argument("--json", help="file to write the numbers of the convex form to")
    arguments = parser.parse_args(argv)
    x, answers = digits(), {}
    for name, factory, betas in (
        ("D + β·R", weighted, BETAS),
        ("(1 − β)·MSE + β·R", convex, CONVEX),
    ):
        scan = tfvae.evaluation.beta_scan(
            factory,
            x,
            betas,
            epochs=arguments.epochs,
            processes=arguments.processes,
            path=arguments.out,
        )
        columns = ["β", "average mean", "average squared mean", "average variance"]
        common.report(
            f"β on digits, {name}",
            [*columns, "distortion", "rate", "error"],
            np.transpose(list(scan.columns.values())).tolist(),
            ["", "", "", "", "nats", "nats", "RMSE"],
            {
                "settings": f"N_z {LATENT_DIM}, dense {UNITS}, {arguments.epochs} epochs of Adam "
                "1e-3, batch 64, seed 0",
                **common.environment(),
            },
            arguments.json if factory is convex else None,
        )
        answers[f"{name}: rate falls"] = is_monotone(scan.rate, rising=False)
        answers[f"{name}: distortion rises"] = is_monotone(scan.distortion, rising=True)
        answers[f"{name}: error rises"] = is_monotone(scan.error, rising=True)
        if factory is convex:
            answers["average variance rises"] = is_monotone(scan.variance, rising=True)
            answers["average variance 1 at β = 1"] = abs(scan.variance[-1] - 1.0) < 1e-3
            answers["average variance below 0.01 at β = 0"] = scan.variance[0] < 1e-2
            answers["average mean 0 at β = 1"] = abs(scan.mean[-1]) < 1e-2
        if arguments.figures:
            os.makedirs(arguments.figures, exist_ok=True)
            file = "convex.png" if factory is convex else "weighted.png"
            tfvae.plots.beta_scan(scan).savefig(os.path.join(arguments.figures, file))
    print()
    for question, answer in answers.items():
        print(f"{question}: {'yes' if answer else 'NO'}")


if __name__ == "__main__":
    main()
