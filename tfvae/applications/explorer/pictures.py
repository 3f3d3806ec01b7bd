"""One example as a picture for a page: an image, a curve, a stick figure or a row of a table."""

import base64
import html
import io
from collections.abc import Sequence

import keras
import numpy as np
from PIL import Image

from tfvae import _checks
from tfvae.applications.explorer.space import LatentSpace
from tfvae.plots import _tiles
from tfvae.plots.motion import VIEW

KINDS = ("image", "curve", "stick figure", "table")
# A vector without names is a row of a table up to this length, and a curve beyond.
SHORT = 16
# Width and height of curves and stick figures, in units of the picture.
WIDTH, HEIGHT, EDGE = 320, 200, 10


class Pictures:
    """Pictures of examples of one shape, all on one scale.

    Args:
        shape: of an example, or of a step of a sequence.
        known: examples that decide the scale, (n, *shape).
        columns: names of the columns of a table, or None.
        joints: a function of poses, (n, N_x), that gives positions of joints; or None.
        parents: the parent of each joint, −1 for the root.

    Example:
        >>> import numpy as np
        >>> from tfvae.applications.explorer import Pictures
        >>> pictures = Pictures((3,), np.array([[0.0, 1.0, 2.0]]), columns=["a", "b", "<c>"])
        >>> pictures.kinds
        ('table', 'curve')
        >>> "&lt;c&gt;" in pictures.markup(np.array([0.0, 1.0, 2.0]))
        True
    """

    def __init__(self, shape, known, *, columns=None, joints=None, parents=()) -> None:
        self.shape, self.joints, self.parents = tuple(shape), joints, parents
        size = int(np.prod(self.shape))
        self.kinds = ("curve", "table")
        if _tiles.are_images(self.shape):
            self.kinds = ("image",)
        elif joints is not None:
            self.kinds = ("stick figure", "curve", "table")
        elif columns is not None or size <= SHORT:
            self.kinds = ("table", "curve")
        named = columns if columns is not None and len(columns) == size else None
        self.columns = [f"x_{i}" for i in range(size)] if named is None else list(map(str, named))
        known = np.asarray(known, "float64").reshape(-1, size)
        self.low, self.high = np.min(known, axis=0), np.max(known, axis=0)
        self.limits = _tiles.value_range(known, 0.005)
        if joints is not None:
            drawn = _seen(joints(known))
            self.corner = drawn.min(axis=(0, 1))
            self.scale = (HEIGHT - 2 * EDGE) / max(*np.ptp(drawn, axis=(0, 1)), 1e-9)
            self.middle = drawn[..., 0].mean()

    def source(self, values: np.ndarray) -> str:
        """An image as a data URL of a PNG file; what is not finite is grey."""
        low, high = self.limits
        shown = (np.asarray(values, "float64") - low) / ((high - low) or 1.0)
        shown = np.nan_to_num(shown, nan=0.5, posinf=1.0, neginf=0.0)
        pixels = np.rint(255 * np.clip(shown, 0.0, 1.0)).astype("uint8")
        if pixels.ndim == 3 and pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

    def markup(self, values: np.ndarray, kind: str | None = None, *, small: bool = False) -> str:
        """HTML of one example, (*shape), where every text is escaped.

        Args:
            values: the example.
            kind: one of `kinds`; None: the first.
            small: whether it is one of many, which have no numbers.

        Raises:
            ValueError: for another kind.
        """
        kind = _checks.one_of("kind", self.kinds[0] if kind is None else kind, self.kinds)
        if kind == "image":
            return f'<img class="pixels" src="{self.source(values)}" alt="">'
        row = np.asarray(values, "float64").ravel()
        if kind == "stick figure":
            return self._stick_figure(row, small)
        if kind == "curve":
            return self._curve(row, small)
        return self._bars(row) if small else self._table(row)

    def _curve(self, row, small):
        low, high = self.limits
        inside = np.nan_to_num((row - low) / ((high - low) or 1.0), nan=0.5, posinf=2.0, neginf=-1)
        y = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * np.clip(inside, -0.04, 1.04)
        x = np.linspace(EDGE, WIDTH - EDGE, len(row))
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        dot = f'<circle class="line dot" cx="{x[0]:.1f}" cy="{y[0]:.1f}" r="2"/>'
        ends = "" if small else (
            f'<text class="tick" x="{EDGE}" y="{EDGE + 4}">{_number(high)}</text>'
            f'<text class="tick" x="{EDGE}" y="{HEIGHT - 3}">{_number(low)}</text>'
            f'<text class="tick" x="{WIDTH - EDGE}" y="{HEIGHT - 3}" text-anchor="end">'
            f"{len(row)} features</text>"
        )  # fmt: skip
        body = dot if len(row) == 1 else f'<polyline class="line" points="{line}"/>'
        return f'<svg class="drawing" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{ends}{body}</svg>'

    def _stick_figure(self, row, small):
        pose = _seen(self.joints(row[np.newaxis]))[0]
        x = WIDTH / 2 + (pose[:, 0] - self.middle) * self.scale
        y = HEIGHT - EDGE - (pose[:, 1] - self.corner[1]) * self.scale
        bones = "".join(
            f'<line class="line" x1="{x[a]:.1f}" y1="{y[a]:.1f}" x2="{x[b]:.1f}" y2="{y[b]:.1f}"/>'
            for b, a in enumerate(self.parents)
            if a >= 0
        )
        # Among many the edges are left out, which few poses need.
        left, width = ((WIDTH - HEIGHT) // 2, HEIGHT) if small else (0, WIDTH)
        return f'<svg class="drawing" viewBox="{left} 0 {width} {HEIGHT}" role="img">{bones}</svg>'

    def _parts(self, row):
        """Where each value lies between the least and the greatest of its column, in [0, 1]."""
        width = np.where(self.high > self.low, self.high - self.low, 1.0)
        return np.nan_to_num(np.clip((row - self.low) / width, 0.0, 1.0))

    def _bars(self, row):
        step = (HEIGHT - 2 * EDGE) / len(row)
        bars = "".join(
            f'<rect class="bar" x="{EDGE}" y="{EDGE + i * step:.1f}" height="{0.7 * step:.1f}" '
            f'width="{2 + part * (WIDTH - 2 * EDGE):.1f}"/>'
            for i, part in enumerate(self._parts(row))
        )
        return f'<svg class="drawing" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{bars}</svg>'

    def _table(self, row):
        parts = self._parts(row)
        lines = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th><td>{_number(value)}</td>'
            f'<td class="bar"><span style="width:{100 * part:.0f}%"></span></td></tr>'
            for name, value, part in zip(self.columns, row, parts, strict=True)
        )
        return f'<table class="fields">{lines}</table>'


