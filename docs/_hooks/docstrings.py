"""How the docstrings of this library become Markdown: an extension of Griffe."""

import ast
import re
from typing import Any

import griffe

CODE = re.compile(r"(`[^`\n]+`)")


class Docstrings(griffe.Extension):
    """Examples are code, stars of shapes are stars, and names that are imported late are found."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrites the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)

    def on_module_members(self, *, mod: griffe.Module, **kwargs: Any) -> None:
        """Adds the names of `_MODULES`, which `__getattr__` of a package imports when used."""
        late = mod.members.get("_MODULES")
        if late is not None:
            for name, module in ast.literal_eval(str(late.value)).items():
                mod.set_member(name, griffe.Alias(name, f"{mod.path}.{module}.{name}"))


def as_markdown(docstring: str) -> str:
    """A docstring with the headings that Griffe reads, and `(n, *data)` not in italics."""
    lines = docstring.split("\n")
    for i, line in enumerate(lines):
        if line.strip() == "Example:":
            lines[i] = line.replace("Example:", "Examples:")
        elif ">>>" not in line:
            parts = CODE.split(line)
            parts[::2] = [
                re.sub(r"(?<![*\w])\*(?=[\w.])(?![^*]*\w\*)", r"\\*", p) for p in parts[::2]
            ]
            lines[i] = "".join(parts)
    return "\n".join(lines)
