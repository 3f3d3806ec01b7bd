"""Crops, pairs, descriptors and their threshold."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.applications import tracking
from tfvae.applications.tracking import crops
from tfvae.applications.tracking import descriptor as descriptor_module
from tfvae.applications.tracking.person_crops import augmented


def test_a_crop_is_the_mean_of_its_pixels():
    """Boxes on whole pixels, each pixel of a crop the mean of 6 × 6 of the image."""
    image = np.random.default_rng(0).uniform(0, 255, size=(40, 50, 3)).astype("float32")
    image = tf.nn.avg_pool2d(image[None], 3, 1, "SAME")[0].numpy()  # Bilinear samples suffice.
    found = crops.cropped(tf.constant(image), tf.constant([[6.0, 4.0, 30.0, 28.0]]), (4, 4))
    part = image[4:28, 6:30].reshape(4, 6, 4, 6, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found[0], part, rtol=0.03)


def test_a_crop_of_one_pixel_each_is_the_image():
    image = np.random.default_rng(0).uniform(0, 255, size=(8, 6, 3)).astype("float32")
    smooth = np.broadcast_to(image.mean(axis=(0, 1)), image.shape)
    found = crops.cropped(tf.constant(smooth), tf.constant([[-5.0, -5.0, 60.0, 60.0]]), (4, 3))
    np.testing.assert_allclose(found[0], np.broadcast_to(smooth[0, 0], (4, 3, 3)), rtol=1e-5)


@pytest.mark.parametrize("kind", ["uint8", "int32", "float16", "float32", "float64"])
def test_crops_of_any_kind_of_number(kind):
    image = np.random.default_rng(0).integers(0, 256, size=(30, 40, 3)).astype("uint8")
    boxes = tf.constant([[0.0, 0.0, 40.0, 30.0], [-4.0, 5.5, 11.0, 44.0]])
    expected = crops.cropped(tf.constant(image.astype("float32")), boxes, (6, 4))
    found = crops.cropped(tf.constant(image.astype(kind)), boxes, (6, 4))
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_crops_know_their_track(people):
    assert people.images.shape == (72, 16, 8, 3) and people.images.dtype == np.uint8
    assert len(np.unique(people.tracklets)) == 3
    for track in np.unique(people.tracklets):
        own = people.images[people.tracklets == track].reshape(-1, 16 * 8, 3).mean(axis=1)
        assert np.ptp(own, axis=0).max() < 60  # One colour, in changing light.
    both = people + people
    assert len(np.unique(both.tracklets)) == 6 and len(both) == 144


def test_pairs_are_two_crops_of_a_track(people):
    kind = {int(t): people.images[people.tracklets == t].mean(axis=(0, 1, 2)).argmax()
            for t in np.unique(people.tracklets)}  # fmt: skip
    assert sorted(kind.values()) == [0, 1, 2]
    seen, order = 0, []
    data = tracking.pairs(people, batch_size=16, augment=False, seed=3)
    for x, y in data:
        middle = [part.numpy()[:, 4:12, 2:6].mean(axis=(1, 2)).argmax(axis=1) for part in (x, y)]
        np.testing.assert_array_equal(*middle)
        seen += len(x)
        order += middle[0].tolist()
    assert seen == len(people) and len(data) == 5
    again = [x.numpy().mean() for x, _ in tracking.pairs(people, augment=True, seed=3)]
    same = [x.numpy().mean() for x, _ in tracking.pairs(people, augment=True, seed=3)]
    assert again == same


def test_a_change_of_moment_is_seeded_and_small(people):
    x = tf.constant(people.images[:4].astype("float32") / 255.0)
    one, two = (augmented(x, tf.constant([1, 2])) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, augmented(x, tf.constant([1, 3])))
    assert one.shape == x.shape and tf.reduce_min(one) >= 0 and tf.reduce_max(one) <= 1
    np.testing.assert_allclose(tf.reduce_mean(one, [1, 2]), tf.reduce_mean(x, [1, 2]), atol=0.15)


def test_descriptors_tell_colours_apart(learned, sequence):
    model, calibration = learned
    assert calibration.missed < 0.1 and calibration.confused < 0.1
    assert f"{calibration.max_distance:.4g}" in str(calibration)
    descriptor = tracking.Descriptor(model)
    truth, features = sequence.ground_truth, []
    for number, image in sequence.frames(20, 24):
        features.append(descriptor.get_features(truth.boxes[truth.of_frame(number)], image))
    part = truth.between(20, 24)
    share, asked = tracking.rank_one(np.concatenate(features), part.ids, part.frames, 3)
    assert (share, asked) == (1.0, 6)


def test_a_descriptor_is_the_mean_of_its_crop(learned, sequence):
    model, _ = learned
    descriptor = tracking.Descriptor(model)
    (_, image), *_ = sequence.frames(1, 1)
    boxes = sequence.detections.boxes[sequence.detections.of_frame(1)]
    found = descriptor.get_features(boxes, image)
    x = crops.cropped(tf.constant(image), tf.constant(boxes, tf.float32), (16, 8)) / 255.0
    np.testing.assert_allclose(found, model.encode(x).mean(), rtol=1e-4, atol=1e-4)
    assert found.dtype == np.float32 and descriptor.dim == 3 and descriptor.size == (16, 8)
    expected = np.sqrt(((found[:, None] - found[None]) ** 2).sum(-1))
    np.testing.assert_allclose(descriptor.distance(found, found), expected, atol=1e-3)


def test_boxes_at_the_edge_and_beyond(learned):
    descriptor = tracking.Descriptor(learned[0])
    image = np.full((60, 80, 3), 90, "uint8")
    found = descriptor.get_features([[-20, -20, 30, 40], [90, 10, 120, 50], [0, 0, 80, 60]], image)
    assert np.isfinite(found[[0, 2]]).all() and np.isnan(found[1]).all()
    np.testing.assert_allclose(found[0], found[2], atol=1e-4)  # All is grey.
    assert descriptor.get_features([], image).shape == (0, 3)


def test_descriptors_of_files(learned, tmp_path):
    model, _ = learned
    model.save(tmp_path / "people.keras")
    tfvae.export(model, str(tmp_path / "served" / "1"))
    image = np.random.default_rng(0).integers(0, 256, size=(60, 80, 3)).astype("uint8")
    expected = tracking.Descriptor(model).get_features([[5, 5, 30, 50]], image)
    for path in (tmp_path / "people.keras", tmp_path / "served" / "1"):
        found = tracking.Descriptor(path).get_features([[5, 5, 30, 50]], image)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_what_is_no_descriptor(learned):
    vae = tfvae.VAE(2)
    vae.build((None, 5))
    with pytest.raises(ValueError, match=r"must take images \(height, width, 3\)"):
        tracking.Descriptor(vae)
    descriptor = tracking.Descriptor(learned[0])
    with pytest.raises(ValueError, match=r"one RGB image.*\(60, 80\)"):
        descriptor.get_features([[0, 0, 5, 5]], np.zeros((60, 80), "uint8"))
    with pytest.raises(ValueError, match="`boxes_xyxy`"):
        descriptor.get_features([[5, 5, 0, 0]], np.zeros((60, 80, 3), "uint8"))


def test_the_threshold_is_a_quantile_of_distances_to_galleries():
    """Against loops over all boxes and tracks."""
    rng = np.random.default_rng(0)
    tracklets, frames = np.tile(np.arange(4), 30), np.repeat(np.arange(30), 4)
    features = rng.normal(size=(4, 2))[tracklets] + 0.4 * rng.normal(size=(120, 2))
    found = tracking.calibrate(
        features, tracklets, frames, miss_rate=0.2, min_gap=3, gallery_size=6
    )
    same, other = [], []
    for box in range(120):
        for track in range(4):
            last = frames[box] - 3 * (track == tracklets[box])
            gallery = np.flatnonzero((tracklets == track) & (frames <= last))[-6:]
            if len(gallery):
                least = np.linalg.norm(features[gallery] - features[box], axis=1).min()
                (same if track == tracklets[box] else other).append(least)
    same, other = np.array(same), np.array(other)
    assert found.num_distances == (len(same), len(other))
    assert found.max_distance == pytest.approx(np.quantile(same, 0.8))
    assert found.missed == pytest.approx(0.2, abs=0.01)
    assert found.confused == pytest.approx(np.mean(other <= found.max_distance))
    assert 0.05 < found.confused < 0.95  # The case is neither trivial nor hopeless.


def test_a_threshold_needs_both_kinds():
    with pytest.raises(ValueError, match="0 distances within a track"):
        tracking.calibrate(np.zeros((3, 2)), [0, 1, 2], [0, 0, 0])
    with pytest.raises(ValueError, match="0 between two"):
        tracking.calibrate(np.zeros((9, 2)), [0] * 9, np.arange(9))
    with pytest.raises(ValueError, match="of one length"):
        tracking.calibrate(np.zeros((3, 2)), [0, 1], [0, 0, 0])


def test_descriptors_that_tell_nobody_apart_give_no_threshold():
    tracklets, frames = np.tile([0, 1], 20), np.repeat(np.arange(20), 2)
    with pytest.raises(ValueError, match="tells nobody apart"):
        tracking.calibrate(np.ones((40, 2)), tracklets, frames)
    with pytest.raises(ValueError, match="40 descriptors of which 0 are"):
        tracking.calibrate(np.full((40, 2), np.nan), tracklets, frames)


@pytest.mark.parametrize(
    ("tracklets", "options", "message"),
    [([0] * 20, {}, "0 between two"), ([0, 1] * 10, {"epochs": 0}, "`epochs`"),
     ([0, 1] * 10, {"latent_dim": -1}, "`latent_dim`")],
)  # fmt: skip
def test_what_cannot_be_calibrated_is_not_trained(monkeypatch, tracklets, options, message):
    monkeypatch.setattr(tfvae.FlatManifoldVAE, "fit", lambda *_, **__: pytest.fail("It trains."))
    crops_ = tracking.PersonCrops(
        np.zeros((20, 16, 8, 3), "uint8"), np.array(tracklets), np.arange(20) // 2
    )
    with pytest.raises(ValueError, match=message):
        tracking.train_descriptor(crops_, **options)


def test_a_box_without_a_descriptor_is_nearest_to_none():
    features = [[0.0], [1.0], [np.nan], [1.0]]
    assert tracking.rank_one(features, [1, 2, 1, 2], [1, 1, 2, 2], 1) == (0.5, 2)
    features = [[np.nan], [1.0], [0.0], [1.0]]
    assert tracking.rank_one(features, [1, 2, 1, 2], [1, 1, 2, 2], 1) == (0.5, 2)
    with pytest.raises(ValueError, match="of one length"):
        tracking.rank_one(features, [1, 2], [1, 1, 2, 2], 1)


def test_rank_one_by_hand():
    """Of two people, one takes the other's look in the later frame."""
    features = np.array([[0.0], [1.0], [0.1], [0.2]])
    assert tracking.rank_one(features, [1, 2, 1, 2], [1, 1, 2, 2], 1) == (1.0, 2)
    features[2:] = [[0.9], [0.0]]
    assert tracking.rank_one(features, [1, 2, 1, 2], [1, 1, 2, 2], 1) == (0.0, 2)
    with pytest.raises(ValueError, match="`gap`"):
        tracking.rank_one(features, [1, 2, 1, 2], [1, 1, 2, 2], 5)


