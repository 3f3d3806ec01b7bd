"""Frames a second of trackers and of descriptors, beside other packages' trackers."""

import time

import numpy as np

from benchmarks import common
from tfvae.applications import tracking

NUMBERS = 10, 50, 200
NUM_FRAMES = 60
# Seconds after which a run ends, with fewer frames.
PATIENCE = 5.0
# Pixels: the square in which people walk, and their boxes.
SIDE, BOX = 3000, (40.0, 90.0)


def report(repeats: int = 5) -> None:
    """Prints frames a second of trackers, how steady their ids are, and of descriptors."""
    facts = {
        "data": f"{NUM_FRAMES} frames, or those of {PATIENCE:g} s; the best of {repeats} runs",
        "seeds": "0",
        **common.environment(),
    }
    speeds, changes, told = [], [], []
    for number in NUMBERS:
        boxes, looks = walks(number)
        starts = trackers()
        # In turns: what else the machine does in the meantime slows all of them down.
        runs = [[run(start(), boxes, looks) for start in starts.values()] for _ in range(repeats)]
        names, first, ids = list(starts), f"{number} objects", [one for _, one in runs[0]]
        speeds.append([first, *np.max([[speed for speed, _ in turn] for turn in runs], axis=0)])
        changes.append([first, *(identity_changes(one) for one in ids)])
        told.append([first, *(float(np.mean(one >= 0)) for one in ids)])
    size = [""] * (len(names) + 1)
    common.report("Frames a second of tracking alone", ["", *names], speeds,
                  ["", *["frames/s"] * len(names)], facts)  # fmt: skip
    common.report("Changes of identity in 1,000 boxes", ["", *names], changes, size, facts)
    common.report("Share of boxes that have an identity", ["", *names], told, size, facts)
    columns, rows = descriptors()
    common.report("Frames a second of descriptors", columns, rows,
                  ["", *["frames/s"] * (len(columns) - 1)], facts)  # fmt: skip


def walks(number: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Boxes of people who walk straight on, frame by frame, and a look of each."""
    rng = np.random.default_rng(seed)
    start, velocity = rng.uniform(0, SIDE, (number, 2)), rng.normal(0, 3, (number, 2))
    sides = np.full((number, 2), BOX)
    frames = [
        tracking.corners(
            np.hstack([start + time * velocity + rng.normal(0, 1, (number, 2)), sides])
        )
        for time in range(NUM_FRAMES)
    ]
    return frames, rng.normal(size=(number, 16)).astype("float32")


def run(step, boxes, looks) -> tuple[float, np.ndarray]:
    """Frames a second, and the identity of each box in each frame, −1 for none, (frames, n)."""
    begin, ids = time.perf_counter(), []
    for frame in boxes:
        ids.append(step(frame, looks))
        seconds = time.perf_counter() - begin
        if seconds > PATIENCE:
            break
    return len(ids) / seconds, np.array(ids)


def identity_changes(ids: np.ndarray) -> float:
    """How often somebody's identity is not the one told before, in 1,000 boxes."""
    changes = 0
    for own in ids.T:
        told = own[own >= 0]
        changes += np.count_nonzero(told[1:] != told[:-1])
    return 1000.0 * changes / ids.size


def trackers():
    """Functions that start a tracker: (boxes, looks) -> identity of each box."""
    found = {"Sort": lambda: _ours(tracking.Sort()),
             "AppearanceSort": lambda: _ours(tracking.AppearanceSort(1.0))}  # fmt: skip
    for name, start in (("norfair", _norfair), ("trackers, SORT", _trackers)):
        try:
            start()
        except ImportError:
            print(f"{name}: not installed")
        else:
            found[name] = start
    return found


def _ours(tracker):
    def step(boxes, looks):
        tracks = tracker.update(boxes, None, looks)
        ids = np.full(len(boxes), -1)
        ids[tracks.detections] = tracks.ids
        return ids

    return step


def _norfair():
    import norfair

    tracker = norfair.Tracker(distance_function="iou", distance_threshold=0.7)

    def step(boxes, looks):
        detections = [norfair.Detection(box.reshape(2, 2)) for box in boxes]
        places = {id(one): place for place, one in enumerate(detections)}
        ids = np.full(len(boxes), -1)
        for one in tracker.update(detections):
            if id(one.last_detection) in places:
                ids[places[id(one.last_detection)]] = one.id
        return ids

    return step


def _trackers():
    import supervision
    import trackers

    tracker = trackers.SORTTracker()

    def step(boxes, looks):
        ids = np.full(len(boxes), -1)
        found = tracker.update(
            supervision.Detections(
                xyxy=boxes.astype("float32"), confidence=np.ones(len(boxes), "float32"),
                class_id=np.zeros(len(boxes), int), data={"place": np.arange(len(boxes))},
            )
        )  # fmt: skip
        ids[found.data["place"]] = found.tracker_id
        return ids

    return step


def descriptors(num_frames: int = 20):
    """Columns and rows: frames a second of models that were trained on noise for one epoch."""
    rng, rows = np.random.default_rng(0), []
    noise = tracking.PersonCrops(
        rng.integers(0, 256, (64, *tracking.SIZE, 3), "uint8"), np.tile([0, 1], 32),
        np.repeat(np.arange(32), 2),
    )  # fmt: skip
    found = [
        tracking.Descriptor(tracking.train_descriptor(noise, single=single, epochs=1)[0])
        for single in (False, True)
    ]
    image = rng.integers(0, 256, (1080, 1920, 3), "uint8")
    for number in NUMBERS:
        low = rng.uniform(0, (1920 - BOX[0], 1080 - BOX[1]), (number, 2))
        boxes = np.hstack([low, low + BOX])
        speeds = []
        for descriptor in found:
            descriptor.get_features(boxes, image)
            begin = time.perf_counter()
            for _ in range(num_frames):
                descriptor.get_features(boxes, image)
            speeds.append(num_frames / (time.perf_counter() - begin))
        rows.append([f"{number} boxes, 1920 × 1080", *speeds])
    return ["", "colours (default)", "convolutions (single crops)"], rows
