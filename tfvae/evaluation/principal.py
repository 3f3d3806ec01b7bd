"""Principal axes of the latents of data: the directions in which they vary most."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel
from tfvae.models.data import latents


@dataclasses.dataclass(frozen=True, repr=False)
class PrincipalAxes(Report):
    """Principal axes of latents, K = min(n, N_z) of them, the one of the largest variance first."""

    mean: np.ndarray
    """The mean of the latents, (N_z,)."""
    directions: np.ndarray
    """Orthonormal rows, (K, N_z)."""
    variances: np.ndarray
    """Variance of the latents along each axis, (K,), with the divisor n − 1."""
    shares: np.ndarray
    """Shares of the total variance, (K,); zeros if the latents do not vary."""

    title = "Principal axes of the latents"

    def lines(self) -> list[Line]:
        """Returns the share of each axis, and how many axes hold 90% and 99% of the variance."""
        held = np.cumsum(self.shares)
        counts = [
            Line(f"axes for {part:.0%} of the variance", int(np.sum(held < part - 1e-9)) + 1, "of "
                 f"{len(self.mean)}")
            for part in (0.9, 0.99)
            if held[-1] > part
        ]  # fmt: skip
        shares = [
            Line(f"principal axis {i}", float(share), "share of the variance")
            for i, share in enumerate(self.shares)
        ]
        return [*counts, *shares]

    def coordinates(self, z: ArrayLike) -> np.ndarray:
        """Latents along the axes, (…, N_z) -> (…, K), float64: (z − mean)·directionsᵀ.

        Raises:
            ValueError: when the last axis of `z` does not fit.
        """
        return (_checked("z", z, len(self.mean)) - self.mean) @ self.directions.T

    def latents(self, coordinates: ArrayLike) -> np.ndarray:
        """The point with these coordinates, (…, K) -> (…, N_z): mean + coordinates·directions.

        Raises:
            ValueError: when the last axis of `coordinates` does not fit.
        """
        return self.mean + _checked("coordinates", coordinates, len(self.shares)) @ self.directions


def principal_axes(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    *,
    y: Any = None,
    batch_size: int = 512,
) -> PrincipalAxes:
    """Finds the principal axes of the latents of data, by `sklearn.decomposition.PCA`.

        (1/(n − 1)) Σ_i (z_i − mean)(z_i − mean)ᵀ = Σ_k variances_k · directions_k directions_kᵀ

    z_i stands for example i, or for one step of a sequence: the posterior mean, or the latents at
    the mean of the noise that the prior makes them of. Categories are no part of it.

    `tfvae.plots.explained_variance` shows the shares, and `tfvae.plots.traversals(…, axes=…)` what
    the decoder makes of the axes.

    Args:
        model: a built model of the library.
        data: array, or tf.data.Dataset or PyDataset of x or (x, y); at least two examples or steps.
        y: the condition beside an array, for a model with one.
        batch_size: number of rows of an array at a time; a dataset keeps its own batches.

    Raises:
        ValueError: if there are fewer than two examples, an encoding is not finite, the data are of
            the wrong shape, or a condition is missing.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=3, seed=0)
        >>> vae.build((None, 5))
        >>> x = np.random.default_rng(0).normal(size=(200, 5))
        >>> axes = tfvae.evaluation.principal_axes(vae, x)
        >>> axes.directions.shape, round(float(axes.shares.sum()), 6)
        ((3, 3), 1.0)
        >>> z = axes.latents([2.0, 0.0, 0.0])
        >>> axes.coordinates(z).round(6) + 0.0
        array([2., 0., 0.])
    """
    return axes_of(latents(model, data, y, batch_size=batch_size))


def axes_of(z: np.ndarray) -> PrincipalAxes:
    """Principal axes of latents (n, N_z).

    Raises:
        ValueError: if n < 2, or a latent is not finite.
    """
    from sklearn.decomposition import PCA

    z = finite_latents(z)
    with np.errstate(invalid="ignore"):  # It divides by the variance, which may be 0.
        fitted = PCA(svd_solver="full").fit(z)
    variances = fitted.explained_variance_
    return PrincipalAxes(
        fitted.mean_, fitted.components_, variances, variances / (np.sum(variances) or 1.0)
    )


def finite_latents(z: np.ndarray) -> np.ndarray:
    """Latents as float64, (n, N_z).

    Raises:
        ValueError: if n < 2, or one is not finite.
    """
    z = np.asarray(z, "float64")
    if len(z) < 2:
        raise ValueError(f"`data` must hold at least two examples or steps, received {len(z)}.")
    bad = np.flatnonzero(~np.all(np.isfinite(z), axis=1))
    if len(bad):
        raise ValueError(
            f"`data` must hold finite numbers, received {len(bad)} of {len(z)} examples or steps "
            f"whose encodings are not finite; the first is number {bad[0]}. Leave them out, or "
            "fill the gaps."
        )
    return z


def _checked(name: str, values: ArrayLike, size: int) -> np.ndarray:
    values = np.asarray(values, "float64")
    if values.ndim == 0 or values.shape[-1] != size:
        raise ValueError(f"`{name}` must have the shape (…, {size}), received {values.shape}.")
    return values
