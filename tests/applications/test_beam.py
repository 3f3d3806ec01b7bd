"""Files of records to embeddings and scores, by Beam's in-process runner."""

import hashlib
import io
import json
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfvae
from tfvae.applications.beam import Infer, Read, Write, _installed, format_of, inference, reading
from tfvae.applications.beam.records import Source

beam = pytest.importorskip("apache_beam")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

# What DirectRunner runs such pipelines with, unless it finds or downloads the binary of another.
RUNNER = "FnApiRunner"
SHAPE = (2, 2, 1)
COLUMNS = ["a", "b", "c", "d"]
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
NAN = float("nan")
SOURCES = {"x": Source(["x"], SHAPE, "float32")}

# A worker unpickles what was sent to it; none of ours is installed there.
WORKER = """
import pickle, sys
for name in ("tfvae", "keras", "tensorflow"):
    sys.modules[name] = None
from apache_beam.internal import pickler
parts = [pickler.loads(part) for part in pickle.load(sys.stdin.buffer)]
prepare, handler, read = parts
((name, values, _),) = prepare.process({"id": 7, "x": [0.0, 1.0, 0.5, 0.25]})
((raw, reason),) = read((sys.argv[1], 0), "csv")
print(name, values["x"].ravel().tolist(), handler.batch_elements_kwargs(), reason)
"""


@pytest.fixture(scope="module")
def model():
    """A Bernoulli VAE of images (2, 2, 1) with weights as after training."""
    keras.utils.set_random_seed(0)
    mlp = tfvae.networks.mlp
    model = tfvae.VAE(2, likelihood="bernoulli", encoder=mlp([8]), decoder=mlp([8], SHAPE), seed=3)
    model.build((None, *SHAPE))
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.5 * rng.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """The folder of the exported model."""
    folder = tmp_path_factory.mktemp("model") / "1"
    tfvae.export(model, folder)
    return str(folder)


@pytest.fixture(scope="module")
def x():
    """19 images, in [0, 1]."""
    return np.random.default_rng(1).uniform(size=(19, *SHAPE)).astype("float32")


def rows_of(x):
    """(id, four numbers) of each image."""
    return [(f"n{i}", row) for i, row in enumerate(x.reshape(len(x), -1).tolist())]


def write_csv(path, rows, header=("id", *COLUMNS)):
    lines = [",".join(header), *(",".join(map(str, (name, *values))) for name, values in rows)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_parquet(path, rows):
    schema = pa.schema([("id", pa.string()), ("x", pa.list_(pa.float32()))])
    table = pa.Table.from_pylist([{"id": name, "x": values} for name, values in rows], schema)
    pq.write_table(table, path, row_group_size=8)


def write_tfrecord(path, rows):
    def example(name, values):
        feature = {
            "id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[name.encode()])),
            "x": tf.train.Feature(float_list=tf.train.FloatList(value=values)),
        }
        return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()

    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            writer.write(row if isinstance(row, bytes) else example(*row))


def read_lines(folder, name):
    files = sorted(folder.glob(f"{name}-*.jsonl"))
    assert files
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def infer(tmp_path, source, transform):
    """Results and errors: `source` is a pattern of files or several, or a list of records."""
    folder = tmp_path / f"out{len(list(tmp_path.glob('out*')))}"
    with beam.Pipeline(RUNNER) as pipeline:
        if isinstance(source, tuple):
            read = [pipeline | path >> Read(path) for path in source]
            records = read | beam.Flatten()
        else:
            records = pipeline | (beam.Create(source) if isinstance(source, list) else Read(source))
        results, errors = records | transform
        results | "Results" >> Write(folder / "results")
        errors | "Errors" >> Write(folder / "errors")
    return read_lines(folder, "results"), read_lines(folder, "errors")


def by_id(rows, output):
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row[output] for row in rows}


