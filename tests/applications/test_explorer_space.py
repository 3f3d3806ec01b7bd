"""The explorer's latent space and map against the model and NumPy."""

import re
import types

import numpy as np
import pytest

import tfvae
from tfvae import geometry
from tfvae.applications.explorer import Data, LatentSpace, Plane, flat_map
from tfvae.applications.explorer.plane import (
    LIGHT,
    SIZE,
    _lighter,
    color_rules,
    colors_of,
    legend,
)


def built(shape=(5,), latent_dim=3, **kwargs):
    model = tfvae.VAE(latent_dim=latent_dim, seed=0, **kwargs)
    model.build((None, *shape))
    return model


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(60, 5)).astype("float32")


@pytest.fixture(scope="module")
def space(x):
    return LatentSpace(built(), Data(x, labels={"kind": np.arange(60) % 3}))


@pytest.fixture(scope="module")
def flat_space(x):
    return LatentSpace(built(latent_dim=2), Data(x))


def test_points_and_pictures_are_the_model_s(space, x):
    model = space.model
    np.testing.assert_allclose(space.points, model.encode(x).mean(), atol=1e-6)
    np.testing.assert_allclose(space.home, space.points.mean(axis=0))
    np.testing.assert_allclose(
        space.decode(space.points[:4]), model.decode_mean(space.points[:4]), atol=1e-6
    )
    np.testing.assert_array_equal(space.example(7), x[7])


def test_neighbours_by_a_loop(space):
    z = np.array([0.1, -0.2, 0.3])
    distances = [float(np.linalg.norm(z - one)) for one in space.points]
    order = np.argsort(distances)[:5]
    found = space.neighbours(z, 5)
    assert [one.index for one in found] == order.tolist()
    np.testing.assert_allclose([one.distance for one in found], np.take(distances, order))
    assert len(space.neighbours(z, 500)) == 60


@pytest.mark.parametrize("mode", ["latents", "principal axes"])
def test_a_slider_moves_along_its_axis_alone(space, mode):
    z = space.points[3]
    before = space.coordinates(mode, z)
    after = space.coordinates(mode, space.moved(mode, z, 1, 2.5))
    np.testing.assert_allclose(np.delete(after, 1), np.delete(before, 1), atol=1e-12)
    assert after[1] == pytest.approx(2.5)
    low, high = space.limits(mode)
    inside = (space.coordinates(mode, space.points) >= low) & (
        space.coordinates(mode, space.points) <= high
    )
    assert low.shape == (3,) and np.all(low < high) and inside.all()
    assert len(space.axis_names(mode)) == 3


def test_what_is_orthogonal_to_few_axes_stays(x):
    space = LatentSpace(built(latent_dim=6), Data(x[:3]))
    assert len(space.axis_names("principal axes")) == 3
    z = space.points[0] + np.array([0.0, 3.0, 0.0, 0.0, 0.0, -1.0])
    moved = space.moved("principal axes", z, 0, 1.0)
    directions = space.axes.directions
    rest = np.eye(6) - directions.T @ directions
    np.testing.assert_allclose(rest @ moved, rest @ z, atol=1e-12)


def test_categories_are_held(x):
    model = built(discrete=tfvae.discrete.GumbelSoftmax(4))
    space = LatentSpace(model)
    assert space.category_columns == [(0, 4)]
    np.testing.assert_array_equal(space.home_held, [1, 0, 0, 0])
    z = np.zeros((1, 3), "float32")
    for k in range(4):
        expected = model.decode_mean(z, {"labels": np.array([k])})
        np.testing.assert_allclose(space.decode(z, np.eye(4)[k]), expected, atol=1e-6)
    np.testing.assert_array_equal(LatentSpace(model, Data(x)).held, model.embed(x).numpy()[:, 3:])


