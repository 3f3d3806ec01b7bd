"""Cyclic sequences: each transformation against NumPy and SciPy, the draws, and the grid."""

import colorsys

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from tfvae.datasets import (
    as_arrays,
    factor_sequences,
    hue_shifted,
    rotated,
    scaled,
    sequences,
    tilted,
)

T = 18
CYCLE = np.arange(T)


def _images(n=3, height=11, width=14, channels=1, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, height, width, channels))


def _scipy(image, matrix):
    """One channel through a 2×2 matrix on (row, column) from the centre, output to input."""
    centre = (np.array(image.shape) - 1) / 2
    offset = centre - matrix @ centre
    return scipy.ndimage.affine_transform(image, matrix, offset, order=1, mode="grid-constant")


@pytest.mark.parametrize("quarters", [0, 1, 2, 3, 4, -1])
def test_rotation_by_quarters_is_rot90(quarters):
    images = _images(height=12, width=12, channels=3)
    turned = rotated(images, np.full(3, quarters * np.pi / 2))
    np.testing.assert_allclose(turned, np.rot90(images, quarters, (1, 2)), atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(11, 14), (28, 28)])
def test_rotation_and_scale_match_scipy(height, width):
    images = _images(4, height, width)
    angles, factors = np.array([0.3, -1.1, 2.5, 4.0]), np.array([0.6, 0.85, 1.13, 1.26])
    turned, zoomed = rotated(images, angles), scaled(images, factors)
    for i in range(4):
        cos, sin = np.cos(angles[i]), np.sin(angles[i])
        expected = _scipy(images[i, ..., 0], np.array([[cos, sin], [-sin, cos]]))
        np.testing.assert_allclose(turned[i, ..., 0], expected, atol=2e-5)
        expected = _scipy(images[i, ..., 0], np.eye(2) / factors[i])
        np.testing.assert_allclose(zoomed[i, ..., 0], expected, atol=2e-5)


def test_rotation_is_counter_clockwise_and_a_round_comes_back():
    image = np.zeros((1, 15, 15, 1))
    image[0, 7, 13] = 1.0  # to the right of the centre
    quarter = rotated(image, [np.pi / 2])[0, ..., 0].numpy()
    assert np.unravel_index(quarter.argmax(), quarter.shape) == (1, 7)  # above it
    # Over 18 turns of 20° bilinear interpolation widens a bump of variance 50 by some px², no more.
    rows, columns = np.mgrid[:41, :41] - 20.0
    bump = np.exp(-((rows - 5) ** 2 + columns**2) / 100)[None, ..., None]
    turned = bump
    for _ in CYCLE:
        turned = rotated(turned, [2 * np.pi / T])
    disc = np.hypot(rows, columns) < 18
    np.testing.assert_allclose(turned[0][disc], bump[0][disc], atol=0.1)
    np.testing.assert_allclose(rotated(bump, [2 * np.pi]), bump, atol=1e-5)


def test_what_is_identity_is_exactly_so():
    images = _images(channels=3).astype(np.float32)
    np.testing.assert_array_equal(scaled(images, np.ones(3)), images)
    np.testing.assert_array_equal(rotated(images, np.zeros(3)), images)
    np.testing.assert_allclose(tilted(images, np.arange(3.0), tilt=0.0), images, atol=1e-5)
    np.testing.assert_allclose(hue_shifted(images, np.zeros(3)), images, atol=1e-6)


def _homography(direction, tilt, d):
    """From a point of the plane to where it appears, (column, row, 1), by turning it in space."""
    e = np.array([np.cos(direction), -np.sin(direction), 0])
    axis = np.cross(e, [0, 0, 1])
    # Rodrigues: the turn about `axis` that takes e towards +z, away from the viewer at z = −d.
    K = np.cross(np.eye(3), axis)
    R = np.eye(3) + np.sin(tilt) * K + (1 - np.cos(tilt)) * K @ K
    assert np.isclose((R @ e)[2], np.sin(tilt))
    return np.stack([d * R[0, [0, 1]], d * R[1, [0, 1]], R[2, [0, 1]]]), d


