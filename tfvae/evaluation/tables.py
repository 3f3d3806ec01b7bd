"""Reports as tables, with a line for each number and its unit."""

import re
import textwrap
from typing import Any, NamedTuple

# What means something in a line of Markdown or HTML. An underscore within a word does not, nor a
# bracket without a target.
_MARKUP = re.compile(r"[\\`*<>|~&$#]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])")

# Of a paragraph below a narrow table.
LEAST_WIDTH = 72


class Line(NamedTuple):
    """One number of a report."""

    name: str
    value: Any
    unit: str = ""


def format_value(value: Any) -> str:
    """Formats a float with five significant digits, and anything else with `str`."""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def table(title: str, lines: list[Line]) -> str:
    """Formats a title and a line for each number: name, value and unit in columns.

    Sentences among the values stand below, as a paragraph.
    """
    lines, text = apart(lines)
    values = [format_value(line.value) for line in lines]
    name_width = max((len(line.name) for line in lines), default=0)
    value_width = max((len(value) for value in values), default=0)
    rows = [
        f"{line.name:<{name_width}}  {value:>{value_width}}  {line.unit}".rstrip()
        for line, value in zip(lines, values, strict=True)
    ]
    width = max(map(len, [title, *rows]))
    paragraph = ["", textwrap.fill(text, max(width, LEAST_WIDTH))] if text else []
    return "\n".join([title, "-" * width, *rows, *paragraph])


def apart(lines: list[Line]) -> tuple[list[Line], str]:
    """The lines that are a number or a word, and the sentences of all others, in order."""
    numbers = [line for line in lines if not _is_sentence(line.value)]
    return numbers, " ".join(line.value for line in lines if _is_sentence(line.value))


def _is_sentence(value):
    return isinstance(value, str) and value.endswith(".") and " " in value


def escaped(text: str) -> str:
    """Escapes a text for a line or a cell of Markdown, which then shows it as it is."""
    return _marked(" ".join(text.split()))


def _marked(text):
    return _MARKUP.sub(r"\\\g<0>", text)


def escaped_text(text: str) -> str:
    """As `escaped`, but what stands in backticks stays code."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(part if i % 2 else _marked(part) for i, part in enumerate(parts))


def fenced(language: str, text: str) -> str:
    """Returns a block of code in Markdown; its fence is longer than all that the text holds."""
    fence = "`" * (1 + max([2, *map(len, re.findall("`+", text))]))
    return f"{fence}{language}\n{text}\n{fence}"


def markdown(columns: list[str], rows: list[list[Any]]) -> str:
    """Formats a table in Markdown with aligned columns; None prints as «–». Texts are escaped."""
    cells = [
        [escaped("–" if value is None else format_value(value)) for value in row]
        for row in [columns, *rows]
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


class Report:
    """Base class of reports, which print as a table. A subclass has `title` and `lines`."""

    title: str

    def lines(self) -> list[Line]:
        """Returns the numbers of the report, in order."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Returns the same numbers by name."""
        return {line.name: line.value for line in self.lines()}

    def __str__(self) -> str:
        return table(self.title, self.lines())
