"""Sprites: areas and centres against geometry, a slow second renderer, the grid, the builder."""

import matplotlib.path
import numpy as np
import pytest
import tensorflow_datasets as tfds

from tfvae.datasets import (
    SPRITE_FACTORS,
    Sprites,
    SpritesConfig,
    as_arrays,
    load,
    sprite_grid,
    sprite_images,
    sprite_values,
)

SMALL = {"size": 16, "scales": 2, "orientations": 3, "positions_x": 2, "positions_y": 4}


def _outline(shape):
    """Points along the border of a sprite of area 1 and orientation 0, right and down, (n, 2)."""
    t = np.linspace(0, 2 * np.pi, 5001)
    if shape == 1:
        return np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]) / 2
    if shape == 2:
        axis = np.sqrt(2 / np.pi)
        return np.stack([axis * np.cos(t), axis / 2 * np.sin(t)], -1)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, 5 / 6 - y], -1) / np.sqrt(180 * np.pi)


def _polygon(shape, scale, orientation, x, y, size):
    """The border of a sprite in pixels, from the upper left corner of the image."""
    cos, sin = np.cos(orientation), np.sin(orientation)
    turned = _outline(shape) @ np.array([[cos, sin], [-sin, cos]])
    centre = size / 64 * (16.5 + 31 * np.array([x, y]))
    return scale * size * np.sqrt(0.072) * turned + centre


def _perimeter(shape):
    return np.sum(np.linalg.norm(np.diff(_outline(shape), axis=0), axis=1))


def _moments(images):
    """Areas (n,) in pixels and centroids (n, 2) in pixels, right and down."""
    images = images[..., 0].astype(np.float64)
    area = images.sum((1, 2))
    centres = np.arange(images.shape[1]) + 0.5
    return area, np.stack([images.sum(1) @ centres, images.sum(2) @ centres], -1) / area[:, None]


@pytest.mark.parametrize("shape", [1, 2, 3])
def test_outlines_have_area_one_and_their_centroid_at_the_origin(shape):
    (x, y), (x1, y1) = _outline(shape)[:-1].T, _outline(shape)[1:].T
    cross = x * y1 - x1 * y
    area = cross.sum() / 2
    assert abs(area) == pytest.approx(1, rel=1e-6)
    for first, second in ((x, x1), (y, y1)):
        assert ((first + second) * cross).sum() / (6 * area) == pytest.approx(0, abs=1e-6)
    assert np.linalg.norm(_outline(shape), axis=1).max() * np.sqrt(0.072) < 0.2142


def _check_moments(images, shape, scale, x, y, within=0.25):
    """Compares areas and centroids with the exact ones; returns errors of area / √border.

    The cells of the white pixels lie within r = √½ pixel of the sprite and cover what is deeper in
    it, so for a border of length P their number misses the area by rP + πr² at most.
    """
    size = images.shape[1]
    area, centroid = _moments(images)
    length = scale * size * np.sqrt(0.072)
    border = np.array([_perimeter(s) for s in (1, 2, 3)])[np.asarray(shape, int) - 1] * length
    error = area - length**2
    assert np.all(np.abs(error) <= np.sqrt(0.5) * border + np.pi / 2)
    expected = size / 64 * (16.5 + 31 * np.stack([x, y], -1))
    distance = np.abs(centroid - expected)
    assert np.max(distance) < within
    assert np.sqrt(np.mean(distance**2)) < 0.1
    return error / np.sqrt(border)


@pytest.mark.parametrize("size", [64, 256])
def test_area_and_centre_at_every_shape_scale_and_orientation(size):
    images, factors = sprite_grid(size=size, positions_x=1, positions_y=1)
    assert images.shape == (720, size, size, 1) and images.dtype == np.uint8
    chosen = [v[f] for v, f in zip(sprite_values().values(), factors.T, strict=True)]
    shape, scale, x, y = chosen[0], chosen[1], np.full(720, 16 / 31), np.full(720, 16 / 31)
    errors = _check_moments(images, shape, scale, x, y).reshape(3, 6, 40)
    # Over the orientations that differ, the errors at the border cancel.
    assert np.max(np.abs(errors[..., :39].mean(-1))) < 0.5
    # So do they for round shapes in every image; the sides of a square may meet whole rows.
    assert np.max(np.abs(errors[1:])) < 1.5


