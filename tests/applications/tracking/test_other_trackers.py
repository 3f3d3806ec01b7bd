"""Descriptors in trackers of other packages, which find people again by their looks."""

import types

import numpy as np
import pytest

from tfvae.applications.tracking import Descriptor, corners


@pytest.fixture
def scene(learned, sequence):
    """Boxes of three people in a frame, and their looks."""
    descriptor = Descriptor(learned[0])
    (_, image), *_ = sequence.frames(1, 1)
    boxes = sequence.detections.boxes[sequence.detections.of_frame(1)]
    return types.SimpleNamespace(
        descriptor=descriptor, image=image, bgr=image[..., ::-1], boxes=boxes,
        tlwh=np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]),
        looks=descriptor.get_features(boxes, image), max_distance=learned[1].max_distance,
    )  # fmt: skip


def test_the_encoder_of_deep_sort_programs(scene):
    found = scene.descriptor.encoder(scene.bgr, scene.tlwh)
    np.testing.assert_allclose(found, scene.looks, atol=1e-5)
    assert found.dtype == np.float32
    assert scene.descriptor.encoder(scene.bgr, []).shape == (0, 3)
    # Not as RGB, and not as corners.
    assert np.abs(scene.descriptor.encoder(scene.image, scene.tlwh) - scene.looks).max() > 0.1
    as_lists = scene.descriptor.encoder(scene.bgr, scene.tlwh.tolist())
    np.testing.assert_array_equal(as_lists, found)


def test_norfair_finds_people_by_their_looks(scene):
    """They change places from one frame to the next, far beyond what motion explains."""
    norfair = pytest.importorskip("norfair")
    tracker = norfair.Tracker(
        distance_function=lambda new, old: float(
            scene.descriptor.distance(new.embedding[None], old.last_detection.embedding[None])[0, 0]
        ),
        distance_threshold=scene.max_distance,
        initialization_delay=0,
    )

    def ids(order):
        detections = [
            norfair.Detection(scene.boxes[place].reshape(2, 2), embedding=scene.looks[who])
            for place, who in enumerate(order)
        ]
        tracks = {id(one.last_detection): one.id for one in tracker.update(detections)}
        return {who: tracks[id(one)] for who, one in zip(order, detections, strict=True)}

    first = ids([0, 1, 2])
    assert len(set(first.values())) == 3
    assert ids([2, 0, 1]) == first


def test_deep_sort_realtime_finds_people_by_their_looks(scene):
    """Two who stand close to one another are hidden, and come back having changed places."""
    package = pytest.importorskip(
        "deep_sort_realtime.deepsort_tracker",
        reason="needs deep-sort-realtime, which brings another build of OpenCV",
    )
    tracker = package.DeepSort(max_age=20, n_init=2, embedder=None, max_cosine_distance=0.1)
    tlwh = [[50.0, 20.0, 40.0, 90.0], [60.0, 20.0, 40.0, 90.0]]

    def ids(order):
        """Track of each person; deep_sort's boxes and looks side by side."""
        given = [(tlwh[place], 0.9, who) for place, who in enumerate(order)]
        tracks = tracker.update_tracks(given, embeds=[scene.looks[who] for who in order])
        return {one.det_class: one.track_id for one in tracks
                if one.is_confirmed() and one.time_since_update == 0}  # fmt: skip

    for _ in range(5):
        before = ids([0, 1])
    assert len(set(before.values())) == 2
    for _ in range(3):
        tracker.update_tracks([], embeds=[])
    assert ids([1, 0]) == before


def test_boxmot_finds_people_by_their_looks(scene):
    """Two who stand close to one another are hidden, and come back having changed places."""
    reason = "needs boxmot and PyTorch, which bring another build of OpenCV"
    boxmot = pytest.importorskip("boxmot", reason=reason)
    structures = pytest.importorskip("boxmot.structures", reason=reason)
    torch = pytest.importorskip("torch", reason=reason)
    tracker = boxmot.StrongSort(n_init=2, max_cos_dist=0.1)
    corner_boxes = np.float32([[50.0, 20.0, 90.0, 110.0], [60.0, 20.0, 100.0, 110.0]])

    def ids(order):
        """Track of each person."""
        tracks = tracker.update(
            structures.Detections(
                geometry=structures.Boxes(torch.from_numpy(corner_boxes[: len(order)])),
                scores=torch.full((len(order),), 0.9),
                class_ids=torch.zeros(len(order), dtype=torch.int64),
                sample_id="scene",
                embeddings=torch.from_numpy(scene.looks[order]),
            ),
            np.ascontiguousarray(scene.bgr),
        )
        found = zip(tracks.detection_indices.tolist(), tracks.track_ids.tolist(), strict=True)
        return {order[place]: track for place, track in found if place >= 0}

    for _ in range(5):
        before = ids([0, 1])
    assert len(set(before.values())) == 2
    for _ in range(3):
        ids([])
    assert ids([1, 0]) == before


def test_looks_go_through_the_trackers_package(scene):
    """Its trackers look at boxes alone; what comes beside a box is still beside it afterwards."""
    reason = "needs trackers, which brings another build of OpenCV"
    trackers = pytest.importorskip("trackers", reason=reason)
    supervision = pytest.importorskip("supervision", reason=reason)
    tracker = trackers.SORTTracker(minimum_consecutive_frames=1)
    ids = []
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        boxes = scene.boxes[order].astype("float32")
        found = tracker.update(supervision.Detections(
            xyxy=boxes, confidence=np.full(3, 0.9), class_id=np.zeros(3, int),
            data={"look": scene.descriptor.get_features(boxes, scene.image)},
        ))  # fmt: skip
        distances = scene.descriptor.distance(found.data["look"], scene.looks)
        np.testing.assert_array_equal(distances.argmin(axis=1), order)
        ids.append(dict(zip(order, found.tracker_id.tolist(), strict=True)))
    assert ids[-1] == ids[-2] and len(set(ids[-1].values())) == 3


def test_boxes_of_other_packages_are_boxes(scene):
    """float32, lists, and corners of x, y, width, height."""
    for given in (scene.boxes.astype("float32"), scene.boxes.tolist(), corners(scene.tlwh)):
        found = scene.descriptor.get_features(given, scene.image)
        np.testing.assert_allclose(found, scene.looks, atol=1e-4)
