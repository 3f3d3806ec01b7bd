"""Figures of principal axes and clusters, and traversals along axes."""

import numpy as np
import pytest

from tfvae import evaluation, plots


@pytest.fixture(scope="module")
def axes(deep_model, images):
    return evaluation.principal_axes(deep_model, images)


def test_bars_are_the_shares(axes):
    (drawn,) = plots.explained_variance(axes).axes
    np.testing.assert_allclose([bar.get_height() for bar in drawn.patches], axes.shares)
    np.testing.assert_allclose(drawn.lines[0].get_ydata(), np.cumsum(axes.shares))
    assert len(plots.explained_variance(axes, num=2).axes[0].patches) == 2


def test_traversals_move_along_the_axis_and_leave_the_rest(deep_model, images, axes, monkeypatch):
    seen = []
    decode = type(deep_model).decode_mean

    def spy(self, z, *rest, **kwargs):
        seen.append(np.asarray(z))
        return decode(self, z, *rest, **kwargs)

    monkeypatch.setattr(type(deep_model), "decode_mean", spy)
    figure = plots.traversals(deep_model, images[3], axes=axes, dims=[1, 0], num_values=5)
    z = np.concatenate(seen).reshape(2, 5, 4)
    start = axes.coordinates(deep_model.embed(images[3:4]))[0]
    for row, axis in zip(z, (1, 0), strict=True):
        coordinates = axes.coordinates(row)
        reach = 2.0 * np.sqrt(axes.variances[axis])
        np.testing.assert_allclose(coordinates[:, axis], np.linspace(-reach, reach, 5), atol=1e-5)
        others = np.delete(np.arange(4), axis)
        np.testing.assert_allclose(
            coordinates[:, others], np.tile(start[others], [5, 1]), atol=1e-5
        )
    titles = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert titles[0].startswith(f"axis 1 ({axes.shares[1]:.0%}): −")


def test_traversals_refuse_axes_of_another_model(model, images, axes):
    with pytest.raises(ValueError, match="`axes` must be those of 2 latents, received 4"):
        plots.traversals(model, images[0], axes=axes)
    with pytest.raises(ValueError, match="`dims` must be one or more numbers from 0 to 1"):
        plots.traversals(model, images[0], dims=[2])


def test_clusters_are_coloured_and_their_centres_marked(model, images):
    found = evaluation.clusters(model, images, 3)
    figure = plots.clusters(model, images, found)
    drawn = figure.axes[0]
    loc = model.encode(images).mean().numpy()
    for s in range(3):
        offsets = np.asarray(drawn.collections[s].get_offsets())
        np.testing.assert_allclose(offsets, loc[found.assignments == s], atol=1e-5)
    np.testing.assert_allclose(drawn.lines[-1].get_xydata(), found.centres)
    assert figure.legends[0].get_title().get_text() == "cluster"


def test_clusters_of_many_latents_are_projected(deep_model, images):
    found = evaluation.clusters(deep_model, images, 2)
    drawn = plots.clusters(deep_model, images, found).axes[0]
    assert drawn.lines[-1].get_xydata().shape == (2, 2)
    assert "principal axis 0" in drawn.get_xlabel()


def test_clusters_of_other_data_are_refused(model, deep_model, images):
    found = evaluation.clusters(model, images, 3)
    with pytest.raises(ValueError, match="`clustering` must be that of the latents of these 50"):
        plots.clusters(model, images[:50], found)
    with pytest.raises(ValueError, match="200 latents in 2 dimensions"):
        plots.clusters(deep_model, images, found)
