"""The public face: `__all__`, docstrings with examples that run, and the layers of the package."""

import ast
import doctest
import importlib
import pathlib
import pkgutil

import pytest

import tfvae

ROOT = pathlib.Path(tfvae.__file__).parent
MODULES = sorted(module.name for module in pkgutil.walk_packages(tfvae.__path__, prefix="tfvae."))
PACKAGES = [name for name in MODULES if (ROOT.parent / name.replace(".", "/")).is_dir()]
# A package may import from those before it only.
STATIONS = [
    "distributions",
    "datasets",
    "likelihoods",
    "tables",
    "networks",
    "priors",
    "objectives",
    "geometry",
    "assignment",
    "discrete",
    "penalties",
    "models",
    "plots",
    "callbacks",
    "evaluation",
    "serving",
    "presets",
    "applications",
    "testing",
    "experiments",
    "commands",
]


@pytest.mark.parametrize("name", ["tfvae", *PACKAGES])
def test_all_is_true(name):
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        assert hasattr(module, public)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


def test_every_public_class_and_function_has_a_docstring():
    for name in ["tfvae", *PACKAGES]:
        module = importlib.import_module(name)
        for public in module.__all__:
            member = getattr(module, public)
            if callable(member):
                assert member.__doc__, f"{name}.{public}"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_import_only_from_stations_before_their_own(path):
    parts = path.relative_to(ROOT).parts
    station = parts[0].removesuffix(".py")
    if station.startswith("_"):
        return
    allowed = STATIONS[: STATIONS.index(station) + 1]
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tfvae"):
            names = node.module.split(".")[1:2] or [alias.name for alias in node.names]
            for imported in names:
                assert imported.startswith("_") or imported in allowed, f"{path}: {imported}"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_say_what_they_are_for_and_are_not_long(path):
    source = path.read_text()
    assert ast.get_docstring(ast.parse(source))
    assert source.count("\n") <= 350
