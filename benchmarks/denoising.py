"""Denoising of MNIST digits: tfvae beside total variation, wavelets and non-local means.

    python -m benchmarks.denoising [--data FOLDER] [--epochs 6] [--seed 0] [--figures FOLDER]

Of MNIST's test digits (IDX files in FOLDER/mnist, 28×28 pixels in [0, 1]) 8,000 train, 500 others
test. Gaussian noise of σ = 0.3 and 0.5 is added, and not clipped. The models are trained on clean
digits with `corruption=GaussianNoise(σ)`. Their latents are four maps of 14×14, as many numbers as
an image has pixels: the noise, not a bottleneck, keeps them from copying, and strokes stay where
they are. scikit-image's methods are given the true σ. The weight of the total variation and the
strength h of the non-local means are, moreover, the best ones for 100 of the training digits in
PSNR. All results are clipped to [0, 1]. Wanted: PSNR and SSIM of all models above those of all
three. Needs scikit-image and PyWavelets: pip install "tfvae[denoising]".
"""

import argparse
import os
import sys
import time

import keras
import numpy as np

import tfvae
from benchmarks import common
from tfvae._checks import package
from tfvae.datasets.idx import read_idx

SIGMAS = (0.3, 0.5)
FILTERS, MAPS, BETA, LEARNING_RATE, BATCH = 16, 4, 0.01, 3e-3, 64
LATENT_DIM = MAPS * 14 * 14
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


def networks():
    """Convolutions from an image to features and to log σ², each (n, 784), and back to an image."""

    def convolution(filters, **kwargs):
        return keras.layers.Conv2D(filters, 3, padding="same", **kwargs)

    relu = {"activation": "relu", "kernel_initializer": "he_normal"}
    image = keras.Input((28, 28, 1))
    hidden = keras.layers.Conv2D(FILTERS, 5, 2, "same", **relu)(image)
    for _ in range(2):
        hidden = convolution(FILTERS, **relu)(hidden)
    loc = keras.layers.Flatten()(convolution(MAPS)(hidden))
    # The posteriors begin narrow: wide ones would be more noise to remove.
    narrow = keras.initializers.Constant(-3.0)
    log_variance = keras.layers.Flatten()(convolution(MAPS, bias_initializer=narrow)(hidden))
    decoder = keras.Sequential(
        [
            keras.layers.Reshape((14, 14, MAPS)),
            convolution(FILTERS, **relu),
            convolution(FILTERS, **relu),
            keras.layers.Conv2DTranspose(1, 5, 2, "same"),
        ]
    )
    return image, loc, log_variance, decoder


def models(sigma, seed):
    """The models by name, not yet trained."""
    for name, cls, kwargs in (
        ("Autoencoder", tfvae.Autoencoder, {}),
        ("β-VAE", tfvae.BetaVAE, {"beta": BETA}),
    ):
        keras.utils.set_random_seed(seed)  # Of Keras' initializers.
        image, loc, log_variance, decoder = networks()
        outputs = loc if cls is tfvae.Autoencoder else [loc, log_variance]
        yield (
            name,
            cls(
                LATENT_DIM,
                encoder=keras.Model(image, outputs),
                decoder=decoder,
                corruption=keras.layers.GaussianNoise(sigma),
                likelihood="bernoulli",
                seed=seed,
                **kwargs,
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


def goals(sigma, quality, methods, names):
    """Models beside the best of scikit-image's methods, in both measures."""
    found = []
    for name in names:
        for what, unit, values in (("PSNR", " dB", quality.psnr), ("SSIM", "", quality.ssim)):
            rival = max(methods, key=lambda one, v=values: np.mean(v[one]))
            ours, other = np.mean(values[name]), np.mean(values[rival])
            found.append(
                common.Goal(
                    f"σ = {sigma:g}: {what} of the {name} above all three",
                    f"above {other:.3f}{unit} ({rival})",
                    f"{ours:.3f}{unit}",
                    bool(ours > other),
                )
            )
    return found


def main(argv=None):
    """Runs the benchmark; returns its goals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    common.add_data(parser)
    parser.add_argument("--epochs", type=int, default=6, help=f"of Adam, batch {BATCH}")
    parser.add_argument("--seed", type=int, default=0, help="of noise and models")
    parser.add_argument("--figures", help="folder to write the figures to")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    train, test = digits(arguments.data)
    rows, found = [], []
    for sigma in SIGMAS:
        given = noisy(test, sigma, [arguments.seed, 1])
        tune = train[:NUM_TUNE]
        versions, seconds = {"noisy": np.clip(given, 0.0, 1.0)}, {"noisy": None}
        methods = classical(sigma, tune, noisy(tune, sigma, [arguments.seed, 2]))
        for name, method in methods.items():
            start = time.perf_counter()
            versions[name] = applied(method, given)
            seconds[name] = (None, time.perf_counter() - start)
        names = []
        for name, model in models(sigma, arguments.seed):
            names.append(name)
            start = time.perf_counter()
            trained(model, train, arguments.epochs)
            middle = time.perf_counter()
            versions[name] = np.clip(tfvae.applications.denoise(model, given), 0.0, 1.0)
            seconds[name] = (middle - start, time.perf_counter() - middle)
        quality = tfvae.evaluation.image_quality(test, versions)
        for name, *numbers in quality.rows():
            rows.append([f"σ = {sigma:g}, {name}", *numbers, *(seconds[name] or (None, None))])
            print(rows[-1], flush=True)
        found += goals(sigma, quality, methods, names)
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
            "settings": f"N_z {LATENT_DIM}, convolutions of {FILTERS} filters, Bernoulli, "
            f"β {BETA:g}",
            "data": f"{len(train)} digits train, {len(test)} test; ± is the standard error over "
            "the test digits",
            "training": f"{arguments.epochs} epochs of Adam {LEARNING_RATE}, cosine decay, batch "
            f"{BATCH}, seed {arguments.seed}",
            **common.environment(),
        },
        arguments.json,
    )
    common.print_goals(found)
    return found


if __name__ == "__main__":
    sys.exit(common.exit_code(main()))
