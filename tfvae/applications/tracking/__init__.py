"""Tracking people in video: SORT, appearance, files of MOTChallenge, official evaluation."""

from tfvae.applications.tracking.appearance_sort import AppearanceSort
from tfvae.applications.tracking.boxes import corners
from tfvae.applications.tracking.descriptor import Descriptor
from tfvae.applications.tracking.running import track
from tfvae.applications.tracking.scores import TrackingScores, tracking_scores
from tfvae.applications.tracking.sequences import (
    Boxes,
    Sequence,
    read_boxes,
    read_sequence,
    read_sequences,
    write_tracks,
)
from tfvae.applications.tracking.sheets import contact_sheet
from tfvae.applications.tracking.sort import Sort, Tracks
from tfvae.applications.tracking.street import simulated_street
from tfvae.applications.tracking.video import write_video

__all__ = [
    "AppearanceSort",
    "Boxes",
    "Descriptor",
    "Sequence",
    "Sort",
    "TrackingScores",
    "Tracks",
    "contact_sheet",
    "corners",
    "read_boxes",
    "read_sequence",
    "read_sequences",
    "simulated_street",
    "track",
    "tracking_scores",
    "write_tracks",
    "write_video",
]
