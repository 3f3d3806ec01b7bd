"""What all visitors of the page see alike: the latent space, its map, pictures and colours."""

import functools

import numpy as np

from tfvae.applications.explorer.flat_map import FlatMap, flat_map
from tfvae.applications.explorer.pictures import pictures_of
from tfvae.applications.explorer.plane import Colors, Plane, colors_of
from tfvae.applications.explorer.space import LatentSpace


class Scene:
    """A latent space with all that is drawn of it and does not depend on where a visitor is.

    Args:
        space: the latent space.
        title: of the page.
        about: a line on what is shown.
        coloring: how labels are shown, see `tfvae.plots.latent_scatter`.
    """

    def __init__(self, space: LatentSpace, title: str, about: str, coloring: str) -> None:
        self.space, self.title, self.about = space, title, about
        self.plane = Plane(space)
        self.pictures, self.read_pictures = pictures_of(space)
        self.colors: dict[str, Colors] = {}
        for name in space.data.labels if space.data else ():
            try:
                self.colors[name] = colors_of(space, name, coloring)
            except ValueError:  # Too many names, or names where "cyclic" was asked for.
                continue
        self._flat_map = functools.lru_cache(8)(self._make_flat_map)
        self.thumbnail = functools.lru_cache(4096)(self._make_thumbnail)

    def flat_map(self, held: np.ndarray) -> FlatMap | None:
        """The magnification factor on the map with these categories and this condition."""
        return self._flat_map(np.asarray(held, "float64").tobytes())

    def _make_flat_map(self, held: bytes) -> FlatMap | None:
        return flat_map(self.plane, np.frombuffer(held))

    def _make_thumbnail(self, index: int) -> str:
        """The small picture of an encoded example."""
        return self.read_pictures.markup(self.space.example(index), small=True)

    def label_text(self, name: str | None, index: int) -> str:
        """The label `name` of an encoded example as a text, "" if it has none."""
        value = None if name is None else self.space.label(name, index)
        if value is None:
            return ""
        return signed(f"{value:.3g}") if isinstance(value, (float, np.floating)) else str(value)


def signed(text: str) -> str:
    """A number with the sign minus in place of a hyphen."""
    return text.replace("-", "−")