def test_a_condition_needs_data(x):
    model = tfvae.VAE(latent_dim=3, condition=2, seed=0)
    model.build((None, 5))
    with pytest.raises(ValueError, match="`data` must be given for a model with a condition"):
        LatentSpace(model)
    condition = np.random.default_rng(0).normal(size=(60, 2)).astype("float32")
    with pytest.raises(ValueError, match="condition"):
        LatentSpace(model, Data(x))
    space = LatentSpace(model, Data(x, {"condition": condition}))
    np.testing.assert_allclose(
        space.decode(space.points[5:6], space.held[5]),
        model.decode_mean(space.points[5:6], {"condition": condition[5:6]}),
        atol=1e-6,
    )


def test_steps_of_sequences_are_points():
    model = tfvae.SequenceVAE(latent_dim=2, seed=0)
    model.build((None, 4, 5))
    x = np.random.default_rng(0).normal(size=(6, 4, 5)).astype("float32")
    space = LatentSpace(model, Data(x, labels={"kind": np.arange(6)}))
    assert space.points.shape == (24, 2) and space.prior_points.shape[1:] == (2,)
    np.testing.assert_array_equal(space.example(9), x[2, 1])
    assert space.label("kind", 9) == 2
    np.testing.assert_array_equal(space.point_labels("kind"), np.repeat(np.arange(6), 4))
    assert space.decode(space.points[:3]).shape == (3, 5)


def test_a_part_of_many_examples(x):
    model = built()
    labels = np.arange(60)
    space = LatentSpace(model, Data(x, labels={"n": labels}), limit=10, seed=3)
    assert len(space.points) == 10
    for i in range(10):
        np.testing.assert_array_equal(space.example(i), x[space.label("n", i)])
    again = LatentSpace(model, Data(x), limit=10, seed=3)
    np.testing.assert_array_equal(space.data.x, again.data.x)


def test_without_data(x):
    space = LatentSpace(built())
    assert space.axes is None and space.neighbours(np.zeros(3), 4) == []
    with pytest.raises(ValueError, match="`mode` must be 'latents' without data"):
        space.limits("principal axes")
    with pytest.raises(ValueError, match="`mode` must be one of"):
        space.limits("sideways")
    assert Plane(space).nearest(np.array([SIZE / 2, SIZE / 2])) is None


def test_a_single_example_and_one_latent(x):
    space = LatentSpace(built(latent_dim=1), Data(x[:1]))
    plane = Plane(space)
    np.testing.assert_allclose(plane.pixels(space.points)[0, 1], SIZE / 2)
    assert plane.moved(space.points[0], np.array([SIZE, 0.0])).shape == (1,)
    assert space.axes is None and np.all(space.low < space.high)


def test_a_model_that_is_not_built():
    with pytest.raises(ValueError, match="`model` must be built, received a VAE"):
        LatentSpace(tfvae.VAE(latent_dim=2))


# ---- the map -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["space", "flat_space"])
def test_pixels_lead_back_to_points(name, request):
    space = request.getfixturevalue(name)
    plane = Plane(space)
    pixels = plane.pixels(space.points)
    for i in (0, 11, 42):
        moved = plane.moved(space.points[i] * 0.5 + 0.3, pixels[i])
        np.testing.assert_allclose(plane.pixels(moved[None])[0], pixels[i], atol=1e-9)
        assert plane.nearest(pixels[i] + 0.01) == i
        np.testing.assert_allclose(plane.moved(space.points[i], pixels[i]), space.points[i])
    assert plane.nearest(np.array([-500.0, -500.0])) is None
    assert np.mean((pixels > 0) & (pixels < SIZE)) > 0.97


def test_right_is_more_of_the_first_and_up_more_of_the_second(flat_space):
    plane = Plane(flat_space)
    z = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]])
    origin, right, up = plane.pixels(z)
    np.testing.assert_allclose(right - origin, [right[0] - origin[0], 0.0], atol=1e-9)
    assert right[0] > origin[0] and up[1] < origin[1]
    assert right[0] - origin[0] == pytest.approx(origin[1] - up[1])  # Equal scales.


