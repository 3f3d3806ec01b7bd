"""Awkward, cut, damaged and repeated files in batch inference: all rows, or an error."""

import bz2
import csv
import gzip
import lzma

import numpy as np
import pytest

pytest.importorskip("apache_beam")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
tf = pytest.importorskip("tensorflow")

import apache_beam as beam  # noqa: E402
from apache_beam.testing.util import assert_that, equal_to  # noqa: E402

from tfvae.applications.beam import Read, Write, reading  # noqa: E402
from tfvae.applications.beam.records import Source, values_of  # noqa: E402

RUNNER = "FnApiRunner"


def records(path, format="csv"):
    parts = reading.parts_of(str(path), format)
    return [record for part in parts for record in reading.records_of(part, format)]


AWKWARD = {
    "plain": b"a,b\n1,2\n3,4\n",
    "no last line end": b"a,b\n1,2\n3,4",
    "Windows": b"a,b\r\n1,2\r\n3,4\r\n",
    "old Macintosh": b"a,b\r1,2\r3,4\r",
    "mixed line ends": b"a,b\r\n1,2\n3,4\r5,6",
    "byte-order mark": b"\xef\xbb\xbfa,b\n1,2\n",
    "byte-order mark, quoted": b'\xef\xbb\xbf"a","b"\n1,2\n',
    "blank lines": b"\n\na,b\n\n1,2\n\r\n\n3,4\n\n\n",
    "quoted": b'"a","b"\n"1","2"\n"3",4\n',
    "line end in quotes": b'a,b\n"1\n",2\n"x\r\ny",3\n4,"z\n\n"\n',
    "line end in a name": b'"a\nb",c\n1,2\n3,4\n',
    "comma in quotes": b'a,b\n"1,000",2\n3,"4,5"\n',
    "quotes in quotes": b'a,b\n"say ""1""",2\n5" pipe,6\n',
    "missing values": b"a,b\n,\n1,\n,2\n",
    "spaces": b"a, b\n 1, 2\n3 ,\t4\n",
    "another alphabet": "a,β\nä,東京\n\U0001f600,\u2028\n".encode(),
    "one column": b"a\n1\n\n2\n",
    "header only": b"a,b\n",
    "header only, no line end": b"a,b",
    "semicolons": b"a;b\n1;2\n",
    "zero byte": b"a,b\n1\0,2\n",
    "names of numbers": b"0,1,2\n5,6,7\n",
    "long": b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(20_000)),
}


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_csv_is_read_as_the_module_csv_reads_it(tmp_path, name, pack):
    plain, packed = tmp_path / "plain", tmp_path / "data.csv"  # No ending tells of compression.
    plain.write_bytes(AWKWARD[name])
    packed.write_bytes(pack(AWKWARD[name]))
    with open(plain, newline="", encoding="utf-8-sig") as file:
        header, *rows = [row for row in csv.reader(file, strict=True) if row]
    found = records(packed)
    assert [list(record.items()) for record in found] == [
        list(zip(header, row, strict=True)) for row in rows
    ]
    assert reading.columns_of_file(str(packed), "csv") == header


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_row_that_is_none_is_an_error_and_its_neighbours_are_read(tmp_path, end):
    lines = [b"a,b", b"1,2", b"3", b"4,5,6", b"7,\xff", b"8,9", b'"x\ny",1,2', b"10,11"]
    (tmp_path / "a.csv").write_bytes(end.join(lines))
    found = records(tmp_path / "a.csv")
    good = [{"a": a, "b": b} for a, b in [("1", "2"), ("8", "9"), ("10", "11")]]
    assert [record for record in found if isinstance(record, dict)] == good
    bad = [record for record in found if isinstance(record, tuple)]
    stripped = [raw.strip() if isinstance(raw, bytes) else raw.strip().encode() for raw, _ in bad]
    assert stripped == [b"3", b"4,5,6", b"7,\xff", b'"x\ny",1,2']
    reasons = ["has 1 fields, the header 2", "has 3 fields", "bytes are not UTF-8", "has 3 fields"]
    for (_, reason), expected, line in zip(bad, reasons, (3, 4, 5, 8), strict=True):
        assert expected in reason and f"a.csv, line {line}" in reason


