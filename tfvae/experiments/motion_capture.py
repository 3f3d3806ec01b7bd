"""What a run on motion capture reports beside the rest: joints with large errors, and poses."""

import pathlib

import matplotlib.figure
import numpy as np
from ml_collections import config_dict

import tfvae.datasets
import tfvae.plots
from tfvae.evaluation import Line
from tfvae.models import LatentVariableModel

NAME = "cmu_mocap"
# Joints that the report names.
_NUM_JOINTS = 3


def joint_errors(
    model: LatentVariableModel, x: np.ndarray, config: config_dict.ConfigDict
) -> list[Line]:
    """Returns the root-mean-square errors of the joints with the largest ones, in degrees.

    The error of a joint is over its angles, and over all test frames x, (n, channels).
    """
    transform = _transform(config)
    squares = np.square(transform.invert(model.predict(x, verbose=0)) - transform.invert(x))
    mean = dict(zip(transform.channels, squares.mean(0), strict=True))
    joints: dict[str, list[float]] = {}
    for channel in transform.kept:
        joint, _, axis = channel.partition(".")
        if axis[:1].lower() == "r":  # An angle; the root's place is a length.
            joints.setdefault(joint, []).append(mean[channel])
    errors = {joint: float(np.sqrt(np.mean(values))) for joint, values in joints.items()}
    worst = sorted(errors, key=errors.get, reverse=True)[:_NUM_JOINTS]
    return [Line(f"error, joint {joint}", errors[joint], "degrees, RMS") for joint in worst]


def stick_figures(
    model: LatentVariableModel, config: config_dict.ConfigDict
) -> matplotlib.figure.Figure:
    """Draws the first sequence of the test data, and what the model makes of it."""
    x, beside = tfvae.datasets.as_arrays(
        tfvae.datasets.load(
            NAME,
            config.data.test,
            path=config.data.path,
            data_dir=config.data.data_dir,
            labels=("sequence", "frame"),
            shuffle=False,
            **config.data.options.to_dict(),
        )
    )
    name = min(beside["sequence"])
    rows = np.flatnonzero(beside["sequence"] == name)
    poses = x[rows[np.argsort(beside["frame"][rows])]]
    transform = _transform(config)
    subject = name.decode().rsplit("_", 1)[0]
    skeleton = tfvae.datasets.read_asf(pathlib.Path(config.data.path) / f"{subject}.asf")
    drawn = {f"{name.decode()}, test": poses, "reconstruction": model.predict(poses, verbose=0)}
    positions = {words: skeleton.positions(transform.invert(p)) for words, p in drawn.items()}
    return tfvae.plots.stick_figures(positions, skeleton.parents)


def _transform(config: config_dict.ConfigDict) -> tfvae.datasets.PoseTransform:
    data = config.data
    options = data.options.to_dict()
    return tfvae.datasets.pose_transform(NAME, path=data.path, data_dir=data.data_dir, **options)
