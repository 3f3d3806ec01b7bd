"""What setup.cfg claims of versions."""

import configparser
import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def claims():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_the_oldest_versions_that_are_tested_are_those_that_are_allowed(claims):
    needed = claims["options"]["install_requires"].split()
    allowed = dict(re.fullmatch(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", one).groups() for one in needed)
    lines = (ROOT / ".ci" / "oldest.txt").read_text().splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert tested.keys() == allowed.keys()
    for name, version in allowed.items():
        parts = tested[name].split(".")
        assert parts[: version.count(".") + 1] == version.split("."), name
        # numpy>=2.0 allows 2.0.0.
        assert name == "ortools" or set(parts[version.count(".") + 1 :]) <= {"0"}, name


def test_every_python_that_is_named_is_tested(claims):
    named = re.findall(r"Python :: (3\.\d+)", claims["metadata"]["classifiers"])
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
    assert workflow["jobs"]["quick"]["strategy"]["matrix"]["python"] == named
    assert claims["options"]["python_requires"] == f">={named[0]}"
