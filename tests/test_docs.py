"""The code of README.md and of docs/ runs, page by page, in the order in which it stands there."""

import ast
import importlib.util
import os
import re
import subprocess
import warnings

import pages
import pytest

import tfvae

# The others train several models each.
QUICK = ("extending.md", "index.md")
# True of one epoch, and not of as many as the pages have.
OF_ONE_EPOCH = ("The constraint was not reached", "latents have been opened", "latents and none")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, id=p.name, marks=[] if p.name in QUICK else [pytest.mark.slow])
        for p in pages.PAGES
        if pages.blocks(p)
    ],
)
def test_code_of_a_page_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        pages.run(path)
    said = {str(one.message) for one in caught if one.category is not DeprecationWarning}
    assert not {text for text in said if not any(part in text for part in OF_ONE_EPOCH)}


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda p: p.name)
def test_pages_use_public_names_alone(path):
    for _, code in pages.blocks(path):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Attribute):
                assert not re.match("_[a-z]", node.attr), node.attr
        for dotted in re.findall(r"\btfvae((?:\.\w+)+)", code):
            owner = tfvae
            for name in dotted.split(".")[1:]:
                if importlib.util.find_spec(f"tfvae.{name}") and name not in tfvae.__all__:
                    # A package that `import tfvae` leaves out: the block imports it by its name.
                    assert re.search(rf"^(from|import) tfvae\.{name}\b", code, re.MULTILINE)
                    owner = importlib.import_module(f"tfvae.{name}")
                    continue
                assert name in getattr(owner, "__all__", dir(owner)), f"tfvae{dotted}"
                owner = getattr(owner, name)


def test_blocks_that_are_not_to_run_are_left_out(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\na = 1\n```\n<!-- not run -->\n```python\nb\n```\n```bash\nc\n```\n")
    assert pages.blocks(page) == [(2, "a = 1\n")]
    assert pages.run(page)["a"] == 1


def test_the_variable_that_shortens_the_main_command_reaches_its_last_part(tmp_path):
    """The command is three programs in a row; stand-ins of the first two make the third's words."""
    text = (pages.ROOT / "README.md").read_text()
    command = re.search(r"<!-- command: main -->\n```bash\n(.*?)\n```", text, re.DOTALL)[1]
    (setting,) = re.findall(r"`(export EPOCHS=\d+)` on a line before it", text)
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for program in (folder / "pip", folder / "tfvae", tmp_path / "python3.11"):
        program.write_text('#!/bin/sh\necho "$@"\n')
        program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "EPOCHS"}
    for line, expected in ((setting, " --epochs=5"), ("", "runs/pendulum")):
        made = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{line}\n{command}"],
            cwd=tmp_path,
            env={**environment, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        assert made.stdout.rstrip().endswith(expected)
