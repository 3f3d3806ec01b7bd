"""Sequences of MOTChallenge: folders of detections, ground truth and frames."""

import configparser
import dataclasses
import math
import os
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np

from tfvae import _checks
from tfvae.applications.tracking.box_files import MOST_FRAMES, SOURCE, Boxes, read_boxes
from tfvae.datasets import raw_files

# Pixels of a side.
LARGEST_IMAGE = 1_000_000
VIDEOS = (".avi", ".mp4", ".mov", ".mkv", ".webm")


@dataclasses.dataclass(frozen=True)
class Sequence:
    """A video with its detections, and its ground truth where there is one.

    Attributes:
        name: of the folder, or as seqinfo.ini says; a file may be called so.
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

    def span(self, first: int = 1, last: int | None = None) -> tuple[int, int]:
        """First and last frame of a part; None: the last of the sequence.

        Raises:
            ValueError: when the sequence has no such part.
        """
        if not self.length and first == 1 and not last:
            return 1, 0
        hint = f"{self.name} has {self.length} frames."
        first = _checks.whole_in("first", first, 1, self.length, hint)
        last = self.length if last is None else last
        return first, _checks.whole_in("last", last, first, self.length, hint)

    def frames(self, first: int = 1, last: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Number and image, uint8 (height, width, 3) in RGB, of frames `first` to `last`.

        Raises:
            ValueError: where there are no such frames or no images, or the video ends early.
        """
        from tfvae.applications.tracking import frames

        if self.images is None:
            raise ValueError(
                f"{self.path}: appearance needs the frames, a folder img1 or a video file "
                f"({', '.join(VIDEOS)}); there is none. Get them from {SOURCE}."
            )
        return frames.read(self.images, *self.span(first, last))


def read_sequence(path: str | os.PathLike[str]) -> Sequence:
    """A folder in the layout of MOT15, MOT16, MOT17 or MOT20.

    det/det.txt, gt/gt.txt where there is one, seqinfo.ini where there is one, and the frames as
    img1/000001.jpg … or as a video file. imDir in seqinfo.ini is the folder or the video file where
    it is called otherwise.

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
    last = max([int(one.frames[-1]) for one in (detections, ground_truth) if one], default=0)
    info = _Information(path / "seqinfo.ini")
    length = int(info.number("seqLength", last, MOST_FRAMES))
    if last > length:
        raise ValueError(
            f"{path}: seqinfo.ini tells of {length} frames, and boxes are of frames up to {last}. "
            "Mend seqLength, or remove the boxes behind the end."
        )
    return Sequence(
        info.name(path.name), path, length, info.number("frameRate", 30.0),
        (int(info.number("imWidth", 0, LARGEST_IMAGE)),
         int(info.number("imHeight", 0, LARGEST_IMAGE))),
        detections, ground_truth, _images(path, info.values.get("imdir") or "img1"),
    )  # fmt: skip


def read_sequences(paths: Iterable[str | os.PathLike[str]]) -> list[Sequence]:
    """Sequences of several folders; a folder of sequences stands for all of them.

    Raises:
        ValueError: where a folder has none, or two are of one name.
    """
    found = {}
    for given in paths:
        path = raw_files.require(given, needs="a folder of sequences", source=SOURCE)
        folders = [path] if (path / "det").is_dir() else sorted(path.glob("*/det"))
        if not folders:
            raise ValueError(
                f"{path}: no sequence is here; one has det/det.txt. Get them from {SOURCE}."
            )
        for folder in folders:
            one = read_sequence(folder if folder == path else folder.parent)
            if one.name in found:
                raise ValueError(
                    f"sequences must differ in their names, received {found[one.name].path} and "
                    f"{one.path}, both called {one.name}. Give each once, and change `name` in "
                    "seqinfo.ini where two are different ones."
                )
            found[one.name] = one
    return list(found.values())


class _Information:
    """The section [Sequence] of seqinfo.ini, empty where there is no such file.

    Keys are the same in capital and small letters, and kept in small ones.
    """

    def __init__(self, path):
        self.path, self.values = path, {}
        if not path.exists():
            return
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path, encoding="utf-8-sig")
            self.values = dict(parser["Sequence"])
        except KeyError as error:
            raise ValueError(
                f"{path}: must have a section [Sequence], received {parser.sections()}."
            ) from error
        except (configparser.Error, UnicodeDecodeError) as error:
            raise ValueError(
                f"{path}: must be a text in UTF-8 with a section [Sequence] of lines KEY=VALUE, "
                f"received: {error}."
            ) from error

    def number(self, key, default, whole_to=None):
        """The number of a key, from 0 on; a whole one to `whole_to` where that is given."""
        text = self.values.get(key.lower())
        if text is None:
            return float(default)
        try:
            value = _checks.number(text)
        except ValueError:
            value = math.nan
        if whole_to is None:
            kind, is_right = "a number from 0 on", 0 <= value < math.inf
        else:
            kind = f"a whole number from 0 to {whole_to:,}"
            is_right = 0 <= value <= whole_to and value == int(value)
        if not is_right:
            raise ValueError(f"{self.path}: `{key}` must be {kind}, received {text!r}.")
        return value

    def name(self, default):
        """The name, which files are called by."""
        name = self.values.get("name") or default
        if name in (".", "..") or any(sign in name for sign in "/\\\0"):
            raise ValueError(
                f"{self.path}: `name` must be one that a file may have, without / and \\, received "
                f"{name!r}."
            )
        return name


def _images(path, folder):
    """The folder of images or the video file, or None."""
    given = path / folder
    if given.is_dir() or (given.is_file() and given.suffix.lower() in VIDEOS):
        return given
    # Names with a dot in front are of the system, or of what a killed process left.
    videos = sorted(
        one for one in path.iterdir()
        if one.suffix.lower() in VIDEOS and not one.name.startswith(".")
    )  # fmt: skip
    if len(videos) > 1:
        raise ValueError(
            f"{path}: must have one video file, received {', '.join(one.name for one in videos)}. "
            f"Keep one, or say which in seqinfo.ini: imDir={videos[0].name}."
        )
    return videos[0] if videos else None
