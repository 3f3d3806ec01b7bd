"""Sequences of MOTChallenge: detections, ground truth, frames, and files of tracks."""

import configparser
import dataclasses
import math
import os
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np

from tfvae.applications.tracking import boxes as box_functions
from tfvae.datasets import raw_files

SOURCE = "https://motchallenge.net"
# What a row of a file holds; MOT16 has class and visibility where MOT15 has places in the world.
FIELDS = ("frame", "id", "x", "y", "width", "height", "score")
PEDESTRIAN = 1
VIDEOS = (".avi", ".mp4", ".mov", ".mkv", ".webm")


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
        """Sorts by frame. Scores and classes are 1 where they are None."""
        frames = np.asarray(frames, "int64")
        order = np.argsort(frames, kind="stable")
        ones = np.ones(len(frames))
        parts = (frames, ids, boxes, ones if scores is None else scores,
                 ones if classes is None else classes)  # fmt: skip
        kinds = ("int64", "int64", "float64", "float64", "int64")
        return cls(*(np.asarray(p, k)[order] for p, k in zip(parts, kinds, strict=True)))


def read_boxes(path: str | os.PathLike[str]) -> Boxes:
    """A file `det.txt`, `gt.txt`, or of tracks: frame, id, x, y, width, height, score, ….

    Rows may stand in any order. Places count from 1 in these files, and are told from 0 on.

    Raises:
        ValueError: naming file, line and field.
    """
    path = raw_files.require(path, needs="a text file of MOTChallenge", source=SOURCE)
    rows, classes = [], []
    with open(path, encoding="utf-8-sig") as file:
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
            f"{place}: a row must have at least 6 numbers, {', '.join(FIELDS[:6])}, received "
            f"{len(cells)}: {','.join(cells)!r:.80}."
        )
    values = []
    for position, cell in enumerate(cells):
        name = FIELDS[position] if position < len(FIELDS) else f"column {position + 1}"
        try:
            value = float(cell)
        except ValueError as error:
            raise ValueError(f"{place}: `{name}` must be a number, received {cell!r}.") from error
        if not math.isfinite(value):
            raise ValueError(f"{place}: `{name}` must be finite, received {cell!r}.")
        values.append(value)
    if values[0] < 1 or values[0] != int(values[0]):
        raise ValueError(f"{place}: `frame` must be a whole number from 1 on, received {cells[0]}.")
    for position in (4, 5):
        if values[position] <= 0:
            raise ValueError(
                f"{place}: `{FIELDS[position]}` must be above 0, received {cells[position]}."
            )
    return [*values, 1.0] if len(values) == 6 else values


def write_tracks(path: str | os.PathLike[str], tracks: Boxes) -> None:
    """Writes tracks as MOTChallenge wants them sent in."""
    sizes = box_functions.sizes(tracks.boxes)
    with open(path, "w", encoding="utf-8") as file:
        for frame, one, (x, y, width, height), score in zip(
            tracks.frames, tracks.ids, sizes, tracks.scores, strict=True
        ):
            place = f"{x + 1:.2f},{y + 1:.2f},{width:.2f},{height:.2f}"
            file.write(f"{frame},{one},{place},{score:g},-1,-1,-1\n")


@dataclasses.dataclass(frozen=True)
class Sequence:
    """A video with its detections, and its ground truth where there is one.

    Attributes:
        name: of the folder.
        path: of the folder.
        length: number of frames.
        frame_rate: frames a second.
        image_size: width and height, 0 where nothing tells.
        detections: `Boxes`.
        ground_truth: `Boxes`, or None.
        images: the folder or the video file of the frames, or None.
    """

    name: str
    path: pathlib.Path
    length: int
    frame_rate: float
    image_size: tuple[int, int]
    detections: Boxes
    ground_truth: Boxes | None
    images: pathlib.Path | None

    def frames(self, first: int = 1, last: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Number and image, uint8 (height, width, 3) in RGB, of frames `first` to `last`.

        Raises:
            ValueError: where there are no images, or the video ends early.
        """
        from tfvae.applications.tracking import frames

        if self.images is None:
            raise ValueError(
                f"{self.path}: appearance needs the frames, a folder img1 or a video file "
                f"({', '.join(VIDEOS)}); there is none. Get them from {SOURCE}."
            )
        return frames.read(self.images, first, self.length if last is None else last)


def read_sequence(path: str | os.PathLike[str]) -> Sequence:
    """A folder in the layout of MOT15, MOT16, MOT17 or MOT20.

    det/det.txt, gt/gt.txt where there is one, seqinfo.ini where there is one, and the frames as
    img1/000001.jpg … or as a video file.

    Raises:
        ValueError: naming what is missing, or file, line and field.

    Example:
        >>> import tfvae.applications.tracking as tracking
        >>> tracking.read_sequence("MOT16/train/MOT16-02").length  # doctest: +SKIP
        600
    """
    path = raw_files.require(path, needs="a folder of a sequence of MOTChallenge", source=SOURCE)
    detections = read_boxes(path / "det" / "det.txt")
    truth = path / "gt" / "gt.txt"
    ground_truth = read_boxes(truth) if truth.exists() else None
    info = _information(path / "seqinfo.ini")
    last = max([int(one.frames[-1]) for one in (detections, ground_truth) if one], default=0)
    length = int(info.get("seqLength", last))
    if last > length:
        raise ValueError(
            f"{path}: seqinfo.ini tells of {length} frames, and boxes are of frames up to {last}. "
            "Mend seqLength, or remove the boxes behind the end."
        )
    return Sequence(
        info.get("name", path.name), path, length, float(info.get("frameRate", 30.0)),
        (int(info.get("imWidth", 0)), int(info.get("imHeight", 0))),
        detections, ground_truth, _images(path, info.get("imDir", "img1")),
    )  # fmt: skip


def read_sequences(paths: Iterable[str | os.PathLike[str]]) -> list[Sequence]:
    """Sequences of several folders; a folder of sequences stands for all of them.

    Raises:
        ValueError: where a folder has none.
    """
    found = []
    for given in paths:
        path = raw_files.require(given, needs="a folder of sequences", source=SOURCE)
        folders = [path] if (path / "det").is_dir() else sorted(path.glob("*/det"))
        if not folders:
            raise ValueError(
                f"{path}: no sequence is here; one has det/det.txt. Get them from {SOURCE}."
            )
        found += [read_sequence(one if one == path else one.parent) for one in folders]
    return found


def _information(path):
    """The section [Sequence] of seqinfo.ini, empty where there is no such file."""
    if not path.exists():
        return {}
    parser = configparser.ConfigParser()
    parser.optionxform = str
    try:
        parser.read(path, encoding="utf-8-sig")
        return dict(parser["Sequence"])
    except (configparser.Error, KeyError) as error:
        raise ValueError(f"{path}: must have a section [Sequence], received: {error}.") from error


def _images(path, folder):
    """The folder of images, the first video file, or None."""
    if (path / folder).is_dir():
        return path / folder
    videos = sorted(one for one in path.iterdir() if one.suffix.lower() in VIDEOS)
    return videos[0] if videos else None
