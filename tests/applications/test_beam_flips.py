"""One bit of a file for batch inference turned: an error, the same records, or one that differs."""

import csv
import gzip
import io

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("apache_beam")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

from tfvae.applications.beam import reading  # noqa: E402

FLIPS = 500
VALUES = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
CSV = "id,a,b,c\n" + "".join(
    f"n{i},{','.join(map(str, row))}\n" for i, row in enumerate(VALUES.tolist())
)


def _tfrecord(compression=""):
    def write(path):
        with tf.io.TFRecordWriter(str(path), compression) as writer:
            for row in VALUES:
                values = tf.train.Feature(float_list=tf.train.FloatList(value=row))
                features = tf.train.Features(feature={"x": values})
                writer.write(tf.train.Example(features=features).SerializeToString())

    return write


def _parquet(path):
    table = pa.table({"x": pa.array(VALUES.tolist(), pa.list_(pa.float32()))})
    pq.write_table(table, path, row_group_size=20, write_page_checksum=True)


WITH_DIGEST = {
    "csv.gz": lambda path: path.write_bytes(gzip.compress(CSV.encode())),
    "tfrecord": _tfrecord(),
    "tfrecord.gz": _tfrecord("GZIP"),
    "parquet": _parquet,
}


def records(path, format):
    parts = reading.parts_of(str(path), format)
    return [record for part in parts for record in reading.records_of(part, format)]


@pytest.mark.parametrize("ending", WITH_DIGEST)
def test_no_flip_is_silent_where_there_is_a_digest(tmp_path, flipped, ending):
    """Parquet's schema alone has none: a column can change its name, which `Infer` then misses."""
    path, format = tmp_path / f"a.{ending}", ending.split(".")[0]
    WITH_DIGEST[ending](path)
    expected, errors = records(path, format), 0
    assert len(expected) == 40
    for damaged, place in flipped(path.read_bytes(), FLIPS):
        path.write_bytes(damaged)
        try:
            found = records(path, format)
        except ValueError as error:
            errors += 1
            assert str(error).startswith(str(path))
        else:
            assert found == expected, place
    assert errors > FLIPS // 2


def test_csv_without_a_digest_is_what_the_module_csv_reads(tmp_path, flipped):
    """Flips that another reader would not see either, and none that loses a row."""
    path, changed = tmp_path / "a.csv", 0
    for damaged, _ in flipped(CSV.encode(), FLIPS):
        path.write_bytes(damaged)
        text = io.TextIOWrapper(io.BytesIO(damaged), "utf-8", "surrogateescape", newline="")
        try:
            header, *rows = [row for row in csv.reader(text, strict=True) if row]
            found = records(path, "csv")
        except (ValueError, csv.Error):
            continue
        assert len(found) == len(rows)
        for record, row in zip(found, rows, strict=True):
            good = len(row) == len(header) and "".join(row).isascii()
            assert record == dict(zip(header, row, strict=True)) if good else len(record) == 2
        changed += found != list(csv.DictReader(io.StringIO(CSV)))
    assert changed > FLIPS // 2
