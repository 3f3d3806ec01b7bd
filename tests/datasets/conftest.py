"""Real data by folder, and one folder of prepared data for the whole run."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def raw_data():
    """Folder of the real data."""
    folder = os.environ.get("TFVAE_DATA_DIR")
    if not folder:
        pytest.skip("TFVAE_DATA_DIR is not set: no real data")
    return pathlib.Path(folder)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Folder of TFDS's prepared data, shared so that nothing is prepared twice."""
    return tmp_path_factory.mktemp("prepared")
