"""The card of the map: points in their colours, the magnification factor, and the pointer."""

from collections.abc import Callable, Sequence

import numpy as np
from nicegui import background_tasks, run, ui

from tfvae.applications.explorer import plane as planes
from tfvae.applications.explorer.cards import card
from tfvae.applications.explorer.scene import Scene, signed
from tfvae.applications.explorer.space import Neighbour

# From so many units on the pointer is dragged, and no longer means one point.
DRAG = 6
# An arrow key moves the point by this many of the map's 640 units.
KEY_STEP = 8
ARROWS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


class MapCard:
    """The map of the latent space, which follows the pointer and the arrow keys.

    Args:
        scene: what is shown.
        chosen: called with the number of an example whose point was clicked.
        pointed: called with a place on the map, (2,), that was clicked or dragged to.
        walked: called with a step on the map, (2,), of an arrow key.
    """

    def __init__(
        self,
        scene: Scene,
        chosen: Callable[[int], None],
        pointed: Callable[[np.ndarray], None],
        walked: Callable[[np.ndarray], None],
    ) -> None:
        self._scene, self._chosen, self._pointed_at = scene, chosen, pointed
        self._pressed, self._snapped = None, False
        self.label = next(iter(scene.colors), None)
        self._contours, self._held = None, scene.space.home_held
        made, line = card("map", _title(scene.plane.names))
        with line:
            if len(scene.colors) > 1:
                choice = ui.select(list(scene.colors), value=self.label, label="colour")
                choice.on_value_change(self._label_chosen).props("dense outlined options-dense")
            if scene.space.latent_dim == 2:
                self._contours = ui.switch("magnification", value=True)
                self._contours.on_value_change(lambda: self.draw(self._held))
        with made:
            self._plane = ui.interactive_image(
                size=(planes.SIZE, planes.SIZE), sanitize=False, events=["mousedown", "mousemove"]
            )
            self._plane.classes("plane").props(
                'tabindex=0 role=application aria-label="Map: click it, or use the arrow keys"'
            )
            # Every event would be a message; a fast hand makes hundreds in a second.
            self._plane.on("mouse", self._pointed, throttle=0.03)
            for key, step in ARROWS.items():
                step = KEY_STEP * np.array(step, float)
                self._plane.on(f"keydown.{key}.prevent", lambda step=step: walked(step), args=[])
            self._marks = self._plane.add_layer()
            self._rules, self._legend = ui.html("", sanitize=False), ui.html("", sanitize=False)
            self._meaning = ui.label("").classes("hint")
        self.draw(self._held)

    def show(self, z: np.ndarray, found: Sequence[Neighbour] = ()) -> None:
        """Marks a point, and its neighbours if they are known."""
        self._marks.content = self._scene.plane.marker(z, found)

    def draw(self, held: np.ndarray) -> None:
        """Draws the points, and then the magnification factor with these categories."""
        self._held = held.copy()
        colors = self._scene.colors.get(self.label)
        self._plane.content = self._points(colors)
        if colors is not None:
            self._rules.content = f"<style>{planes.color_rules(colors)}</style>"
            self._legend.content = planes.legend(colors, self.label)
        self._meaning.text = ""
        if self._contours is not None and self._contours.value:
            background_tasks.create(self._draw_flat_map(self._held), name="draw the flat map")

    def _points(self, colors):
        return self._scene.plane.frame() + self._scene.plane.backdrop(colors)

    async def _draw_flat_map(self, held):
        found = await run.io_bound(self._scene.flat_map, held)
        # By now the visitor may have chosen others.
        if found is None or held is not self._held or not self._contours.value:
            return
        self._plane.content = found.markup + self._points(self._scene.colors.get(self.label))
        self._meaning.text = signed(
            f"Shade: log magnification factor, {found.low:.2g} to {found.high:.2g}; a contour "
            f"every {found.step:.2g}."
        )

    def _pointed(self, event):
        pixel = np.array([event.args["image_x"], event.args["image_y"]], float)
        if event.args["mouse_event_type"] == "mousedown":
            self._pressed = pixel
            index = self._scene.plane.nearest(pixel)
            self._snapped = index is not None
            if self._snapped:
                self._chosen(index)
                return
        elif not event.args["buttons"] & 1 or self._pressed is None:
            self._pressed = None
            return
        elif self._snapped and np.linalg.norm(pixel - self._pressed) < DRAG:
            return
        self._snapped = False
        self._pointed_at(pixel)

    def _label_chosen(self, event):
        self.label = event.value
        self.draw(self._held)


def _title(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} →  {names[1]} ↑"