def score_of(model, x, name, seed):
    """The score of one image from the model itself, with the seed that its id gives."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    pair = [int.from_bytes(digest[i : i + 4], "little", signed=True) for i in (0, 4)]
    analytic = model.objective.analytic_rate
    terms = model.elbo_terms(x[np.newaxis], seed=tf.constant(pair, tf.int32), analytic=analytic)
    return float(np.mean(terms.distortion + terms.rate))


@pytest.mark.parametrize(
    ("write", "ending", "columns"),
    [
        (write_csv, "csv", COLUMNS),
        (write_parquet, "parquet", None),
        (write_tfrecord, "tfrecord", None),
    ],
)
def test_embeddings_are_those_of_the_model(model, exported, x, tmp_path, write, ending, columns):
    rows = rows_of(x)
    write(tmp_path / f"a.{ending}", rows[:12])
    write(tmp_path / f"b.{ending}", rows[12:])
    transform = Infer(exported, columns=columns, id_column="id", batch_size=5)
    results, errors = infer(tmp_path, str(tmp_path / f"*.{ending}"), transform)
    found = by_id(results, "embedding")
    assert errors == [] and set(found) == {name for name, _ in rows}
    expected = model.embed(x).numpy()
    ordered = np.array([found[name] for name, _ in rows])
    assert np.ptp(expected, axis=0).min() > 0.01
    np.testing.assert_allclose(ordered, expected, **TOLERANCE)


def test_scores_depend_on_the_record_and_the_seed_only(model, exported, x, tmp_path):
    rows = rows_of(x)
    write_csv(tmp_path / "a.csv", rows)
    write_tfrecord(tmp_path / "a.tfrecord", rows[::-1])
    arguments = {"signature": "score", "id_column": "id", "seed": 4}
    first, again = (
        by_id(
            infer(tmp_path, str(tmp_path / path), Infer(exported, **arguments, **more))[0], "score"
        )
        for path, more in (
            ("a.csv", {"columns": COLUMNS, "batch_size": 7}),
            ("a.tfrecord", {"batch_size": 1}),
        )
    )
    assert first == again
    for (name, _), image in zip(rows, x, strict=True):
        assert first[name] == pytest.approx(score_of(model, image, name, 4), rel=1e-5)
        assert abs(first[name] - score_of(model, image, name, 5)) > 1e-4


def test_ids_are_of_the_content_where_there_are_none(exported, x, tmp_path):
    records = [{"x": image} for image in (x[0], x[1], x[0].ravel())]
    results, errors = infer(tmp_path, records, Infer(exported, "score"))
    digests = [hashlib.sha256(image.tobytes()).hexdigest()[:32] for image in x[:2]]
    assert errors == []
    assert sorted(row["id"] for row in results) == sorted([*digests, digests[0]])
    assert len({row["score"] for row in results}) == 2


def check_bad(results, errors, num_good, reasons):
    """Reasons by id; the good ones are not affected, and nothing is lost."""
    assert len(results) == num_good
    assert all(np.all(np.isfinite(row["embedding"])) for row in results)
    assert sorted(str(row["id"]) for row in errors) == sorted(reasons)
    for row in errors:
        assert reasons[str(row["id"])] in row["reason"], row
        assert row["record"]


def test_bad_lines_of_csv(model, exported, x, tmp_path):
    write_csv(tmp_path / "a.csv", rows_of(x[:5]))
    with open(tmp_path / "a.csv", "ab") as file:
        file.write(b"nan,0,nan,0,0\nmissing,0,,0,0\ntext,0,0,0,much\nlarge,0,0,0,1e99\n\n")
        file.write(b"range,0,0,0,2\n,0,0,0,0\nshort,0,0,0\n")
    # Another order of the columns: each file has its own first line.
    turned = [(row[3], [*row[2::-1], f"m{i}"]) for i, (_, row) in enumerate(rows_of(x[5:7]))]
    write_csv(tmp_path / "b.csv", turned, header=("d", "c", "b", "a", "id"))
    transform = Infer(exported, columns=COLUMNS, id_column="id")
    results, errors = infer(tmp_path, str(tmp_path / "*.csv"), transform)
    anonymous = [row for row in errors if row["id"] is None]
    assert sorted(row["reason"] for row in anonymous) == [
        f"no record of CSV, it has 4 fields, the header 5 ({tmp_path}/a.csv, line 14)",
        "the id, id, must be text or a whole number, received ''",
    ]
    reasons = {
        "nan": "finite in float32, which b is not",
        "missing": "b must be numbers",
        "text": "d must be numbers",
        "large": "finite in float32, which d is not",
        "range": "the model answers NaN",
    }
    check_bad(results, [row for row in errors if row["id"]], 7, reasons)
    found = by_id(results, "embedding")
    expected = model.embed(x[:7]).numpy()
    names = ["n0", "n1", "n2", "n3", "n4", "m0", "m1"]
    np.testing.assert_allclose([found[name] for name in names], expected, **TOLERANCE)


def test_bad_rows_of_parquet_and_tfrecord(exported, x, tmp_path):
    rows = [
        *rows_of(x[:9]),
        ("nan", [0.0, 0.0, 0.0, NAN]),
        ("short", [0.0] * 3),
        ("range", [2.0] * 4),
    ]
    reasons = {
        "nan": "finite in float32, which x[3] is not",
        "short": "received 3 in x (3,)",
        "range": "the model answers NaN",
    }
    write_parquet(tmp_path / "a.parquet", [*rows, ("none", None)])
    transform = Infer(exported, id_column="id", batch_size=4)
    found = infer(tmp_path, str(tmp_path / "a.parquet"), transform)
    check_bad(*found, 9, reasons | {"none": "finite in float32, which x is not"})

    write_tfrecord(
        tmp_path / "a.tfrecord", [*rows, b"no example", tf.train.Example().SerializeToString()]
    )
    results, errors = infer(tmp_path, str(tmp_path / "a.tfrecord"), transform)
    anonymous = {row["reason"][:20] for row in errors if row["id"] is None}
    assert anonymous == {"no tf.train.Example:", "there is no column '"}
    check_bad(results, [row for row in errors if row["id"]], 9, reasons)


@pytest.mark.parametrize(
    ("record", "name", "reason"),
    [
        ({"id": 1, "x": [[0.0, 0.0], [0.0]]}, "1", "x must be numbers: setting"),
        ({"id": 2, "y": 3}, "2", "there is no column 'x'; there are id, y"),
        ({"id": 3, "x": np.zeros((4, 1))}, "3", "received 4 in x (4, 1)"),
        ({"id": 1.5, "x": 0}, None, "the id, id, must be text"),
        ([1.0, 2.0], None, "a record must be a dict, received list"),
    ],
)
def test_records_that_are_none(record, name, reason):
    (row,) = inference._Values(SOURCES, "id").process(record)
    assert row.tag == "errors" and row.value["id"] == name and row.value["record"] is record
    assert reason in row.value["reason"]


def test_image_files(model, exported, tmp_path):
    def png(levels):
        file = io.BytesIO()
        Image.fromarray(levels).save(file, "PNG")
        return file.getvalue()

    levels = np.random.default_rng(2).integers(0, 256, size=(3, 2, 2)).astype("uint8")
    records = [{"id": i, "image_bytes": png(image)} for i, image in enumerate(levels)]
    records[1:1] = [{"id": 9, "image_bytes": b"no image"}, {"id": 8, "image_bytes": "text"}]
    transform = Infer(exported, "embed_image_bytes", id_column="id")
    results, errors = infer(tmp_path, records, transform)
    reasons = by_id(errors, "reason")
    assert "the model refuses it" in reasons.pop("9")
    assert reasons == {"8": "image_bytes must be one column of bytes, received str"}
    found = by_id(results, "embedding")
    expected = model.embed(levels[..., np.newaxis] / np.float32(255)).numpy()
    np.testing.assert_allclose([found[str(i)] for i in range(3)], expected, **TOLERANCE)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A model with labels and a condition, and the folder of its export."""
    mlp, labels = tfvae.networks.mlp, tfvae.discrete.Labels(3, classifier_weight=1.0)
    networks = {"encoder": mlp([8]), "decoder": mlp([8], SHAPE)}
    model = tfvae.VAE(2, discrete=labels, condition=2, seed=3, **networks)
    model.build((None, *SHAPE))
    folder = tmp_path_factory.mktemp("labelled") / "1"
    tfvae.export(model, folder)
    return model, str(folder)


