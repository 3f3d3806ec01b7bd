"""The records of one file, CSV, Parquet or TFRecord: all of them, or an error that names the file.

Functions that Beam calls have no annotations: Beam would take these for type hints of its own.
"""

import bz2
import contextlib
import csv
import gzip
import io
import lzma
import re

from tfvae.applications.beam._installed import beam

CSV, PARQUET, TFRECORD = FORMATS = ("csv", "parquet", "tfrecord")

# Python's readers fail at a stream that ends early; Beam's take it for the whole file.
_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_FRACTION = re.compile(r"[+-]?\d*\.\d+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def parts_of(path, format):
    """Returns what can be read apart, (path, index): the row groups of Parquet, or the file."""
    with _opened(path, format) as file:
        return [(path, i) for i in range(_parquet(file).num_row_groups if format == PARQUET else 1)]


def records_of(part, format):
    """Yields the records of a part, dicts; or (raw record, reason) for one that cannot be parsed.

    Raises:
        ValueError: when the file is damaged as a whole. The message names the file.
    """
    path, index = part
    with _opened(path, format) as file:
        if format == PARQUET:
            parquet = _parquet(file)
            missing = parquet.metadata.row_group(index).num_rows
            for batch in parquet.iter_batches(row_groups=[index]):
                yield from batch.to_pylist()
                missing -= batch.num_rows
            # A page whose header is damaged is skipped without an error.
            if missing:
                raise ValueError(f"row group {index} misses {missing} rows")
        elif format == CSV:
            yield from _of_csv(file, path)
        else:
            yield from map(_of_example, _serialized(file))


def columns_of_file(path, format):
    """Returns the names of the columns: of the schema, of the first line, or of the first record.

    Raises:
        ValueError: when the file is damaged, or TFRecord without a readable record.
    """
    with _opened(path, format) as file:
        if format == PARQUET:
            return _parquet(file).schema_arrow.names
        if format == CSV:
            return _header(_rows(file))
        first = next(map(_of_example, _serialized(file)), None)
        if not isinstance(first, dict):
            raise ValueError(
                "the first record, which names the columns, must be a tf.train.Example"
            )
        return list(first)


@contextlib.contextmanager
def _opened(path, format):
    """The bytes of a file, decompressed if its own first bytes, not its name, say so."""
    systems, types = beam.io.filesystems.FileSystems, beam.io.filesystem.CompressionTypes
    try:
        with systems.open(path, compression_type=types.UNCOMPRESSED) as raw:
            start = raw.read(6)
            raw.seek(0)
            decompressors = [f for magic, f in _COMPRESSED.items() if start.startswith(magic)]
            yield decompressors[0](raw) if decompressors else raw
    except Exception as error:  # PyArrow and the decompressors raise a dozen types.
        raise ValueError(
            f"{path}: the file must be whole and {format}, received a damaged or other one: "
            f"{error}. Get or write the file again, or take it out of the pattern."
        ) from error


def _of_csv(file, path):
    rows = _rows(file)
    header = _header(rows)
    for number, raw, fields in rows:
        reason = None
        if not _is_utf8(raw):
            raw, reason = raw.encode("utf-8", "surrogateescape"), "its bytes are not UTF-8"
        elif len(fields) != len(header):
            reason = f"it has {len(fields)} fields, the header {len(header)}"
        if reason:
            yield raw, f"no record of CSV, {reason} ({path}, line {number})"
        else:
            yield dict(zip(header, fields, strict=True))


def _rows(file):
    """Yields (number of its last line, text, fields) of each row of CSV that is not blank."""
    taken = []

    def lines():
        # A byte that is not UTF-8 spoils its row, not the file.
        for line in io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline=""):
            taken.append(line)
            yield line

    reader = csv.reader(lines(), strict=True)
    try:
        for fields in reader:
            raw = "".join(taken)
            taken.clear()
            if fields:
                yield reader.line_num, raw, fields
    except csv.Error as error:
        # After a wrong quote, nothing tells where the next record begins.
        raise ValueError(f"line {reader.line_num}: {error}") from error


def _header(rows):
    """The names of the columns from the first row, which it takes."""
    _, raw, names = next(rows, (0, "", []))
    if not names:
        raise ValueError("the first line must name the columns, received an empty file")
    if not _is_utf8(raw) or "\0" in raw:
        raise ValueError("the text must be UTF-8, received another encoding in the first line")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the columns must have different names, received {twice} more than once")
    numbers = [name for name in names if _FRACTION.fullmatch(name.strip())]
    if numbers:
        raise ValueError(f"the first line must name the columns, received the number {numbers[0]}")
    return names


def _is_utf8(text):
    return text.isascii() or not re.search("[\ud800-\udfff]", text)


def _parquet(file):
    import pyarrow.parquet as pq

    opened = pq.ParquetFile(file, page_checksum_verification=True)
    names = opened.schema_arrow.names
    if len(set(names)) < len(names):
        raise ValueError(f"the columns must have different names, received {names}")
    # The end of the file, which says both, has no digest.
    found = sum(opened.metadata.row_group(i).num_rows for i in range(opened.num_row_groups))
    if found != opened.metadata.num_rows:
        raise ValueError(f"row groups have {found} rows, the file {opened.metadata.num_rows}")
    return opened


def _serialized(file):
    """Yields the records of TFRecord, whose digests are checked.

    Beam's public readers yield records without their file, and take a cut .gz for a whole one.
    """
    from apache_beam.io.tfrecordio import _TFRecordUtil

    while (record := _TFRecordUtil.read_record(file)) is not None:
        yield record


def _of_example(serialized):
    """From a serialized tf.train.Example to a record."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        return serialized, f"no tf.train.Example: {error}"
    kinds = {name: features[name].WhichOneof("kind") for name in sorted(features)}
    return {n: list(getattr(features[n], kind).value) if kind else [] for n, kind in kinds.items()}
