"""The cards of the page: picture, sliders, and small pictures to choose from, on NiceGUI."""

import functools
import html
from collections.abc import Callable

import numpy as np
from nicegui import ui
from nicegui.element import Element

from tfvae import _names
from tfvae.applications.explorer.pictures import Pictures
from tfvae.applications.explorer.scene import Scene, signed
from tfvae.applications.explorer.space import MODES, LatentSpace

# So many sliders are open at first, and each has so many steps.
OPEN_SLIDERS, STEPS = 10, 200
SMALL_CHOICE = "flat dense no-caps"


def card(name: str, title: str) -> tuple[Element, Element]:
    """A card with a title; returns it and the line of the title, for what stands beside that."""
    with ui.element("section").classes(f"panel {name}") as made:
        line = ui.element("div").classes("panel-head")
        with line:
            ui.html(f"<h2>{html.escape(title)}</h2>", sanitize=False)
    return made, line


def icon_button(icon: str, name: str, clicked: Callable[[], None]) -> None:
    """A round button with an icon, and a name for those who do not see it."""
    ui.button(icon=icon, on_click=lambda: clicked()).props(
        f'flat dense round size=sm aria-label="{name}" title="{name}"'
    )


class PictureCard:
    """The decoded picture, beside the example that it stands for.

    Args:
        scene: what is shown.
        go_home: called when the mean of the points is asked for.
        go_by: called with −1 or 1 when another example is asked for.
    """

    def __init__(self, scene: Scene, go_home: Callable, go_by: Callable[[int], None]) -> None:
        self._scene, kinds = scene, scene.pictures.kinds
        self._kind, self._values, self._example = kinds[0], None, None
        made, line = card("picture", "Decoded")
        with line, ui.element("div"):
            icon_button("home", "Mean of the points", go_home)
            if len(scene.space.points):
                icon_button("chevron_left", "Example before", lambda: go_by(-1))
                icon_button("chevron_right", "Next example", lambda: go_by(1))
        with made:
            if len(kinds) > 1:
                choice = ui.toggle(list(kinds), value=self._kind, on_change=self._chosen)
                choice.props(SMALL_CHOICE)
            with ui.element("div").classes("shown alone") as self._shown:
                with ui.element("figure"):
                    self._decoded = _frame(scene.pictures, "decoded")
                    ui.html("E[x|z]", tag="figcaption", sanitize=False)
                with ui.element("figure") as self._figure:
                    self._original = _frame(scene.read_pictures, "example")
                    self._caption = ui.html("", tag="figcaption", sanitize=False)
            self._figure.set_visibility(False)
            self._failure = ui.label("").classes("failure").props("role=alert")

    def show(self, values: np.ndarray, example: int | None, label: str) -> None:
        """Draws what the decoder gives, and an example with its label if there is one."""
        self._values, self._example = values, example
        _draw(self._decoded, self._scene.pictures, values, self._kind)
        finite = bool(np.all(np.isfinite(values)))
        self._failure.text = "" if finite else "The decoder gives NaN or infinities here."
        self._shown.classes(add="alone" if example is None else "", remove="alone" * (
            example is not None
        ))  # fmt: skip
        self._figure.set_visibility(example is not None)
        if example is not None:
            x = self._scene.space.example(example)
            _draw(self._original, self._scene.read_pictures, x, self._kind)
            self._caption.content = html.escape(f"example {example}" + (label and f", {label}"))

    def _chosen(self, event):
        self._kind = event.value
        _draw(self._decoded, self._scene.pictures, self._values, self._kind)
        if self._example is not None:
            x = self._scene.space.example(self._example)
            _draw(self._original, self._scene.read_pictures, x, self._kind)


def _frame(pictures: Pictures, name: str) -> Element:
    """An element for a picture: an image changes its source alone, and does not flicker."""
    if pictures.kinds == ("image",):
        return ui.element("img").classes("pixels").props(f'alt="{name}" data-picture={name}')
    return ui.html("", sanitize=False).classes("scroll").props(f"data-picture={name} tabindex=0")


def _draw(frame: Element, pictures: Pictures, values: np.ndarray, kind: str) -> None:
    if pictures.kinds == ("image",):
        frame.props["src"] = pictures.source(values)
        frame.update()
    else:
        frame.content = pictures.markup(values, kind if kind in pictures.kinds else None)


