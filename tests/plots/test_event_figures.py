"""What the histograms of observables show."""

import io

import numpy as np
import pytest

from tfvae import plots
from tfvae.datasets import event_observables, two_body_decays


@pytest.fixture(scope="module")
def reference():
    return event_observables(two_body_decays(1500, width=2.5, seed=0))


@pytest.fixture(scope="module")
def wide():
    return event_observables(two_body_decays(1000, width=8.0, seed=1))


def test_a_panel_and_a_ratio_for_each_observable(reference, wide):
    figure = plots.event_histograms(
        {"same": reference, "wide": wide}, reference, units={"mass": "GeV"}, bins=20
    )
    tops, ratios = figure.axes[::2], figure.axes[1::2]
    assert len(tops) == len(ratios) == len(reference)
    assert ratios[0].get_xlabel() == "mass (GeV)"
    assert [axes.get_xlabel() for axes in ratios[1:]] == list(reference)[1:]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["data", "same", "wide"]
    for axes in tops:  # Shares sum to 1, what lies beyond included.
        for patch in axes.patches:
            assert np.sum(patch.get_data().values) == pytest.approx(1.0)
    # A sample against itself has a ratio of 1 wherever there are data.
    same = ratios[0].containers[0].lines[0].get_ydata()
    np.testing.assert_allclose(same, 1.0)


def test_ratios_outside_are_marked_at_the_edge(reference, wide):
    figure = plots.event_histograms({"wide": wide}, reference)
    markers = {
        line.get_marker(): line.get_ydata()
        for line in figure.axes[1].lines
        if len(line.get_xdata())
    }
    assert np.all(markers["^"] == 1.5) and len(markers["^"]) > 0
    assert np.all(markers["v"] == 0.5) and len(markers["v"]) > 0


def test_weights_change_the_reference(reference, wide):
    weights = np.where(reference["mass"] > 91.0, 3.0, 1.0)
    figure = plots.event_histograms({"wide": wide}, reference, weights=weights)
    drawn = figure.axes[0].patches[0].get_data()
    inside = np.clip(reference["mass"], drawn.edges[0], drawn.edges[-1])
    expected = np.histogram(inside, drawn.edges, weights=weights)[0] / np.sum(weights)
    np.testing.assert_allclose(drawn.values, expected, atol=1e-9)


def test_bad_input(reference, wide):
    with pytest.raises(ValueError, match="`samples` must be 1 to 6 samples"):
        plots.event_histograms({}, reference)
    with pytest.raises(ValueError, match=r"received 'wide' without \['mass'\]"):
        plots.event_histograms({"wide": {k: v for k, v in wide.items() if k != "mass"}}, reference)
    with pytest.raises(ValueError, match="`units` must be of observables"):
        plots.event_histograms({"wide": wide}, reference, units={"masses": "GeV"})
    with pytest.raises(ValueError, match="`weights` must be 1500 finite numbers"):
        plots.event_histograms({"wide": wide}, reference, weights=[1.0])


def test_the_figure_is_laid_out_without_a_point_beyond_the_ratios(recwarn):
    x = {name: np.linspace(0.0, 1.0, 300) for name in "abcd"}
    figure = plots.event_histograms({"same": x}, x, bins=5)
    figure.savefig(io.BytesIO())
    assert not [one for one in recwarn if "constrained_layout" in str(one.message)]
