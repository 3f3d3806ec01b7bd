"""Records from files and results to files.

Methods that Beam calls have no annotations: Beam would take these for type hints of its own.
"""

from __future__ import annotations

import base64
import collections.abc
import csv
import io
import json
import math
import os
import re
from typing import TYPE_CHECKING

import numpy as np

from tfvae import _checks
from tfvae.applications.beam import _installed
from tfvae.applications.beam._installed import beam

if TYPE_CHECKING:
    import pyarrow

FORMATS = ("tfrecord", "parquet", "csv")


class Read(_installed.Transform):
    """Reads records, dicts from column to value, from TFRecord, Parquet or CSV files.

    TFRecord files hold `tf.train.Example`; its features are the columns, ordered by name. CSV files
    are UTF-8. Their first line names the columns, and each other line is a record; a quoted field
    cannot span lines. A record that cannot be parsed becomes a pair (raw record, reason), which
    `Infer` passes on to its errors. A file that is damaged as a whole ends the pipeline.

    Args:
        pattern: files, as in "data/*.parquet", in any file system that Beam knows.
        format: "tfrecord", "parquet" or "csv". None: by the ending of `pattern`.

    Raises:
        ImportError: when apache-beam is not installed.
        ValueError: when the format is unknown, or neither given nor in the pattern.
        OSError: from Beam, when no file matches.
    """

    def __init__(self, pattern: str | os.PathLike, format: str | None = None) -> None:
        _installed.check()
        super().__init__()
        self.pattern = os.fspath(pattern)
        found = format_of(self.pattern) if format is None else format
        self.format = _checks.one_of("format", found, FORMATS)

    def expand(self, root):
        """The records."""
        if self.format == "parquet":
            return root | beam.io.ReadFromParquet(self.pattern)
        if self.format == "tfrecord":
            return root | beam.io.ReadFromTFRecord(self.pattern) | "Parse" >> beam.Map(_of_example)
        lines = beam.io.ReadFromTextWithFilename(
            self.pattern, coder=beam.coders.BytesCoder(), skip_header_lines=1
        )
        return root | lines | "Parse" >> beam.ParDo(_OfLine())


def format_of(pattern: str) -> str:
    """The format by the ending of a file name, such as "a.csv.gz" or "a.tfrecord-0-of-9".

    Raises:
        ValueError: when the ending names no format.

    Example:
        >>> from tfvae.applications import beam
        >>> beam.format_of("gs://bucket/sensors-*.tfrecord.gz")
        'tfrecord'
    """
    endings = re.findall(r"\.(tfrecord|parquet|csv)s?(?![A-Za-z])", os.path.basename(pattern))
    if not endings:
        raise ValueError(
            f"`format` must be given if the ending of the files is none of {', '.join(FORMATS)}, "
            f"received {pattern!r}."
        )
    return endings[-1]


class Write(_installed.Transform):
    """Writes results or errors, as JSON lines or Parquet.

    Args:
        prefix: start of the files' names, as in "out/embeddings".
        schema: `Infer.schema`, for Parquet. None: a JSON object per line, with bytes as
            {"b64": base64} and numbers that are not finite as text.

    Raises:
        ImportError: when apache-beam is not installed.
    """

    def __init__(self, prefix: str | os.PathLike, schema: pyarrow.Schema | None = None) -> None:
        _installed.check()
        super().__init__()
        self.prefix, self.schema = os.fspath(prefix), schema

    def expand(self, rows):
        """The names of the files."""
        if self.schema is None:
            lines = rows | "Format" >> beam.Map(_as_json)
            return lines | beam.io.WriteToText(self.prefix, file_name_suffix=".jsonl")
        return (
            rows
            | "Format" >> beam.Map(_flat)
            | beam.io.WriteToParquet(self.prefix, self.schema, file_name_suffix=".parquet")
        )


class _OfLine(_installed.DoFn):
    """From (file, line) of CSV to a record, by the names in the file's first line."""

    def __init__(self):
        self._headers = {}

    def process(self, element):
        path, line = element
        if not line.strip():
            return
        try:
            if path not in self._headers:
                with beam.io.filesystems.FileSystems.open(path) as file:
                    self._headers[path] = _fields(file.readline())
            header, fields = self._headers[path], _fields(line)
            if len(fields) != len(header):
                raise ValueError(f"the line has {len(fields)} fields, the header {len(header)}")
            yield dict(zip(header, fields, strict=True))
        except (ValueError, csv.Error) as error:
            yield line, f"no line of CSV in UTF-8: {error}"


def _fields(line):
    text = line.decode("utf-8-sig").rstrip("\r\n")
    return next(csv.reader(io.StringIO(text), strict=True))


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


def _flat(row):
    """A row for Parquet."""
    return {key: value.ravel() if np.ndim(value) else value for key, value in row.items()}


def _as_json(row):
    return json.dumps(_plain(row), ensure_ascii=False, allow_nan=False, default=str)


def _plain(value):
    """`value` in terms of JSON's types."""
    if isinstance(value, collections.abc.Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