class SlidersCard:
    """A slider for each latent or principal axis, and a choice for each category.

    Args:
        space: the latent space.
        slid: called with the mode, the number of the axis and the coordinate.
        chosen: called with the columns (start, end) of a categorical variable and its value.
        redraw: called when the axes are others.
    """

    def __init__(
        self,
        space: LatentSpace,
        slid: Callable[[str, int, float], None],
        chosen: Callable[[int, int, int], None],
        redraw: Callable[[], None],
    ) -> None:
        self._space, self._slid, self._chosen, self._redraw = space, slid, chosen, redraw
        self.mode, self._quiet, self._mode_choice = MODES[0], False, None
        made, line = card("sliders", "Position")
        if space.axes is not None and space.latent_dim > 1:
            with line:
                choice = ui.toggle(list(MODES), value=self.mode, on_change=self._mode_chosen)
                self._mode_choice = choice.props(SMALL_CHOICE)
        with made:
            self._categories = [
                self._category(i, *columns) for i, columns in enumerate(space.category_columns)
            ]
            self._box = ui.element("div")
        self._fill()

    def set_mode(self, mode: str) -> None:
        """Shows the latents or the principal axes."""
        if self._mode_choice is not None:
            self._mode_choice.value = mode

    def place(self, z: np.ndarray, held: np.ndarray) -> None:
        """Moves all sliders to a point."""
        self._quiet = True
        coordinates = self._space.coordinates(self.mode, z)
        for slider, shown, number in zip(self._sliders, self._shown, coordinates, strict=True):
            slider.value = float(number)
            shown.text = signed(f"{number:.2f}")
        for choice, (a, b) in zip(self._categories, self._space.category_columns, strict=True):
            choice.value = int(np.argmax(held[a:b])) if np.any(held[a:b]) else None
        self._quiet = False

    def _category(self, variable, start, end):
        with ui.element("div").classes("axis category"):
            name = _names.with_subscript(_names.discrete(variable))
            ui.label(name).classes("name")
            kind = ui.toggle if end - start <= 10 else ui.select
            choice = kind(list(range(end - start)))
            choice.on_value_change(functools.partial(self._category_chosen, start, end))
            return choice.props(f'{SMALL_CHOICE} aria-label="{name}"')

    def _fill(self):
        self._sliders, self._shown = [], []
        self._box.clear()
        names = self._space.axis_names(self.mode)
        with self._box:
            for i in range(min(len(names), OPEN_SLIDERS)):
                self._slider(i, names[i])
            if len(names) > OPEN_SLIDERS:
                with ui.expansion(f"{len(names) - OPEN_SLIDERS} more").props("dense"):
                    for i in range(OPEN_SLIDERS, len(names)):
                        self._slider(i, names[i])

    def _slider(self, axis, name):
        low, high = (float(ends[axis]) for ends in self._space.limits(self.mode))
        with ui.element("div").classes("axis"):
            ui.label(name).classes("name").props(f'title="{name}"')
            slider = ui.slider(min=low, max=high, step=(high - low) / STEPS, value=low)
            slider.on_value_change(functools.partial(self._moved, axis))
            self._sliders.append(slider.props(f'aria-label="{name}" data-axis={axis}'))
            self._shown.append(ui.label("").classes("value"))

    def _moved(self, axis, event):
        if not self._quiet and event.value is not None:
            self._slid(self.mode, axis, float(event.value))

    def _category_chosen(self, start, end, event):
        if not self._quiet and event.value is not None:
            self._chosen(start, end, int(event.value))

    def _mode_chosen(self, event):
        self.mode = event.value
        self._fill()
        self._redraw()


class TilesCard:
    """Small pictures that can be chosen.

    Args:
        name: class of the card.
        title: of the card.
        count: number of pictures.
        chosen: called with the number of a picture.
    """

    def __init__(self, name: str, title: str, count: int, chosen: Callable[[int], None]) -> None:
        made, self.line = card(name, title)
        with made, ui.element("div").classes("tiles"):
            self._tiles = [self._tile(i, chosen) for i in range(count)]

    def show(self, pictures: list[str], notes: list[str] | None = None) -> None:
        """Shows pictures, as markup, with a note below each."""
        notes = [""] * len(pictures) if notes is None else notes
        for (frame, note), markup, text in zip(self._tiles, pictures, notes, strict=True):
            frame.content, note.text = markup, text

    def _tile(self, i, chosen):
        with ui.element("button").classes("tile").props("type=button") as tile:
            frame, note = ui.html("", sanitize=False), ui.label("").classes("note")
        tile.props(f'aria-label="picture {i}"').on("click", lambda: chosen(i), args=[])
        return frame, note
