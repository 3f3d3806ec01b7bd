"""SORT and AppearanceSort on cases made by hand, and on published detections."""

import itertools
import os
import pathlib

import numpy as np
import pytest

from tfvae.applications.tracking import (
    AppearanceSort,
    Sort,
    appearance_sort,
    read_sequence,
    track,
    tracking_scores,
)
from tfvae.applications.tracking import boxes as box_functions
from tfvae.applications.tracking.boxes import overlaps
from tfvae.applications.tracking.sort import admissible_pairs


def person(x, y=10.0, width=30.0, height=80.0):
    return [x, y, x + width, y + height]


def test_overlaps_against_a_count_of_pixels():
    first, second = [[0, 0, 4, 6], [2, 3, 9, 9]], [[1, 1, 5, 5], [20, 20, 22, 22], [0, 0, 4, 6]]

    def mask(box):
        pixels = np.zeros((30, 30), bool)
        pixels[box[1] : box[3], box[0] : box[2]] = True
        return pixels

    expected = [
        [np.sum(mask(a) & mask(b)) / np.sum(mask(a) | mask(b)) for b in second] for a in first
    ]
    found = overlaps(np.array(first, float), np.array(second, float))
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("seed", range(8))
def test_as_many_pairs_as_can_be_at_the_least_cost(seed):
    """Against all assignments of a small problem."""
    rng = np.random.default_rng(seed)
    costs, admissible = rng.normal(size=(3, 4)), rng.random((3, 4)) < 0.5
    best = (0, 0.0)
    for columns in itertools.permutations(range(4), 3):
        pairs = [(r, c) for r, c in enumerate(columns) if admissible[r, c]]
        best = min(best, (-len(pairs), sum(costs[r, c] for r, c in pairs)))
    rows, columns = admissible_pairs(costs, admissible)
    assert (-len(rows), costs[rows, columns].sum()) == pytest.approx(best)
    assert admissible[rows, columns].all()


def test_a_track_is_told_once_it_was_seen_often_enough():
    tracker, told = Sort(max_age=1, min_hits=3), []
    for frame in range(12):
        seen = [person(10 + 2 * frame)] if frame >= 6 else []
        told.append(tracker.update(seen).ids.tolist())
    assert told == [[]] * 9 + [[1]] * 3


def test_two_that_cross_keep_their_ids_by_motion():
    tracker = Sort(min_hits=0)
    for frame in range(30):
        tracks = tracker.update([person(5 * frame), person(150 - 5 * frame, y=40)])
        assert tracks.ids.tolist() == [1, 2]
        np.testing.assert_array_equal(tracks.detections, [0, 1])


def test_a_box_that_jumps_is_somebody_else():
    tracker = Sort(min_hits=0)
    tracker.update([person(0)])
    assert tracker.update([person(100)]).ids.tolist() == [2]


LOOKS = {"red": [1.0, 0.0], "blue": [0.0, 1.0]}


def test_ids_after_an_occlusion_follow_the_looks():
    """Two vanish behind a wall and come out having changed sides: boxes alone would swap them."""
    tracker = AppearanceSort(max_distance=0.5, min_hits=1, max_age=20, max_heights=2.0)
    before, after = {}, {}
    for frame in range(30):
        places = {"red": 40 + 3 * frame, "blue": 130 - 3 * frame}
        if 10 <= frame < 18:
            places = {}
        tracks = tracker.update(
            [person(x) for x in places.values()],
            embeddings=[LOOKS[name] for name in places],
        )
        names = [list(places)[i] for i in tracks.detections]
        (before if frame < 10 else after).update(zip(names, tracks.ids.tolist(), strict=True))
    assert before == after and len(set(before.values())) == 2


def test_a_look_far_from_the_gallery_is_somebody_else():
    tracker = AppearanceSort(max_distance=0.5, min_hits=0, max_heights=2.0)
    for _ in range(4):
        tracker.update([person(50)], embeddings=[LOOKS["red"]])
    for _ in range(4):
        tracker.update([])
    ids = [tracker.update([person(50)], embeddings=[LOOKS["blue"]]).ids.tolist() for _ in range(2)]
    assert ids == [[], [2]]


def test_the_gate_keeps_twins_apart():
    """One of two that look alike is missed; the other is too far away to be it."""
    tracker = AppearanceSort(max_distance=0.5, min_hits=1)
    for _ in range(5):
        tracker.update([person(50), person(400)], embeddings=[LOOKS["red"]] * 2)
    tracks = tracker.update([person(400)], embeddings=[LOOKS["red"]])
    assert tracks.ids.tolist() == [2]


