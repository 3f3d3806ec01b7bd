"""docs/architecture.md names code that exists, and packages as they are."""

import functools
import importlib
import pathlib
import re

import pytest

import tfvae

ARCHITECTURE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "architecture.md"
NAME = re.compile(r"`([\w.]+)`")


def section(title):
    """The text of one section."""
    return re.split(r"\n## ", ARCHITECTURE.read_text().split(f"\n## {title}\n")[1])[0]


def names_of_formulas():
    """All names in the last column of the table of formulas."""
    rows = [row for row in section("Where each formula is").splitlines() if row.startswith("| ")]
    return sorted({name for row in rows for name in NAME.findall(row.split(" | ")[-1])})


@pytest.mark.parametrize("name", names_of_formulas())
def test_what_holds_a_formula_exists(name):
    module, attributes = "tfvae", name.split(".")
    while attributes and importlib.util.find_spec(f"{module}.{attributes[0]}"):
        module = f"{module}.{attributes.pop(0)}"
        if not (pathlib.Path(tfvae.__file__).parents[1] / module.replace(".", "/")).is_dir():
            break
    functools.reduce(getattr, attributes, importlib.import_module(module))


def stations():
    """All names with a dot in the middle column of the table of stations."""
    rows = [row for row in section("The line from x to the loss").splitlines() if row[:2] == "| "]
    return sorted(
        {name for row in rows for name in NAME.findall(row.split(" | ")[1]) if "." in name}
    )


@pytest.mark.parametrize("name", stations())
def test_stations_exist(name):
    owner, attribute = name.split(".")
    packages = [
        "networks",
        "models",
        "priors",
        "likelihoods",
        "discrete",
        "objectives",
        "penalties",
    ]
    places = [tfvae, *(importlib.import_module(f"tfvae.{package}") for package in packages)]
    places += [tfvae.models.generative, importlib.import_module("tfvae._component")]
    owners = [getattr(place, owner) for place in places if hasattr(place, owner)]
    assert any(hasattr(one, attribute) for one in owners)


def test_every_package_is_described():
    root = pathlib.Path(tfvae.__file__).parent
    packages = {path.parent.name for path in root.glob("*/__init__.py")}
    described = set(re.findall(r"^\| `(\w+)` \|", section("Packages"), re.MULTILINE))
    assert packages <= described
