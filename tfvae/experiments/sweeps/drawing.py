"""The figures of a sweep, as PNG for the screen, and SVG and PDF for a paper."""

import pathlib
import typing

import matplotlib
import matplotlib.figure

import tfvae.plots
from tfvae import _files
from tfvae.experiments import figures
from tfvae.experiments.sweeps.tables import Row, SweepTable, is_higher_better, short, word

ENDINGS = ("png", "svg", "pdf")
_CURVE = ("rate", "distortion")


def write(table: SweepTable, workdir: pathlib.Path) -> None:
    """Writes rate_distortion and pareto, if the reports have their numbers."""
    folder = workdir / "figures"
    drawn = {
        "rate_distortion": draw(table, *_CURVE, connect=len(table.keys) == 1),
        "pareto": draw(table, *table.tradeoff, front=True) if len(table.tradeoff) == 2 else None,
    }
    for name, figure in drawn.items():
        if figure is not None:
            folder.mkdir(exist_ok=True)
            save(figure, folder, name)


def draw(table: SweepTable, x: str, y: str, **more: bool) -> matplotlib.figure.Figure | None:
    """Draws two metrics of all settings with error bars, or None if no setting has both."""
    groups: dict[str, dict[str, list]] = {}
    for row in table.in_order():
        if x in row.means and y in row.means:
            group = groups.setdefault(row.label, {})
            for name, value in _point(row, x, y).items():
                group.setdefault(name, []).append(value)
    if not groups:
        return None
    names = {f"{axis}_name": table.named(m) for axis, m in (("x", x), ("y", y))}
    higher = (is_higher_better(x), is_higher_better(y))
    keys = ", ".join(map(short, table.keys))
    named_by = f"points: {keys}" if keys else ""
    return tfvae.plots.tradeoff(groups, **names, higher=higher, named_by=named_by, **more)


def save(figure: matplotlib.figure.Figure, folder: pathlib.Path, name: str) -> None:
    """Writes a figure in all formats; the same figure gives the same bytes."""
    for ending in ENDINGS:
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending)
        with (
            _files.replacing(folder / f"{name}.{ending}") as partial,
            # Text stays text, which can be searched and edited.
            matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}),
        ):
            figure.savefig(partial, dpi=figures.DOTS_PER_INCH, metadata=metadata)


def _point(row: Row, x: str, y: str) -> dict[str, typing.Any]:
    settings = [word(value) for value in row.settings.values()]
    return {
        "x": row.means[x].value,
        "y": row.means[y].value,
        "x_error": row.means[x].error,
        "y_error": row.means[y].error,
        "names": ", ".join(settings),
    }