@pytest.fixture
def colors():
    """A descriptor that needs no training: the mean colour of a crop."""

    class Mean:
        data_shape = (4, 2, 3)

        @staticmethod
        def embed(x):
            return tf.reduce_mean(x, [1, 2])

    return tracking.Descriptor(Mean())


def test_many_boxes_are_looked_at_a_part_at_a_time(colors, monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, size=(60, 80, 3)).astype("uint8")
    low = np.random.default_rng(1).uniform(-30, 60, size=(70, 2))
    boxes = np.concatenate([low, low + 20.0], axis=1)
    expected = colors.get_features(boxes, image)
    assert 0 < np.isnan(expected[:, 0]).sum() < 70
    rows, features = [], colors._features
    monkeypatch.setattr(descriptor_module, "MOST_ROWS", 16)
    colors._features = lambda image, boxes: rows.append(len(boxes)) or features(image, boxes)
    np.testing.assert_array_equal(colors.get_features(boxes, image), expected)
    assert len(rows) > 2 and max(rows) == 16


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((9, 9, 3), 0.5, "float32"), r"Of an image in \[0, 1\]: 255"),
        (np.full((9, 9, 3), 999, "uint16"), "numbers from 0 to 255, received values from 999"),
        (np.full((9, 9, 3), -1.0), "received values from -1"),
        (np.full((9, 9, 3), np.nan), "no finite value, with NaN"),
        (np.full((9, 9, 3), True), "received an array of bool"),
        (np.zeros((9, 9, 4), "uint8"), r"image\[..., :3\]"),
        (np.zeros((0, 9, 3), "uint8"), r"\(0, 9, 3\)"),
    ],
)
def test_images_in_another_unit_are_refused(colors, image, message):
    with pytest.raises(ValueError, match=message):
        colors.get_features([[0, 0, 5, 5]], image)


