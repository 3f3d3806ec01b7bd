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
    found = _numbered(folder)
    for number in range(first, last + 1):
        if number not in found:
            raise ValueError(
                f"{folder}: frame {number} of {first} to {last} is missing; a frame's file is "
                f"called as {folder.name}/{number:06d}.jpg is. {len(found)} frames are here."
            )
        yield number, _image(cv2, found[number])


def _numbered(folder):
    """{number: file} of the images of a folder."""
    found = {}
    for one in folder.iterdir():
        if one.suffix.lower() not in IMAGES or not (one.stem.isascii() and one.stem.isdigit()):
            continue
        number = int(one.stem)
        if not number:
            raise ValueError(
                f"{one}: frames must count from 1, as they do in det.txt, received frame 0. "
                "Rename the files, so that the first is 000001."
            )
        if number in found:
            raise ValueError(
                f"{folder}: must have one image of a frame, received {one.name} and "
                f"{found[number].name}. Keep one."
            )
        found[number] = one
    return found


def _image(cv2, file):
    """RGB."""
    content = file.read_bytes()
    # OpenCV fills what is missing of a JPEG with grey. It ends with a marker behind its last scan.
    is_cut = content[:2] == b"\xff\xd8" and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda")
    image = None
    if content and not is_cut:
        image = cv2.imdecode(np.frombuffer(content, "uint8"), cv2.IMREAD_COLOR)
    if image is None:
        how = f"is cut after {len(content)} bytes" if is_cut else "cannot be read as an image"
        raise ValueError(f"{file}: {how}. Fetch it again.")
    return np.ascontiguousarray(image[..., ::-1])


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
