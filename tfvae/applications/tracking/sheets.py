"""A contact sheet of tracks: a row of crops for each identity."""

import collections

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tfvae import _checks
from tfvae._progress import progress
from tfvae.applications.tracking.box_files import Boxes
from tfvae.applications.tracking.crops import inside
from tfvae.applications.tracking.motion import EXTRA
from tfvae.applications.tracking.sequences import Sequence
from tfvae.applications.tracking.video import checked_span, id_color
from tfvae.plots import _style

# Pixels of a crop, height and width, and how much more of the image than the box it shows.
CROP, AROUND = (128, 64), 0.06
# Inches: the height of a crop, a line of text, the edge of the sheet, and gaps.
CROP_HEIGHT, LINE, EDGE, GAP = 0.9, 0.17, 0.1, 0.04


def contact_sheet(
    sequence: Sequence,
    tracks: Boxes,
    *,
    num: int = 8,
    ids: list[int] | None = None,
    max_identities: int = 30,
    first: int = 1,
    last: int | None = None,
    verbose: str | int = "auto",
) -> Figure:
    """A row of crops for each identity: somebody else in a row is a mistake of the tracker.

    Crops are equally spaced among the frames in which the identity is seen; below each stands its
    frame, above each row the id, in its colour of `write_video`, and from when to when it is seen.

    Args:
        sequence: of `read_sequence`, with frames.
        tracks: of `track` with the same `first` and `last`.
        num: greatest number of crops in a row.
        ids: which identities, in this order; None: those seen in most frames, by id.
        max_identities: greatest number of rows where `ids` is None.
        first: the frame of the sequence that tracks count as 1.
        last: the last one; None: of the sequence.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Returns:
        The figure. Frames are numbers in the sequence.

    Raises:
        ImportError: where OpenCV is missing.
        ValueError: when there is no track, an id is unknown, or frames are missing.

    Example:
        >>> import tempfile
        >>> import tfvae.applications.tracking as tracking
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     street = tracking.simulated_street(
        ...         f"{folder}/street", num_people=5, num_frames=4, image_size=(320, 180)
        ...     )
        ...     figure = tracking.contact_sheet(street, street.ground_truth, num=3)
        >>> len(figure.axes)
        1
    """
    cv2 = _checks.package("cv2", "A contact sheet", EXTRA)
    first, last = checked_span(sequence, tracks, first, last)
    num = _checks.positive_int("num", num)
    chosen, note = _chosen(tracks, ids, _checks.positive_int("max_identities", max_identities))
    rows = {}
    for one in chosen:
        found = np.flatnonzero(tracks.ids == one)
        spaced = np.linspace(0, len(found) - 1, min(num, len(found))).round().astype(int)
        rows[one] = found[spaced]
    crops = _crops(cv2, sequence, tracks, np.concatenate(list(rows.values())), first, verbose)
    return _sheet(tracks, rows, crops, num, first, note)


def _chosen(tracks, ids, most):
    """Which identities, and what is to be said about the others."""
    known, counts = np.unique(tracks.ids, return_counts=True)
    if not len(known):
        raise ValueError("`tracks` must hold at least one track, received none.")
    if ids is None:
        order = np.argsort(-counts, kind="stable")[:most]
        left = len(known) - len(order)
        note = f"{len(order)} of {len(known)} identities: those seen in most frames" if left else ""
        return np.sort(known[order]).tolist(), note
    wrong = [one for one in ids if one not in known]
    if wrong or not len(ids):
        raise ValueError(
            f"`ids` must be ids of `tracks`, from {known[0]} to {known[-1]}, received "
            f"{wrong[0] if wrong else 'none'}. The ids are np.unique(tracks.ids)."
        )
    return list(dict.fromkeys(int(one) for one in ids)), ""


def _crops(cv2, sequence, tracks, wanted, first, verbose):
    """{row of tracks: image}; a box of which the image shows nothing has none."""
    by_frame = collections.defaultdict(list)
    for row in wanted.tolist():
        by_frame[int(tracks.frames[row]) + first - 1].append(row)
    begin, end = min(by_frame), max(by_frame)
    found = {}
    with progress(end - begin + 1, verbose, "frame") as advance:
        for number, image in sequence.frames(begin, end):
            for row in by_frame.get(number, ()):
                if inside(tracks.boxes[row : row + 1], image.shape)[0]:
                    found[row] = _crop(cv2, image, tracks.boxes[row])
            advance()
    return found


