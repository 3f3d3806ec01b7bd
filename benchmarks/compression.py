"""Lossless compression of binarised digits: bits per dimension and speed, beside PNG, zstd and xz.

    python -m benchmarks.compression [--data FOLDER] [--epochs 30] [--json FILE]

8,000 of MNIST's test digits, IDX files in FOLDER/mnist, train a model; the other 2,000 are then
compressed. All but PNG and the model are given the packed bits, 98 bytes for each digit, in one
piece. Sizes are those of whole files: the header of `tfvae.applications.Compressor` and what its
first digit pays count.

Wanted is a size within 2% of the −ELBO, and below all others; the exit code is 0 if it is so.
"""

import argparse
import io
import lzma
import sys
import time

import keras
import numpy as np
import zstandard
from PIL import Image

import tfvae
from benchmarks import common, likelihood
from tfvae.applications import Compressor

HIDDEN, LATENT_DIM, BATCH_SIZE, LEARNING_RATE = (300, 300), 32, 128, 1e-3
# How far above the −ELBO the size may be.
MARGIN = 0.02
# The least time that a speed is measured over, in seconds.
PATIENCE = 2.0
COLUMNS = {
    "size": "bits per dimension",
    "per digit": "bits",
    "over −ELBO": "%",
    "compress": "MB/s of packed bits",
    "decompress": "MB/s of packed bits",
}


def trained(x, epochs, seed=0):
    """The VAE of benchmarks/likelihood.py with the ELBO."""
    keras.utils.set_random_seed(seed)
    model = tfvae.VAE(
        LATENT_DIM,
        encoder=tfvae.networks.mlp(HIDDEN),
        decoder=tfvae.networks.mlp(HIDDEN, x.shape[1:]),
        likelihood="bernoulli",
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    model.fit(x, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model


def png(x):
    """Images (n, height·28, 28) of 0 and 1 as PNG files of one bit per pixel."""
    files = []
    for image in x:
        file = io.BytesIO()
        Image.fromarray(image.astype(bool)).save(file, "PNG", optimize=True)
        files.append(file.getvalue())
    return files


def from_png(files):
    """The images of PNG files."""
    return np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])


def codecs(model, x):
    """Name -> (compress, decompress, what is compressed)."""
    bits = np.packbits(x.astype(bool), axis=1).tobytes()
    images = x.reshape(len(x), likelihood.SIZE, likelihood.SIZE)
    compressor = Compressor(model)
    zstd, unzstd = zstandard.ZstdCompressor(level=22), zstandard.ZstdDecompressor()
    return {
        "tfvae": (lambda a: compressor.compress(a, verify=False), compressor.decompress, x),
        "PNG, a file for each": (png, from_png, images),
        "PNG, one file": (png, from_png, images.reshape(1, -1, likelihood.SIZE)),
        "zstd 22": (zstd.compress, unzstd.decompress, bits),
        "xz 9e": (
            lambda a: lzma.compress(a, preset=9 | lzma.PRESET_EXTREME),
            lzma.decompress,
            bits,
        ),
    }


def timed(function, argument):
    """What the function returns, and the least of its times: the first call also compiles."""
    times, begin = [], time.perf_counter()
    while not times or time.perf_counter() - begin < PATIENCE:
        start = time.perf_counter()
        found = function(argument)
        times.append(time.perf_counter() - start)
    return found, min(times)


def size_of(files):
    """Bytes of one file or of several."""
    return len(files) if isinstance(files, bytes) else sum(map(len, files))


def measured(model, x):
    """Name -> the cells of its row; all of them restore the data."""
    elbo = -model.evaluate(x, verbose=0)["elbo"] / np.log(2.0)
    rows = {"−ELBO": [elbo / x.shape[1], elbo, 0.0, None, None]}
    megabytes = x.size / 8 / 1e6
    for name, (compress, decompress, given) in codecs(model, x).items():
        files, seconds = timed(compress, given)
        back, seconds_back = timed(decompress, files)
        if not np.array_equal(np.asarray(back), np.asarray(given)):
            raise RuntimeError(f"{name} did not restore the data.")
        bits = 8 * size_of(files) / len(x)
        speeds = [megabytes / one for one in (seconds, seconds_back)]
        rows[name] = [bits / x.shape[1], bits, 100 * (bits / elbo - 1), *speeds]
    return rows


def goals(rows):
    """What is wanted, with what the rows show."""
    size = {name: cells[0] for name, cells in rows.items()}
    others = {name: one for name, one in size.items() if name not in ("tfvae", "−ELBO")}
    best = min(others, key=others.get)
    over, times = size["tfvae"] / size["−ELBO"] - 1.0, others[best] / size["tfvae"]
    return [
        common.Goal(
            "size over the −ELBO",
            f"{100 * MARGIN:g}% at most",
            f"{100 * over:.2f}%",
            over <= MARGIN,
        ),
        common.Goal(
            "size below all others", "yes", f"{times:.2f} times smaller than {best}", times > 1.0
        ),
    ]


def main(argv=None):
    """Runs the benchmark; returns its goals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    common.add_data(parser)
    parser.add_argument("--epochs", type=int, default=30, help="epochs of training, 30")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    begin = time.perf_counter()
    train, test = likelihood.digits(arguments.data)
    model = trained(train, arguments.epochs)
    training = time.perf_counter() - begin
    rows = measured(model, test)
    common.report(
        "Lossless compression of binarised digits",
        ["", *COLUMNS],
        [[name, *cells] for name, cells in rows.items()],
        ["", *COLUMNS.values()],
        {
            "data": f"{len(test)} digits of {test.shape[1]} bits, after training on {len(train)}",
            "model": f"hidden layers {HIDDEN}, {LATENT_DIM} latents, {arguments.epochs} epochs, "
            f"{training:.0f} s",
            "speed": "the least of several calls; `compress` without `verify`",
            "time": f"{(time.perf_counter() - begin) / 60:.1f} minutes",
            **common.environment(),
        },
        arguments.json,
    )
    found = goals(rows)
    common.print_goals(found)
    return found


if __name__ == "__main__":
    sys.exit(common.exit_code(main()))
