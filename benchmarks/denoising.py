"""Denoising of MNIST digits: tfvae beside total variation, wavelets and non-local means.

    python -m benchmarks.denoising [--data FOLDER] [--epochs 40] [--seed 0] [--figures FOLDER]

Of MNIST's test digits (IDX files in FOLDER/mnist, 28×28 pixels in [0, 1]) 8,000 train, 500 others
test. Gaussian noise of σ = 0.3 and 0.5 is added, and not clipped. The models are trained on clean
digits with `corruption=GaussianNoise(σ)`. scikit-image's methods are given the true σ. The weight
of the total variation and the strength h of the non-local means are, moreover, the best ones for
100 of the training digits in PSNR. All results are clipped to [0, 1]. Wanted: PSNR and SSIM of all
models above those of all three. Needs scikit-image and PyWavelets: pip install "tfvae[denoising]".
"""

import argparse
import os
import time

import keras
import numpy as np

import tfvae
from benchmarks import common
from tfvae._checks import package
from tfvae.datasets.idx import read_idx

SIGMAS = (0.3, 0.5)
LATENT_DIM, UNITS, LEARNING_RATE, BATCH = 64, 512, 1e-3, 128
WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5)
STRENGTHS = (0.4, 0.6, 0.8, 1.0, 1.2)
NUM_TRAIN, NUM_TEST, NUM_TUNE = 8000, 500, 100


def digits(folder):
    """Training and test images, (n, 28, 28, 1) in [0, 1]."""
    file = os.path.join(folder, "mnist", "t10k-images-idx3-ubyte.gz")
    x = read_idx(file)[..., np.newaxis].astype("float32") / 255.0
    return common.divided(x, NUM_TRAIN, NUM_TEST)


def noisy(clean, sigma, seed):
    """Images with Gaussian noise."""
    draws = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
    return clean + np.float32(sigma) * draws


def models(sigma, seed):
    """The models by name, not yet trained."""
    for name, cls in (("Autoencoder", tfvae.Autoencoder), ("VAE", tfvae.VAE)):
        yield (
            name,
            cls(
                LATENT_DIM,
                encoder=tfvae.networks.mlp([UNITS, UNITS]),
                decoder=tfvae.networks.mlp([UNITS, UNITS], (28, 28, 1)),
                corruption=keras.layers.GaussianNoise(sigma),
                likelihood="bernoulli",
                seed=seed,
            ),
        )


def trained(model, x, epochs):
    """The model after `epochs` epochs of Adam, whose learning rate falls to zero."""
    steps = epochs * -(-len(x) // BATCH)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    )
    model.fit(x, batch_size=BATCH, epochs=epochs, verbose=0)
    return model


def classical(sigma, tune_clean, tune_noisy):
    """scikit-image's methods by name, functions of one image."""
    restoration = package("skimage.restoration", "benchmarks.denoising", '"tfvae[denoising]"')

    def total_variation(weight):
        return lambda image: restoration.denoise_tv_chambolle(image, weight=weight)

    def non_local_means(strength):
        return lambda image: restoration.denoise_nl_means(
            image,
            patch_size=5,
            patch_distance=6,
            h=strength * sigma,
            sigma=sigma,
            fast_mode=True,
        )

    def best(method, settings):
        def quality(setting):
            found = applied(method(setting), tune_noisy)
            return np.mean(tfvae.evaluation.psnr(tune_clean, found))

        setting = max(settings, key=quality)
        return setting, method(setting)

    weight, of_variation = best(total_variation, WEIGHTS)
    strength, of_means = best(non_local_means, STRENGTHS)
    return {
        f"total variation, weight {weight:g}": of_variation,
        "wavelet, BayesShrink": lambda image: restoration.denoise_wavelet(image, sigma=sigma),
        f"non-local means, h = {strength:g} σ": of_means,
    }


def applied(method, images):
    """`method` of each image, clipped to [0, 1], (n, 28, 28, 1)."""
    found = np.stack([method(image[..., 0]) for image in images])
    return np.clip(found, 0.0, 1.0)[..., np.newaxis]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=os.environ.get("TFVAE_DATA_DIR", "data"))
    parser.add_argument("--epochs", type=int, default=40, help=f"of Adam, batch {BATCH}")
    parser.add_argument("--seed", type=int, default=0, help="of noise and models")
    parser.add_argument("--figures", help="folder to write the figures to")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    train, test = digits(arguments.data)
    rows, answers = [], []
    for sigma in SIGMAS:
        given = noisy(test, sigma, [arguments.seed, 1])
        tune = train[:NUM_TUNE]
        versions, seconds = {"noisy": np.clip(given, 0.0, 1.0)}, {"noisy": None}
        methods = classical(sigma, tune, noisy(tune, sigma, [arguments.seed, 2]))
        for name, method in methods.items():
            start = time.perf_counter()
            versions[name] = applied(method, given)
            seconds[name] = (None, time.perf_counter() - start)
        for name, model in models(sigma, arguments.seed):
            start = time.perf_counter()
            trained(model, train, arguments.epochs)
            middle = time.perf_counter()
            versions[name] = np.clip(tfvae.applications.denoise(model, given), 0.0, 1.0)
            seconds[name] = (middle - start, time.perf_counter() - middle)
        quality = tfvae.evaluation.image_quality(test, versions)
        for name, *numbers in quality.rows():
            rows.append([f"σ = {sigma:g}, {name}", *numbers, *(seconds[name] or (None, None))])
            print(rows[-1], flush=True)
        for name, _ in models(sigma, arguments.seed):
            for what, values in (("PSNR", quality.psnr), ("SSIM", quality.ssim)):
                rival = max(methods, key=lambda one, v=values: np.mean(v[one]))
                ours, other = np.mean(values[name]), np.mean(values[rival])
                answer = "yes" if ours > other else "NO"
                answers.append(
                    f"σ = {sigma:g}: {name} above all three in {what}: {answer}, {ours:.3f} and "
                    f"{other:.3f} ({rival})"
                )
        if arguments.figures:
            os.makedirs(arguments.figures, exist_ok=True)
            figure = tfvae.plots.image_versions({"clean": test, **versions}, 12)
            figure.savefig(os.path.join(arguments.figures, f"denoising_{sigma:g}.png"))
    common.report(
        "Denoising of MNIST digits",
        ["images", "PSNR", "± of PSNR", "SSIM", "± of SSIM", "training", "denoising"],
        rows,
        ["", "dB", "dB", "", "", "s", "s"],
        {
            "settings": f"N_z {LATENT_DIM}, dense {UNITS}–{UNITS}, Bernoulli likelihood",
            "data": f"{len(train)} digits train, {len(test)} test; ± is the standard error over "
            "the test digits",
            "training": f"{arguments.epochs} epochs of Adam {LEARNING_RATE}, cosine decay, batch "
            f"{BATCH}, seed {arguments.seed}",
            **common.environment(),
        },
        arguments.json,
    )
    print()
    print("\n".join(answers))


if __name__ == "__main__":
    main()