def test_area_and_centre_at_every_position():
    counts = {"shapes": 3, "scales": 2, "orientations": 2}
    images, factors = sprite_grid(**counts)
    values = list(sprite_values(**counts).values())
    shape, scale, _, x, y = (v[f] for v, f in zip(values, factors.T, strict=True))
    np.testing.assert_allclose(np.unique(x), np.arange(32) / 31)
    _check_moments(images, shape, scale, x, y)
    # One pixel a step, exactly.
    images = images.reshape(-1, 32, 32, 64, 64)
    for i, j in ((0, 31), (31, 0), (7, 18)):
        shifted = np.roll(images[:, 0, 0], (j, i), axis=(1, 2))
        np.testing.assert_array_equal(images[:, i, j], shifted)


def test_area_and_centre_between_the_values_of_the_grid():
    rng = np.random.default_rng(0)
    shape, scale = rng.integers(1, 4, 2000), rng.uniform(0.5, 1, 2000)
    x, y = rng.uniform(size=(2, 2000))
    images = sprite_images(shape, scale, rng.uniform(-9, 9, 2000), x, y)
    # The sides of a square that is hardly turned move to the borders of pixels, by up to a half.
    errors = _check_moments(images, shape, scale, x, y, within=0.5)
    # Three standard errors.
    assert abs(errors.mean()) < 3 * errors.std() / np.sqrt(2000)
    assert errors.std() < 0.5


@pytest.mark.parametrize("shape", [1, 2, 3])
@pytest.mark.parametrize("size", [16, 37, 64])
def test_pixels_match_a_slow_renderer(shape, size):
    rng = np.random.default_rng(size)
    for orientation in (0.0, 1.3, *rng.uniform(0, 7, 6)):
        scale, x, y = rng.uniform(0.5, 1), *rng.choice([0, 1, *rng.uniform(size=4)], 2)
        image = sprite_images(shape, scale, orientation, x, y, size=size)[0, ..., 0]
        border = matplotlib.path.Path(_polygon(shape, scale, orientation, x, y, size))
        for row in range(size):
            centres = [(column + 0.5, row + 0.5) for column in range(size)]
            np.testing.assert_array_equal(image[row], border.contains_points(centres))


def test_sprites_lie_inside_the_image():
    orientation, x, y = np.meshgrid(np.linspace(0, 2 * np.pi, 40), [0, 1], [0, 1])
    for shape in (1, 2, 3):
        for factors in zip(orientation.flat, x.flat, y.flat, strict=True):
            border = _polygon(shape, 1, *factors, size=64)
            assert border.min() > 2 and border.max() < 62


@pytest.mark.parametrize("size", [16, 23, 64])
def test_images_are_binary_and_never_empty(size):
    images, _ = sprite_grid(size=size, positions_x=5, positions_y=5)
    assert set(np.unique(images)) == {0, 1}
    assert images.any((1, 2)).all()
    assert not images[:, [0, -1]].any() and not images[:, :, [0, -1]].any()
    assert images.mean() == pytest.approx(0.072 * np.mean(np.arange(5, 11) ** 2) / 100, rel=0.01)


def test_symmetries():
    theta = np.linspace(0, 2 * np.pi, 40)
    for scale in (0.5, 0.8, 1.0):
        square, ellipse, heart = (sprite_images(s, scale, theta, 0.3, 0.3) for s in (1, 2, 3))
        for turns in (1, 2, 3):
            turned = sprite_images(1, scale, theta + turns * np.pi / 2, 0.3, 0.3)
            np.testing.assert_array_equal(square, turned)
        turned = sprite_images(2, scale, theta + np.pi, 0.3, 0.3)
        np.testing.assert_array_equal(ellipse, turned)
        for images in (square, ellipse, heart):
            np.testing.assert_array_equal(images[0], images[39])
        assert np.all(np.any(heart != sprite_images(3, scale, theta + np.pi, 0.3, 0.3), (1, 2)))
    half, whole = (sprite_images(1, scale, theta, 16 / 31, 16 / 31) for scale in (0.5, 0.9))
    assert len(np.unique(half, axis=0)) == 18 and len(np.unique(whole, axis=0)) == 39
    # Turning about the centre of the image, from right to down.
    for shape in (1, 2, 3):
        upright, turned = sprite_images(shape, 1.0, [0.4, 0.4 + np.pi / 2], 0.5, 0.5)[..., 0]
        np.testing.assert_array_equal(np.rot90(upright, -1), turned)


