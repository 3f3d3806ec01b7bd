"""Boxes of all frames, and the text files of MOTChallenge that hold them."""

import dataclasses
import math
import os

import numpy as np

from tfvae import _checks, _files
from tfvae.applications.tracking import boxes as box_functions
from tfvae.datasets import raw_files

SOURCE = "https://motchallenge.net"
# What a row of a file holds; MOT16 has class and visibility where MOT15 has places in the world.
FIELDS = ("frame", "id", "x", "y", "width", "height", "score")
PEDESTRIAN = 1
# Four days at 30 frames a second: a number beyond is a time stamp or damage.
MOST_FRAMES = 10_000_000
# Ids are whole numbers that float64 tells apart.
LARGEST_ID = 2**53
# Pixels: files have two decimals.
LEAST_SIDE = 1e-4


@dataclasses.dataclass(frozen=True)
class Boxes:
    """Boxes of all frames, sorted by frame.

    Attributes:
        frames: from 1 on, (n,), int64.
        ids: of persons or tracks, −1 for detections, (n,), int64.
        boxes: corners x_min, y_min, x_max, y_max in pixels, (n, 4), float64.
        scores: confidence; in a ground truth 0 marks what is not to be counted, (n,), float64.
        classes: of MOT16 and later, 1 is a pedestrian; 1 where a file has none, (n,), int64.
    """

    frames: np.ndarray
    ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        """The number of boxes."""
        return len(self.frames)

    def of_frame(self, frame: int) -> slice:
        """Where the boxes of a frame stand."""
        return slice(*np.searchsorted(self.frames, [frame, frame + 1]))

    def between(self, first: int, last: int) -> "Boxes":
        """The boxes of frames `first` to `last`, whose numbers start from 1 again."""
        part = slice(*np.searchsorted(self.frames, [first, last + 1]))
        found = {one.name: getattr(self, one.name)[part] for one in dataclasses.fields(self)}
        return Boxes(**{**found, "frames": found["frames"] - first + 1})

    def above(self, score: float) -> "Boxes":
        """The boxes of at least this score."""
        kept = self.scores >= score
        return Boxes(*(getattr(self, one.name)[kept] for one in dataclasses.fields(self)))

    @classmethod
    def of(cls, frames, ids, boxes, scores=None, classes=None) -> "Boxes":
        """Sorts by frame. Scores and classes are 1 where they are None.

        Raises:
            ValueError: when parts differ in length, or a frame is no whole number from 1 on.
        """
        numbers = np.asarray(frames, "float64")
        lengths = [np.shape(one)[:1] for one in (frames, ids, boxes, scores, classes)
                   if one is not None]  # fmt: skip
        if numbers.ndim != 1 or len(set(lengths)) > 1:
            raise ValueError(
                "`frames`, `ids`, `boxes`, `scores` and `classes` must have one row for each box, "
                f"received {[one[0] if one else 'a number' for one in lengths]} rows."
            )
        wrong = ~((numbers >= 1) & (numbers <= MOST_FRAMES) & (numbers == np.floor(numbers)))
        if wrong.any():
            raise ValueError(
                f"`frames` must be whole numbers from 1 to {MOST_FRAMES:,}, received "
                f"{numbers[wrong][0]:g}. Of frames that count from 0: frames + 1."
            )
        frames = numbers.astype("int64")
        order = np.argsort(frames, kind="stable")
        ones = np.ones(len(frames))
        parts = (frames, ids, boxes, ones if scores is None else scores,
                 ones if classes is None else classes)  # fmt: skip
        kinds = ("int64", "int64", "float64", "float64", "int64")
        return cls(*(np.asarray(p, k)[order] for p, k in zip(parts, kinds, strict=True)))


def read_boxes(path: str | os.PathLike[str]) -> Boxes:
    """A file `det.txt`, `gt.txt`, or of tracks: frame, id, x, y, width, height, score, ….

    Rows may stand in any order; commas stand between numbers. Places count from 1 in these files,
    and are told from 0 on.

    Raises:
        ValueError: naming file, line and field.
    """
    path = raw_files.require(path, needs="a text file of MOTChallenge", source=SOURCE)
    rows, classes = [], []
    # What is no UTF-8 becomes a sign that no number has: the error names its line.
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            cells = line.strip().rstrip(",").split(",")
            values = _numbers(path, number, cells)
            rows.append(values[:7])
            # Eight cells and more: the eighth is a class if all after it fit MOT16's layout.
            classes.append(int(values[7]) if len(values) == 9 and values[7] >= 1 else PEDESTRIAN)
    table = np.array(rows, "float64").reshape(-1, 7)
    boxes = box_functions.corners(table[:, 2:6]) - 1.0
    return Boxes.of(table[:, 0], table[:, 1], boxes, table[:, 6], classes)


def _numbers(path, number, cells):
    """The numbers of a line, checked."""
    place = f"{path}, line {number}"
    if len(cells) < 6:
        raise ValueError(
            f"{place}: a row must have at least 6 numbers with commas between them, "
            f"{', '.join(FIELDS[:6])}, received {len(cells)}: {','.join(cells)!r:.80}."
        )
    values = []
    for position, cell in enumerate(cells):
        name = FIELDS[position] if position < len(FIELDS) else f"column {position + 1}"
        try:
            value = _checks.number(cell)
        except ValueError as error:
            raise ValueError(f"{place}: `{name}` must be a number, received {cell!r}.") from error
        if not math.isfinite(value):
            raise ValueError(f"{place}: `{name}` must be finite, received {cell!r}.")
        values.append(value)
    for position, (low, high) in enumerate(((1, MOST_FRAMES), (-LARGEST_ID, LARGEST_ID))):
        value = values[position]
        if not low <= value <= high or value != int(value):
            raise ValueError(
                f"{place}: `{FIELDS[position]}` must be a whole number from {low:,} to {high:,}, "
                f"received {cells[position]}."
            )
    largest = box_functions.LARGEST
    for position, low in enumerate((-largest, -largest, LEAST_SIDE, LEAST_SIDE), 2):
        if not low <= values[position] <= largest:
            raise ValueError(
                f"{place}: `{FIELDS[position]}` must lie in [{low:g}, {largest:g}] pixels, "
                f"received {cells[position]}."
            )
    return [*values, 1.0] if len(values) == 6 else values


def write_tracks(path: str | os.PathLike[str], tracks: Boxes) -> None:
    """Writes tracks as MOTChallenge wants them sent in; the file is complete or not there.

    Raises:
        ValueError: naming the box that is impossible.
    """
    _checks.instance_of("tracks", tracks, Boxes, "track(Sort(), sequence)")
    boxes = box_functions.checked(tracks.boxes, "tracks.boxes")
    # A side that two decimals would make 0 could not be read again.
    sizes = np.maximum(box_functions.sizes(boxes), [-np.inf, -np.inf, 0.01, 0.01])
    with _files.replacing(path) as partial, open(partial, "w", encoding="utf-8") as file:
        for frame, one, (x, y, width, height), score in zip(
            tracks.frames, tracks.ids, sizes, tracks.scores, strict=True
        ):
            place = f"{x + 1:.2f},{y + 1:.2f},{width:.2f},{height:.2f}"
            file.write(f"{frame},{one},{place},{score:g},-1,-1,-1\n")