CUT = gzip.compress(AWKWARD["long"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "first line must name the columns, received an empty file"),
        (b"\n\r\n\n", "received an empty file"),
        (gzip.compress(b"", mtime=0), "received an empty file"),
        (b"a,b,a\n1,2,3\n", r"different names, received \['a'\] more than once"),
        (b"a,b\n0.5,2\n"[4:], "must name the columns, received the number 0.5"),
        (b"n1,-1.5e-3\n", "must name the columns, received the number -1.5e-3"),
        ("a,b\n1,2\n".encode("utf-16"), "must be UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "must be UTF-8"),
        ("a,é\n1,2\n".encode("latin-1"), "must be UTF-8"),
        (b'a,b\n1,2\n3,"4\n5,6\n', "line 4: unexpected end of data"),
        (b'a,b\n1,2\n3,"4"x\n5,6\n', "line 3: ',' expected after"),
        (b'a,b\n1,2\n3,"' + b"x" * 200_000 + b'"\n', "line 3: field larger than"),
        (CUT[: len(CUT) * 3 // 10], "ended before"),
        (CUT[:-1], "ended before"),
        (CUT[:-8] + bytes(8), "CRC check failed"),
        (CUT + b"more", "Not a gzipped file"),
        (bz2.compress(AWKWARD["long"])[:5000], "ended before"),
        (lzma.compress(AWKWARD["long"])[:5000], "ended before"),
        (b"\x28\xb5\x2f\xfd" + bytes(range(200, 256)), "must be UTF-8"),
    ],
)
def test_csv_that_is_damaged_as_a_whole_names_the_file(tmp_path, data, message):
    (tmp_path / "a.csv.gz").write_bytes(data)
    with pytest.raises(ValueError, match=rf"(?s)a\.csv\.gz: the file must be .*{message}"):
        records(tmp_path / "a.csv.gz")


def example(x):
    values = tf.train.Feature(float_list=tf.train.FloatList(value=[x]))
    features = tf.train.Features(feature={"x": values})
    return tf.train.Example(features=features).SerializeToString()


def write_tfrecord(path, count=50, compression=""):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for i in range(count):
            writer.write(example(float(i)))


def write_parquet(path, count=50, **options):
    table = pa.table({"x": np.arange(count, dtype="float32"), "id": np.arange(count)})
    pq.write_table(table, path, row_group_size=20, **options)


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_tfrecord_and_parquet_are_whole_or_an_error(tmp_path, compression):
    write_tfrecord(tmp_path / "a.tfrecord", compression=compression)
    write_parquet(tmp_path / "a.parquet")
    for format in ("tfrecord", "parquet"):
        path = tmp_path / f"a.{format}"
        found = [np.ravel(record["x"])[0] for record in records(path, format)]
        assert found == list(range(50))
        data = path.read_bytes()
        # TFRecord that is not compressed has no end: a cut between two records cannot be seen.
        allowed = range(0, len(data), len(data) // 50) if not compression else [0]
        for cut in range(1, len(data), 7):
            path.write_bytes(data[:cut])
            if format == "tfrecord" and cut in allowed:
                continue
            with pytest.raises(ValueError, match=rf"a\.{format}: the file must be whole"):
                records(path, format)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.parquet: the file must be whole"):
        records(path, "parquet")


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], ["x", "x"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="different names, received"):
        records(tmp_path / "a.parquet", "parquet")


def test_columns_are_those_of_the_first_file_in_its_order(tmp_path):
    (tmp_path / "b.csv").write_text("b,a\n1,2\n")
    (tmp_path / "a.csv").write_text("z,a,b\n1,2,3\n")
    assert Read(str(tmp_path / "*.csv")).columns == ["z", "a", "b"]
    write_tfrecord(tmp_path / "a.tfrecord")
    write_parquet(tmp_path / "a.parquet")
    assert Read(tmp_path / "a.tfrecord").columns == ["x"]
    assert Read(tmp_path / "a.parquet").columns == ["x", "id"]
    write_tfrecord(tmp_path / "b.tfrecord", count=0)
    with pytest.raises(ValueError, match="the first record, which names the columns"):
        Read(tmp_path / "b.tfrecord").columns
    with pytest.raises(OSError, match="No files found"):
        Read(tmp_path / "c.csv").columns


def test_all_rows_of_many_files_or_none(tmp_path):
    for i in range(7):
        write_parquet(tmp_path / f"{i}.parquet", count=33)
        (tmp_path / f"{i}.csv").write_bytes(AWKWARD["Windows"])
    with beam.Pipeline(RUNNER) as pipeline:
        ids = pipeline | Read(tmp_path / "*.parquet") | beam.Map(lambda record: record["id"])
        assert_that(ids, equal_to([*range(33)] * 7))
    (tmp_path / "5.csv.gz").write_bytes(CUT[:900])
    pipeline = beam.Pipeline(RUNNER)
    pipeline | Read(tmp_path / "*.csv*") | Write(tmp_path / "out")
    with pytest.raises(Exception, match=r"5\.csv\.gz: the file must be whole"):
        pipeline.run()
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("name", ["out", "o[1]*?t"])
@pytest.mark.parametrize("schema", [None, pa.schema([("id", pa.string())])])
def test_no_files_of_an_earlier_run_stay_beside_new_ones(tmp_path, name, schema):
    rows = [{"id": str(i)} for i in range(5)]

    def write(prefix):
        with beam.Pipeline(RUNNER) as pipeline:
            pipeline | beam.Create(rows) | Write(tmp_path / prefix, schema)

    (tmp_path / f"{name}-00001-of-00003.jsonl").write_text('{"id": "old"}\n')
    before = sorted(tmp_path.iterdir())
    with pytest.raises(
        ValueError, match=r"`prefix` must be new, .*-00001-of-00003\.jsonl\. Delete"
    ):
        write(name)
    assert sorted(tmp_path.iterdir()) == before
    # Another prefix that only begins alike, as that of the errors does, is no earlier run.
    (tmp_path / "new_errors-00000-of-00001.jsonl").write_text("")
    (tmp_path / "new-errors-00000-of-00001.jsonl").write_text("")
    write("new")
    with pytest.raises(ValueError, match="`prefix` must be new"):
        write("new")


NO_NUMBERS = [
    "1_000",
    "1_0",
    "１２",
    "٣",
    "²",
    "",
    " ",
    "1,000",
    "1.5.2",
    "0x10",
    "1\0",
    "--1",
    "1e",
]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize(
    "pack", [str, lambda t: t.encode(), lambda t: [t], lambda t: [1.0, t, None]]
)
def test_what_is_no_number(text, dtype, pack):
    value = pack(text)
    shape = (len(value),) if isinstance(value, list) else ()
    with pytest.raises(ValueError, match="a must be numbers: "):
        values_of({"a": value}, Source(["a"], shape, dtype))


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-Infinity", "1e39", "1e999", None, [b"nan"], 1e39]
)
def test_what_is_not_finite(value):
    with pytest.raises(ValueError, match="the values must be finite in float32, which a"):
        values_of({"a": value}, Source(["a"], (1,), "float32"))


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", 1), (" -2.5e3 ", -2500), ("+.5", 0.5), (b"7", 7), ([b"7"], 7), (True, 1), ("1e-60", 0)],
)
def test_what_is_a_number(value, number):
    (found,) = values_of({"a": value}, Source(["a"], (1,), "float32"))
    assert found == number


@pytest.mark.parametrize("value", [1j, np.datetime64("2024-01-01"), np.complex64(1j), {"b": 1}])
def test_other_types_are_no_numbers(value):
    with pytest.raises(ValueError, match="a must be numbers"):
        values_of({"a": value}, Source(["a"], (1,), "float32"))
