"""`import tfvae`: little that TensorFlow, TFP and Keras do not import, and all of its classes."""

import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

import tfvae
from tfvae.applications.outliers.committee import StudentTOfMembers, committee

ROOT = pathlib.Path(tfvae.__file__).parent
REGISTERED = re.compile(
    r'^@keras\.saving\.register_keras_serializable\(package="tfvae"\)\n(?:class|def) (\w+)',
    re.MULTILINE,
)
SCRIPT = """
import json, sys
import numpy as np
import keras, tensorflow, tensorflow_probability
tensorflow_probability.distributions  # It is imported when it is first used.
before = set(sys.modules)
import tfvae
new = {name.split(".")[0]: name for name in set(sys.modules) - before}
registered = list(keras.saving.get_custom_objects())
model = keras.saving.load_model(sys.argv[1])
x = np.linspace(-1.0, 1.0, 24, dtype="float32").reshape(4, 6)
embedded = np.asarray(model.embed(x)).tolist()
print(json.dumps({"new": new, "registered": registered, "embedded": embedded}))
"""


@pytest.fixture(scope="module")
def model():
    """It has a function of `applications` inside."""
    made = committee(3, 1, (4,), StudentTOfMembers(3.0, (0.7, 0.7)), seed=0)
    made.build((None, 6))
    made.compile("adam")
    return made


@pytest.fixture(scope="module")
def process(model, tmp_path_factory):
    """What a process reports that imported nothing but tfvae, and loaded the model."""
    path = tmp_path_factory.mktemp("import") / "committee.keras"
    model.save(path)
    paths = [str(ROOT.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_heavy_packages_are_imported_where_they_are_used(process):
    """Parts of scikit-learn, Matplotlib, TensorFlow Datasets … take longer than all of tfvae."""
    allowed = {"tfvae", *sys.stdlib_module_names}
    assert {name: module for name, module in process["new"].items() if name not in allowed} == {}


def test_every_registered_class_is_known_after_the_import(process):
    names = {
        f"tfvae>{name}"
        for path in ROOT.rglob("*.py")
        for name in REGISTERED.findall(path.read_text())
    }
    assert {"tfvae>arcsinh", "tfvae>TableModel", "tfvae>ColorHistogram", "tfvae>VAE"} <= names
    assert names <= set(process["registered"])


def test_a_file_is_loaded_after_the_import(process, model):
    x = np.linspace(-1.0, 1.0, 24, dtype="float32").reshape(4, 6)
    np.testing.assert_allclose(process["embedded"], model.embed(x), rtol=1e-6)
