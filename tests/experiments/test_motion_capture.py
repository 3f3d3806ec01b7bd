"""What runs on motion capture report: joints by name, errors in degrees, and stick figures."""

import os
import pathlib
import re

import numpy as np
import pytest

import tfvae
from tfvae.experiments import experiment, load_config, motion_capture, run_data

FOLDER = pathlib.Path(os.environ.get("TFVAE_DATA_DIR", "data"), "cmu_mocap")

pytestmark = pytest.mark.skipif(
    not (FOLDER / "35.asf").exists(), reason="CMU's motions are not at hand"
)


class Wrong:
    """A model whose output is its input, but for one channel."""

    def __init__(self, channel, error):
        self.channel, self.error = channel, error

    def predict(self, x, verbose=0):
        return x + self.error * np.eye(x.shape[1], dtype="float32")[self.channel]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    config = load_config("vae:cmu_mocap", {"data.path": str(FOLDER)})
    config.data.data_dir = str(tmp_path_factory.mktemp("tfds"))
    config.data.options.subjects = ("35",)
    return config


def test_errors_are_of_joints_in_degrees(config):
    x, _ = run_data.arrays(run_data.test_data(config), config)
    transform = tfvae.datasets.pose_transform(
        "cmu_mocap", path=FOLDER, data_dir=config.data.data_dir, subjects=("35",), every=4
    )
    joint = transform.kept[5].split(".")[0]
    own = [c for c in transform.kept if c.split(".")[0] == joint]
    lines = motion_capture.joint_errors(Wrong(5, 2.0), x, config)
    assert len(lines) == 3 and lines[0].name == f"error, joint {joint}"
    # One of the joint's angles is wrong by two standard deviations.
    np.testing.assert_allclose(lines[0].value, 2 * transform.std[5] / np.sqrt(len(own)), rtol=1e-4)
    assert lines[1].value < 1e-4 and lines[0].unit == "degrees, RMS"


def test_poses_of_a_test_sequence_and_its_reconstruction(config):
    config.model.encoder.hidden = config.model.decoder.hidden = (8,)
    data = run_data.TrainingData(config)
    model = experiment.build_model(config, data.shape)
    figure = motion_capture.stick_figures(model, config)
    words = " ".join(
        text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))
    )
    assert re.search(r"35_\d\d, test", words) and "reconstruction" in words
