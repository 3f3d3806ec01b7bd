"""Stick figures: what is drawn is where the joints are."""

import numpy as np
import pytest
from PIL import Image

from tfvae import plots

PARENTS = [-1, 0, 1]


def motion(frames=20):
    """A two-jointed arm that swings, while its root walks away."""
    angle = np.linspace(-1.0, 1.0, frames)
    root = np.stack([0 * angle, 0 * angle + 3.0, 5.0 * angle], axis=-1)
    elbow = root + np.stack([0 * angle, -np.cos(angle), np.sin(angle)], axis=-1)
    return np.stack([root, elbow, 2 * elbow - root], axis=1)


def test_poses_are_spread_over_time_and_stand_beside_each_other():
    positions = motion()
    figure = plots.stick_figures({"a": positions, "b": positions[::-1]}, PARENTS, num=4)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]
    lines = figure.axes[0].lines
    assert len(lines) == 4 * 2
    roots = [line.get_xydata()[0] for line in lines[::2]]
    gaps = np.diff([root[0] for root in roots])
    np.testing.assert_allclose(gaps, gaps[0])
    for line, frame in zip(lines[::2], (0, 6, 13, 19), strict=True):
        (x0, y0), (x1, y1) = line.get_xydata()
        root, elbow = positions[frame, 0], positions[frame, 1]
        np.testing.assert_allclose([x1 - x0, y1 - y0], [elbow[2] - root[2], elbow[1] - root[1]])


def test_all_rows_have_one_scale():
    figure = plots.stick_figures({"tall": 3.0 * motion(), "small": motion()}, PARENTS)
    figure.draw_without_rendering()
    scales = [axes.transData.transform([(0, 0), (0, 1)])[:, 1] for axes in figure.axes]
    assert np.ptp(scales[0]) == pytest.approx(np.ptp(scales[1]))


def test_gif(tmp_path):
    path = tmp_path / "motion.gif"
    plots.motion_gif(motion(7), PARENTS, path, fps=20.0, size=80)
    with Image.open(path) as image:
        assert image.n_frames == 7
        assert image.size == (80, 80)
        assert image.info["duration"] == 50
        first = np.asarray(image.convert("L"))
        image.seek(6)
        assert np.any(np.asarray(image.convert("L")) != first)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.stick_figures({}, PARENTS), "`motions` must hold at least one motion"),
        (
            lambda: plots.stick_figures({"a": np.zeros((4, 2, 3))}, PARENTS),
            r"`motions\['a'\]` must.*3 joints, 3\)",
        ),
        (lambda: plots.stick_figures({"a": np.full((4, 3, 3), np.nan)}, PARENTS), "finite"),
        (lambda: plots.motion_gif(motion(), PARENTS, "x.gif", fps=0), "`fps` must lie in"),
    ],
)
def test_arguments_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call()
