"""Boxes in an image: their formats, their checks and how much two of them overlap."""

import numpy as np

# Pixels: what coordinates may be at most, and sides at least. Squares of areas are then far from
# the ends of float64.
LARGEST, LEAST_SIDE = 1e7, 1e-6
# How many pairs of boxes are compared at a time.
PAIRS = 1_000_000


def checked(boxes, name: str = "boxes") -> np.ndarray:
    """Boxes (N, 4) of x_min, y_min, x_max, y_max in pixels, as float64.

    Raises:
        ValueError: naming the first box that is not finite, or whose sides are not above 0.
    """
    boxes = as_array(name, boxes, "float64")
    if not boxes.size and boxes.ndim < 3:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"`{name}` must be of shape (N, 4), x_min, y_min, x_max, y_max, received shape "
            f"{boxes.shape}."
        )
    sides = boxes[:, 2:] - boxes[:, :2]
    # NaN is neither.
    wrong = ~((np.abs(boxes) <= LARGEST).all(axis=1) & (sides >= LEAST_SIDE).all(axis=1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"`{name}` must be finite with x_min < x_max and y_min < y_max (to {LARGEST:g} pixels, "
            f"sides of at least {LEAST_SIDE:g}), received {boxes[row].tolist()} in row {row}. "
            "Boxes of x, y, width, height: tfvae.applications.tracking.corners(boxes)."
        )
    return boxes


def as_array(name: str, values, kind: str) -> np.ndarray:
    """What an argument holds as an array of numbers.

    Raises:
        ValueError: when it does not hold numbers, or its rows differ in length.
    """
    try:
        return np.asarray(values, kind)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must hold numbers in rows of one length, received {values!r:.60}: {error}."
        ) from error


def corners(boxes) -> np.ndarray:
    """x, y, width, height -> x_min, y_min, x_max, y_max; (…, 4).

    Example:
        >>> from tfvae.applications.tracking import corners
        >>> corners([[10.0, 20.0, 5.0, 8.0]])
        array([[10., 20., 15., 28.]])
    """
    boxes = np.asarray(boxes, "float64")
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def sizes(boxes) -> np.ndarray:
    """x_min, y_min, x_max, y_max -> x, y, width, height; (…, 4)."""
    boxes = np.asarray(boxes, "float64")
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of each pair, (N, 4) and (M, 4) corners -> (N, M) in [0, 1]."""
    found = np.empty((len(first), len(second)))
    # Some rows at a time: what is computed on the way takes several times the memory of the result.
    step = max(1, PAIRS // max(len(second), 1))
    for start in range(0, len(first), step):
        found[start : start + step] = _overlaps(first[start : start + step], second)
    return found


def _overlaps(first, second):
    # One axis at a time: NumPy is slow along a last axis of two.
    width, height = (
        np.minimum.outer(first[:, axis + 2], second[:, axis + 2])
        - np.maximum.outer(first[:, axis], second[:, axis])
        for axis in (0, 1)
    )
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    areas = [np.prod(part[:, 2:] - part[:, :2], axis=-1) for part in (first, second)]
    return shared / (np.add.outer(*areas) - shared)
