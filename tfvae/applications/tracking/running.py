"""A tracker on a video."""

from typing import Any

import numpy as np

from tfvae import _checks
from tfvae._progress import progress
from tfvae.applications.tracking.box_files import Boxes
from tfvae.applications.tracking.sequences import Sequence


def track(
    tracker: Any,
    sequence: Sequence,
    descriptor: Any = None,
    *,
    first: int = 1,
    last: int | None = None,
    min_score: float = float("-inf"),
    verbose: str | int = "auto",
) -> Boxes:
    """Runs a tracker over a sequence's detections.

    Args:
        tracker: a new `Sort` or `AppearanceSort`, or anything with their `update`.
        sequence: of `read_sequence`.
        descriptor: a `Descriptor`, or anything with its `get_features`; None: boxes alone.
        first: the first frame.
        last: the last one; None: of the sequence.
        min_score: detections of a lower score are left out.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Returns:
        `Boxes` with ids, whose frames are counted from `first` as 1, as by `Boxes.between`.

    Raises:
        ValueError: when frames are needed that are not there, or an argument is not allowed.
    """
    _checks.instance_of("sequence", sequence, Sequence, "read_sequence(folder)")
    for name, value, method in (("tracker", tracker, "update"),
                                ("descriptor", descriptor, "get_features")):  # fmt: skip
        if name == "descriptor" and value is None:
            continue
        if isinstance(value, type) or not hasattr(value, method):
            example = "Sort()" if name == "tracker" else "Descriptor(model)"
            raise ValueError(
                f"`{name}` must be an object with a method `{method}`, such as {example}, received "
                f"{value!r:.80}."
            )
    first, last = sequence.span(first, last)
    min_score = _checks.number_in("min_score", min_score, float("-inf"), float("inf"))
    found = sequence.detections.between(first, last).above(min_score)
    numbers = range(1, last - first + 2)
    images = iter(()) if descriptor is None else sequence.frames(first, last)
    frames, ids, boxes, scores = [], [], [np.zeros((0, 4))], []
    with progress(len(numbers), verbose, "frame") as advance:
        for number in numbers:
            part = found.of_frame(number)
            looks = None
            if descriptor is not None:
                looks = descriptor.get_features(found.boxes[part], next(images)[1])
            tracks = tracker.update(found.boxes[part], found.scores[part], looks)
            frames += [number] * len(tracks.ids)
            ids += tracks.ids.tolist()
            boxes.append(tracks.boxes)
            scores += found.scores[part][tracks.detections].tolist()
            advance()
    return Boxes.of(frames, ids, np.concatenate(boxes), scores)
