"""The code of README.md and of docs/ runs, page by page, in the order in which it stands there."""

import ast
import re

import pages
import pytest

import tfvae

# It trains on thousands of images.
SLOW = ("README.md",)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, id=p.name, marks=[pytest.mark.slow] if p.name in SLOW else [])
        for p in pages.PAGES
        if pages.blocks(p)
    ],
)
def test_code_of_a_page_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pages.run(path)


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda p: p.name)
def test_pages_use_public_names_alone(path):
    for _, code in pages.blocks(path):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Attribute):
                assert not re.match("_[a-z]", node.attr), node.attr
        for dotted in re.findall(r"\btfvae((?:\.\w+)+)", code):
            owner = tfvae
            for name in dotted.split(".")[1:]:
                assert name in getattr(owner, "__all__", dir(owner)), f"tfvae{dotted}"
                owner = getattr(owner, name)


def test_blocks_that_are_not_to_run_are_left_out(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\na = 1\n```\n<!-- not run -->\n```python\nb\n```\n```bash\nc\n```\n")
    assert pages.blocks(page) == [(2, "a = 1\n")]
    assert pages.run(page)["a"] == 1
