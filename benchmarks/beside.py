"""Which models and detectors other libraries have: the classes that their packages make public.

    python -m benchmarks.beside [--python PYTHON]

PYTHON is an interpreter with some of the libraries installed, this one by default. Their source is
read, not imported, so that none of their own requirements is needed
(`pip install --no-deps pythae disentanglement_lib scvi-tools pyod`). What is printed is what
docs/beside.md says of them.
"""

import argparse
import ast
import json
import pathlib
import re
import subprocess
import sys

import keras

import tfvae

# Distribution and import name; packages with models. Where a package does not say what is public, a
# word that a class has in its name or for a base, the others being parts of models.
LIBRARIES = {
    "pythae": ("pythae", ("models",), None),
    "disentanglement_lib": ("disentanglement_lib", ("methods",), "VAE"),
    "scvi-tools": ("scvi", ("model", "external"), None),
    "PyOD": ("pyod", ("models",), "BaseDetector"),
}
# What the packages make public besides models.
OTHERS = re.compile("[a-z]|.*(Config|Model|Mixin|^Base.*)$")
# Asked of the interpreter: versions and folders of what is installed.
QUESTION = """
import importlib.metadata, importlib.util, json, sys
found = {}
for name, package in json.loads(sys.argv[1]).items():
    spec = importlib.util.find_spec(package)
    if spec is not None:
        found[name] = [importlib.metadata.version(name), list(spec.submodule_search_locations)[0]]
print(json.dumps(found))
"""


def installed(python):
    """{library: (version, folder)} of those that the interpreter has."""
    names = json.dumps({name: package for name, (package, *_) in LIBRARIES.items()})
    output = subprocess.run(
        [python, "-c", QUESTION, names], capture_output=True, text=True, check=True
    ).stdout
    return {
        name: (version, pathlib.Path(folder))
        for name, (version, folder) in json.loads(output).items()
    }


def models(folder, packages, word):
    """Names of the models in the packages."""
    found = set()
    for package in packages:
        if word is None:
            found |= public(folder / package / "__init__.py")
            continue
        for path in (folder / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    names = [node.name, *map(ast.unparse, node.bases)]
                    found |= {node.name} if any(word in name for name in names) else set()
    return sorted(name for name in found if not OTHERS.match(name) and name != word)


def public(path):
    """The names in a module's `__all__`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    raise ValueError(f"{path} has no `__all__`")


def own_classes():
    """Models of tfvae."""
    return sorted(
        name
        for name in tfvae.__all__
        if isinstance(getattr(tfvae, name), type) and issubclass(getattr(tfvae, name), keras.Model)
    )


def main():
    """Prints a list for each library."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter that has the libraries"
    )
    python = parser.parse_args().python
    print(f"- tfvae {tfvae.__version__}: {', '.join(own_classes())}")
    found = installed(python)
    for name, (_, packages, word) in LIBRARIES.items():
        if name not in found:
            print(f"- {name}: not installed")
            continue
        version, folder = found[name]
        print(f"- {name} {version}: {', '.join(models(folder, packages, word))}")


if __name__ == "__main__":
    main()
