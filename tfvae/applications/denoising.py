"""Removing noise with a trained model."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks, _progress, _seeds
from tfvae.models import LatentVariableModel, beside, inputs
from tfvae.models.data import numpy_batches
from tfvae.models.latents import joined


def denoise(
    model: LatentVariableModel,
    x: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    y: Any = None,
    *,
    num_samples: int = 0,
    batch_size: int = 256,
    seed: Any = 0,
    verbose: str | int = "auto",
) -> np.ndarray:
    """What noisy examples show, as the model explains them.

        E[clean|x] ≈ (1/L) Σ_l E[clean|z_l],   z_l ~ q(z|x)

    Train the model to remove noise in one of two ways:

    - `corruption=keras.layers.GaussianNoise(0.3)`, or a layer of `tfvae.networks`, and
      `fit(clean)`: the encoder reads new noise in each step, and the clean example is explained.
      `denoise` then takes noisy examples, whatever the range of the likelihood.
    - `target="y"` and `fit(noisy, clean)`, where there are pairs.

    Without samples the decoder is given what stands for x (`model.embed`), as in `predict`. The
    mean over samples blurs what x leaves open, which lowers the squared error. An `Autoencoder` has
    one z for each x: samples do not change it.

    Args:
        model: a trained model.
        x: noisy examples, array, or tf.data.Dataset or PyDataset of x or (x, y).
        y: labels and condition beside an array, for a model that needs them.
        num_samples: L; 0: the mean of q(z|x) alone, without random numbers.
        batch_size: number of rows of an array at a time; a dataset keeps its own batches.
        seed: of the samples.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Returns:
        float32 array (n, *target). Values of a Gaussian likelihood may overshoot the range of the
        data: np.clip(…, 0, 1) for images.

    Raises:
        ValueError: if the model is not built, an example is not finite or cannot be explained, or a
            part of y is missing.

    Example:
        >>> import keras, numpy as np, tfvae
        >>> rng = np.random.default_rng(0)
        >>> clean = rng.normal(size=(200, 1)) * np.ones(8, "float32")  # All features are the same.
        >>> model = tfvae.Autoencoder(1, corruption=keras.layers.GaussianNoise(0.5), seed=0)
        >>> model.compile(keras.optimizers.Adam(3e-3))
        >>> history = model.fit(clean, epochs=20, verbose=0)
        >>> noisy = clean + rng.normal(size=clean.shape, scale=0.5)
        >>> denoised = tfvae.applications.denoise(model, noisy)
        >>> bool(np.mean((denoised - clean) ** 2) < np.mean((noisy - clean) ** 2) / 3)
        True
    """
    if not isinstance(model, LatentVariableModel):
        raise ValueError(
            f"`model` must be a model of the library, received {type(model).__name__}."
        )
    inputs.check_built(model, "denoise")
    num_samples = _checks.whole_in("num_samples", num_samples, 0, 100_000)
    seed, parts, first = _seeds.stateless(seed), [], 0
    total = len(x) if isinstance(x, np.ndarray) else None
    with _progress.progress(total, verbose, "example") as add:
        for rows, found in numpy_batches(x, y, batch_size=batch_size, columns=model.columns):
            batch = model.prepared(rows, found, beside.INPUTS)
            _check_usable(model, batch, first)
            own_seed = tf.random.experimental.stateless_fold_in(seed, first)
            parts.append(_means(model, batch, num_samples, own_seed).numpy())
            first += len(rows)
            add(len(rows))
    return np.concatenate(parts)


def _means(model, batch, num_samples, seed):
    """E[target|x] of a batch, (B, *target)."""
    encoded = model.encoded(batch)
    embedding = model.embedding(batch, encoded)
    if not num_samples:
        outputs = model.decoder_outputs(joined(embedding, None, encoded.condition))
        return model.likelihood.mean(outputs)
    d = embedding[..., model.latent_dim :] if model.discrete is not None else None
    total = 0.0
    for index in range(num_samples):  # One at a time: memory does not grow with L.
        own_seed = tf.random.experimental.stateless_fold_in(seed, index)
        z = model.prior.latents_from_noise(encoded.posterior.sample(seed=own_seed))
        outputs = model.decoder_outputs(joined(z, d, encoded.condition))
        total += model.likelihood.mean(outputs)
    return total / num_samples


def _check_usable(model, batch, first):
    bad = np.flatnonzero(~inputs.usable_rows(model, batch).numpy())
    if len(bad):
        hint = (
            ""
            if not model.explains_its_input or model.likelihood.support is None
            else " Noise may leave the range of the likelihood: train with `corruption`, or clip."
        )
        raise ValueError(
            f"`x` must hold finite numbers{' that the likelihood allows' if hint else ''}, received"
            f" {_checks.span_of(batch.x.numpy())}; the first bad example is number "
            f"{first + bad[0]}.{hint}"
        )
