"""How close images are to what they should show: PSNR and SSIM."""

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.evaluation.tables import Line, Report, markdown

# tf.image.ssim compares windows of so many pixels.
WINDOW = 11
_ROWS = 256


@dataclasses.dataclass(frozen=True, repr=False)
class ImageQuality(Report):
    """PSNR and SSIM of several versions of the same images, each by name."""

    psnr: dict[str, np.ndarray]
    """Of each image, (n,), dB; see `psnr`."""
    ssim: dict[str, np.ndarray]
    """Of each image, (n,), at most 1; see `ssim`."""

    title = "Image quality"

    def lines(self) -> list[Line]:
        """Returns the means over the images, with their standard errors."""
        return [
            line
            for name in self.psnr
            for what, unit, values in (
                ("PSNR", "dB", self.psnr[name]),
                ("SSIM", "1 is the same image", self.ssim[name]),
            )
            for line in (
                Line(f"{what} of {name}", float(np.mean(values)), unit),
                Line(f"standard error of {what} of {name}", _standard_error(values)),
            )
        ]

    def rows(self) -> list[list]:
        """Returns a row for each version: name, PSNR, its standard error, SSIM, its own."""
        return [
            [name, *(one for v in (values, self.ssim[name]) for one in _mean_and_error(v))]
            for name, values in self.psnr.items()
        ]

    def __str__(self) -> str:
        heads = ["images", "PSNR [dB]", "± standard error", "SSIM", "± standard error"]
        return f"{self.title}\n{markdown(heads, self.rows())}"


def image_quality(
    reference: ArrayLike, versions: Mapping[str, ArrayLike], *, max_value: float = 1.0
) -> ImageQuality:
    """Compares versions of images, such as noisy and denoised ones, with the clean images.

    `tfvae.plots.image_versions` shows them.

    Args:
        reference: the clean images, (n, height, width) or (n, height, width, channels).
        versions: name -> images of the same shape, {"noisy": …, "denoised": …}.
        max_value: the width of the range of values: 1 for images in [0, 1], 255 for bytes.

    Returns:
        The report, which prints as a table.

    Raises:
        ValueError: if there are no versions, a shape differs, a value is not finite, or an image is
            smaller than 11×11 pixels.

    Example:
        >>> import numpy as np, tfvae
        >>> rng = np.random.default_rng(0)
        >>> clean = rng.uniform(size=(4, 16, 16, 1))
        >>> noisy = clean + rng.normal(size=clean.shape, scale=0.1)
        >>> quality = tfvae.evaluation.image_quality(clean, {"noisy": noisy})
        >>> round(float(np.mean(quality.psnr["noisy"])))  # 10 log10 (1/0.1²)
        20
    """
    if not isinstance(versions, Mapping) or not versions:
        raise ValueError(
            '`versions` must be a dict with images by name, {"denoised": images}, received '
            f"{type(versions).__name__ if not isinstance(versions, Mapping) else 'an empty one'}."
        )
    found = {
        name: (
            psnr(reference, images, max_value=max_value),
            ssim(reference, images, max_value=max_value),
        )
        for name, images in versions.items()
    }
    return ImageQuality(*({name: pair[i] for name, pair in found.items()} for i in (0, 1)))


def psnr(reference: ArrayLike, images: ArrayLike, *, max_value: float = 1.0) -> np.ndarray:
    """Peak signal-to-noise ratio of each image, dB; ∞ for an image that is the same.

        10 log10 (max_value² / MSE), MSE over all pixels and channels of the image

    Args:
        reference: the clean images, (n, height, width) or (n, height, width, channels).
        images: what is compared with them, of the same shape.
        max_value: the width of the range of values.

    Returns:
        float32 (n,).

    Raises:
        ValueError: if the shapes differ, or a value is not finite.

    Example:
        >>> import numpy as np, tfvae
        >>> clean = np.zeros((2, 4, 4, 1))
        >>> tfvae.evaluation.psnr(clean, clean + 0.1)
        array([20., 20.], dtype=float32)
    """
    return _compared(tf.image.psnr, reference, images, max_value)


def ssim(reference: ArrayLike, images: ArrayLike, *, max_value: float = 1.0) -> np.ndarray:
    """Structural similarity of each image, at most 1, where both images are the same.

    The mean over all windows of 11×11 pixels, with Gaussian weights of σ = 1.5 pixels, and over
    channels, of (2 m m' + c₁)(2 cov + c₂) / ((m² + m'² + c₁)(v + v' + c₂)), with the weighted means
    m, m', variances v, v' and covariance of the window in both images, c₁ = (0.01 · max_value)² and
    c₂ = (0.03 · max_value)² (Wang et al., 2004; `tf.image.ssim`).

    Args:
        reference: the clean images, (n, height, width) or (n, height, width, channels).
        images: what is compared with them, of the same shape.
        max_value: the width of the range of values.

    Returns:
        float32 (n,).

    Raises:
        ValueError: if the shapes differ, a value is not finite, or an image is smaller than 11×11
            pixels.

    Example:
        >>> import numpy as np, tfvae
        >>> clean = np.random.default_rng(0).uniform(size=(2, 16, 16, 1))
        >>> tfvae.evaluation.ssim(clean, clean)
        array([1., 1.], dtype=float32)
    """
    size = np.shape(reference)[1:3]
    if len(size) == 2 and min(size) < WINDOW:
        raise ValueError(
            f"`reference` must hold images of at least {WINDOW}×{WINDOW} pixels for SSIM, received "
            f"{size[0]}×{size[1]}. `tfvae.evaluation.psnr` takes any size."
        )
    return _compared(tf.image.ssim, reference, images, max_value)


def _compared(measure: Callable, reference, images, max_value):
    max_value = _checks.number_in(
        "max_value", max_value, 0.0, math.inf, low_open=True, high_open=True
    )
    reference, images = _checked("reference", reference), _checked("images", images)
    if reference.shape != images.shape:
        raise ValueError(
            f"`images` must have the shape of `reference`, {reference.shape}, received "
            f"{images.shape}."
        )
    parts = [
        measure(reference[i : i + _ROWS], images[i : i + _ROWS], max_value).numpy()
        for i in range(0, len(images), _ROWS)
    ]
    return np.concatenate(parts)


def _checked(name, images):
    images = np.asarray(images, "float32")
    if images.ndim not in (3, 4) or images.size == 0:
        raise ValueError(
            f"`{name}` must hold images, (n, height, width) or (n, height, width, channels) with "
            f"n ≥ 1, received the shape {images.shape}."
        )
    if not np.all(np.isfinite(images)):
        raise ValueError(f"`{name}` must be finite, received {_checks.span_of(images)}.")
    return images[..., np.newaxis] if images.ndim == 3 else images


def _mean_and_error(values):
    return float(np.mean(values)), _standard_error(values)


def _standard_error(values):
    """Of the mean; NaN for a single value, or with infinite ones."""
    if len(values) < 2 or not np.all(np.isfinite(values)):
        return math.nan
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))
