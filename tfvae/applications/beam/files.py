"""Records from files and results to files.

Methods that Beam calls have no annotations: Beam would take these for type hints of its own.
"""

from __future__ import annotations

import base64
import collections.abc
import json
import math
import os
import re
from typing import TYPE_CHECKING

import numpy as np

from tfvae import _checks
from tfvae.applications.beam import _installed, reading
from tfvae.applications.beam._installed import beam

if TYPE_CHECKING:
    import pyarrow


class Read(_installed.Transform):
    """Reads records, dicts from column to value, from TFRecord, Parquet or CSV files.

    Files compressed by gzip, bzip2 or xz are told by their first bytes. TFRecord files hold
    `tf.train.Example`; its features are the columns, ordered by name. CSV files are UTF-8, with or
    without a byte-order mark, and have lines of any ending, as the module csv reads them. The first
    row names the columns, blank lines are skipped, and a quoted field may span lines.

    A record that cannot be parsed becomes a pair (raw record, reason), which `Infer` passes on to
    its errors. A file that is damaged as a whole ends the pipeline: it ends early, a quote is
    wrong, a digest does not fit, two columns have one name. Row groups of Parquet and files of
    other formats are read in parallel, so large data need several.

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
        self.format = _checks.one_of("format", found, reading.FORMATS)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the first file, by its name, in its order.

        Raises:
            ValueError: when the file is damaged.
            OSError: when no file matches.
        """
        return reading.columns_of_file(min(self._paths()), self.format)

    def expand(self, root):
        """The records."""
        from apache_beam.io import fileio

        self._paths(limit=1)
        matched = fileio.MatchFiles(self.pattern, fileio.EmptyMatchTreatment.DISALLOW)
        return (
            root
            | "Match" >> matched
            | "Divide" >> beam.FlatMap(_parts, self.format)
            | beam.Reshuffle()
            | "Read" >> beam.FlatMap(reading.records_of, self.format)
        )

    def _paths(self, limit=None):
        (found,) = beam.io.filesystems.FileSystems.match([self.pattern], [limit])
        if not found.metadata_list:
            raise OSError(f"No files found based on the file pattern {self.pattern}")
        return [metadata.path for metadata in found.metadata_list]


def _parts(metadata, format):
    return reading.parts_of(metadata.path, format)


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
            f"`format` must be one of {', '.join(reading.FORMATS)} if the files' ending is none of "
            f"them, received None for {pattern!r}."
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
        ValueError: when there are files of an earlier run with this prefix. Theirs would stay
            beside new ones wherever the numbers of files differ.
    """

    def __init__(self, prefix: str | os.PathLike, schema: pyarrow.Schema | None = None) -> None:
        _installed.check()
        super().__init__()
        self.prefix, self.schema = os.fspath(prefix), schema

    def expand(self, rows):
        """The names of the files."""
        # Beam's patterns have no way to quote *, ? and [.
        shards = re.sub(r"[*?[]", "?", self.prefix) + "-?????-of-?????.*"
        (found,) = beam.io.filesystems.FileSystems.match([shards])
        start = os.path.basename(self.prefix)
        paths = [metadata.path for metadata in found.metadata_list]
        earlier = [path for path in paths if os.path.basename(path).startswith(start)]
        if earlier:
            raise ValueError(
                f"`prefix` must be new, received {self.prefix!r}, which has files of an earlier "
                f"run, as {earlier[0]}. Delete them, or choose another prefix."
            )
        if self.schema is None:
            lines = rows | "Format" >> beam.Map(_as_json)
            return lines | beam.io.WriteToText(self.prefix, file_name_suffix=".jsonl")
        return (
            rows
            | "Format" >> beam.Map(_flat)
            | beam.io.WriteToParquet(self.prefix, self.schema, file_name_suffix=".parquet")
        )


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
