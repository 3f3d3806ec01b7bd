"""The page that sets the library beside others, and the command that its claims come from."""

import pathlib
import re

from benchmarks import beside

ROOT = pathlib.Path(__file__).resolve().parents[1]


def test_models_of_a_package(tmp_path):
    (tmp_path / "public").mkdir()
    (tmp_path / "public/__init__.py").write_text('__all__ = ["IWAE", "IWAEConfig", "BaseAE", "f"]')
    (tmp_path / "open").mkdir()
    (tmp_path / "open/a.py").write_text(
        "class KNN(base.BaseDetector): ...\nclass _Own(BaseDetector): ...\nclass Part(Module): ..."
    )
    assert beside.models(tmp_path, ("public",), None) == ["IWAE"]
    assert beside.models(tmp_path, ("open",), "BaseDetector") == ["KNN"]


def test_our_models_are_in_the_table():
    page = (ROOT / "docs/beside.md").read_text()
    named = set(re.findall(r"`(?:\w+\.)?(\w+)=?`", page))
    # Not the class that all are based on, nor what is one with its topography left out.
    assert set(beside.own_classes()) - {"LatentVariableModel", "SequenceVAE"} <= named
