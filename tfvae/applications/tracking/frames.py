"""Frames of a video, from a folder of images or from a video file."""

import pathlib
from collections.abc import Iterator

import numpy as np

from tfvae import _checks
from tfvae.applications.tracking.motion import EXTRA

IMAGES = (".jpg", ".jpeg", ".png", ".bmp")


def read(path: pathlib.Path, first: int, last: int) -> Iterator[tuple[int, np.ndarray]]:
    """Number and image, uint8 (height, width, 3) in RGB, of frames `first` to `last`, from 1 on.

    Raises:
        ImportError: where OpenCV is missing.
        ValueError: naming the file, when a frame is missing or cannot be read.
    """
    cv2 = _checks.package("cv2", "Reading video", EXTRA)
    yield from (_images if path.is_dir() else _video)(cv2, path, first, last)


def _images(cv2, folder, first, last):
    found = {
        int(one.stem): one
        for one in folder.iterdir()
        if one.suffix.lower() in IMAGES and one.stem.isdigit()
    }
    for number in range(first, last + 1):
        if number not in found:
            raise ValueError(
                f"{folder}: frame {number} of {first} to {last} is missing; a frame's file is "
                f"called as {folder.name}/{number:06d}.jpg is. {len(found)} frames are here."
            )
        image = cv2.imread(str(found[number]), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"{found[number]}: cannot be read as an image. Fetch it again.")
        yield number, np.ascontiguousarray(image[..., ::-1])


def _video(cv2, file, first, last):
    video = cv2.VideoCapture(str(file))
    try:
        if not video.isOpened():
            raise ValueError(f"{file}: cannot be opened as a video. Fetch it again.")
        # Frames are counted by reading: seeking is not exact in every codec.
        for number in range(1, last + 1):
            if number < first:
                there = video.grab()
            else:
                there, image = video.read()
            if not there:
                raise ValueError(
                    f"{file}: the video ends after {number - 1} frames, and frame {last} is asked "
                    "for. Fetch it again, or mend seqLength in seqinfo.ini."
                )
            if number >= first:
                yield number, np.ascontiguousarray(image[..., ::-1])
    finally:
        video.release()