@pytest.mark.parametrize(("height", "width"), [(21, 21), (20, 31)])
def test_tilt_matches_a_homography_in_space(height, width):
    image = _images(1, height, width)
    directions, tilt, distance = np.array([0.0, 0.7, 2.0, 3.3, 5.5]), 0.6, 1.2
    result = tilted(image, directions[None], tilt=tilt, distance=distance)[0, ..., 0].numpy()
    d = distance * max(height, width)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    rows, columns = np.mgrid[:height, :width]
    seen = np.stack([columns.ravel() - centre[0], rows.ravel() - centre[1], np.ones(rows.size)])
    for frame, direction in zip(result, directions, strict=True):
        columns3, depth = _homography(direction, tilt, d)
        H = np.concatenate([columns3, [[0], [0], [depth]]], 1)
        source = np.linalg.inv(H) @ seen
        source = source[:2] / source[2] + centre[:, None]
        expected = scipy.ndimage.map_coordinates(
            image[0, ..., 0], source[::-1], order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(frame.ravel(), expected, atol=5e-5)


def test_the_side_that_recedes_shrinks():
    squares = tilted(np.ones((1, 28, 28, 1)), np.array([[0.0, np.pi / 2]]))[0, ..., 0].numpy()
    right, top = squares
    assert right[:, 20].sum() < right[:, 8].sum() - 3
    assert top[8].sum() < top[20].sum() - 3


def test_hue_matches_colorsys():
    images = _images(4, 5, 6, 3)
    angles = np.random.default_rng(1).uniform(-7, 7, (4, 9))
    shifted = hue_shifted(images, angles)
    assert shifted.shape == (4, 9, 5, 6, 3)
    for i, t, row, column in np.random.default_rng(2).integers(0, (4, 9, 5, 6), (60, 4)):
        h, s, v = colorsys.rgb_to_hsv(*images[i, row, column])
        expected = colorsys.hsv_to_rgb((h + angles[i, t] / (2 * np.pi)) % 1, s, v)
        np.testing.assert_allclose(shifted[i, t, row, column], expected, atol=1e-5)


def test_grey_images_take_the_saturated_colour_of_the_hue():
    images = _images(2)
    shifted = hue_shifted(images, np.tile(2 * np.pi * CYCLE / T, (2, 1))).numpy()
    for t in CYCLE:
        colour = np.array(colorsys.hsv_to_rgb(t / T, 1, 1))
        np.testing.assert_allclose(shifted[:, t], images * colour, atol=1e-6)
    # The colour of the grey one is the shift of the red one.
    red = np.concatenate([images, np.zeros((2, 11, 14, 2))], -1)
    np.testing.assert_allclose(hue_shifted(red, [1.0, 2.0]), hue_shifted(images, [1.0, 2.0]), 1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rotated(np.zeros((3, 4, 4)), [0.0] * 3), r"`images` must .* received \(3, 4"),
        (
            lambda: rotated(np.zeros((3, 4, 4, 1)), [0.0, 1.0]),
            r"`angles` .* n = 3 .*received \(2,\)",
        ),
        (lambda: scaled(np.zeros((1, 4, 4, 1)), np.ones((1, 2, 1))), r"`factors` .*\(1, 2, 1\)"),
        (lambda: tilted(np.zeros((1, 4, 4, 1)), 0.0), r"`directions` must .* received \(\)"),
        (
            lambda: tilted(np.zeros((1, 4, 4, 1)), [0.0], tilt=1.2),
            r"must be less than 0\.955 radians",
        ),
        (lambda: tilted(np.zeros((1, 4, 4, 1)), [0.0], tilt=2.0), "`tilt` must lie in"),
        (lambda: tilted(np.zeros((1, 4, 4, 1)), [0.0], distance=0), "`distance` must lie in"),
        (lambda: hue_shifted(np.zeros((1, 4, 4, 2)), [0.0]), "1 or 3 channels"),
    ],
)
def test_errors_of_transformations(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def _expected(image, name, state):
    """The frame of a state by the public functions, one image at a time."""
    x, turn = image[None], [2 * np.pi * state / T]
    if name == "hue":
        return hue_shifted(x, turn)[0]
    if name == "scale":
        return scaled(x, [0.60 + 0.66 * state / (T - 1)])[0]
    return (rotated if name == "rotation" else tilted)(x, turn)[0]


@pytest.mark.parametrize("name", ["rotation", "hue", "scale", "perspective"])
@pytest.mark.parametrize("channels", [1, 3])
def test_frames_are_the_transformed_image(name, channels):
    images = _images(5, channels=channels)
    x, factors = as_arrays(sequences(images, np.arange(5) * 7, name, training=False, batch_size=3))
    assert x.dtype == np.float32 and factors[name].dtype == np.int32
    assert x.shape == (5, T, 11, 14, 3 if name == "hue" else channels)
    assert set(factors) == {"label", name}
    np.testing.assert_array_equal(factors["label"], np.arange(5) * 7)
    np.testing.assert_array_equal(np.diff(factors[name], axis=1) % T, 1)
    np.testing.assert_array_equal(np.sort(factors[name]), np.tile(CYCLE, (5, 1)))
    for i, t in ((0, 0), (1, 7), (4, 17)):
        frame = _expected(images[i], name, factors[name][i, t])
        np.testing.assert_allclose(x[i, t], frame, atol=1e-5)


def test_factors_that_move_together():
    images = _images(4)
    x, factors = as_arrays(sequences(images, None, "rotation_and_hue", training=False))
    assert set(factors) == {"rotation", "hue"}
    np.testing.assert_array_equal(factors["rotation"], factors["hue"])
    angle = 2 * np.pi * factors["hue"][2, 5] / T
    expected = hue_shifted(rotated(images[2:3], [angle]), [angle])[0]
    np.testing.assert_allclose(x[2, 5], expected, atol=1e-5)
    x, _ = as_arrays(sequences(images, None, "scale_and_rotation_and_perspective", training=False))
    assert x.shape == (4, T, 11, 14, 1)


def test_image_is_zoomed_and_turned_before_it_is_tilted():
    rows, columns = np.mgrid[:61, :61] - 30.0
    bump = np.exp(-((rows - 3) ** 2 + (columns - 4) ** 2) / 60)[None, ..., None]
    name = "rotation_and_scale_and_perspective"
    x, factors = as_arrays(sequences(bump, None, name, training=False))
    for t in (2, 9):
        state = factors["scale"][0, t]
        zoomed = _expected(bump[0], "scale", state)
        expected = _expected(_expected(zoomed, "rotation", state), "perspective", state)
        # One interpolation against three: on a smooth image they differ little.
        np.testing.assert_allclose(x[0, t], expected, atol=0.04)
        other = _expected(_expected(zoomed, "perspective", state), "rotation", state)
        assert np.abs(x[0, t] - other).max() > 0.1


def test_mixture_draws_one_and_leaves_the_others_at_rest():
    images = _images(600, 8, 8)
    names = ("rotation", "hue", "scale", "perspective")
    x, factors = as_arrays(sequences(images, None, names, training=False, batch_size=100))
    assert x.shape == (600, T, 8, 8, 3)
    drawn = factors["transformation"]
    # Each of four with probability 1/4: five standard deviations.
    assert np.all(np.abs(np.bincount(drawn) - 150) < 5 * np.sqrt(600 * 3 / 16))
    starts = np.bincount(np.max([factors[name][:, 0] for name in names], 0), minlength=T)
    assert np.all(np.abs(starts - 600 / T) < 5 * np.sqrt(600 / T))
    for k, name in enumerate(names):
        moves = drawn == k
        assert np.all(factors[name][~moves] == -1)
        np.testing.assert_array_equal(np.diff(factors[name][moves], axis=1) % T, 1)
        i = np.flatnonzero(moves)[0]
        frame = _expected(images[i], name, factors[name][i, 4])
        frame = frame if name == "hue" else frame * np.array([1.0, 0.0, 0.0])
        np.testing.assert_allclose(x[i, 4], frame, atol=1e-5)


def test_factors_at_rest_may_be_random():
    images = np.ones((300, 9, 9, 1))
    names = ("rotation", "hue")
    data = sequences(images, None, names, training=False, rest="random", batch_size=50)
    x, factors = as_arrays(data)
    turning = factors["transformation"] == 0
    assert np.all(factors["hue"][turning] == -1)
    colours = x[turning][:, :, 4, 4]
    np.testing.assert_allclose(colours, np.tile(colours[:, :1], (1, T, 1)), atol=1e-6)
    states = np.unique(colours[:, 0].round(4), axis=0)
    expected = [colorsys.hsv_to_rgb(t / T, 1, 1) for t in range(T)]
    np.testing.assert_allclose(states, np.unique(np.round(expected, 4), axis=0), atol=2e-4)
    # What moves does not know what rests: the angle of the first frame beside the resting hue.
    hue = np.argmin(np.abs(colours[:, 0, None] - np.array(expected)).sum(-1), 1)
    assert abs(np.corrcoef(hue, factors["rotation"][turning, 0])[0, 1]) < 5 / np.sqrt(len(hue))


def test_uint8_and_datasets_give_what_the_floats_give():
    integers = np.random.default_rng(0).integers(0, 256, (20, 6, 7, 1)).astype(np.uint8)
    labels = np.arange(20)
    expected, factors = as_arrays(sequences(integers / 255, labels, training=False))
    for images, extra in (
        (integers, labels),
        (tf.data.Dataset.from_tensor_slices((integers, labels)), None),
        (tf.data.Dataset.from_tensor_slices((integers / 255, labels)), None),
    ):
        x, y = as_arrays(sequences(images, extra, training=False))
        np.testing.assert_allclose(x, expected, atol=1e-6)
        np.testing.assert_array_equal(y["label"], labels)
        np.testing.assert_array_equal(y["rotation"], factors["rotation"])
    # Binary images that are stored as integers are in [0, 1] already.
    binary = (integers > 128).astype(np.uint8)
    x, y = as_arrays(sequences(tf.data.Dataset.from_tensor_slices(binary), training=False))
    np.testing.assert_allclose(x, as_arrays(sequences(binary > 0, training=False))[0])
    assert x.max() == 1.0 and set(y) == {"rotation"}


def _epochs(data, number=2):
    return [as_arrays(data) for _ in range(number)]


@pytest.mark.parametrize("as_dataset", [False, True])
def test_training_shuffles_and_draws_anew(as_dataset):
    images = _images(40, 5, 5)
    if as_dataset:
        arguments = {"images": tf.data.Dataset.from_tensor_slices((images, np.arange(40)))}
    else:
        arguments = {"images": images, "labels": np.arange(40)}

    def read(seed):
        return _epochs(sequences(**arguments, transformation=("rotation", "scale"), seed=seed))

    (x1, y1), (x2, y2) = read(3)
    for first, second in zip(((x1, y1), (x2, y2)), read(3), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, first, second)
    assert np.any(read(4)[0][1]["label"] != y1["label"])
    assert y1["label"].tolist() != y2["label"].tolist() != list(range(40))
    for y in (y1, y2):
        np.testing.assert_array_equal(np.sort(y["label"]), np.arange(40))
    # By example, the draws of the epochs differ about as often as independent ones.
    o1, o2 = np.argsort(y1["label"]), np.argsort(y2["label"])
    assert 5 < np.sum(y1["transformation"][o1] != y2["transformation"][o2]) < 35
    assert np.any(x1[o1] != x2[o2])


def test_evaluation_keeps_order_and_draws():
    images = _images(40, 5, 5)
    data = sequences(images, np.arange(40), ("rotation", "scale"), training=False)
    first, second = _epochs(data)
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)
    np.testing.assert_array_equal(first[1]["label"], np.arange(40))
    # The draws of an example do not depend on those that follow it, nor on the batches.
    part = sequences(images[:11], np.arange(11), ("rotation", "scale"), training=False)
    x, y = as_arrays(part)
    np.testing.assert_array_equal(y["rotation"], first[1]["rotation"][:11])
    np.testing.assert_allclose(x, first[0][:11], atol=1e-6)