def test_labels_and_condition_are_columns(labelled, x, tmp_path):
    model, folder = labelled
    labels, condition = np.arange(19) % 3, np.random.default_rng(3).normal(size=(19, 2))
    records = [
        {"id": str(i), "kind": str(k), "age": c[0], "dose": c[1]}
        | dict(zip("abcd", row, strict=True))
        for i, ((_, row), k, c) in enumerate(zip(rows_of(x), labels, condition, strict=True))
    ]
    records += [records[0] | {"id": "range", "kind": 3}, records[0] | {"id": "half", "kind": 0.5}]
    arguments = {"columns": COLUMNS, "id_column": "id", "batch_size": 5}
    beside = {"labels": ["kind"], "condition": ["age", "dose"]}
    transform = Infer(folder, "score", seed=4, beside=beside, **arguments)
    results, errors = infer(tmp_path, records, transform)
    reasons = by_id(errors, "reason")
    assert "a label or condition out of range" in reasons["range"]
    assert "kind must be whole numbers" in reasons["half"]
    for i, score in by_id(results, "score").items():
        i = int(i)
        digest = hashlib.sha256(f"4/{i}".encode()).digest()
        pair = np.frombuffer(digest[:8], "<i4")
        y = {"labels": labels[i : i + 1], "condition": condition[i : i + 1].astype("float32")}
        terms = model.elbo_terms(x[i : i + 1], y, seed=pair)
        assert score == pytest.approx(float((terms.distortion + terms.rate)[0, 0]), rel=1e-5)
    # Inputs that `beside` leaves out have columns with their own names.
    named = [
        {"id": i, "x": image, "condition": c}
        for i, (image, c) in enumerate(zip(x, condition, strict=True))
    ]
    transform = Infer(folder, "classify", id_column="id")
    results, errors = infer(tmp_path, named, transform)
    assert errors == [] and transform.schema.field("categories").type == pa.list_(pa.int32())
    found = by_id(results, "categories")
    wanted = model.categories(x, {"condition": condition.astype("float32")})
    assert [found[str(i)] for i in range(19)] == wanted.tolist()


