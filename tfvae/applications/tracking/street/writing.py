"""A simulated street as a sequence of MOTChallenge."""

import os
import pathlib
import shutil

import numpy as np

from tfvae import _checks, _files, _seeds
from tfvae._progress import progress
from tfvae.applications.tracking import boxes as box_functions
from tfvae.applications.tracking.box_files import PEDESTRIAN, Boxes, write_tracks
from tfvae.applications.tracking.motion import EXTRA
from tfvae.applications.tracking.sequences import Sequence, read_sequence
from tfvae.applications.tracking.street import rendering, scene
from tfvae.applications.tracking.street.camera import Camera
from tfvae.applications.tracking.street.detector import Detector
from tfvae.applications.tracking.street.looks import Looks
from tfvae.applications.tracking.street.walks import Walks

# Of JPEG, from 0 to 100.
QUALITY = 92
# Pixels: smaller images show nobody, larger ones do not fit into memory.
SIDES = 64, 8192
# All pairs of people are looked at in each frame.
MOST_PEOPLE = 2000


def simulated_street(
    folder: str | os.PathLike[str],
    *,
    num_people: int = 20,
    num_frames: int = 300,
    seed: int | None = 0,
    image_size: tuple[int, int] = (640, 360),
    frame_rate: float = 25.0,
    camera_motion: float = 0.04,
    miss_rate: float = 0.05,
    box_noise: float = 0.03,
    false_alarms: float = 0.5,
    verbose: str | int = "auto",
) -> Sequence:
    """Simulates a street with people, and writes it as a sequence of MOTChallenge with its frames.

    People have clothes, hair and bags of their own. They walk to and fro with swinging limbs, stop,
    turn round, make way for one another, leave the image and come back as the same person. Those
    who are nearer are larger, stand lower in the image and hide others; lamp posts, trees and an
    advertising column hide people too. Houses throw shadows, clouds pass, and the camera pans.

    The ground truth has the box of all of a person, hidden parts included, and the visibility: the
    share of the person's pixels that is seen in the image. People of whose box less than a fifth
    lies inside the image are not in it. Somebody of visibility v is detected with probability
    (1 − miss_rate)·clip((v − 0.15)/0.4, 0, 1).

    Two seeds differ in people, layout and walks. Options of the detector change nothing else.

    Args:
        folder: to be made: img1/000001.jpg …, det/det.txt, gt/gt.txt (frame, id, x, y, width,
            height, 1, class 1, visibility) and seqinfo.ini.
        num_people: number of people that come and go, to 2,000; most are seen at any time.
        num_frames: number of frames.
        seed: decides everything.
        image_size: width and height, pixels.
        frame_rate: frames a second.
        camera_motion: how far the image moves to either side, in widths of it, from 0 to 0.5.
        miss_rate: share of visible people that the detector misses, from 0 to 1.
        box_noise: deviation of places and of logarithms of sides of detected boxes, in units of
            the sides; up to twice as large of people who are partly hidden.
        false_alarms: their mean number in a frame.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Returns:
        `Sequence`, as from `read_sequence`.

    Raises:
        ImportError: where OpenCV is missing.
        ValueError: when an argument lies outside its range, or the folder has something in it.

    Example:
        >>> import tempfile
        >>> import tfvae.applications.tracking as tracking
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     street = tracking.simulated_street(
        ...         f"{folder}/street", num_people=5, num_frames=4, image_size=(320, 180)
        ...     )
        ...     shapes = [image.shape for _, image in street.frames()]
        >>> street.length, shapes[0]
        (4, (180, 320, 3))
    """
    cv2 = _checks.package("cv2", "A simulated street", EXTRA)
    num_people = _checks.whole_in("num_people", num_people, 1, MOST_PEOPLE)
    num_frames = _checks.whole_in("num_frames", num_frames, 1, 999_999)
    size = _checked_size(image_size)
    infinity = float("inf")
    frame_rate = _checks.number_in(
        "frame_rate", frame_rate, 0.0, infinity, low_open=True, high_open=True
    )
    camera_motion = _checks.number_in("camera_motion", camera_motion, 0.0, 0.5)
    noise = (
        _checks.number_in("miss_rate", miss_rate, 0.0, 1.0),
        _checks.number_in("box_noise", box_noise, 0.0, 0.5),
        _checks.number_in("false_alarms", false_alarms, 0.0, 1000.0),
    )
    if seed is not None:
        seed = _checks.whole_in("seed", seed, -(2**63), 2**63 - 1)
    folder = _free(folder)
    # A stream for each part, so that a part's options leave the others as they are.
    streams = _seeds.generator(seed).spawn(6)
    camera = Camera.of(streams[0], size, num_frames, frame_rate, camera_motion)
    standing, shade = scene.places(streams[1], camera), scene.Shade(streams[1])
    canvas, things = scene.background(streams[1], camera, shade, standing)
    looks = Looks.of(streams[2], num_people)
    radii = np.array([(x, z, scene.RADII[kind]) for kind, x, z in standing]).reshape(-1, 3)
    walks = Walks.of(streams[3], num_people, num_frames, frame_rate, camera, radii)
    street = rendering.frames(streams[4], camera, looks, walks, shade, canvas, things, frame_rate)
    partial = folder.with_name(_files.partial_name(folder.name))
    try:
        _write(cv2, partial, folder.name, street, Detector(streams[5], camera, *noise),
               camera, frame_rate, verbose)  # fmt: skip
        if folder.is_dir():
            folder.rmdir()
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return read_sequence(folder)


