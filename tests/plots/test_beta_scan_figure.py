"""The figure of a β scan, and images in several versions."""

import numpy as np
import pytest

import tfvae
from tfvae.evaluation import BetaScan

BETA = np.array([0.0, 1e-3, 0.1, 1.0])
SCAN = BetaScan(
    BETA,
    mean=np.zeros(4),
    mean_square=np.array([2.0, 0.9, 0.5, 0.0]),
    variance=np.array([1e-3, 0.1, 0.5, 1.0]),
    distortion=np.array([-40.0, -30.0, 5.0, 10.0]),
    rate=np.array([30.0, 10.0, 2.0, 0.0]),
    error=np.array([0.1, 0.2, 0.3, 0.4]),
    error_unit="RMSE per feature",
)


def test_panels_show_the_numbers():
    moments, rates, curve, distortions = tfvae.plots.beta_scan(SCAN).axes
    variance, mean_square = moments.get_lines()[:2]
    np.testing.assert_array_equal(variance.get_ydata(), SCAN.variance)
    np.testing.assert_array_equal(mean_square.get_ydata(), SCAN.mean_square)
    np.testing.assert_allclose(variance.get_xdata(), [-4.0, -3.0, -1.0, 0.0])
    np.testing.assert_array_equal(rates.get_lines()[0].get_ydata(), SCAN.rate)
    np.testing.assert_array_equal(distortions.get_lines()[0].get_ydata(), SCAN.distortion)
    points = np.transpose([SCAN.rate, SCAN.distortion])
    np.testing.assert_array_equal(curve.get_lines()[0].get_xydata(), points)
    assert [text.get_text() for text in curve.texts] == ["0", "0.001", "0.1", "1"]
    ticks = [label.get_text() for label in moments.get_xticklabels()]
    assert ticks[0] == "1" and ticks[-1] == "0" and "$10^{-3}$" in ticks


def test_columns_in_any_order_and_a_single_beta():
    shuffled = {name: values[[2, 0, 3, 1]] for name, values in SCAN.columns.items()}
    lines = [one.axes[0].get_lines()[0] for one in map(tfvae.plots.beta_scan, (SCAN, shuffled))]
    np.testing.assert_array_equal(lines[0].get_xydata(), lines[1].get_xydata())
    for row in (0, 2):
        figure = tfvae.plots.beta_scan({n: v[[row]] for n, v in SCAN.columns.items()})
        figure.canvas.draw()


@pytest.mark.parametrize(
    ("scan", "message"),
    [
        (None, "`scan` must be a tfvae.evaluation.BetaScan.*received NoneType"),
        ({"beta": [1.0]}, r"received \['beta'\]"),
        ({**SCAN.columns, "rate": [1.0]}, "columns of one length"),
        ({name: [] for name in SCAN.columns}, "columns of one length"),
    ],
)
def test_bad_scans(scan, message):
    with pytest.raises(ValueError, match=message):
        tfvae.plots.beta_scan(scan)


def test_image_versions_share_the_range_of_the_first():
    clean = np.random.default_rng(0).uniform(size=(5, 8, 8, 1))
    figure = tfvae.plots.image_versions({"clean": clean, "noisy": 9.0 * clean}, num=3)
    images = figure.axes[0].get_images()
    assert len(images) == 6 and {image.get_clim() for image in images} == {(0.0, 1.0)}
    for versions in ({}, {"a": clean, "b": clean[:2]}, {"a": clean[:0]}, {"a": clean[:, 0, 0]}):
        with pytest.raises(ValueError, match="`versions` must hold images of one shape"):
            tfvae.plots.image_versions(versions)