def test_who_was_seen_lately_comes_first_in_the_cascade():
    """One box, two tracks that look like it: it goes to the one of the last frame."""
    tracker = AppearanceSort(max_distance=0.9, min_hits=1, max_heights=4.0)
    for _ in range(4):
        tracker.update([person(50), person(90)], embeddings=[[1.0, 0.0], [0.8, 0.3]])
    for _ in range(3):
        tracker.update([person(90)], embeddings=[[0.8, 0.3]])
    tracks = tracker.update([person(70)], embeddings=[[1.0, 0.0]])
    assert tracks.ids.tolist() == [2]


@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_boxes_without_a_look_are_matched_by_overlap(unknown):
    tracker = AppearanceSort(max_distance=0.5, min_hits=1)
    for frame in range(6):
        look = [LOOKS["red"]] if frame != 3 else [[unknown, 0.0]]
        tracks = tracker.update([person(50 + frame)], embeddings=look)
    assert tracks.ids.tolist() == [1]


def test_a_gallery_keeps_the_latest():
    tracker = AppearanceSort(max_distance=10.0, min_hits=0, gallery_size=3)
    for frame in range(8):
        tracker.update([person(50)], embeddings=[[float(frame), 0.0]])
    found = tracker.distances(np.array([0]), np.array([[0.0, 0.0]], "float32"))
    assert found == pytest.approx(5.0)


@pytest.mark.parametrize("chunk", [1, 50, 10**6])
def test_distances_to_galleries_against_a_loop(monkeypatch, chunk):
    """Four people, one of whom comes late and one whose look is not always known."""
    monkeypatch.setattr(appearance_sort, "CHUNK", chunk)
    rng, kept = np.random.default_rng(0), {person: [] for person in range(4)}
    tracker = AppearanceSort(max_distance=100.0, min_hits=0, gallery_size=5)
    for frame in range(9):
        there = [0, 1, 2] if frame < 7 else [0, 1, 2, 3]
        looks = rng.normal(size=(len(there), 3)).astype("float32")
        looks[1, 0] = np.nan if frame % 2 else looks[1, 0]
        tracker.update([person(200 * who) for who in there], embeddings=looks)
        for who, look in zip(there, looks, strict=True):
            kept[who] += [] if np.isnan(look).any() else [look]
    asked = np.append(rng.normal(size=(6, 3)), [[np.nan, 0, 0]], axis=0).astype("float32")
    near = rng.random((4, 7)) < 0.7
    expected = np.full((4, 7), np.inf)
    for who, column in itertools.product(range(4), range(6)):
        if near[who, column]:
            expected[who, column] = min(
                np.linalg.norm(asked[column] - one) for one in kept[who][-5:]
            )
    found = tracker.distances(np.arange(4), asked, near)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.isinf(found).any() and np.isfinite(found).any()
    np.testing.assert_allclose(tracker.distances(np.array([3]), asked)[0, :6], [
        min(np.linalg.norm(look - one) for one in kept[3]) for look in asked[:6]
    ], rtol=1e-5)  # fmt: skip


@pytest.mark.parametrize("make", [Sort, lambda: AppearanceSort(0.5)])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[0, 0, 10]], r"shape \(N, 4\)"),
        ([[0, 0, 10, 20], [5, 5, 5, 9]], "row 1"),
        ([[0, 0, np.nan, 20]], "must be finite"),
    ],
)
def test_impossible_boxes_are_refused(make, given, message):
    with pytest.raises(ValueError, match=message):
        make().update(given, embeddings=[[0.0]] * len(given))


def test_descriptors_that_do_not_fit_are_refused():
    tracker = AppearanceSort(0.5)
    with pytest.raises(ValueError, match=r"one row for each of 1 boxes.*get_features"):
        tracker.update([person(0)])
    tracker.update([person(0)], embeddings=[[0.0, 1.0]])
    with pytest.raises(ValueError, match="2 columns as before, received 3"):
        tracker.update([person(0)], embeddings=[[0.0, 1.0, 2.0]])
    for looks in ([], [[0.0, 1.0]] * 3, [0.0, 1.0], [[], []]):
        with pytest.raises(ValueError, match="a row for each of 2 boxes"):
            tracker.update([person(0), person(200)], embeddings=looks)