def _checked_size(image_size):
    size = _checks.positive_ints("image_size", image_size)
    if len(size) != 2 or not all(SIDES[0] <= side <= SIDES[1] for side in size):
        raise ValueError(
            f"`image_size` must be width and height, each from {SIDES[0]} to {SIDES[1]} pixels, "
            f"received {image_size!r}."
        )
    return size


def _free(folder):
    """The folder's path, if nothing is there."""
    folder = pathlib.Path(os.path.abspath(folder))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(
            f"`folder` must be new or empty, received {folder}, which has something in it. Remove "
            "it, or read it: tfvae.applications.tracking.read_sequence(folder)."
        )
    return folder


def _write(cv2, folder, name, street, detector, camera, frame_rate, verbose):
    """All files of the sequence."""
    for part in ("img1", "det", "gt"):
        (folder / part).mkdir(parents=True)
    count = len(camera.pan)
    detected, truth = [], []
    with progress(count, verbose, "frame") as advance:
        for number, frame in enumerate(street, 1):
            file = folder / "img1" / f"{number:06d}.jpg"
            image = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
            if not cv2.imwrite(str(file), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
                raise OSError(f"{file}: cannot be written. Is the disk full?")
            boxes, scores = detector(frame)
            detected.append((number, boxes, scores))
            sizes = box_functions.sizes(frame.boxes)
            truth += [
                f"{number},{person + 1},{x + 1:.2f},{y + 1:.2f},{width:.2f},{height:.2f},1,"
                f"{PEDESTRIAN},{visibility:.4f}\n"
                for person, (x, y, width, height), visibility in zip(
                    frame.people, sizes, frame.visibility, strict=True
                )
            ]
            advance()
    frames = np.concatenate([np.full(len(boxes), number) for number, boxes, _ in detected])
    write_tracks(
        folder / "det" / "det.txt",
        Boxes.of(
            frames, np.full(len(frames), -1), np.concatenate([boxes for _, boxes, _ in detected]),
            np.concatenate([scores for _, _, scores in detected]),
        ),
    )  # fmt: skip
    (folder / "gt" / "gt.txt").write_text("".join(truth), encoding="utf-8")
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={name}\nimDir=img1\nframeRate={frame_rate:g}\n"
        f"seqLength={count}\nimWidth={camera.size[0]}\nimHeight={camera.size[1]}\nimExt=.jpg\n",
        encoding="utf-8",
    )