def test_the_heart_is_upright_at_orientation_0():
    image = sprite_images(3, 1.0, 0.0, 16 / 31, 16 / 31)[0, ..., 0]
    rows = np.flatnonzero(image.any(1))
    np.testing.assert_array_equal(image[:, 1:], image[:, 1:][:, ::-1])
    # A tip of one pixel below, two lobes above.
    assert image[rows[-1]].sum() == 1
    assert np.count_nonzero(np.diff(image[rows[0]].astype(int)) == 1) == 2
    assert image[rows[0] : rows[0] + 8].sum() > image[rows[-1] - 7 : rows[-1] + 1].sum()


def test_values_are_those_of_dsprites():
    values = sprite_values()
    assert tuple(values) == SPRITE_FACTORS
    assert [len(v) for v in values.values()] == [3, 6, 40, 32, 32]
    np.testing.assert_allclose(values["scale"], np.linspace(0.5, 1, 6))
    np.testing.assert_allclose(values["orientation"], np.linspace(0, 2 * np.pi, 40))
    np.testing.assert_allclose(values["x_position"], np.linspace(0, 1, 32))


def test_fewer_values_are_spread_evenly():
    full = sprite_values()
    for n in range(1, 33):
        x = sprite_values(positions_y=n)["y_position"]
        assert len(x) == n and set(x) <= set(full["y_position"])
        if n > 1:
            assert x[0] == 0 and x[-1] == 1
            assert np.ptp(np.diff(np.rint(31 * x))) <= 1
    for n in range(1, 40):
        theta = sprite_values(orientations=n)["orientation"]
        assert len(theta) == n and set(theta) <= set(full["orientation"])
        steps = np.rint(39 / (2 * np.pi) * np.diff([*theta, 2 * np.pi]))
        assert theta[0] == 0 and np.ptp(steps) <= 1
    one = sprite_values(shapes=1, scales=1, orientations=1, positions_x=1, positions_y=1)
    assert [v.tolist() for v in one.values()] == [[1], [0.8], [0], [16 / 31], [16 / 31]]
    assert sprite_values(shapes=2, scales=3)["scale"].tolist() == [0.5, 0.8, 1.0]
    assert sprite_values(shapes=2)["shape"].tolist() == [1, 2]


def test_grid_holds_every_combination_once_in_order():
    images, factors = sprite_grid(**SMALL)
    assert images.shape == (144, 16, 16, 1) and factors.shape == (144, 5)
    np.testing.assert_array_equal(factors, list(np.ndindex(3, 2, 3, 2, 4)))
    values = sprite_values(**{key: n for key, n in SMALL.items() if key != "size"})
    for row in (0, 1, 50, 143):
        one = [v[k] for v, k in zip(values.values(), factors[row], strict=True)]
        np.testing.assert_array_equal(images[row], sprite_images(*one, size=16)[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": 0}, r"`shape` must be 1 \(square\), 2 \(ellipse\) or 3 \(heart\), received 0"),
        ({"shape": "heart"}, "`shape` must be 1 .*, received 'heart'"),
        ({"scale": [0.7, 0.4]}, r"`scale` must be numbers in \[0\.5, 1\], received 0\.4"),
        ({"orientation": np.nan}, "`orientation` must be finite numbers .*, received nan"),
        ({"x": 1.01}, r"`x` must be numbers in \[0, 1\], received 1\.01"),
        ({"y": -0.5}, r"`y` must be numbers in \[0, 1\], received -0\.5"),
        ({"y": [[0.5]]}, r"`y` must be a number or a vector, received shape \(1, 1\)"),
        ({"x": [0, 1], "y": [0, 0.5, 1]}, "vectors of one length, received lengths .*x 2, y 3"),
        ({"size": 15}, "`size` must be at least 16 pixels, received 15"),
        ({"size": 64.5}, "`size` must be a whole number"),
    ],
)
def test_errors_of_factors(change, message):
    factors = {"shape": 1, "scale": 1.0, "orientation": 0.0, "x": 0.5, "y": 0.5, **change}
    with pytest.raises(ValueError, match=message):
        sprite_images(**factors)