def test_empty_files(exported, tmp_path):
    writers = {"csv": write_csv, "parquet": write_parquet, "tfrecord": write_tfrecord}
    paths = [tmp_path / f"a.{ending}" for ending in writers]
    for path, write in zip(paths, writers.values(), strict=True):
        write(path, [])
    assert infer(tmp_path, tuple(map(str, paths)), Infer(exported)) == ([], [])


def test_command_line(model, exported, x, tmp_path, capsys):
    from tfvae import commands

    rows = [*rows_of(x), ("bad", [NAN] * 4)]
    write_csv(tmp_path / "a.csv", rows[:8])
    # The first file has the order of the input; the names count in the others.
    turned = [(row[3], [*row[2::-1], name]) for name, row in rows[8:]]
    write_csv(tmp_path / "b.csv", turned, header=("d", "c", "b", "a", "id"))
    write_csv(tmp_path / "c.csv", [("other", [0.0] * 4)], header=("id", "a", "b", "c", "e"))
    arguments = [f"--model={exported}", f"--input={tmp_path}/*.csv", "--signature=encode"]
    arguments += [f"--output={tmp_path}/e", "--columns=*", "--id_column=id"]
    commands.main(["infer", *arguments, "--output_format=parquet", "--", f"--runner={RUNNER}"])
    assert "19 results, 2 errors" in capsys.readouterr().out
    table = pa.concat_tables(map(pq.read_table, tmp_path.glob("e-*.parquet")))
    rows = {row["id"]: row for row in table.to_pylist()}
    posterior = model.encode(x)
    for output, expected in (("mean", posterior.mean()), ("scale", posterior.stddev())):
        found = [rows[name][output] for name, _ in rows_of(x)]
        np.testing.assert_allclose(found, expected, **TOLERANCE)
    errors = {error["id"]: error for error in read_lines(tmp_path, "e_errors")}
    assert errors["bad"]["record"]["a"] == "nan"
    assert errors["other"]["reason"] == "there is no column 'd'; there are id, a, b, c, e"

    arguments[1] = f"--input={tmp_path}/a.csv"
    (tmp_path / "a.csv").write_text('id,a,b,c,d\nn0,0,0,0,"0\n')
    for output, message in (("e", "`prefix` must be new"), ("f", "a.csv: the file must be whole")):
        arguments[3] = f"--output={tmp_path}/{output}"
        with pytest.raises(SystemExit, match="2"):
            commands.main(["infer", *arguments, "--", f"--runner={RUNNER}"])
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"signature": "scores"}, "`signature` must be one of 'serving_default'"),
        ({"signature": "generate"}, "must take records"),
        ({"model": "nowhere"}, "no model card"),
        ({"input": "nowhere/*.csv"}, "No files found"),
        ({"input": "data"}, "`format` must be one of csv"),
        ({"batch_size": "0"}, "whole number of at least 1"),
        ({"batch_size": "1_0"}, "invalid whole_number value: '1_0'"),
        ({"ouput": "a"}, "unrecognized arguments: --ouput=a"),
    ],
)
def test_what_the_command_line_refuses(exported, tmp_path, capsys, changed, message):
    from tfvae import commands

    arguments = {"model": exported, "input": "*.csv", "output": str(tmp_path / "e")} | changed
    with pytest.raises(SystemExit, match="2"):
        commands.main(["infer", *(f"--{key}={value}" for key, value in arguments.items()), "--"])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": "a"}, "`columns` must be a sequence of names"),
        ({"columns": []}, "`columns` must be a sequence of names"),
        ({"columns": "*"}, "must be a sequence of names, or a Read for those of its files"),
        ({"signature": "embed_image_bytes", "columns": ["a", "b"]}, "must be one column"),
        ({"seed": 0.5}, "`seed` must be a whole number"),
        ({"beside": {"labels": ["kind"]}}, r"`beside` must have the keys \(none\)"),
    ],
)
def test_arguments_are_checked(exported, arguments, message):
    with pytest.raises(ValueError, match=message):
        Infer(exported, **arguments)


