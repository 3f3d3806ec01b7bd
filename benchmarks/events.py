"""Generated collisions beside held-out ones: N(0, I), the density buffer, a hierarchical prior.

    python -m benchmarks.events [--data FOLDER] [--seeds 1] [--epochs 40] [--figure FILE.png]

Lepton pairs of Z bosons with jets (MadGraph, FOLDER/physics/z_jets_madgraph.lhe.gz): 8,000 events
train, the other 2,000 are compared with 20,000 generated ones. The networks see
`tfvae.datasets.EventCoordinates`, of which the mass counts three times as much. The first two rows
are one model, trained with the small β of [O21] as its β-VAE is; the third is a VHP-VAE. The row of
the training events tells which distance chance alone makes.

Wanted: the mean distance of the buffer is a third of that of N(0, I) or less, and the width of its
Z peak, the interquartile range from 80 to 102 GeV, within 5% of that of the training events. The
exit code is 0 if both hold.
"""

import argparse
import os
import sys
import time

import keras
import numpy as np

import tfvae
from benchmarks import common
from tfvae.applications import DensityBuffer
from tfvae.datasets import EventCoordinates, event_observables, read_lhe
from tfvae.evaluation import compare_events, peak_width

TRAIN, GENERATED, BINS = 8_000, 20_000, 30
PARTICLES = ("l-", "l+")
WINDOW = 80.0, 102.0
LATENT_DIM, HIDDEN, BETA, MASS_WEIGHT = 6, (128, 128), 1e-5, 3.0
KAPPA, PRIOR_SAMPLES, PRIOR_EPOCHS, PRIOR_STEPS = 0.1, 4, 0.5, 1_000
BATCH_SIZE, LEARNING_RATE = 256, 2e-3
COLUMNS = ("mass", "pT", "η", "Δφ", "mean", "peak", "α", "time")
UNITS = ("JS distance",) * 5 + ("of the data's", "", "s")
GROUPS = {
    "mass": ("mass",),
    "pT": ("pT of l-", "pT of l+"),
    "η": ("η of l-", "η of l+"),
    "Δφ": ("Δφ of l- and l+",),
}


def collisions(folder):
    """Four-momenta of the MadGraph events."""
    return read_lhe(os.path.join(folder, "physics", "z_jets_madgraph.lhe.gz")).p


class Data:
    """Events, coordinates and observables."""

    def __init__(self, events):
        train, test = common.divided(events, TRAIN)
        self.coordinates = EventCoordinates.fit(train)
        self.scale = np.ones(len(self.coordinates.names), "float32")
        self.scale[0] = MASS_WEIGHT
        self.x = self.coordinates.apply(train) * self.scale
        self.train, self.test = (event_observables(one, PARTICLES) for one in (train, test))

    def observables(self, x):
        """Observables of generated coordinates."""
        return event_observables(self.coordinates.invert(x / self.scale), PARTICLES)

    def row(self, observables):
        """Distances from the test events, their mean over the four kinds, the peak's width."""
        report = compare_events(observables, self.test, bins=BINS)
        each = dict(zip(report.names, report.distances, strict=True))
        kinds = [float(np.mean([each[name] for name in names])) for names in GROUPS.values()]
        width, wanted = (peak_width(one["mass"], *WINDOW) for one in (observables, self.train))
        return [*kinds, float(np.mean(kinds)), width / wanted]


