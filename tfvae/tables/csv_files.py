"""CSV files: separator and decimal sign, records in pieces, and the lines of records."""

import codecs
import csv
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator

from tfvae import _checks
from tfvae.tables import remedies
from tfvae.tables.values import BLANKS, Spelling

SEPARATORS = (",", ";", "\t", "|")
# Records from which separator and decimal sign are found.
_SEEN = 1000
_MOST_IN_A_CELL = 2**24
# How files begin that are no text in UTF-8, and what they are.
_BEGINNINGS = {
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\x1f\x8b": "a file compressed by gzip, whose name must end in .gz",
    b"PK": "a zip archive, perhaps of a spreadsheet",
}


class CSV:
    r"""A CSV file with a header, as text: quotes, line breaks in quotes, gaps.

    Args:
        path: of the file; gzip where it ends in .gz.
        separator: between cells; None: that of , ; tab | which gives all of the first records the
            number of cells of the header.
        decimal: sign of decimal numbers, "." or ","; None: the comma where numbers of the first
            records have it and none has a point.
        thousands: sign between groups of three digits; "": there is none; None: the one of a first
            record with a number such as 1.234,56 or 1,234.5.
        encoding: of the text. A byte-order mark is left out.

    Raises:
        ValueError: when an argument is not of these.

    Example:
        >>> import os, tempfile, tfvae
        >>> path = os.path.join(tempfile.mkdtemp(), "prices.csv")
        >>> with open(path, "w") as file:
        ...     written = file.write("what;price\nbread;1,50\nmilk;0,50\n")
        >>> tfvae.tables.Table().fit_transform(tfvae.tables.CSV(path, decimal=","))[:, -1]
        array([ 1., -1.], dtype=float32)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        separator: str | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
        encoding: str = "utf-8",
    ):
        self.path = os.fspath(path)
        if separator is not None and (not isinstance(separator, str) or len(separator) != 1):
            raise ValueError(f"`separator` must be one character or None, received {separator!r}.")
        self.separator = separator
        self.decimal = None if decimal is None else _checks.one_of("decimal", decimal, (".", ","))
        if thousands is not None:
            thousands = _checks.one_of("thousands", thousands, ("", ".", ",", " ", "'"))
        self.thousands = thousands
        if thousands and thousands == decimal:
            raise ValueError(
                f"`thousands` must differ from `decimal`, received {thousands!r} for both."
            )
        self.encoding = _checked_encoding(encoding)

    @property
    def name(self) -> str:
        """Name of the file."""
        return os.path.basename(self.path)

    @property
    def size(self) -> int:
        """Length on the disk, MB."""
        return max(1, os.path.getsize(self.path) // 2**20)

    def look(self) -> tuple[list[str], Spelling]:
        """Names of the columns, and how numbers are spelled.

        Raises:
            ValueError: when the file is empty, has no row, or its form is not clear.
        """
        self._separator = self.separator or self._found_separator()
        names, records = None, []
        for _, record in self._lines():
            if names is None:
                names = [name.strip(BLANKS) for name in record]
            elif len(records) < _SEEN:
                records.append(record)
            else:
                break
        if not records:
            what = "no line" if names is None else "a header and no row"
            raise ValueError(
                f"`rows` must have at least one row, received {self.name} with {what}."
            )
        names = [name or f"Unnamed: {place}" for place, name in enumerate(names)]
        return names, self._spelling(records)

    def records(self, width: int, size: int) -> Iterator[tuple[int, list[list[str]], int]]:
        """Pieces of the file: number of the first record, up to `size` records, MB read.

        Raises:
            ValueError: when a record has not `width` cells, naming its line.
        """
        csv.field_size_limit(max(csv.field_size_limit(), _MOST_IN_A_CELL))
        row, records, done = 0, [], 0
        with self._open() as (text, raw):
            for line, record in self._lines(text, skip_header=True):
                if len(record) != width:
                    raise ValueError(
                        f"Each row must have a cell for each of the {width} columns, received "
                        f"{len(record)} cells in line {line} of {self.name}. Cells with the "
                        f"separator {self._separator!r} or a line break stand in double quotes."
                    )
                records.append(record)
                if len(records) == size:
                    now = raw.tell() // 2**20
                    yield row, records, now - done
                    row, records, done = row + size, [], now
            if records:
                yield row, records, self.size - done

    def line(self, row: int) -> int:
        """The line on which a record begins."""
        before = 1
        with self._open() as (text, _):
            for number, (line, _) in enumerate(self._lines(text, skip_header=True)):
                if number == row:
                    return line
                before = line
        return before

    # ---- the form of the file -----------------------------------------------------------------

    def _found_separator(self):
        widths = {}
        for separator in SEPARATORS:
            self._separator = separator
            lengths = []
            try:
                for _, record in self._lines():
                    lengths.append(len(record))
                    if len(lengths) == _SEEN:
                        break
            except ValueError:
                if not lengths:
                    continue
            if lengths and lengths[0] > 1:
                same = sum(length == lengths[0] for length in lengths) / len(lengths)
                widths[separator] = (same, lengths[0])
        # A header of one cell is that of one column.
        return max(widths, key=widths.get) if widths else ","

    def _spelling(self, records):
        """How the first records spell numbers."""
        cells = {cell.strip(BLANKS) for record in records for cell in record}
        decimal, thousands = self.decimal, self.thousands
        if None in (decimal, thousands):
            # Only numbers with both signs tell which is which.
            for one, other in ((",", "."), (".", ",")):
                both = re.compile(rf"[+-]?\d{{1,3}}(\{other}\d{{3}})+\{one}\d+")
                fits = decimal in (None, one) and thousands in (None, other)
                if fits and any(both.fullmatch(cell) for cell in cells):
                    decimal, thousands = one, other
                    break
        if decimal is None:
            decimal = {",": ".", ".": ","}.get(thousands) or self._found_decimal(cells)
        return Spelling(decimal, thousands or "")

    def _found_decimal(self, cells):
        found = {}
        for sign in (",", "."):
            number = re.compile(rf"[+-]?\d*\{sign}\d+(e[+-]?\d+)?", re.IGNORECASE)
            found[sign] = sorted(cell for cell in cells if number.fullmatch(cell))
        if found[","] and found["."]:
            raise ValueError(
                f"`decimal` must be given for {self.name}, which has {found[','][0]!r} as well as "
                f"{found['.'][0]!r}: {remedies.csv(decimal='…')}, with "
                f"{remedies.csv_argument('thousands', '…')} where the other sign groups digits."
            )
        return "," if found[","] else "."

    # ---- reading ------------------------------------------------------------------------------

    def _open(self):
        return _Opened(self.path, self.encoding)

    def _lines(self, text=None, skip_header=False):
        """Records with the lines on which they begin, without empty lines."""
        if text is None:
            with self._open() as (text, _):
                yield from self._lines(text, skip_header)
            return
        reader = csv.reader(text, delimiter=self._separator, strict=True)
        line = 1
        try:
            for record in reader:
                if record:
                    if "\0" in "".join(record):
                        raise ValueError(
                            f"`rows` must be text in {self.encoding}, received a character of the "
                            f"number 0 in line {line} of {self.name}. {self._remedy()}"
                        )
                    if not skip_header:
                        yield line, record
                    skip_header = False
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(
                f"`rows` must be a CSV file, received {self.name} whose line {line} cannot be "
                f"read: {error}. A double quote within a cell is written twice."
            ) from error
        except UnicodeDecodeError as error:
            raise ValueError(
                f"`rows` must be text in {error.encoding}, received other bytes near line {line} "
                f"of {self.name}. {self._remedy()}"
            ) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"`rows` must be a whole file of gzip, as its name ends in .gz, received "
                f"{self.name}, which is damaged, cut off or something else: {error}. Take another "
                "copy, or rename it."
            ) from error

    def _remedy(self):
        """What to do about a file that is no text in the encoding."""
        with open(self.path, "rb") as file:
            begins = file.read(2)
        found = _BEGINNINGS.get(begins, "cp1252")
        if " " in found:
            return f"It begins as {found}."
        return f"Give the encoding: {remedies.csv(encoding=found)}."


def _checked_encoding(encoding):
    """The name of an encoding of text, that of UTF-8 with a byte-order mark or without."""
    try:
        "".encode(encoding)  # There are codecs of other things than text, such as base64.
    except (LookupError, TypeError) as error:
        raise ValueError(
            f"`encoding` must be the name of an encoding of text, such as 'utf-8', 'cp1252' or "
            f"'utf-16', received {encoding!r:.60}."
        ) from error
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


class _Opened:
    """The text of a file, and the stream of its bytes on the disk, whose place tells progress."""

    def __init__(self, path, encoding):
        self._path, self._encoding = path, encoding

    def __enter__(self):
        self._raw = open(self._path, "rb")
        stream = gzip.open(self._raw) if self._path.endswith(".gz") else self._raw
        self._text = io.TextIOWrapper(stream, encoding=self._encoding, newline="")
        return self._text, self._raw

    def __exit__(self, *_):
        self._text.close()
        self._raw.close()
