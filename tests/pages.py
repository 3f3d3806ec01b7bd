"""The code of README.md and of docs/: what tests run of it."""

import ast
import pathlib
import re

import tfvae

ROOT = pathlib.Path(tfvae.__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^(<!-- not run -->\s*?\n)?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# One epoch shows that a block runs.
EPOCHS = re.compile(r"\bepochs=\d+")


def blocks(path):
    """Line number and code of each Python block of a page that is to run."""
    text = path.read_text()
    return [
        (text.count("\n", 0, match.start(2)) + 1, match[2])
        for match in BLOCK.finditer(text)
        if match[1] is None
    ]


def run(path, epochs="epochs=1"):
    """What the blocks of a page define, all of them run in one namespace."""
    namespace = {"__name__": path.stem}
    for line, code in blocks(path):
        # Empty lines in front: an error tells the line of the page.
        source = "\n" * (line - 1) + EPOCHS.sub(epochs, code)
        exec(compile(source, str(path), "exec"), namespace)
    return namespace


def definitions(path):
    """The classes and functions of a page, with its imports; no model is trained for them."""
    namespace = {"__name__": path.stem}
    for line, code in blocks(path):
        tree = ast.parse("\n" * (line - 1) + code)
        tree.body = [node for node in tree.body if _defines(node)]
        exec(compile(tree, str(path), "exec"), namespace)
    return namespace


def _defines(node):
    """Imports, classes, functions, and short names for modules."""
    if isinstance(node, ast.Assign):
        values = getattr(node.value, "elts", [node.value])
        calls = any(isinstance(one, ast.Call) for one in ast.walk(node))
        return not calls and all(isinstance(value, ast.Attribute) for value in values)
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef))