def trained(cls, data, seed, epochs, **parts):
    """A trained model of this class."""
    keras.utils.set_random_seed(seed)
    mlp = tfvae.networks.mlp
    model = cls(
        LATENT_DIM, encoder=mlp(HIDDEN), decoder=mlp(HIDDEN, data.x.shape[1:]), seed=seed, **parts
    )
    steps = epochs * -(-len(data.x) // BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(schedule))
    model.fit(data.x, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model


def run(data, seed, epochs):
    """Rows and observables of all priors for one seed, by name."""
    rows, made = {}, {}

    def add(name, sample, start, smear=None):
        made[name] = data.observables(sample)
        rows[name] = [*data.row(made[name]), smear, time.perf_counter() - start]
        print(
            f"{time.strftime('%H:%M')}  seed {seed}, {name}: mean {rows[name][4]:.4f}", flush=True
        )

    start = time.perf_counter()
    objective = tfvae.objectives.ConvexBeta(BETA)
    model = trained(tfvae.VAE, data, seed, epochs, objective=objective)
    add("N(0, I)", model.generate(GENERATED, seed=seed, mean=False), start)
    start = time.perf_counter()
    buffer = DensityBuffer(model, data.x, seed=seed)
    add("density buffer", buffer.sample(GENERATED, seed=seed), start, buffer.smear)
    start = time.perf_counter()
    parts = {
        "prior": tfvae.priors.HierarchicalPrior(PRIOR_SAMPLES, hidden=(64, 64)),
        "objective": tfvae.objectives.Constrained(KAPPA),
    }
    model = trained(tfvae.VHPVAE, data, seed, max(1, int(PRIOR_EPOCHS * epochs)), **parts)
    model.fit_prior(data.x, steps=PRIOR_STEPS, seed=seed, verbose=0)
    add("VHP", model.generate(GENERATED, seed=seed, mean=False), start)
    return rows, made


def goals(rows):
    """What is wanted, with what the rows of the priors show."""
    ratio = rows["N(0, I)"][4] / rows["density buffer"][4]
    wider = rows["density buffer"][5] - 1.0
    return [
        common.Goal(
            "distance of N(0, I) over that of the buffer",
            "3 or more",
            f"{ratio:.2f}",
            ratio >= 3.0,
        ),
        common.Goal(
            "width of the buffer's Z peak, beside the data's",
            "within 5%",
            f"{100 * wider:+.1f}%",
            abs(wider) <= 0.05,
        ),
    ]


def main(argv=None):
    """Runs the benchmark; returns its goals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    common.add_data(parser)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--epochs", type=int, default=40, help="epochs of the VAE")
    parser.add_argument("--figure", help="file to write the histograms of the last seed to")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    start = time.perf_counter()
    data = Data(collisions(arguments.data))
    runs = []
    for seed in range(arguments.seeds):
        rows, made = run(data, seed, arguments.epochs)
        runs.append(rows)
        keras.backend.clear_session()
    means = {
        name: [
            None if values[0] is None else float(np.mean(values))
            for values in zip(*(rows[name] for rows in runs), strict=True)
        ]
        for name in runs[0]
    }
    common.report(
        "Generated collisions",
        ["prior", *COLUMNS],
        [
            ["training events", *data.row(data.train), None, None],
            *([name, *cells] for name, cells in means.items()),
        ],
        ["", *UNITS],
        {
            "data": f"MadGraph pp → Z (→ l⁺l⁻) + jets: {TRAIN} training events, "
            f"{len(data.test['mass'])} test events, {GENERATED} generated ones; {BINS} bins",
            "model": f"latents {LATENT_DIM}, hidden {HIDDEN}, β {BETA:g} (convex), weight of the "
            f"mass {MASS_WEIGHT:g}, {arguments.epochs} epochs; VHP: κ {KAPPA:g}, K "
            f"{PRIOR_SAMPLES}, {PRIOR_EPOCHS:g} of the epochs, {PRIOR_STEPS} steps of the prior",
            "α": "by the held-out score, in the range from 0.05 to 50",
            "seeds": f"0 to {arguments.seeds - 1}; means",
            "time": f"{(time.perf_counter() - start) / 60:.1f} minutes",
            **common.environment(),
        },
        arguments.json,
    )
    if arguments.figure:
        units = {name: "GeV" for name in data.test if name == "mass" or name.startswith("pT")}
        tfvae.plots.event_histograms(made, data.test, units=units).savefig(arguments.figure)
    found = goals(means)
    common.print_goals(found)
    return found


if __name__ == "__main__":
    sys.exit(common.exit_code(main()))
