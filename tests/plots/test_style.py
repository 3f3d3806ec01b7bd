"""Colours that readers with any colour vision tell apart, and ticks and labels that fit."""

import itertools
import types

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import tfvae.plots
from tfvae.plots import _lines, _style, flatness, latent

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]


def lab(colors, vision):
    """CIELAB (D65) of sRGB colours, (n, 3), as an eye sees them."""
    colors = np.asarray(colors, "float64")
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(VISIONS[vision]), 0.0, 1.0)
    xyz = seen @ np.transpose(TO_XYZ) / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], -1)


def differences(colors, others, vision):
    """ΔE (CIE76) of each colour and each of the others."""
    one, other = lab(colors, vision), lab(others, vision)
    return np.linalg.norm(one[:, None] - other, axis=-1)


GREYS = [to_rgb(_style.BACKDROP)]


def test_difference_of_colours_by_hand():
    assert differences([(0, 0, 0)], [(1, 1, 1)], "normal") == pytest.approx(100.0, abs=0.01)
    red_and_green = differences([(0.8, 0.1, 0.1)], [(0.45, 0.45, 0.0)], "normal")
    assert red_and_green > 2 * differences([(0.8, 0.1, 0.1)], [(0.45, 0.45, 0.0)], "protanopia")


@pytest.mark.parametrize("vision", VISIONS)
def test_classes_differ_from_each_other_and_from_the_prior(vision):
    colors = [to_rgb(color) for color in _style.COLORS]
    between = differences(colors, colors, vision)[np.triu_indices(len(colors), 1)]
    assert between.min() > 17.0
    assert differences(colors, GREYS, vision).min() > 11.0
    pair = [to_rgb(color) for color in _style.PAIR]
    assert differences(pair, pair, vision)[0, 1] > 40.0


@pytest.mark.parametrize("vision", VISIONS)
def test_angles_differ_from_each_other_and_from_the_prior(vision):
    """In every pair of angles that are a quarter turn apart, or an eighth."""
    steps = np.arange(64)
    colors = _style.CYCLIC(steps / 64)[:, :3]
    apart = np.abs(steps[:, None] - steps)
    apart = np.minimum(apart, 64 - apart)
    between = differences(colors, colors, vision)
    assert between[apart >= 16].min() > 35.0
    assert between[apart >= 8].min() > 18.0
    assert between[apart == 1].max() < 12.0  # no seam
    assert differences(colors, GREYS, vision).min() > 18.0


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (0.0, 3.0, ["1", "10", "100", "1e+03"]),
        (0.0, 1.0, ["1", "3", "10"]),
        (0.05, 0.75, ["1.5", "2", "3", "5"]),
        (-1.1, 0.1, ["0.1", "0.3", "1"]),
    ],
)
def test_ticks_of_a_log_scale_are_round(low, high, expected):
    places, texts = flatness._log_ticks(low, high)
    assert texts == expected
    np.testing.assert_allclose(10.0**places, [float(text) for text in texts])


def test_ticks_of_a_narrow_log_scale():
    places, texts = flatness._log_ticks(0.01, 0.03)
    assert 3 <= len(set(texts)) == len(texts) <= 8 and np.all((places >= 0.01) & (places <= 0.03))


def test_small_numbers_stay_pale():
    figure = tfvae.plots.latents_against_factors([[0.01, 0.05]])
    assert figure.axes[0].get_images()[0].get_clim() == (0.0, 1.0)
    figure = tfvae.plots.latents_against_factors([[0.01, 2.0]])
    assert figure.axes[0].get_images()[0].get_clim() == (0.0, 2.0)


def test_a_long_label_of_a_colour_bar_is_not_cut():
    figure = _style.new_figure(4.0, 1.0)
    axes = figure.add_subplot()
    image = axes.imshow(np.eye(2))
    bar = _style.color_bar(figure, image, axes, "log magnification factor of something long")
    figure.draw_without_rendering()
    box = bar.ax.yaxis.label.get_window_extent()
    assert box.y0 >= 0.0 and box.y1 <= figure.bbox.height


def test_labels_beside_a_legend_and_a_colour_bar_are_not_cut():
    """On axes of equal scales, whose size the layout knows only after a first round."""
    figure = _style.new_figure(5.6, 4.4)
    axes = _style.plain(figure.add_subplot())
    mesh = axes.pcolormesh(*2 * [np.linspace(-17, 17, 9)], np.zeros((8, 8)))
    _style.color_bar(figure, mesh, axes, "log magnification factor")
    for name in "0123456789":
        axes.plot([0.0], [0.0], "o", label=f"{latent.CATEGORY}{name}")
    axes.set(xlabel="$z_0$", ylabel="$z_1$", aspect="equal")
    latent.draw_legends(figure, axes, "categorical", "digit")
    figure.draw_without_rendering()
    assert axes.yaxis.label.get_window_extent().x0 >= 0.0


@pytest.mark.parametrize(
    "names", [["a", "b"], ["a model with a long name", "another one", "third"]]
)
def test_names_of_violins_do_not_overlap(names):
    fields = [
        f"{field}_{where}" for field, *_ in flatness.PANELS for where in ("encoded", "between")
    ]
    values = np.random.default_rng(0).uniform(1.0, 2.0, 20)
    report = types.SimpleNamespace(ratios=values, **dict.fromkeys(fields, values))
    figure = tfvae.plots.violins(dict.fromkeys(names, report))
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))
        assert min(box.y0 for box in boxes) >= 0.0


def test_features_are_counted_in_whole_numbers():
    figure = _lines.line_panels([np.zeros((1, 12))], ["data"])
    figure.draw_without_rendering()
    ticks = figure.axes[0].get_xticks()
    assert len(ticks) > 2 and np.all(ticks == np.round(ticks))
