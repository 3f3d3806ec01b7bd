"""The figure of trade-offs: the front against a loop, error bars, names, and what it refuses."""

import numpy as np
import pytest
from matplotlib.legend import Legend

import tfvae


def dominated(points, higher):
    """Which points are beaten, by a loop over all pairs."""
    beaten = []
    for x, y in points:
        found = False
        for a, b in points:
            as_good = (a >= x if higher[0] else a <= x) and (b >= y if higher[1] else b <= y)
            found = found or (as_good and (a, b) != (x, y))
        beaten.append(found)
    return beaten


@pytest.mark.parametrize("higher", [(False, False), (True, False), (False, True), (True, True)])
def test_front_is_what_no_other_point_beats(higher):
    # Whole numbers: some points are equal in one or in both.
    points = np.random.default_rng(0).integers(0, 12, size=(60, 2)).astype(float)
    front = tfvae.plots.pareto_front(points, higher)
    np.testing.assert_array_equal(front, ~np.array(dominated(points.tolist(), higher)))
    assert 0 < front.sum() < 60


def test_front_with_nan_and_of_nothing():
    assert tfvae.plots.pareto_front([[np.nan, 0.0], [1.0, 1.0]]).tolist() == [False, True]
    assert tfvae.plots.pareto_front(np.zeros((0, 2))).tolist() == []
    with pytest.raises(ValueError, match=r"`points` must have the shape \(n, 2\)"):
        tfvae.plots.pareto_front([1.0, 2.0])


@pytest.mark.parametrize("higher", [(False, False), (True, False), (False, True), (True, True)])
def test_the_line_of_the_front_beats_nothing_on_it(higher):
    points = np.random.default_rng(5).normal(size=(30, 2))
    group = {"x": points[:, 0], "y": points[:, 1]}
    figure = tfvae.plots.tradeoff({"a": group}, front=True, higher=higher)
    line = next(one for one in figure.axes[0].lines if one.get_label() == "Pareto front")
    assert line.get_drawstyle() == f"steps-{'pre' if higher[0] else 'post'}"
    x, y = line.get_data()
    front = points[tfvae.plots.pareto_front(points, higher)]
    assert len(x) == len(front)
    # Corners of the steps: worse in both than one of the two points beside them.
    corners = zip(x[:-1], y[1:], strict=True) if higher[0] else zip(x[1:], y[:-1], strict=True)
    sign = np.where(higher, -1.0, 1.0)
    for corner in corners:
        beats = np.all(sign * np.array(corner) <= sign * front, axis=1)
        assert not beats.any()


def test_points_errors_and_names():
    groups = {
        "VAE": {"x": [1.0, 5.0], "y": [4.0, 2.0], "y_error": [0.5, np.nan], "names": ["2", "4"]},
        "VHP-VAE": {"x": [3.0], "y": [3.0], "x_error": [0.25]},
    }
    figure = tfvae.plots.tradeoff(groups, connect=True, named_by="points: latent dim")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["2", "4"]
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["VAE", "VHP-VAE"]
    assert legend.get_title().get_text() == "points: latent dim"
    segments = [s for c in axes.collections for s in c.get_segments() if len(s)]
    bars = [np.ptp(segment, axis=0).max() for segment in segments if np.isfinite(segment).all()]
    assert sorted(bars) == [0.5, 1.0]
    assert axes.get_xlabel() == "rate, nats" and axes.get_ylabel() == "distortion, nats"


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({}, "at least one point"),
        ({"a": {"x": [], "y": []}}, "at least one point"),
        ({"a": {"x": [1.0], "y": [1.0, 2.0]}}, r"`groups\['a'\]` must have columns of one length"),
        ({"a": {"x": [1.0], "y": [1.0], "names": []}}, "columns of one length"),
    ],
)
def test_what_cannot_be_drawn(groups, message):
    with pytest.raises(ValueError, match=message):
        tfvae.plots.tradeoff(groups)


@pytest.mark.parametrize(("y", "lines"), [([1.0, 2.0], 0), ([2.0, 1.0], 1)])
def test_a_front_of_one_point_has_no_line_in_the_legend(y, lines):
    figure = tfvae.plots.tradeoff({"a": {"x": [1.0, 2.0], "y": y}}, front=True)
    (legend,) = [one for one in figure.axes[0].get_children() if isinstance(one, Legend)]
    assert [one.get_text() for one in legend.get_texts()].count("Pareto front") == lines
