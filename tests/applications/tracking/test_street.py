"""The simulated street: files, people, walks, visibility, detector."""

import hashlib

import numpy as np
import pytest
import scipy.ndimage

import tfvae.applications.tracking as tracking
from tfvae.applications.tracking.street import rendering, scene
from tfvae.applications.tracking.street.camera import FAR, NEAR, Camera
from tfvae.applications.tracking.street.detector import Detector, detection_probability
from tfvae.applications.tracking.street.looks import Looks
from tfvae.applications.tracking.street.walks import Walks

SIZE = 480, 270
SMALL = {"num_people": 8, "num_frames": 6, "image_size": (320, 180)}


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """Eight seconds at a camera that stands still."""
    return tracking.simulated_street(
        tmp_path_factory.mktemp("streets") / "street", num_people=12, num_frames=80, seed=4,
        image_size=SIZE, frame_rate=10.0, camera_motion=0.0, false_alarms=0.2,
    )  # fmt: skip


def digests(folder):
    """{name: digest} of all files."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


def table(sequence):
    """The rows of gt.txt."""
    return np.loadtxt(sequence.path / "gt" / "gt.txt", delimiter=",", ndmin=2)


# ---- files -----------------------------------------------------------------------------------


def test_same_seed_same_files(tmp_path):
    first = tracking.simulated_street(tmp_path / "a" / "street", seed=3, **SMALL)
    second = tracking.simulated_street(tmp_path / "b" / "street", seed=3, **SMALL)
    assert digests(first.path) == digests(second.path)
    assert len(digests(first.path)) == SMALL["num_frames"] + 3


def test_another_seed_is_another_street(tmp_path):
    one, other = (
        tracking.simulated_street(tmp_path / str(seed), seed=seed, **SMALL) for seed in (0, 1)
    )
    # Walls and ground differ, not only people.
    first, second = (next(part.frames())[1].astype(float) for part in (one, other))
    assert np.abs(first - second)[:40].mean() > 10.0
    assert not np.array_equal(one.ground_truth.boxes[:3], other.ground_truth.boxes[:3])


def test_is_read_back_as_a_sequence(street):
    again = tracking.read_sequence(street.path)
    assert (again.name, again.length, again.frame_rate, again.image_size) == (
        "street", 80, 10.0, SIZE,
    )  # fmt: skip
    numbers = []
    for number, image in again.frames():
        assert image.shape == (SIZE[1], SIZE[0], 3)
        numbers.append(number)
    assert numbers == list(range(1, 81))
    truth = again.ground_truth
    assert set(truth.classes) == {1} and set(truth.scores) == {1.0}
    assert set(truth.ids) <= set(range(1, 13))
    assert set(again.detections.ids) == {-1}
    assert 0.0 < again.detections.scores.min() < again.detections.scores.max() <= 1.0


def test_ground_truth_has_the_layout_of_mot16(street):
    rows = table(street)
    assert rows.shape[1] == 9
    assert (rows[:, 6] == 1).all() and (rows[:, 7] == 1).all()
    assert rows[:, 8].min() >= 0.0 and rows[:, 8].max() == 1.0
    assert (rows[:, 8] < 0.5).any()
    pairs = {(frame, one) for frame, one in rows[:, :2]}
    assert len(pairs) == len(rows)
    np.testing.assert_allclose(
        tracking.corners(rows[:, 2:6]) - 1.0, street.ground_truth.boxes, atol=1e-9
    )


def test_options_of_the_detector_change_nothing_else(tmp_path):
    one = tracking.simulated_street(tmp_path / "street", **SMALL)
    files = digests(one.path)
    other = tracking.simulated_street(
        tmp_path / "b" / "street", miss_rate=0.5, box_noise=0.1, false_alarms=3.0, **SMALL
    )
    changed = {name for name, digest in digests(other.path).items() if files[name] != digest}
    assert changed == {"det/det.txt"}


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"`folder` must be new or empty.*read_sequence"):
        tracking.simulated_street(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_and_a_name_with_a_percent_sign_are_fine(tmp_path):
    folder = tmp_path / "100% street"
    folder.mkdir()
    assert tracking.simulated_street(folder, **SMALL).name == "100% street"


def test_all_of_the_folder_or_none(tmp_path, monkeypatch):
    import cv2

    monkeypatch.setattr(cv2, "imwrite", lambda *_: False)
    with pytest.raises(OSError, match="cannot be written"):
        tracking.simulated_street(tmp_path / "street", **SMALL)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name, value",
    [
        ("num_people", 0), ("num_people", 2.5), ("num_frames", 0), ("image_size", (640,)),
        ("image_size", (640, 20)), ("image_size", 640), ("frame_rate", 0.0),
        ("frame_rate", float("nan")), ("camera_motion", 0.7), ("miss_rate", 1.2),
        ("box_noise", -0.1), ("false_alarms", -1.0), ("verbose", "loud"),
    ],
)  # fmt: skip
def test_impossible_arguments_are_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"`{name}`"):
        tracking.simulated_street(tmp_path / "street", **{**SMALL, name: value})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [(200, 400), (1200, 200), (65, 64)])
def test_images_of_other_shapes(tmp_path, size):
    made = tracking.simulated_street(
        tmp_path / "street", num_people=30, num_frames=3, image_size=size
    )
    assert next(made.frames())[1].shape == (size[1], size[0], 3)
    assert len(made.ground_truth) > 0


def test_two_hundred_people(tmp_path):
    made = tracking.simulated_street(tmp_path / "street", num_people=200, num_frames=2)
    assert len(made.ground_truth) > 200


# ---- what is drawn ---------------------------------------------------------------------------


def test_boxes_lie_on_the_people_that_are_drawn(street):
    """What moves, found by the difference from the median over time, lies inside the boxes."""
    images = np.stack([image[::2, ::2].astype("float32") for _, image in street.frames()])
    images /= np.median(images, axis=(1, 2), keepdims=True)  # The light varies.
    moves = np.abs(images - np.median(images, axis=0)).max(axis=-1) > 0.35
    rows = table(street)
    inside, outside, shares = 0, 0, []
    for number, moving in enumerate(moves, 1):
        boxes = np.zeros(moving.shape, bool)
        for _, _, x, y, w, h, _, _, visibility in rows[rows[:, 0] == number]:
            left, top = max(int(x / 2) - 1, 0), max(int(y / 2) - 1, 0)
            part = slice(top, int((y + h) / 2) + 1), slice(left, int((x + w) / 2) + 1)
            boxes[part] = True
            if visibility == 1.0:
                shares.append(moving[part].mean())
        inside += np.count_nonzero(moving & boxes)
        outside += np.count_nonzero(moving & ~boxes)
    assert inside > 5_000
    # Beyond the boxes: shadows, and people of whom less than a fifth is in the image.
    assert outside < 0.05 * inside
    assert np.median(shares) > 0.2


def made(x, z, heading=0.3, size=(640, 360), things=(), canvas=None):
    """One frame with people at given places; the same people for the same number."""
    rng = np.random.default_rng(1)
    camera = Camera(size, np.zeros((1, 2), "int64"))
    x, z = np.atleast_2d(np.asarray(x, float)), np.atleast_2d(np.asarray(z, float))
    looks = Looks.of(np.random.default_rng(2), 6).of_people(np.arange(x.shape[1]))
    same = np.ones_like(x)
    walks = Walks(x, z, heading * same, 0.7 * same, same)
    shade = scene.Shade(np.random.default_rng(3))
    if canvas is None:
        canvas = np.full((size[1], size[0], 3), 120, "uint8")
    return next(rendering.frames(rng, camera, looks, walks, shade, canvas, list(things), 25.0))


def test_boxes_are_the_extent_of_the_pixels():
    frame = made([-4.0, -1.0, 2.0, 3.0], [20.0, 9.0, 14.0, 11.0], heading=2.0)
    assert frame.people.tolist() == [0, 1, 2, 3]
    for person, box in zip(frame.people, frame.boxes, strict=True):
        rows, columns = np.nonzero(frame.seen == person + 1)
        extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box, extent, atol=0.7)
    np.testing.assert_array_equal(frame.visibility, 1.0)


def test_visibility_is_a_count_of_pixels():
    """Of the person behind what is seen is what the one in front, drawn alone, does not cover."""
    # The first stands behind the second. Far off to the side nobody is in the image.
    both = made([0.0, 0.2], [12.0, 10.0])
    behind, front = made([0.0, 90.0], [12.0, 10.0]), made([90.0, 0.2], [12.0, 10.0])
    alone, cover = behind.seen == 1, front.seen == 2
    assert behind.people.tolist() == [0] and front.people.tolist() == [1]
    expected = np.count_nonzero(alone & ~cover) / np.count_nonzero(alone)
    assert 0.05 < expected < 0.8
    np.testing.assert_allclose(both.visibility, [expected, 1.0], rtol=1e-12)
    # The picture says the same: within the front, but for its soft edges, both pictures are alike.
    core = scipy.ndimage.binary_erosion(cover, iterations=2)
    assert np.count_nonzero(core & alone) > 100
    np.testing.assert_array_equal(both.image[core], front.image[core])


def test_what_is_beyond_the_image_is_not_seen():
    width = Camera((640, 360), np.zeros((1, 2), "int64")).half_width(10.0)
    whole, cut = made([0.0], [10.0]), made([width], [10.0])
    total = np.count_nonzero(whole.seen == 1)
    np.testing.assert_allclose(cut.visibility, np.count_nonzero(cut.seen == 1) / total, atol=0.02)
    assert 0.3 < cut.visibility[0] < 0.7
    assert cut.boxes[0, 2] > 640
    assert not len(made([width + 0.6], [10.0]).people)  # Only an arm is left.


def test_things_hide_who_is_behind_them_only():
    thing = scene.Thing(11.0, (300, 100), np.full((260, 22), 255, "uint8"))
    canvas = np.full((360, 640, 3), 120, "uint8")
    canvas[100:, 300:322] = (250, 10, 10)
    behind = made([0.0], [12.0], things=[thing], canvas=canvas)
    front = made([0.0], [10.0], things=[thing], canvas=canvas)
    alone = made([0.0], [12.0]).seen == 1
    expected = 1.0 - np.count_nonzero(alone[:, 300:322]) / np.count_nonzero(alone)
    np.testing.assert_allclose(behind.visibility, [expected], rtol=1e-12)
    assert 0.1 < expected < 0.9 and front.visibility.tolist() == [1.0]
    assert (behind.image[100:, 300:322, 0] > 200).all()
    assert not (front.image[100:, 300:322, 0] > 200).all()


def test_nearer_people_are_larger_and_lower(street):
    boxes = street.ground_truth.boxes
    heights, feet = boxes[:, 3] - boxes[:, 1], boxes[:, 3]
    assert np.corrcoef(heights, feet)[0, 1] > 0.9
    camera = Camera((640, 360), np.zeros((1, 2), "int64"))
    x, z = camera.ground(camera.column(1.5, 12.0), camera.row(12.0))
    np.testing.assert_allclose([x, z], [1.5, 12.0])


def test_people_have_clothes_of_their_own():
    looks = Looks.of(np.random.default_rng(0), 200)
    colors = np.concatenate([looks.shirt, looks.trousers, looks.hair], axis=1)
    distance = np.linalg.norm(colors[:, np.newaxis] - colors, axis=-1)
    assert distance[np.triu_indices(200, 1)].min() > 5.0
    assert colors.min() >= 0.0 and colors.max() <= 255.0
    for kinds, count in ((looks.pattern, 5), (looks.legs, 3), (looks.hair_kind, 3),
                         (looks.bag_kind, 4)):  # fmt: skip
        assert set(kinds) == set(range(count))


# ---- walks and the camera ----------------------------------------------------------------------


def test_people_cross_stop_turn_round_leave_and_come_back():
    rng, rate = np.random.default_rng(0), 10.0
    camera = Camera.of(rng, (640, 360), 600, rate, 0.04)
    walks = Walks.of(rng, 20, 600, rate, camera, np.array([[0.0, 12.0, 0.6]]))
    inside = np.abs(walks.x) < camera.half_width(walks.z)
    changes = np.diff(inside.astype(int), axis=0)
    assert ((changes < 0).any(axis=0) & (changes > 0).any(axis=0)).sum() >= 5
    assert 10 < inside.sum(axis=1).mean() < 20
    assert (walks.swing[inside] < 0.05).any() and np.median(walks.swing[inside]) > 0.9
    # Some walk to the left as well as to the right, and pass others on their way.
    right = np.cos(walks.heading) > 0.7
    assert (right.any(axis=0) & (np.cos(walks.heading) < -0.7).any(axis=0)).sum() >= 10
    order = np.argsort(np.argsort(walks.x, axis=1), axis=1)
    assert (np.diff(order, axis=0) != 0).sum() > 50
    # Nobody jumps, and nobody walks through the thing.
    step = np.hypot(np.diff(walks.x, axis=0), np.diff(walks.z, axis=0))
    assert step.max() < 4.0 / rate
    assert np.hypot(walks.x, walks.z - 12.0).min() > 0.2
    assert walks.z.min() > NEAR - 0.5 and walks.z.max() < FAR + 1.5


def test_the_camera_pans_slowly_or_stands_still():
    rng = np.random.default_rng(0)
    still = Camera.of(rng, (640, 360), 100, 25.0, 0.0)
    assert not still.pan.any() and still.margin == (0, 0)
    moving = Camera.of(rng, (640, 360), 350, 25.0, 0.05)
    assert 25 <= moving.margin[0] <= 0.05 * 640 * 1.05
    assert np.abs(np.diff(moving.pan, axis=0)).max() <= 5


# ---- the detector ----------------------------------------------------------------------------


def detector(**options):
    camera = Camera((640, 360), np.zeros((1, 2), "int64"))
    options = {"miss_rate": 0.0, "box_noise": 0.0, "false_alarms": 0.0, **options}
    return Detector(np.random.default_rng(0), camera, **options)


def seen_as(visibility):
    """A frame of people that are seen so much, all in one box."""
    visibility = np.asarray(visibility, float)
    boxes = np.tile([100.0, 100.0, 140.0, 200.0], (len(visibility), 1))
    return rendering.Frame(None, np.arange(len(visibility)), boxes, visibility, None)


def test_detection_probability():
    np.testing.assert_allclose(
        detection_probability([0.0, 0.15, 0.35, 0.55, 1.0], 0.1), [0.0, 0.0, 0.45, 0.9, 0.9]
    )


@pytest.mark.parametrize("visibility, expected", [(1.0, 0.8), (0.35, 0.4), (0.1, 0.0)])
def test_people_are_missed_more_often_when_they_are_hidden(visibility, expected):
    boxes, _ = detector(miss_rate=0.2)(seen_as(np.full(20_000, visibility)))
    # Four deviations of a binomial share.
    assert abs(len(boxes) / 20_000 - expected) <= 4.0 * (expected * (1 - expected) / 20_000) ** 0.5


def test_boxes_of_the_detector_tremble_by_what_was_asked_for():
    boxes, scores = detector(box_noise=0.05)(seen_as(np.ones(20_000)))
    sides = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, 2:] + boxes[:, :2]) / 2.0
    np.testing.assert_allclose(centre.mean(axis=0), [120.0, 150.0], atol=0.2)
    np.testing.assert_allclose(centre.std(axis=0), [0.05 * 40, 0.05 * 100], rtol=0.03)
    np.testing.assert_allclose(np.log(sides / [40.0, 100.0]).std(axis=0), 0.05, rtol=0.03)
    hidden, low = detector(box_noise=0.05)(seen_as(np.full(20_000, 0.6)))
    centre = (hidden[:, 2:] + hidden[:, :2]) / 2.0
    np.testing.assert_allclose(centre.std(axis=0), [0.07 * 40, 0.07 * 100], rtol=0.03)
    assert scores.mean() > low.mean() + 0.1


def test_without_noise_boxes_are_right():
    boxes, _ = detector()(seen_as(np.ones(5)))
    np.testing.assert_allclose(boxes, seen_as(np.ones(5)).boxes)


def test_false_alarms():
    noisy = detector(false_alarms=2.5)
    found = [noisy(seen_as([])) for _ in range(600)]
    counts = [len(boxes) for boxes, _ in found]
    assert abs(np.mean(counts) - 2.5) < 4.0 * (2.5 / 600) ** 0.5
    boxes = np.concatenate([part for part, _ in found])
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert np.concatenate([part for _, part in found]).mean() < 0.5


def test_no_detection_at_all(tmp_path):
    blind = tracking.simulated_street(tmp_path / "street", miss_rate=1.0, false_alarms=0.0, **SMALL)
    assert len(blind.detections) == 0 and len(blind.ground_truth) > 0


def test_sort_follows_people(street):
    pytest.importorskip("trackeval")
    tracks = tracking.track(tracking.Sort(), street)
    scores = tracking.tracking_scores({"street": tracks}, {"street": street.ground_truth})
    assert scores["MOTA"] > 40.0 and scores["Precision"] > 90.0
    assert 0 < scores["IDs"] < 100
