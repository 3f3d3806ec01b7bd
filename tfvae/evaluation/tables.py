"""Reports as tables, with a line for each number and its unit."""

from typing import Any, NamedTuple


class Line(NamedTuple):
    """One number of a report."""

    name: str
    value: Any
    unit: str = ""


def format_value(value: Any) -> str:
    """Formats a float with five significant digits, and anything else with `str`."""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def table(title: str, lines: list[Line]) -> str:
    """Formats a title and a line for each number: name, value and unit in columns."""
    values = [format_value(line.value) for line in lines]
    name_width = max(len(line.name) for line in lines)
    value_width = max(len(value) for value in values)
    rows = [
        f"{line.name:<{name_width}}  {value:>{value_width}}  {line.unit}".rstrip()
        for line, value in zip(lines, values, strict=True)
    ]
    return "\n".join([title, "-" * max(len(title), *map(len, rows)), *rows])


def markdown(columns: list[str], rows: list[list[Any]]) -> str:
    """Formats a table in Markdown with aligned columns; None prints as «–»."""
    cells = [
        columns,
        *[["–" if value is None else format_value(value) for value in row] for row in rows],
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
