"""A tracker on a sequence."""

from tfvae.applications.tracking.sequences import Boxes, Sequence


def track(
    tracker, sequence: Sequence, *, first: int = 1, last: int | None = None, min_score: float = None,
    descriptor=None,
) -> Boxes:  # fmt: skip
    """x"""