def test_all_dots_and_their_colours_are_drawn(space):
    plane = Plane(space)
    colors = colors_of(space, "kind")
    assert not colors.is_range and colors.names == ["0", "1", "2"]
    drawn = plane.backdrop(colors)
    counts = [len(re.findall("h0", path)) for path in re.findall(r'class="dots c\d".*?/>', drawn)]
    pixels = plane.pixels(space.points)
    inside = np.all((pixels >= 0) & (pixels <= SIZE), axis=1)
    assert counts == [int(np.sum(inside & (np.arange(60) % 3 == k))) for k in range(3)]
    assert color_rules(colors).count(".body--dark .c") == 3


def test_texts_of_labels_are_escaped(x):
    labels = {"<u>": np.where(np.arange(60) % 2, "<script>", "b")}
    space = LatentSpace(built(), Data(x, labels=labels))
    made = legend(colors_of(space, "<u>"), "<u>")
    assert "<script>" not in made and "&lt;script&gt;" in made and "&lt;u&gt;" in made


@pytest.mark.parametrize("coloring", ["auto", "cyclic"])
def test_ranges_of_labels(x, coloring):
    values = np.linspace(0.0, 6.0, 60)
    values[3] = np.nan
    colors = colors_of(LatentSpace(built(), Data(x, labels={"a": values})), "a", coloring)
    assert colors.is_range and colors.index[0] == 0 and len(colors.on_white) == 32
    assert np.all(np.diff(np.delete(colors.index, 3)) >= 0)


def test_colours_on_black_are_light():
    import colorsys

    for color in ("#000000", "#5a0f1e", "#2d2d5a", "#ffa90e", "#ffffff"):
        lighter = _lighter(color)
        rgb = [int(lighter[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        assert colorsys.rgb_to_hls(*rgb)[1] > LIGHT - 0.01


def test_the_flat_map_is_that_of_geometry(flat_space):
    plane = Plane(flat_space)
    found = flat_map(plane, flat_space.home_held, resolution=12)
    at = (np.arange(12) + 0.5) * SIZE / 12
    z = np.array([plane.moved(np.zeros(2), np.array([a, b])) for b in at for a in at], "float32")
    logs = geometry.log_magnification_factor(geometry.metric_tensors(flat_space.model, z))
    assert found.high == pytest.approx(np.max(logs), rel=1e-4)
    assert np.min(logs) <= found.low < found.high and found.step > 0
    assert "contour" in found.markup and "data:image/png;base64," in found.markup


def test_the_flat_map_is_of_two_latents(space):
    with pytest.raises(ValueError, match="`plane` must show two latents, received 3"):
        flat_map(Plane(space), space.home_held)


def test_labels_of_any_type_have_a_row_for_each_example():
    vae = tfvae.VAE(latent_dim=2, seed=0)
    vae.build((None, 5))
    x = np.random.default_rng(0).normal(size=(6, 5))
    mixed = np.array([1, None, "a"] * 2, object)
    infinite = np.array([0.0, 1.0, np.inf, -np.inf, np.nan, 0.5])
    space = LatentSpace(vae, Data(x, labels={"mixed": mixed, "infinite": infinite}))
    assert colors_of(space, "mixed").names == ["1", "None", "a"]
    index = colors_of(space, "infinite", "continuous").index
    assert index[2] == index[1] == index.max() and index[3] == index[0] == 0
    with pytest.raises(ValueError, match="`short` must have one row for each of the 6"):
        LatentSpace(vae, Data(x, labels={"short": np.zeros(3)}))


def test_the_page_stays_where_it_is_when_a_message_names_no_point():
    page = pytest.importorskip("tfvae.applications.explorer.page", exc_type=ImportError)
    moves = []
    visitor = types.SimpleNamespace(z=np.zeros(2), changed=lambda: moves.append(visitor.z))
    for z in ([None, 0.0], [np.inf, 0.0], [1e300, 0.0]):
        page.Page.go(visitor, z)
    assert not moves
    page.Page.go(visitor, [1.0, 2.0])
    np.testing.assert_array_equal(moves, [[1.0, 2.0]])
