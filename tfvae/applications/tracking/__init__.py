"""Tracking people in video: SORT, appearance, files of MOTChallenge, official evaluation."""

from tfvae.applications.tracking.appearance_sort import AppearanceSort
from tfvae.applications.tracking.box_files import Boxes, read_boxes, write_tracks
from tfvae.applications.tracking.boxes import corners
from tfvae.applications.tracking.calibration import Calibration, calibrate, rank_one
from tfvae.applications.tracking.descriptor import Descriptor
from tfvae.applications.tracking.learning import train_descriptor
from tfvae.applications.tracking.person_crops import (
    SIZE,
    PersonCrops,
    pairs,
    person_crops,
    single_crops,
)
from tfvae.applications.tracking.running import track
from tfvae.applications.tracking.scores import COLUMNS, TrackingScores, tracking_scores
from tfvae.applications.tracking.sequences import Sequence, read_sequence, read_sequences
from tfvae.applications.tracking.sheets import contact_sheet
from tfvae.applications.tracking.sort import Sort, Tracks
from tfvae.applications.tracking.street import simulated_street
from tfvae.applications.tracking.video import write_video

__all__ = [
    "COLUMNS",
    "SIZE",
    "AppearanceSort",
    "Boxes",
    "Calibration",
    "Descriptor",
    "PersonCrops",
    "Sequence",
    "Sort",
    "TrackingScores",
    "Tracks",
    "calibrate",
    "contact_sheet",
    "corners",
    "pairs",
    "person_crops",
    "rank_one",
    "read_boxes",
    "read_sequence",
    "read_sequences",
    "simulated_street",
    "single_crops",
    "track",
    "tracking_scores",
    "train_descriptor",
    "write_tracks",
    "write_video",
]