def test_pipeline_is_one_of_tensorflow_ops_with_static_shapes():
    data = sequences(_images(20), np.arange(20), ("rotation", "hue"), batch_size=8)
    assert data.element_spec[0] == tf.TensorSpec((None, T, 11, 14, 3), tf.float32)
    assert data.element_spec[1]["hue"] == tf.TensorSpec((None, T), tf.int32)
    assert len(data) == 3 and [len(x) for x, _ in data] == [8, 8, 4]
    graph = tf.compat.v1.GraphDef.FromString(data._as_serialized_graph().numpy())
    functions = [node for function in graph.library.function for node in function.node_def]
    ops = {node.op for node in [*graph.node, *functions]}
    assert "ImageProjectiveTransformV3" in ops
    assert not {op for op in ops if "PyFunc" in op}
    # All frames of a batch in one call.
    assert sum(node.op == "ImageProjectiveTransformV3" for node in functions) == 1


class _Mean(keras.layers.Layer):
    """A layer with one weight, and a loss that needs no y."""

    def build(self, shape):
        self.mean = self.add_weight(shape=())

    def call(self, x):
        self.add_loss(keras.ops.mean(keras.ops.square(x - self.mean)))
        return x


def test_fit_takes_the_sequences():
    images = _images(16)
    model = keras.Sequential([_Mean()])
    model.compile(keras.optimizers.SGD(0.4))
    model.fit(sequences(images, np.arange(16)), epochs=8, verbose=0)
    x, _ = as_arrays(sequences(images, training=False))
    assert float(model.layers[0].mean) == pytest.approx(x.mean(), abs=0.05)
    assert model.predict(sequences(images), verbose=0).shape == x.shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros((3, 4, 4))}, r"`images` must have shape \(n, h, w, c\).* \(3, 4, 4\)"),
        ({"images": np.zeros((0, 4, 4, 1))}, r"all at least 1, received \(0, 4, 4, 1\)"),
        ({"images": np.zeros((3, 4, 4, 2))}, "1 or 3 channels"),
        ({"images": np.full((3, 4, 4, 1), 1.5)}, r"in \[0, 1\], received values from 1\.5 to 1\.5"),
        ({"images": np.full((3, 4, 4, 1), -0.5)}, "Scale them"),
        ({"images": np.full((3, 4, 4, 1), np.nan)}, "received no finite value, with NaN"),
        ({"images": np.zeros((3, 4, 4, 1), int)}, "or uint8, received int64"),
        ({"labels": np.zeros(2)}, r"`labels` must have one entry for each .*\(2,\)"),
        ({"transformation": "turn"}, r"one of rotation, scale, .* received 'turn'"),
        ({"transformation": ("hue", "turn")}, "received 'turn'"),
        ({"transformation": "hue_and_hue"}, "received 'hue_and_hue'"),
        ({"transformation": ()}, r"`transformation` must be a name.* received \(\)"),
        ({"transformation": ("hue", "hue")}, "different names"),
        ({"transformation": ("hue", 3)}, "`transformation` must be a name"),
        ({"num_frames": 1}, "`num_frames` must be at least 2"),
        ({"num_frames": 2.5}, "`num_frames` must be a whole number"),
        ({"batch_size": 0}, "`batch_size` must be"),
        ({"rest": "still"}, "`rest` must be one of 'identity', 'random'"),
        ({"seed": 0.5}, r"`seed` must be a whole number, received 0\.5"),
        ({"images": tf.data.Dataset.from_tensors(np.zeros((3, 4, 4, 1)))}, "Call .unbatch()"),
        ({"images": tf.data.Dataset.range(3)}, "Call .unbatch()"),
        (
            {"images": tf.data.Dataset.from_tensors(np.ones((4, 4, 1))), "labels": [1]},
            "`labels` must be None",
        ),
        ({"images": tf.data.Dataset.from_tensors(np.full((4, 4, 1), 2.0))}, "values from 2"),
        ({"images": tf.data.Dataset.from_tensors(np.ones((4, 4, 1))).take(0)}, "at least one"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        sequences(**{"images": np.zeros((3, 4, 4, 1)), **arguments})


SIZES = {"shape": 3, "angle": 8, "place": 5}


def _grid(seed=None):
    """Images whose pixels are the factors; in the order of the grid, or mixed."""
    factors = np.stack(np.unravel_index(np.arange(120), tuple(SIZES.values())), 1)
    if seed is not None:
        factors = np.random.default_rng(seed).permutation(factors)
    return np.float32(factors[:, :, None, None] / 10), factors


@pytest.mark.parametrize("order", [None, 1])
@pytest.mark.parametrize(
    ("factor", "num_frames", "values"),
    [
        ("shape", None, [0, 1, 2]),
        ("angle", None, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("angle", 4, [0, 2, 4, 6]),
        ("angle", 3, [0, 2, 5]),
        ("place", 2, [0, 2]),
    ],
)
def test_factor_sequences_match_a_loop(factor, num_frames, values, order):
    images, factors = _grid(order)
    data = factor_sequences(
        images, factors, factor, sizes=SIZES, num_frames=num_frames, training=False
    )
    x, states = as_arrays(data)
    frames = len(values)
    assert x.shape == (120 // SIZES[factor], frames, 3, 1, 1) and set(states) == {factor}
    lookup = {tuple(row): image for row, image in zip(factors, images, strict=True)}
    column = list(SIZES).index(factor)
    others = [np.arange(n) for name, n in SIZES.items() if name != factor]
    combinations = [(i, j) for i in others[0] for j in others[1]]
    for sequence, state, combination in zip(x, states[factor], combinations, strict=True):
        for frame in range(frames):
            assert state[frame] == (state[0] + frame) % frames
            row = list(combination)
            row.insert(column, values[state[frame]])
            np.testing.assert_array_equal(sequence[frame], lookup[tuple(row)])


def test_a_factor_of_few_values_may_go_round_several_times():
    images, factors = _grid()
    options = {"sizes": SIZES, "num_frames": 6, "training": False}
    with pytest.raises(ValueError, match=r"values of 'shape', 3, received 6.*repeat=True"):
        factor_sequences(images, factors, "shape", **options)
    with pytest.raises(ValueError, match=r"values of 'place', 5, or a multiple of it, received 6"):
        factor_sequences(images, factors, "place", repeat=True, **options)
    x, states = as_arrays(factor_sequences(images, factors, "shape", repeat=True, **options))
    np.testing.assert_allclose(x[:, :, 0, 0, 0] * 10, states["shape"] % 3, atol=1e-6)
    np.testing.assert_array_equal(np.sort(states["shape"]), np.tile(np.arange(6), (40, 1)))


def test_factor_mixture_moves_one_factor_and_keeps_the_others():
    images, factors = _grid(0)
    names = ["angle", "place"]
    data = factor_sequences(images, factors, names, sizes=SIZES, num_frames=4, batch_size=7)
    seen = []
    for x, states in _epochs(data, 20):
        assert len(x) == 15  # the combinations beside angle, the fewest
        seen.append((x, states["transformation"]))
        found = (x[..., 0, 0] * 10).round().astype(int)
        for k, name in enumerate(names):
            column, moves = list(SIZES).index(name), states["transformation"] == k
            assert np.all(states[name][~moves] == -1)
            value = states[name][moves] * SIZES[name] // 4
            np.testing.assert_array_equal(found[moves][..., column], value)
            rest = np.delete(found[moves], column, -1)
            np.testing.assert_array_equal(rest, np.tile(rest[:, :1], (1, 4, 1)))
    x, drawn = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    assert abs(drawn.mean() - 0.5) < 5 * 0.5 / np.sqrt(300)
    # Every combination of the others comes, 24 for place.
    assert len(np.unique(x[drawn == 1][:, 0, :2, 0, 0].round(3), axis=0)) == 24
    assert np.any(seen[0][0] != seen[1][0])


def test_factor_sequences_are_scaled_and_repeat_with_the_seed():
    images, factors = _grid()
    integers = (images * 255).round().astype(np.uint8)

    def read(seed, **options):
        data = factor_sequences(integers, factors, "angle", sizes=SIZES, seed=seed, **options)
        return _epochs(data)

    first, again, other = read(1), read(1), read(2)
    tf.nest.map_structure(np.testing.assert_array_equal, first, again)
    assert np.any(first[0][0] != other[0][0]) and np.any(first[0][0] != first[1][0])
    np.testing.assert_allclose(np.unique(first[0][0]), np.unique(integers) / 255, atol=1e-6)
    tf.nest.map_structure(np.testing.assert_array_equal, *read(1, training=False))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": "colour"}, "`factor` must be one of 'shape', 'angle', 'place'"),
        ({"factor": ()}, "`factor` must be a name"),
        ({"sizes": [3, 8, 5]}, "`sizes` must be a dict"),
        ({"sizes": {"shape": 3, "angle": 0, "place": 5}}, r"`sizes\['angle'\]` must be"),
        ({"sizes": {"shape": 3, "angle": 8}}, r"ints of shape \(120, 2\).*\(120, 3\)"),
        ({"sizes": {"shape": 3, "angle": 8, "place": 4}}, r"from 0 to below .* to \[2, 7, 4\]"),
        ({"sizes": {"shape": 3, "angle": 8, "place": 6}}, "each of the 144 combinations"),
        ({"factors": np.zeros((120, 3), int)}, "120 rows with 1 different"),
        ({"factors": np.zeros((120, 3))}, "received float64"),
        ({"num_frames": 9}, "number of values of 'angle', 8, received 9"),
        ({"num_frames": 1}, "`num_frames` must be at least 2"),
        ({"images": np.zeros((120, 4))}, "`images` must have shape"),
    ],
)
def test_factor_sequence_errors(change, message):
    images, factors = _grid()
    arguments = {"images": images, "factors": factors, "factor": "angle", "sizes": SIZES, **change}
    with pytest.raises(ValueError, match=message):
        factor_sequences(**arguments)


def test_modules_do_not_hide_the_functions():
    import tfvae.datasets.grid_sequences
    import tfvae.datasets.image_sequences

    assert callable(tfvae.datasets.sequences) and callable(tfvae.datasets.factor_sequences)