@pytest.mark.parametrize("make", [Sort, lambda: AppearanceSort(0.5)])
def test_empty_frames_are_frames(make):
    tracker = make()
    for _ in range(3):
        tracks = tracker.update([])
    assert tracker.num_frames == 3
    assert tracks.boxes.shape == (0, 4) and tracks.ids.shape == (0,)


FOLDER = pathlib.Path(os.environ.get("TFVAE_DATA_DIR", "")) / "mot15" / "train"
# IDF1, MOTA and identity switches of the published program [B16].
PUBLISHED = {
    "TUD-Campus": (60.6, 62.7, 6),
    "TUD-Stadtmitte": (73.5, 71.7, 10),
    "PETS09-S2L1": (34.5, 60.1, 105),
}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="needs MOT15: TFVAE_DATA_DIR")
@pytest.mark.parametrize("name", PUBLISHED)
def test_sort_scores_as_the_published_program(name):
    sequence = read_sequence(FOLDER / name)
    tracks = track(Sort(), sequence, verbose=0)
    again = track(Sort(), sequence, verbose=0)
    np.testing.assert_array_equal(tracks.boxes, again.boxes)
    scores = tracking_scores({name: tracks}, {name: sequence.ground_truth})
    idf1, mota, switches = PUBLISHED[name]
    assert scores["IDF1"] == pytest.approx(idf1, abs=0.5)
    assert scores["MOTA"] == pytest.approx(mota, abs=0.5)
    assert abs(scores["IDs"] - switches) <= 3


@pytest.mark.parametrize(
    "make", [lambda: Sort(min_hits=0), lambda: AppearanceSort(1.0, min_hits=0)]
)
@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([0, 0, 1e200, 1e200], "to 1e\\+07 pixels"),
        ([0, 0, 1e-200, 1e-200], "sides of at least 1e-06"),
        ([0, 0, np.nan, 5], "finite"),
        ([0, 0, "a", 5], "`boxes` must hold numbers"),
        ([[0, 0, 5, 5]], r"shape \(N, 4\)"),
    ],
)
def test_boxes_beyond_what_numbers_can_hold_leave_the_tracker_as_it_was(make, box, message):
    """Their squares overflowed: all later frames had other ids and NaN, or a singular matrix."""
    tracker, look = make(), np.ones((1, 2))
    tracker.update([[0, 0, 10, 20]], embeddings=look)
    with pytest.raises(ValueError, match=message):
        tracker.update([box], embeddings=look)
    assert tracker.update([[0, 0, 10, 20]], embeddings=look).ids.tolist() == [1]
    assert tracker.num_frames == 2


@pytest.mark.parametrize(
    "make", [lambda: Sort(min_hits=0), lambda: AppearanceSort(1.0, min_hits=0)]
)
def test_the_largest_and_the_smallest_boxes_are_followed(make):
    boxes = [[-1e7, -1e7, 1e7, 1e7], [5, 5, 5 + 2e-6, 5 + 2e-6]]
    tracker, looks = make(), np.array([[0.0], [9.0]])
    for _ in range(4):
        tracks = tracker.update(boxes, embeddings=looks)
    assert sorted(tracks.ids.tolist()) == [1, 2]
    order = np.argsort(tracks.detections)
    np.testing.assert_allclose(tracks.boxes[order], boxes, rtol=1e-6, atol=1e-6)


def test_pairs_are_compared_a_part_at_a_time(monkeypatch):
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 60, size=(30, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 30, size=(30, 2))], axis=1)
    looks = rng.normal(size=(30, 3))

    def both():
        tracker = AppearanceSort(2.0, min_hits=0, max_heights=0.1)
        found = [tracker.update(boxes + shift, embeddings=looks[::-1]) for shift in range(3)]
        return overlaps(boxes, boxes[:7]), *(part for one in found for part in one)

    whole = both()
    monkeypatch.setattr(box_functions, "PAIRS", 50)
    for one, other in zip(whole, both(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_descriptors_without_boxes_and_without_numbers_are_refused():
    tracker = AppearanceSort(1.0)
    with pytest.raises(ValueError, match=r"a row for each of 0 boxes.*\(2, 3\)"):
        tracker.update([], embeddings=np.ones((2, 3)))
    assert len(tracker.update([], embeddings=np.ones((0, 3))).ids) == 0
    for looks in ([["a"]], [[1.0], [1.0, 2.0]]):
        with pytest.raises(ValueError, match="`embeddings` must hold numbers"):
            tracker.update([[0, 0, 10, 20]] * len(looks), embeddings=looks)
