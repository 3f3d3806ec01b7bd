"""The page of one visitor: a point in the latent space, and what is drawn of it, on NiceGUI."""

import asyncio
import html
from typing import Any

import numpy as np
from nicegui import app, background_tasks, run, ui

from tfvae.applications.explorer.cards import SMALL_CHOICE, PictureCard, SlidersCard, TilesCard
from tfvae.applications.explorer.look import STYLE
from tfvae.applications.explorer.map_card import MapCard
from tfvae.applications.explorer.scene import Scene
from tfvae.applications.explorer.space import Neighbour

NUM_NEIGHBOURS, NUM_SAMPLES = 8, 16
# Seconds without a move after which neighbours are shown.
REST = 0.08
# No point further out is gone to.
FURTHEST = 1e30
THEMES = {"auto": None, "dark": True, "light": False}


class Page:
    """A point that a visitor moves by sliders, on the map, and by choosing pictures.

    Args:
        scene: what all visitors see alike.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene, self.space = scene, scene.space
        self.client = ui.context.client
        self.z, self.held = self.space.home.copy(), self.space.home_held.copy()
        self.example = None
        self.found: list[Neighbour] = []
        self._draws, self._wanted, self._drawn, self._is_drawing = 0, 0, -1, False
        ui.add_css(STYLE)
        self._dark = ui.dark_mode(None)
        with ui.element("header").classes("explorer-head"):
            ui.html(f"<h1>{html.escape(scene.title)}</h1>", sanitize=False)
            ui.label(scene.about).classes("about")
            self._theme = ui.toggle(list(THEMES), value="auto", on_change=self._theme_chosen)
            self._theme.props(f'{SMALL_CHOICE} aria-label="Theme"')
        with ui.element("main").classes("explorer"):
            with ui.element("div").classes("side"):
                self._picture = PictureCard(scene, self.go_home, self.go_by)
                self._sliders = SlidersCard(self.space, self._slid, self._chosen, self.changed)
            with ui.element("div").classes("side"):
                self._map = MapCard(scene, self.go_to_example, self._pointed, self._walked)
                self._near = None
                if len(self.space.points):
                    count = min(NUM_NEIGHBOURS, len(self.space.points))
                    title = "Nearest examples, and their distance"
                    self._near = TilesCard("near-panel", title, count, self._to_neighbour)
                title = "Samples of the prior"
                self._samples = TilesCard("samples", title, NUM_SAMPLES, self._to_sample)
                with self._samples.line:
                    again = ui.button("Draw others", on_click=self._draw_samples)
                    again.props(f"{SMALL_CHOICE} icon=casino")
        self._draw_samples()
        self.changed()

    def go(self, z: np.ndarray, held: np.ndarray | None = None, example: int | None = None) -> None:
        """Moves to a point, perhaps that of an example; stays where a browser names none."""
        # The decoder works in float32, which cannot hold all that a message can.
        if not np.all(np.abs(np.array(z, "float64")) < FURTHEST):
            return
        self.z, self.example = np.array(z, "float64"), example
        if held is not None:
            held = np.array(held, "float64")
            other = not np.array_equal(held, self.held)
            self.held = held
            if other:
                self._held_changed()
        self.changed()

    def go_to_example(self, index: int) -> None:
        """Moves to an encoded example."""
        self.go(self.space.points[index], self.space.held[index], index)

    def go_home(self) -> None:
        """Moves to the mean of the points."""
        self.go(self.space.home)

    def go_by(self, step: int) -> None:
        """Moves to the example after this one, or to the nearest one."""
        if self.example is None:
            self.go_to_example(self.space.neighbours(self.z, 1)[0].index)
        else:
            self.go_to_example((self.example + step) % len(self.space.points))

    def changed(self) -> None:
        """Draws the point. Points that it has left before they could be drawn are skipped."""
        self._wanted += 1
        if not self._is_drawing:
            self._is_drawing = True
            background_tasks.create(self._draw(), name="draw the point")

    def recall(self, kept: dict[str, Any]) -> None:
        """Goes back to where the visitor was before a reload."""
        self._theme.value = kept["theme"]
        self._sliders.set_mode(kept["mode"])
        self.go(kept["z"], kept["held"], kept["example"])

    # ---- what the visitor does -----------------------------------------------------------------

    def _slid(self, mode, axis, value):
        self.go(self.space.moved(mode, self.z, axis, value))

    def _pointed(self, pixel):
        self.go(self.scene.plane.moved(self.z, pixel))

    def _walked(self, step):
        here = self.scene.plane.pixels(self.z[np.newaxis])[0]
        self.go(self.scene.plane.moved(self.z, here + step))

    def _chosen(self, start, end, value):
        held = self.held.copy()
        held[start:end] = np.eye(end - start)[value]
        self.go(self.z, held)

    def _to_neighbour(self, i):
        if i < len(self.found):
            self.go_to_example(self.found[i].index)

    def _to_sample(self, i):
        self.go(self._sampled[i])

    def _theme_chosen(self, event):
        self._dark.value = THEMES[event.value]
        self._keep()

    # ---- what is drawn -------------------------------------------------------------------------

    async def _draw(self):
        try:
            while self._drawn != self._wanted:
                self._drawn = self._wanted
                values = await run.io_bound(self.space.decode, self.z, self.held)
                with self.client:
                    self._show(values[0])
        finally:
            self._is_drawing = False
        # Neighbours take the browser longer than the picture, which should not wait for them.
        await asyncio.sleep(REST)
        if self._drawn == self._wanted:
            with self.client:
                self._show_neighbours()

    def _show(self, values):
        label = self._map.label
        text = "" if self.example is None else self.scene.label_text(label, self.example)
        self._picture.show(values, self.example, text and f"{label} {text}")
        self._sliders.place(self.z, self.held)
        self._map.show(self.z)
        self._keep()

    def _show_neighbours(self):
        self.found = self.space.neighbours(self.z, NUM_NEIGHBOURS)
        self._map.show(self.z, self.found)
        if self._near is None:
            return
        notes = []
        for one in self.found:
            text = self.scene.label_text(self._map.label, one.index)
            notes.append(f"{text} · {one.distance:.2g}" if text else f"{one.distance:.2g}")
        self._near.show([self.scene.thumbnail(one.index) for one in self.found], notes)

    def _held_changed(self):
        self._map.draw(self.held)
        self._draw_sample_pictures()

    def _draw_samples(self):
        self._draws += 1
        self._sampled = self.space.sample_prior(NUM_SAMPLES, self.space.seed + self._draws)
        self._draw_sample_pictures()

    def _draw_sample_pictures(self):
        decoded = self.space.decode(self._sampled, self.held)
        self._samples.show([self.scene.pictures.markup(one, small=True) for one in decoded])

    def _keep(self):
        """Keeps for a reload where the visitor is."""
        if self.client.has_socket_connection:
            app.storage.tab["kept"] = {
                "z": self.z.tolist(), "held": self.held.tolist(), "example": self.example,
                "mode": self._sliders.mode, "theme": self._theme.value,
            }  # fmt: skip
