"""Descriptors learned without labels."""

from typing import Any

import keras
import numpy as np

import tfvae
from tfvae import _checks
from tfvae.applications.tracking.calibration import Calibration, calibrate, check_pairs
from tfvae.applications.tracking.person_crops import PersonCrops, pairs, single_crops
from tfvae.models import LatentVariableModel
from tfvae.networks import ColorHistogram

BATCH_SIZE, LEARNING_RATE = 64, 2e-3


def train_descriptor(
    crops: PersonCrops,
    *,
    model: str = "FlatManifoldVAE",
    single: bool = False,
    latent_dim: int = 16,
    epochs: int = 20,
    augment: bool = True,
    seed: int = 0,
    verbose: int = 0,
    **options: Any,
) -> tuple[LatentVariableModel, Calibration]:
    """A model whose latents tell people apart, and the distance from which on they are two.

    It reads a crop and explains the colours, `ColorHistogram`, of another crop of the same track:
    p(y|z), z ~ q(z|x). Pose, background and those who stand in front differ between the two, and
    cannot be told from x. Encoder and decoder are linear in the roots of histograms. A flat decoder
    makes Euclidean distance in z the distance between the colours that it expects.

    Args:
        crops: of `person_crops`.
        model: the class, "FlatManifoldVAE", "VHPVAE", or another of `tfvae`.
        single: the model explains the crop that it reads, as images, with convolutions [C20].
        latent_dim: N_z.
        epochs: number of passes over the crops.
        augment: whether crops are mirrored, moved and lit anew at random while it is trained.
        seed: of weights and draws.
        verbose: 1: a progress bar for each epoch; 0: none.
        **options: of the model's constructor.

    Returns:
        The model, and the `Calibration` of its descriptors on the crops.

    Raises:
        ValueError: when an argument is not allowed, or the crops have no pairs; that is found
            before anything is trained.
    """
    _checks.instance_of("crops", crops, PersonCrops, "person_crops(sequence)")
    epochs = _checks.positive_int("epochs", epochs)
    latent_dim = _checks.positive_int("latent_dim", latent_dim)
    single = _checks.true_or_false("single", single)
    check_pairs(crops.tracklets, crops.frames)
    cls = _checks.one_of("model", model, ("FlatManifoldVAE", "VHPVAE", "VAE", "Autoencoder"))
    shape = crops.images.shape[1:]
    keras.utils.set_random_seed(seed)
    if not single:
        options = {**color_networks(shape, latent_dim), "target": "y", **options}
    vae = getattr(tfvae, cls)(latent_dim, seed=seed, **options)
    how = {"batch_size": BATCH_SIZE, "augment": augment, "seed": seed}
    batches = single_crops(crops, **how) if single else pairs(crops, ColorHistogram(), **how)
    vae.compile(optimizer(epochs * len(batches)))
    vae.fit(batches, epochs=epochs, verbose=verbose)
    features = np.concatenate(
        [
            np.asarray(vae.embed(crops.images[start : start + 256].astype("float32") / 255.0))
            for start in range(0, len(crops), 256)
        ]
    )
    return vae, calibrate(features, crops.tracklets, crops.frames, seed=seed)


def optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Adam, whose learning rate falls to zero in `steps` steps: distances come to rest."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))


def color_networks(shape: tuple[int, ...], latent_dim: int) -> dict[str, keras.Model]:
    """Encoder of crops (height, width, 3) and decoder to `ColorHistogram`, linear in its roots."""
    size = ColorHistogram().compute_output_shape((None, *shape))[1]
    return {
        "encoder": keras.Sequential([keras.layers.Input(shape), ColorHistogram()]),
        "decoder": keras.Sequential([keras.layers.Input((latent_dim,)), keras.layers.Dense(size)]),
    }
