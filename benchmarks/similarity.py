"""Similarity by distance in the latent space: COIL-20, VHP-FMVAE beside VHP-VAE and raw pixels.

    python -m benchmarks.similarity [--data FOLDER] [--seeds 3] [--epochs 150] [--defaults]

Every second view of the 20 objects trains, the others query (32×32 pixels, FOLDER/coil20): accuracy
of the nearest training view's object, Spearman's rank correlation between the distance of two views
of an object and the difference of their angles (mean over objects), and the recall of the index
against exact search. `--defaults` sets nothing but the number of latents, and trains by Adam(1e-3).
Wanted is a rank correlation above that of raw pixels in all models.
"""

import argparse
import os
import time

import keras
import numpy as np
import scipy.spatial.distance
import scipy.stats
import tensorflow_datasets as tfds

import tfvae
from benchmarks import common
from tfvae.applications import SimilarityIndex
from tfvae.datasets import COIL20, COIL20Config

SIZE, LATENT_DIM, KAPPA, LEARNING_RATE = 32, 16, 0.06, 2e-3
COLUMNS = ("1-NN accuracy", "rank correlation", "recall of the index", "error", "training")


def views(folder):
    """Images, objects and angles (degrees) of the training and the query views."""
    builder = COIL20(config=COIL20Config(path=os.path.join(folder, "coil20"), size=SIZE))
    builder.download_and_prepare()
    parts = []
    for split in ("train", "test"):
        examples = list(tfds.as_numpy(builder.as_dataset(split=split)))
        parts.append(
            tuple(np.stack([one[k] for one in examples]) for k in ("image", "label", "angle"))
        )
    return parts


def models(seed, defaults=False):
    """The models to compare, by name: the same networks, seeds and settings."""
    for name, cls in (("VHP-VAE", tfvae.VHPVAE), ("VHP-FMVAE", tfvae.FlatManifoldVAE)):
        keras.utils.set_random_seed(seed)
        options = {} if defaults else settings()
        yield name, cls(LATENT_DIM, seed=seed, **options)


def settings():
    """Networks and objective of both models, where they are not the defaults."""
    return {
        "encoder": tfvae.networks.mlp([512, 256]),
        "decoder": tfvae.networks.mlp([256, 512], (SIZE, SIZE, 1)),
        "objective": tfvae.objectives.Constrained(
            KAPPA, tfvae.objectives.REWO(nu=0.2, initial=1.0)
        ),
    }


def above_pixels(runs):
    """Prints whether the rank correlation of each model is above that of raw pixels."""
    (pixels,) = (numbers[1] for numbers in runs["raw pixels"])
    for name, values in runs.items():
        if name != "raw pixels":
            found = np.array([numbers[1] for numbers in values])
            answer = "yes" if found.mean() > pixels else "NO"
            print(
                f"{name} above raw pixels: {answer}, {found.mean():.4f} and {pixels:.4f}, in "
                f"{np.sum(found > pixels)} of {len(found)} seeds"
            )


def measured(train, queries):
    """1-NN accuracy, rank correlation and recall for (features, objects, angles) of both parts."""
    (z, objects, _), (z_query, object_query, angle_query) = train, queries
    index = SimilarityIndex(z.shape[1])
    index.add(z, metadata=objects.tolist())
    found = np.array(index.search(z_query, k=1).metadata)[:, 0]
    correlations = []
    for one in np.unique(object_query):
        chosen = object_query == one
        distances = scipy.spatial.distance.pdist(z_query[chosen])
        differences = scipy.spatial.distance.pdist(angle_query[chosen][:, np.newaxis])
        around = np.minimum(differences, 360.0 - differences)
        correlations.append(scipy.stats.spearmanr(distances, around).statistic)
    return [
        float(np.mean(found == object_query)),
        float(np.mean(correlations)),
        index.recall(z_query, k=10),
    ]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=os.environ.get("TFVAE_DATA_DIR", "data"))
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0")
    parser.add_argument("--epochs", type=int, default=150, help="of Adam, batch 64")
    parser.add_argument(
        "--defaults", action="store_true", help="set nothing but the number of latents"
    )
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    rate = 1e-3 if arguments.defaults else LEARNING_RATE
    train, queries = views(arguments.data)
    flat = [(x.reshape(len(x), -1), labels, angles) for x, labels, angles in (train, queries)]
    runs = {"raw pixels": [[*measured(*flat), np.nan, np.nan]]}
    for seed in range(arguments.seeds):
        for name, model in models(seed, arguments.defaults):
            model.compile(keras.optimizers.Adam(rate))
            start = time.perf_counter()
            model.fit(train[0], batch_size=64, epochs=arguments.epochs, verbose=0)
            seconds = time.perf_counter() - start
            encoded = [(model.encode(x).mean().numpy(), *more) for x, *more in (train, queries)]
            error = float(model.evaluate(queries[0], verbose=0)["constraint"])
            numbers = [*measured(*encoded), error, seconds]
            runs.setdefault(name, []).append(numbers)
            print(f"{name}, seed {seed}: {', '.join(f'{v:.4g}' for v in numbers)}", flush=True)
    rows = []
    for name, values in runs.items():
        mean, spread = np.mean(values, axis=0), np.std(values, axis=0)
        cells = [
            None if np.isnan(m) else f"{m:.4g} ± {s:.2g}" if len(values) > 1 else f"{m:.4g}"
            for m, s in zip(mean, spread, strict=True)
        ]
        rows.append([name, *cells])
    common.report(
        f"Similarity on COIL-20{', with the defaults' if arguments.defaults else ''}",
        ["features", *COLUMNS],
        rows,
        ["", "", "", "", "RMSE", "s"],
        {
            "settings": f"N_z {LATENT_DIM}, "
            + ("nothing else" if arguments.defaults else f"κ {KAPPA}, dense 512–256"),
            "training": f"{arguments.epochs} epochs of Adam {rate}, batch 64",
            "seeds": f"0 to {arguments.seeds - 1}, mean ± standard deviation",
            **common.environment(),
        },
        arguments.json,
    )
    print()
    above_pixels(runs)


if __name__ == "__main__":
    main()