def _crop(cv2, image, box):
    """As a sheet shows it: not stretched, so wide that it fills the crop; grey beyond the image."""
    centre, sides = (box[:2] + box[2:]) / 2.0, box[2:] - box[:2]
    height = (1.0 + AROUND) * max(sides[1], sides[0] * CROP[0] / CROP[1])
    scale = CROP[0] / height
    grey = tuple(int(_style.BACKDROP[at : at + 2], 16) for at in (1, 3, 5))
    # First to a size near the crop's, by means over areas: a large box would alias.
    shrink = 1
    while scale * shrink <= 0.5 and shrink < max(image.shape[:2]):
        shrink *= 2
    if shrink > 1:
        low = np.maximum(np.floor(centre - height).astype(int), 0)
        high = np.ceil(centre + height).astype(int)
        part = image[low[1] : high[1], low[0] : high[0]]
        sides = -(-part.shape[1] // shrink), -(-part.shape[0] // shrink)
        part = cv2.copyMakeBorder(
            part, 0, sides[1] * shrink - part.shape[0], 0, sides[0] * shrink - part.shape[1],
            cv2.BORDER_REPLICATE,
        )  # fmt: skip
        image = cv2.resize(part, sides, interpolation=cv2.INTER_AREA)
        centre, scale = (centre - low) / shrink, scale * shrink
    shift = np.array([CROP[1], CROP[0]]) / 2.0 - scale * centre
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    # Pixels have their centres at whole numbers.
    matrix[:, 2] += 0.5 * scale - 0.5
    return cv2.warpAffine(
        image, matrix, (CROP[1], CROP[0]), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
        borderValue=grey,
    )  # fmt: skip


def _sheet(tracks, rows, crops, num, first, note):
    """The figure, in inches."""
    wide = CROP_HEIGHT * CROP[1] / CROP[0]
    step = 2.0 * LINE + CROP_HEIGHT + 0.06
    columns = max(len(found) for found in rows.values())
    head = LINE + 0.05 if note else 0.0
    width = max(columns * (wide + GAP) + 2.0 * EDGE, 2.6, _style.text_width(note) + 2 * EDGE)
    height = len(rows) * step + head + 2.0 * EDGE
    figure = _style.new_figure(width, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    if note:
        axes.text(EDGE, EDGE, note, fontsize=_style.NORMAL, color=_style.TEXT, va="top")
    for line, (one, found) in enumerate(rows.items()):
        top = EDGE + head + line * step
        frames = tracks.frames[tracks.ids == one] + first - 1
        color = np.array(id_color(one)) / 255.0
        axes.add_patch(Rectangle((EDGE, top), 0.1, LINE - 0.04, color=color, linewidth=0))
        axes.text(
            EDGE + 0.16, top + LINE / 2 - 0.02,
            f"id {one}  ·  {len(frames)} frames, {frames[0]} to {frames[-1]}",
            fontsize=_style.SMALL, color=_style.TEXT, va="center",
        )  # fmt: skip
        for column, row in enumerate(found.tolist()):
            left, upper = EDGE + column * (wide + GAP), top + LINE
            extent = (left, left + wide, upper + CROP_HEIGHT, upper)
            if row in crops:
                axes.imshow(crops[row], extent=extent, interpolation="antialiased")
            else:
                axes.add_patch(Rectangle((left, upper), wide, CROP_HEIGHT, color=_style.BACKDROP))
            frame = str(tracks.frames[row] + first - 1)
            axes.text(
                left + wide / 2, upper + CROP_HEIGHT + LINE / 2, frame,
                fontsize=_style.SMALL - 1, color=_style.TEXT, ha="center", va="center",
            )  # fmt: skip
    axes.set(xlim=(0.0, width), ylim=(height, 0.0), aspect="auto")
    axes.axis("off")
    return figure
