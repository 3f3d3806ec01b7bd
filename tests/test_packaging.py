"""What setup.cfg claims, what a wheel installs, and what the source distribution holds."""

import configparser
import email
import pathlib
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import urllib.parse
import zipfile

import markdown_it
import pytest
import yaml

from tfvae import commands, experiments
from tfvae._version import __version__

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


def test_the_citation_is_of_this_version(claims):
    """The required keys of cff-version 1.2.0, and those that setup.cfg has too."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert citation["version"] == __version__
    assert citation["license"] == claims["metadata"]["license"]
    assert citation["authors"] == [{"name": claims["metadata"]["author"]}]


def test_the_extra_of_the_tests_has_all_that_the_tasks_need(claims):
    extras = claims["options.extras_require"]
    for name in extras:
        if name not in ("docs", "test"):
            assert {*extras[name].split()} <= {*extras["test"].split()}, name


def links(text):
    """Targets of the links and pictures of a page."""
    tokens = [
        token
        for block in markdown_it.MarkdownIt().enable("table").parse(text)
        for token in block.children or []
    ]
    return {one.attrs[key] for one in tokens for key in ("href", "src") if key in one.attrs}


def is_relative(link):
    return not urllib.parse.urlparse(link).scheme


@pytest.fixture(scope="module")
def program():
    return runpy.run_path(str(ROOT / "setup.py"), run_name="setup")


def test_no_link_of_the_readme_is_broken_on_a_package_index(program):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    relative = {link for link in links(readme) if is_relative(link)}
    assert "docs/start.md" in relative and "docs/images/vhp_vae.png" in relative
    for link in relative:
        assert (ROOT / link.partition("#")[0]).is_file(), link
    absolute = links(readme) - relative
    # Without the address of the repository the words stay, and links to elsewhere.
    text = program["description"](readme, None)
    assert links(text) == absolute
    for words in ("Start in five minutes", "Encodings of a pendulum on a ring", "vae.fit(x"):
        assert text.count(words) == readme.count(words)
    # With it each file has its address.
    made = links(program["description"](readme, "https://example.org/a/b/")) - absolute
    pattern = r"https://example\.org/a/b/(blob|raw)/main/(.*)"
    found = {match[2]: match[1] for match in (re.fullmatch(pattern, link) for link in made)}
    assert set(found) == relative
    assert {target for target, kind in found.items() if kind == "raw"} == {
        link for link in relative if link.endswith(".png")
    }


def test_the_address_of_the_repository_is_that_of_setup_cfg(program, tmp_path):
    source_url = program["source_url"]
    source_url.__globals__["ROOT"] = tmp_path
    for lines, expected in (
        ("", None),
        (
            "project_urls =\n    Docs = https://a.org\n    Source = https://b.org/c=d\n",
            "https://b.org/c=d",
        ),
    ):
        (tmp_path / "setup.cfg").write_text(f"[metadata]\nname = one\n{lines}")
        assert source_url() == expected


def test_code_keeps_what_looks_like_a_link(program):
    text = "[a](b.md) ![c](d.png) [e](https://f.org)\n```python\nx[0](y)\n```\n"
    kept = "\n```python\nx[0](y)\n```\n"
    assert program["description"](text, None) == f"a c [e](https://f.org){kept}"


# Of a checkout, what nobody distributes.
LEFT = shutil.ignore_patterns(
    ".git", "__pycache__", "*.egg-info", "build", "dist", ".*_cache", ".venv", "venv", "runs",
    ".ipynb_checkpoints",
)  # fmt: skip
# A hook of PEP 517, which `python -m build` calls too.
BUILD = "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the repository: a build writes into the folder that it builds."""
    folder = tmp_path_factory.mktemp("packaging") / "source"
    shutil.copytree(ROOT, folder, ignore=LEFT)
    return folder


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    """The paths of the source distribution and of the wheel."""
    pytest.importorskip("setuptools", minversion="77")
    files = sorted(path for path in source.rglob("*") if path.is_file())
    folder = tmp_path_factory.mktemp("dist")
    for what in ("build_sdist", "build_wheel"):
        command = [sys.executable, "-c", BUILD, what, str(folder)]
        made = subprocess.run(command, cwd=source, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
    sdist, wheel = sorted(folder.iterdir(), reverse=True)
    assert (sdist.name, wheel.name[-4:]) == (f"tfvae-{__version__}.tar.gz", ".whl")
    return sdist, wheel, files


def test_a_wheel_installs_tfvae_alone(built):
    with zipfile.ZipFile(built[1]) as wheel:
        names = wheel.namelist()
    information = f"tfvae-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"tfvae", information}
    installed = {pathlib.Path(name) for name in names if name.startswith("tfvae/")}
    package = ROOT / "tfvae"
    written = {
        path.relative_to(ROOT) for path in (*package.rglob("*.py"), *package.rglob("*.toml"))
    }
    assert installed == written | {pathlib.Path("tfvae/py.typed")}
    configs = {f"tfvae/experiments/configs/{one.name}.py" for one in experiments.list_configs()}
    assert configs and configs <= {*names}
    assert f"{information}/licenses/LICENSE" in names


def test_a_wheel_has_the_command_line(built):
    with zipfile.ZipFile(built[1]) as wheel:
        information = f"tfvae-{__version__}.dist-info"
        points = wheel.read(f"{information}/entry_points.txt").decode()
        metadata = email.message_from_bytes(wheel.read(f"{information}/METADATA"))
    parser = configparser.ConfigParser()
    parser.read_string(points)
    module, _, function = parser["console_scripts"]["tfvae"].partition(":")
    assert (module, getattr(commands, function)) == (commands.__name__, commands.main)
    assert metadata["Author"] == "The tfvae authors" and metadata["Version"] == __version__
    assert metadata["License"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    text = metadata.get_payload(decode=True).decode()
    assert "Variational autoencoders with structured latent spaces" in text
    assert links(text) and not any(map(is_relative, links(text)))


def test_a_source_distribution_is_whole(built, source):
    sdist, _, files = built
    with tarfile.open(sdist) as archive:
        names = {pathlib.Path(*pathlib.Path(name).parts[1:]) for name in archive.getnames()}
    missing = {path.relative_to(source) for path in files} - names
    assert not missing
    assert not [name for name in names if "__pycache__" in name.parts or name.suffix == ".pyc"]