def test_formats_by_ending():
    paths = [
        "a.csv",
        "a.csv.gz",
        "a/b.parquet",
        "x.tfrecord-00001-of-00002",
        "a.tfrecords",
        "a-*.csv*",
    ]
    formats = ["csv", "csv", "parquet", "tfrecord", "tfrecord", "csv"]
    assert [format_of(path) for path in paths] == formats
    with pytest.raises(ValueError, match="one of csv, parquet, tfrecord"):
        format_of("a.csvx")


def test_without_beam_it_says_what_to_install(exported, monkeypatch):
    monkeypatch.setattr(_installed, "beam", None)
    for make in (lambda: Infer(exported), lambda: Read("a.csv"), lambda: Write("a")):
        with pytest.raises(ImportError, match=r"tfvae\[beam\]"):
            make()


def test_workers_do_not_need_tfvae(exported, tmp_path):
    from apache_beam.internal import pickler

    (tmp_path / "a.csv").write_text("a,b,c\n1,2\n")
    parts = [
        inference._Values(SOURCES, "id"),
        inference._SavedModel(exported, "score", 0, 3),
        reading.records_of,
    ]
    sent = pickle.dumps([pickler.dumps(part) for part in parts])
    command = [sys.executable, "-c", WORKER, str(tmp_path / "a.csv")]
    result = subprocess.run(command, input=sent, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.decode().startswith("7 [0.0, 1.0, 0.5, 0.25]")
    assert "it has 2 fields, the header 3" in result.stdout.decode()
