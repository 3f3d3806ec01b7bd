"""Names beside points: each is there, inside the axes, and hides no other and no point."""

import numpy as np
import pytest
from matplotlib.text import Text

import tfvae
from tfvae.plots import _point_names, _style

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def boxes_of(axes):
    """Names, and their boxes in pixels as they are drawn."""
    axes.figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without their lines
    return [text.get_text() for text in axes.texts], boxes


def check(axes, points, names):
    found, boxes = boxes_of(axes)
    assert found == [name for name in names if name]
    inside = axes.get_window_extent()
    centers = axes.transData.transform(points)
    for index, box in enumerate(boxes):
        assert inside.x0 < box.x0 and box.x1 < inside.x1, found[index]
        assert inside.y0 < box.y0 and box.y1 < inside.y1, found[index]
        assert not any(box.overlaps(other) for other in boxes[:index]), found[index]
        assert not any(box.contains(*center) for center in centers), found[index]


@pytest.mark.parametrize("margin", [0.0, 0.12])
@pytest.mark.parametrize(
    "points",
    [CORNERS, np.zeros([6, 2]), np.r_[CORNERS, 0.01 * CORNERS, 1.0 - 0.01 * CORNERS]],
    ids=["corners", "all alike", "close in corners"],
)
def test_each_name_has_a_place(points, margin):
    axes = _style.new_figure(5.6, 3.8).add_subplot()
    axes.plot(*points.T, "o", markersize=5)
    axes.margins(margin)
    names = [f"{0.001 * place:g}, 16" for place in range(len(points))]
    _point_names.name_points(axes, points, names)
    check(axes, points, names)


def test_trade_offs_name_points_however_close():
    points = np.array([[1.0, 4.0], [1.01, 4.02], [1.02, 3.99], [1.0, 4.0], [5.0, 2.0]])
    names = ["0.001, 16", "0.001, 32", "0.001, 64", "1, 16", "1, 32"]
    group = {"x": points[:, 0], "y": points[:, 1], "y_error": [0.1] * 5, "names": names}
    figure = tfvae.plots.tradeoff({"VAE": group, "other": {"x": [3.0], "y": [np.nan]}})
    check(figure.axes[0], points, names)


def test_names_lie_nearest_to_their_own_points_or_have_a_long_line():
    """The curve of a scan: "100" stood beside the point of 3, and seemed to name it."""
    rate = np.array([8.0, 1.0, 0.1, 0.01, 0.001])
    points = np.stack([rate, [5.0, 9.0, 9.5, 9.51, 9.52]], axis=1)
    axes = _style.new_figure(3.6, 2.6).add_subplot()
    axes.plot(*np.r_[points, [[40.0, 1.0]]].T, "o-", markersize=4)
    axes.margins(0.12)
    names = ["1", "3", "10", "30", "100"]
    _point_names.name_points(axes, points, names, [[40.0, 1.0]])
    _, boxes = boxes_of(axes)
    centers, pixels = axes.transData.transform(points), axes.figure.dpi / 72.0
    for own, box in enumerate(boxes):
        gaps = np.linalg.norm(np.clip(centers, box.min, box.max) - centers, axis=1) / pixels
        assert gaps[own] < np.min(gaps) + 2.0 or gaps[own] > 14.0, names[own]


def test_a_long_name_is_shortened():
    axes = _style.new_figure(5.6, 3.8).add_subplot()
    axes.plot([0.0], [0.0], "o")
    _point_names.name_points(axes, [[0.0, 0.0]], ["x" * 60 + "y"])
    (name,) = boxes_of(axes)[0]
    assert len(name) == _point_names.LONGEST and "…" in name and name.endswith("y")


def test_lines_lead_to_far_names_alone():
    axes = _style.new_figure(5.6, 3.8).add_subplot()
    points = np.r_[np.zeros([8, 2]), [[1.0, 1.0]]]
    axes.plot(*points.T, "o", markersize=5)
    _point_names.name_points(axes, points, [*"abcdefgh", "alone"])
    shown = [text.arrow_patch.get_visible() for text in axes.texts]
    assert shown[0] is False and shown[-1] is False and any(shown)


def test_points_without_a_name_or_a_place():
    axes = _style.new_figure(5.6, 3.8).add_subplot()
    points = [[0.0, 0.0], [np.nan, 1.0], [1.0, 1.0], [np.inf, 0.0]]
    axes.plot(*np.transpose(points), "o")
    _point_names.name_points(axes, points, ["", "b", "c", "d"])
    assert [text.get_text() for text in axes.texts] == ["c"]
    _point_names.name_points(axes, np.zeros([0, 2]), [])