def pictures_of(space: LatentSpace) -> tuple[Pictures, Pictures]:
    """Pictures of what the decoder gives, and of what the encoder reads, on one scale if alike."""
    model, data = space.model, space.data
    z = space.points if len(space.points) else space.prior_points
    chosen = np.linspace(0, len(z) - 1, min(len(z), 200)).astype(int)
    decoded = space.decode(z[chosen])
    known, joints, parents = decoded, None, ()
    same = tuple(model.target_step_shape) == tuple(model.step_shape)
    if data is not None:
        steps = data.x.reshape(-1, *model.step_shape)
        seen = steps[np.linspace(0, len(steps) - 1, min(len(steps), 500)).astype(int)]
        known = np.concatenate([decoded, seen]) if same else decoded
        joints, parents = data.joints, data.parents
    columns = _columns(model)
    shown = Pictures(
        model.target_step_shape, known, columns=columns if same else None,
        joints=joints if same else None, parents=parents,
    )  # fmt: skip
    if same or data is None:
        return shown, shown
    return shown, Pictures(model.step_shape, seen, columns=columns, joints=joints, parents=parents)


def _columns(model: keras.Model) -> Sequence[str] | None:
    return None if model.columns is None else list(model.columns)


def _seen(positions: np.ndarray) -> np.ndarray:
    """The two drawn coordinates, with the root at horizontal position 0, (n, joints, 2)."""
    shown = np.asarray(positions, "float64")[..., list(VIEW)]
    return shown - shown[:, :1] * [1.0, 0.0]


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