def test_black_images_and_other_kinds_of_numbers(colors):
    image = np.random.default_rng(0).integers(0, 256, size=(9, 9, 3))
    boxes = [[0, 0, 5, 5]]
    expected = colors.get_features(boxes, image.astype("uint8"))
    for kind in ("int64", "float16", "float64"):
        found = colors.get_features(boxes, image.astype(kind))
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not colors.get_features(boxes, np.zeros((9, 9, 3), "float32")).any()


def test_boxes_of_other_shapes_are_refused(colors):
    image = np.zeros((9, 9, 3), "uint8")
    with pytest.raises(ValueError, match=r"`boxes_tlwh` must be of shape \(N, 4\).*\(4, 5\)"):
        colors.encoder(image, np.ones((4, 5)))
    for boxes in ([[1], [2, 3]], [["a", 0, 1, 1]]):
        with pytest.raises(ValueError, match="`boxes_xyxy` must hold numbers"):
            colors.get_features(boxes, image)
    with pytest.raises(
        ValueError, match=r"rows of one length, received \(3,\).*descriptor\[None\]"
    ):
        colors.distance(np.zeros(3), np.zeros((1, 3)))


def test_files_that_hold_no_descriptor(tmp_path):
    path = tmp_path / "people.keras"
    with pytest.raises(ValueError, match="must be a file that exists"):
        tracking.Descriptor(path)
    keras.Sequential([keras.layers.Input((4, 2, 3)), keras.layers.Flatten()]).save(path)
    with pytest.raises(ValueError, match="must be a model of tfvae"):
        tracking.Descriptor(path)
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        ValueError, match=r"people\.keras: must be a .keras file, but it is damaged"
    ):
        tracking.Descriptor(path)
    with pytest.raises(ValueError, match=r"a folder of tfvae\.export.*which is neither"):
        tracking.Descriptor(tmp_path)
    with pytest.raises(ValueError, match=r"must be a model of tfvae.*42"):
        tracking.Descriptor(42)
