"""The pages of the API reference: every name in the `__all__` of every public package.

The packages are read, not imported: a build of the site takes no start of TensorFlow. A name that
two packages share has its entry in the one with the shorter path; the other one links to it.
"""

import ast
import dataclasses
import functools
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Some of their methods come from classes that are no names of their own.
_INHERITED = ["    options:", "      inherited_members: true"]
OPTIONS = {
    "tfvae.LatentVariableModel": _INHERITED,
    "tfvae.applications.SimilarityIndex": _INHERITED,
}


@dataclasses.dataclass(frozen=True)
class Package:
    """A public package: what it is for, and its names with the first line of their docstrings."""

    name: str
    summary: str
    names: dict[str, str]
    origins: dict[str, str]


def packages(root: pathlib.Path = ROOT) -> list[Package]:
    """All packages of `tfvae` in alphabetical order, `tfvae` itself first."""
    found = sorted((root / "tfvae").rglob("__init__.py"))
    names = [".".join(path.parent.relative_to(root).parts) for path in found]
    public = [name for name in names if not any(part[0] == "_" for part in name.split("."))]
    return [_package(root, name, set(names)) for name in sorted(public) if exported(root, name)]


def exported(root: pathlib.Path, package: str) -> list[str]:
    """The names in `__all__` of a package."""
    return _assigned(_tree(_path(root, package)), "__all__") or []


def entries(found: list[Package]) -> dict[str, str]:
    """Where each object is described: its origin -> its shortest public path."""
    places = {}
    for package in sorted(found, key=lambda one: (one.name.count("."), one.name)):
        for name in package.names:
            places.setdefault(package.origins[name], f"{package.name}.{name}")
    return places


def pages(root: pathlib.Path = ROOT) -> dict[str, str]:
    """File name -> Markdown, a page for each package and `index.md`."""
    found = packages(root)
    places = entries(found)
    made = {"index.md": _index(found)}
    for package in found:
        inside = [one for one in found if one.name.rpartition(".")[0] == package.name]
        made[f"{package.name}.md"] = _page(package, inside, places)
    return made


def _package(root, package, all_packages):
    tree = _tree(_path(root, package))
    names, origins = {}, {}
    for name in exported(root, package):
        origin, docstring = _origin(root, package, name)
        if origin not in all_packages and name != "__version__":
            names[name], origins[name] = _first_line(docstring), origin
    return Package(package, _first_line(ast.get_docstring(tree)), names, origins)


def _origin(root, module, name):
    """Path and docstring of an object, found by its imports."""
    tree = _tree(_path(root, module))
    lazy = _assigned(tree, "_MODULES") or {}
    if name in lazy:
        return _origin(root, f"{module}.{lazy[name]}", name)
    for node in tree.body:
        if getattr(node, "name", None) == name:
            return f"{module}.{name}", ast.get_docstring(node)
        if isinstance(node, ast.ImportFrom) and _is_elsewhere(node.module, module):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _origin(root, node.module, alias.name)
    # A package inside of this one, or a number.
    return f"{module}.{name}", ""


def _is_elsewhere(imported, module):
    return imported is not None and imported.split(".")[0] == "tfvae" and imported != module


def _page(package, inside, places):
    lines = [f"# {package.name}", "", package.summary, ""]
    if inside:
        lines += ["| package | what it holds |", "|---|---|"]
        lines += [f"| [`{one.name}`]({one.name}.md) | {_cell(one.summary)} |" for one in inside]
        lines += [""]
    if package.names:
        lines += ["| name | what it is |", "|---|---|"]
    for name, line in package.names.items():
        lines.append(f"| [`{name}`][{places[package.origins[name]]}] | {_cell(line)} |")
    for name in package.names:
        place = places[package.origins[name]]
        if place == f"{package.name}.{name}":
            lines += ["", f"::: {place}", *OPTIONS.get(place, [])]
    return "\n".join(lines) + "\n"


def _index(found):
    lines = [
        "# Reference",
        "",
        "Every public name, by package. Models are at the top level: `tfvae.VHPVAE`. Shapes are in "
        "the letters of the [glossary](../glossary.md).",
        "",
        "| package | what it holds |",
        "|---|---|",
    ]
    lines += [f"| [`{one.name}`]({one.name}.md) | {_cell(one.summary)} |" for one in found]
    return "\n".join(lines) + "\n"


def _cell(text):
    return text.replace("|", "\\|").replace("*", "\\*")


def _first_line(docstring):
    return (docstring or "").strip().split("\n\n")[0].split(":\n")[0].replace("\n", " ")


def _path(root, module):
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _tree(path):
    return _parsed(path, path.stat().st_mtime_ns)


@functools.cache
def _parsed(path, stamp):
    """A file as it is at that time: `mkdocs serve` reads it again when it changes."""
    return ast.parse(path.read_text(encoding="utf-8"))


def _assigned(tree, name):
    """The value of a literal that a module gives a name, or None."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    return None
