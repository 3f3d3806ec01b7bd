"""The magnification factor of a decoder with two latents, as shades and contours of the map."""

import base64
import io
from typing import NamedTuple

import contourpy
import numpy as np
from matplotlib.ticker import MaxNLocator
from PIL import Image

from tfvae import geometry
from tfvae.applications.explorer.plane import SIZE, Plane

# Points of the grid along each axis, and the opacity of the greatest value.
RESOLUTION = 56
DARKEST = 0.5


class FlatMap(NamedTuple):
    """log MF on the map, as SVG, with what its shades mean."""

    markup: str
    low: float
    """The least log MF on the map."""
    high: float
    step: float
    """Difference of log MF from one contour to the next."""


def flat_map(plane: Plane, held: np.ndarray, resolution: int = RESOLUTION) -> FlatMap | None:
    """The log magnification factor [C18] on the map; None if the decoder does not depend on z.

        log MF = ½ log det JᵀJ

    In a flat space the map is one shade without contours. `held` is what is held everywhere.

    Args:
        plane: the map of a latent space with two latents.
        held: categories and condition, (H,).
        resolution: points along each axis.

    Raises:
        ValueError: when the model does not have two latents.
    """
    if plane.space.latent_dim != 2:
        raise ValueError(f"`plane` must show two latents, received {plane.space.latent_dim}.")
    place = (np.arange(resolution) + 0.5) * SIZE / resolution
    pixels = np.stack(np.meshgrid(place, place, indexing="xy"), axis=-1).reshape(-1, 2)
    z = plane.middle + (pixels / (SIZE / 2) - 1.0) * plane.reach * [1.0, -1.0]
    rows = np.broadcast_to(held, [len(z), len(held)])
    tensors = geometry.metric_tensors(plane.space.model, z, held=rows)
    logs = geometry.log_magnification_factor(tensors).reshape(resolution, resolution)
    finite = logs[np.isfinite(logs)]
    if not len(finite):
        return None
    # The few least values, where the decoder saturates, would take the contrast from the rest.
    low, high = np.quantile(finite, 0.02), np.max(finite)
    logs = np.clip(np.nan_to_num(logs, neginf=low), low, high)
    shades = (logs - low) / max(high - low, 1.0)
    levels = MaxNLocator(8).tick_values(low, high)
    lines = contourpy.contour_generator(place, place, logs)
    found = [line for level in levels for line in lines.lines(level) if low < level < high]
    paths = "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line if np.isfinite(x)) for line in found
    )
    markup = (
        f'<image class="shades" href="{_png(shades)}" width="{SIZE}" height="{SIZE}" '
        f'preserveAspectRatio="none"/><path class="contour" d="{paths}"/>'
    )
    return FlatMap(markup, float(low), float(high), float(levels[1] - levels[0]))


def _png(shades: np.ndarray) -> str:
    """Black of varying opacity."""
    alpha = np.rint(255 * DARKEST * shades).astype("uint8")
    pixels = np.stack([np.zeros_like(alpha), alpha], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels, "LA").save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
