"""Tracks to look at, as a video with boxes, ids and trails."""

import collections
import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator

import numpy as np
from matplotlib.colors import hsv_to_rgb
from PIL import Image

from tfvae import _checks, _files
from tfvae._progress import progress
from tfvae.applications.tracking import boxes as box_functions
from tfvae.applications.tracking.box_files import Boxes
from tfvae.applications.tracking.motion import EXTRA
from tfvae.applications.tracking.sequences import Sequence
from tfvae.plots import _style

ENDINGS = (".mp4", ".gif")
# MPEG-4 is the one codec for MP4 that all builds of OpenCV write.
CODEC = "mp4v"
GOLDEN_ANGLE = 0.5 * (3.0 - 5.0**0.5)
# How much a trail covers what is behind it.
TRAIL_OPACITY = 0.65
EXAMPLE = "track(Sort(), sequence)"


def id_color(number: int) -> tuple[int, int, int]:
    """RGB of an id, from 0 to 255. Ids that follow one another look different.

    The hue of id n is n times the golden angle.
    """
    hue = number * GOLDEN_ANGLE % 1.0
    rgb = hsv_to_rgb([hue, (0.85, 0.6, 1.0)[number % 3], (0.95, 1.0, 0.75)[number % 3]])
    return tuple(int(one) for one in np.round(255.0 * rgb))


def write_video(
    path: str | os.PathLike[str],
    sequence: Sequence,
    tracks: Boxes,
    *,
    first: int = 1,
    last: int | None = None,
    trails: int = 30,
    frame_rate: float | None = None,
    verbose: str | int = "auto",
) -> None:
    """Writes frames with boxes, ids and trails; the file is complete or not there.

    An id keeps its colour. Its trail is the way of its feet, the middle of the box's lower side.
    Detections, of id −1, have neither id nor trail.

    Args:
        path: ends with .mp4 (MPEG-4) or .gif. Many browsers and notebooks show GIF only; `ffmpeg -i
            tracks.mp4 -c:v libx264 web.mp4` makes an MP4 that they show too. A GIF is held in
            memory before it is written, a byte a pixel.
        sequence: of `read_sequence`, with frames.
        tracks: of `track` with the same `first` and `last`; the ground truth is drawn alike. Frames
            count from `first` as 1.
        first: the first frame of the video.
        last: the last one; None: of the sequence.
        trails: how many frames a trail is long; 0: none.
        frame_rate: frames a second; None: the sequence's.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Raises:
        ImportError: where OpenCV is missing.
        ValueError: when the ending is another, tracks are of frames that the video does not have,
            or frames are missing.

    Example:
        >>> import tempfile, pathlib
        >>> import tfvae.applications.tracking as tracking
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     street = tracking.simulated_street(
        ...         f"{folder}/street", num_people=5, num_frames=4, image_size=(320, 180)
        ...     )
        ...     tracking.write_video(f"{folder}/truth.mp4", street, street.ground_truth)
        ...     written = sorted(file.name for file in pathlib.Path(folder).iterdir())
        >>> written
        ['street', 'truth.mp4']
    """
    ending = pathlib.Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(
            f"`path` must end with {' or '.join(ENDINGS)}, received {os.fspath(path)!r}. For other "
            "formats write an MP4 and convert it: ffmpeg -i tracks.mp4 tracks.webm."
        )
    if os.path.isdir(path):  # Otherwise found when all is drawn.
        raise ValueError(f"`path` must be a file to write, received the folder {path}.")
    if not os.path.isdir(os.path.dirname(os.path.realpath(path))):
        raise FileNotFoundError(errno.ENOENT, "The folder does not exist", os.path.dirname(path))
    cv2 = _checks.package("cv2", "Writing a video", EXTRA)
    first, last = checked_span(sequence, tracks, first, last)
    trails = _checks.whole_in("trails", trails, 0, 2**31)
    frame_rate = _checks.number_in(
        "frame_rate", sequence.frame_rate if frame_rate is None else frame_rate, 0.0, 1000.0,
        low_open=True, hint="Give `frame_rate`, frames a second.",
    )  # fmt: skip
    drawn = _drawn(cv2, sequence, tracks, first, last, trails)
    with progress(last - first + 1, verbose, "frame") as advance:
        if ending == ".gif":
            images = []
            for image in drawn:
                images.append(Image.fromarray(image).quantize(method=Image.Quantize.FASTOCTREE))
                advance()
            _style.write_gif(path, images, frame_rate)
            return
        with _files.replacing(path) as partial:
            _write_mp4(cv2, partial, drawn, frame_rate, advance)