@pytest.mark.parametrize(
    ("option", "most"),
    [("shapes", 3), ("scales", 6), ("orientations", 40), ("positions_x", 32), ("positions_y", 32)],
)
def test_errors_of_counts(option, most):
    for make in (sprite_values, sprite_grid, SpritesConfig):
        for value in (0, most + 1):
            message = f"`{option}` must be a whole number from 1 to {most}, received {value}"
            with pytest.raises(ValueError, match=message):
                make(**{option: value})


def test_errors_of_the_config():
    with pytest.raises(ValueError, match="`size` must be at least 16"):
        SpritesConfig(size=8)
    with pytest.raises(ValueError, match="`ordered` must be True or False, received 2"):
        SpritesConfig(ordered=2)
    with pytest.raises(
        ValueError, match=r"options of 'SpritesConfig' must be .*, received 'noise'"
    ):
        load("sprites", noise=1)
    with pytest.raises(ValueError, match="`path` must be None for 'sprites'"):
        load("sprites", path="somewhere")


def test_names_tell_all_options():
    changes = [{}, {"size": 32}, {"ordered": False}, {"name": "mine"}]
    changes += [{key: 2} for key in ("shapes", "scales", "orientations")]
    changes += [{"positions_x": 2}, {"positions_y": 2}]
    assert len({SpritesConfig(**change).name for change in changes}) == len(changes)
    assert SpritesConfig().name == SpritesConfig(name=SpritesConfig().name).name


def test_features_are_those_of_the_catalogue(tmp_path):
    ours = Sprites(data_dir=tmp_path).info.features
    theirs = tfds.builder("dsprites", data_dir=tmp_path, try_gcs=False).info.features
    assert set(ours) == set(theirs)
    for key in theirs:
        assert type(ours[key]) is type(theirs[key])
        assert ours[key].get_tensor_info() == theirs[key].get_tensor_info()
        if key.startswith("label"):
            assert ours[key].num_classes == theirs[key].num_classes


def test_builder_keeps_the_order_of_the_grid(prepared):
    builder = Sprites(config=SpritesConfig(**SMALL), data_dir=prepared)
    builder.download_and_prepare()
    assert list(builder.info.splits) == ["train"]
    assert builder.info.features["label_shape"].names == ["square", "ellipse", "heart"]
    rows = list(builder.as_dataset(split="train").as_numpy_iterator())
    images, factors = sprite_grid(**SMALL)
    np.testing.assert_array_equal([row["image"] for row in rows], images)
    values = sprite_values(**{key: n for key, n in SMALL.items() if key != "size"})
    for factor, places in zip(SPRITE_FACTORS, factors.T, strict=True):
        np.testing.assert_array_equal([row[f"label_{factor}"] for row in rows], places)
        found = np.array([row[f"value_{factor}"] for row in rows])
        np.testing.assert_array_equal(found, values[factor][places].astype(np.float32))


def test_unordered_slices_are_mixed(prepared):
    options = {**SMALL, "ordered": False, "data_dir": prepared, "shuffle": False}
    x, shape = as_arrays(load("sprites", labels="label_shape", **options))
    images, factors = sprite_grid(**SMALL)
    assert not np.array_equal(shape, factors[:, 0])
    assert sorted(image.tobytes() for image in x.astype(np.uint8)) == sorted(
        image.tobytes() for image in images
    )
    _, part = as_arrays(load("sprites", "train[:48]", labels="label_shape", **options))
    np.testing.assert_array_equal(part, shape[:48])
    assert np.bincount(part, minlength=3).min() > 6


def test_load(prepared):
    options = {**SMALL, "data_dir": prepared, "batch_size": 50}
    x, y = as_arrays(load("sprites", shuffle=False, **options))
    images, factors = sprite_grid(**SMALL)
    assert x.dtype == np.float32 and x.shape == (144, 16, 16, 1)
    np.testing.assert_array_equal(x, images)
    assert set(y) == {f"label_{factor}" for factor in SPRITE_FACTORS}
    np.testing.assert_array_equal(y["label_y_position"], factors[:, 4])
    binary, scale = as_arrays(load("sprites", labels="value_scale", binarize=True, **options))
    assert binary.sum() == images.sum() and set(scale) == {np.float32(0.5), np.float32(1)}