def checked_span(sequence, tracks, first, last):
    """The first and last frame of the sequence that tracks are of.

    Raises:
        ValueError: when an argument is no sequence, or tracks are of other frames.
    """
    _checks.instance_of("sequence", sequence, Sequence, "read_sequence(folder)")
    _checks.instance_of("tracks", tracks, Boxes, EXAMPLE)
    if sequence.length < 1:
        raise ValueError(
            f"`sequence` must have at least one frame, received {sequence.name}: none."
        )
    first, last = sequence.span(first, last)
    box_functions.checked(tracks.boxes, "tracks.boxes")
    count = last - first + 1
    if len(tracks) and not (tracks.frames[0] >= 1 and tracks.frames[-1] <= count):
        raise ValueError(
            f"`tracks` must be of frames 1 to {count}, received frames {tracks.frames[0]} to "
            f"{tracks.frames[-1]}. Frames of tracks count from `first` as 1: give the `first` and "
            "`last` that they were tracked with, or take a part, tracks.between(first, last)."
        )
    return first, last


def _drawn(cv2, sequence, tracks, first, last, trails) -> Iterator[np.ndarray]:
    """Frames with what is drawn on them, RGB."""
    shape = None
    ways = collections.defaultdict(lambda: collections.deque(maxlen=max(trails, 1)))
    for number, image in sequence.frames(first, last):
        time = number - first + 1
        shape = shape or image.shape
        if image.shape != shape:
            raise ValueError(
                f"Frames must be of one size, received {image.shape[1]}×{image.shape[0]} after "
                f"{shape[1]}×{shape[0]} pixels (frame {time} of the video, {number} of "
                f"{sequence.name})."
            )
        part = tracks.of_frame(time)
        ids = tracks.ids[part].tolist()
        # Far outside the image OpenCV's numbers would overflow.
        boxes = np.round(tracks.boxes[part].clip(-16000.0, 16000.0)).astype(int)
        for one, (left, _, right, low) in zip(ids, boxes.tolist(), strict=True):
            if one >= 0:
                ways[one].append((time, ((left + right) // 2, low)))
        image = np.ascontiguousarray(image)
        if trails:
            _draw_trails(cv2, image, ways, time - trails)
        # Nearer people stand lower, and are drawn over those behind.
        for k in np.argsort(boxes[:, 3], kind="stable"):
            _draw_box(cv2, image, boxes[k].tolist(), ids[k])
        yield image


def _draw_trails(cv2, image, ways, oldest):
    """Lines that fade into what is behind them."""
    layer = image.copy()
    for one, way in list(ways.items()):
        while way and way[0][0] <= oldest:
            way.popleft()
        if not way:
            del ways[one]
            continue
        points = np.array([point for _, point in way], "int32")
        cv2.polylines(layer, [points], False, id_color(one), 2, cv2.LINE_AA)
    cv2.addWeighted(layer, TRAIL_OPACITY, image, 1.0 - TRAIL_OPACITY, 0.0, dst=image)


def _draw_box(cv2, image, box, one):
    """A frame, and the id on its colour above it, or below the upper edge of the image."""
    color = id_color(one)
    left, top, right, low = box
    cv2.rectangle(image, (left, top), (right - 1, low - 1), color, 2)
    height, width = image.shape[:2]
    if one < 0 or right <= 0 or low <= 0 or left >= width or top >= height:
        return
    size = max(0.4, width / 1800.0)
    text, font = str(one), cv2.FONT_HERSHEY_SIMPLEX
    (wide, high), _ = cv2.getTextSize(text, font, size, 1)
    x, y = int(np.clip(left - 1, 0, max(width - wide - 6, 0))), max(top - 1, high + 6)
    cv2.rectangle(image, (x, y - high - 6), (x + wide + 5, y), color, -1)
    # The luma of Rec. 601: black on light colours, white on dark ones.
    light = np.dot(color, (0.299, 0.587, 0.114)) > 140.0
    ink = (0, 0, 0) if light else (255, 255, 255)
    cv2.putText(image, text, (x + 3, y - 3), font, size, ink, 1, cv2.LINE_AA)


def _write_mp4(cv2, path, images, frame_rate, advance):
    """Sides of MPEG-4 are even: the last row and column are repeated where they are not."""
    writer, shape, count = None, None, 0
    with contextlib.ExitStack() as stack:
        for image in images:
            if writer is None:
                shape = image.shape
                size = shape[1] + shape[1] % 2, shape[0] + shape[0] % 2
                code = cv2.VideoWriter_fourcc(*CODEC)
                writer = cv2.VideoWriter(str(path), code, frame_rate, size)
                stack.callback(writer.release)
                if not writer.isOpened():
                    raise OSError(
                        f"{path.parent}: OpenCV cannot write a video of {size[0]}×{size[1]} pixels "
                        "here. Can a file be written there? If so, write a .gif."
                    )
            even = cv2.copyMakeBorder(image, 0, shape[0] % 2, 0, shape[1] % 2, cv2.BORDER_REPLICATE)
            writer.write(cv2.cvtColor(even, cv2.COLOR_RGB2BGR))
            count += 1
            advance()
    # OpenCV says nothing when a disk is full.
    reader = cv2.VideoCapture(str(path))
    written = int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
    reader.release()
    if written != count:
        raise OSError(f"{path.parent}: {written} of {count} frames were written. Is the disk full?")
