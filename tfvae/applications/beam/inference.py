"""Calls of an exported model for the records of a Beam pipeline.

Methods that Beam calls have no annotations: Beam would take these for type hints of its own.
"""

from __future__ import annotations

import collections.abc
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfvae import _checks
from tfvae.applications.beam import _installed
from tfvae.applications.beam._installed import beam
from tfvae.applications.beam.files import Read
from tfvae.applications.beam.records import (
    Source,
    column_of,
    content_id,
    id_of,
    seed_of,
    values_of,
)

if TYPE_CHECKING:
    import pyarrow

# Namespace of the pipeline's metrics "results" and "errors".
COUNTERS = "tfvae"


class Inferred(NamedTuple):
    """The two outputs of `Infer`."""

    results: Any
    """Dicts with `id`, a string, and the signature's outputs: a number, an array, or PNG bytes."""
    errors: Any
    """Dicts with `id` (None when unknown), `reason`, and `record` as it was read."""


class Infer(_installed.Transform):
    """Calls a signature of an exported model for every record, and keeps their ids.

    A record is a dict from column to value. A record goes to the errors, with the reason, when it
    does not fit, is not finite, or makes the model answer NaN because its likelihood does not allow
    a value. Other records are not affected. Each worker loads the model once; it needs apache-beam
    and TensorFlow, but not tfvae.

    If the signature takes a seed, as `score` does, each record gets a seed made of `seed` and the
    record's id (SHA-256). The results are then the same, bit for bit, for any order of the records
    and any division into bundles, batches or files. The model is called for each record alone,
    within one graph for the batch.

    Args:
        model: folder that `tfvae.export` wrote, in any file system that Beam and TensorFlow know.
        signature: one that takes records, not "generate".
        columns: names of the columns that make up the input; they are flattened and joined. A
            `Read`: the columns of its first file but the id and those of `beside`, in its order;
            in all other files the names count, not the order. None: one column with the name of
            the input, "x", "z" or "image_bytes".
        beside: names of the columns of the inputs "labels", "condition" and "target", a dict. An
            input that the signature takes and the dict leaves out has one column with its name.
        id_column: name of the column with the ids, numbers or text. None: the id is 32 digits of
            the SHA-256 of the record's values; equal records have equal ids.
        batch_size: largest number of records in a call.
        seed: whole number.

    Returns:
        An `Inferred`: the `results` and the `errors`.

    Raises:
        ImportError: when apache-beam is not installed.
        ValueError: when `tfvae.export` did not write the folder, the signature is missing, or
            another argument does not fit.

    Example:
        >>> import apache_beam  # doctest: +SKIP
        >>> from tfvae.applications import beam
        >>> with apache_beam.Pipeline() as pipeline:  # doctest: +SKIP
        ...     read = beam.Read("pump-*.csv")
        ...     infer = beam.Infer("serving/pump/1", "score", columns=read, id_column="id")
        ...     results, errors = pipeline | read | infer
        ...     results | "Scores" >> beam.Write("scores/pump", schema=infer.schema)
        ...     errors | "Errors" >> beam.Write("scores/pump_errors")
    """

    def __init__(
        self,
        model: str | os.PathLike,
        signature: str = "serving_default",
        *,
        columns: Read | Sequence[str] | None = None,
        beside: Mapping[str, Sequence[str]] | None = None,
        id_column: str | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        _installed.check()
        super().__init__()
        self.model = os.fspath(model)
        self.signature = signature
        self.id_column = id_column
        self.batch_size = _checks.positive_int("batch_size", batch_size)
        self.seed = _checks.whole("seed", seed)
        described = _described(self.model, signature)
        self._takes_seed = "seed" in described["inputs"]
        self._outputs = list(described["outputs"])
        main, others = _names_of_inputs(signature, described["inputs"])
        self.beside = dict(beside or {})
        if not set(self.beside) <= set(others):
            raise ValueError(
                f"`beside` must have the keys {', '.join(others) or '(none)'} for the signature "
                f"{signature!r}, received {', '.join(map(str, self.beside))}."
            )
        columns_of = {name: _names("beside", self.beside.get(name), name) for name in others}
        if isinstance(columns, Read):
            taken = {id_column}.union(*columns_of.values())
            columns = [column for column in columns.columns if column not in taken]
        self.columns = columns_of[main] = _names("columns", columns, main)
        if main == "image_bytes" and len(self.columns) > 1:
            raise ValueError(
                f"`columns` must be one column for the input {main}, received {columns!r}."
            )
        self._sources = {
            name: Source(own, tuple(given["shape"][1:]), given["dtype"])
            for name, own in columns_of.items()
            for given in [described["inputs"][name]]
        }

    @property
    def schema(self) -> pyarrow.Schema:
        """The schema of the results in Parquet; arrays are flattened in row-major order."""
        import pyarrow as pa

        types = {"score": pa.float32(), "png_bytes": pa.binary()}
        types["categories"] = pa.list_(pa.int32())
        array = pa.list_(pa.float32())
        fields = [(name, types.get(name, array)) for name in self._outputs]
        return pa.schema([("id", pa.string()), *fields])

    def expand(self, pcoll):
        """The results and the errors."""
        from apache_beam.ml.inference.base import RunInference

        values = _Values(self._sources, self.id_column)
        seed = self.seed if self._takes_seed else None
        handler = _SavedModel(self.model, self.signature, seed, self.batch_size)
        examples, unfit = pcoll | "Prepare" >> beam.ParDo(values).with_outputs(
            "errors", main="examples"
        )
        results, refused = (
            examples
            | RunInference(handler)
            | "Divide" >> beam.FlatMap(_divide).with_outputs("errors", main="results")
        )
        errors = (unfit, refused) | "Errors" >> beam.Flatten()
        return Inferred(results, errors)


class _Values(_installed.DoFn):
    """From records to (id, values by input, record), or a dict for the errors."""

    def __init__(self, sources, id_column):
        self._sources, self._id_column = sources, id_column

    def process(self, record):
        name = None
        try:
            if isinstance(record, tuple):
                record, reason = record
                raise ValueError(reason)
            if not isinstance(record, collections.abc.Mapping):
                raise ValueError(f"a record must be a dict, received {type(record).__name__}")
            if self._id_column is not None:
                name = id_of(self._id_column, column_of(record, self._id_column))
            values = {key: values_of(record, source) for key, source in self._sources.items()}
            name = content_id(values) if name is None else name
            yield name, values, record
        except ValueError as error:
            yield _failure(name, str(error), record)


class _SavedModel(_installed.ModelHandler):
    """Calls a signature for batches from `_Values`; gives (id, outputs or a reason, record)."""

    def __init__(self, path, signature, seed, batch_size):
        super().__init__(min_batch_size=batch_size, max_batch_size=batch_size)
        self._path, self._signature, self._seed = path, signature, seed

    def load_model(self):
        import tensorflow as tf

        loaded = tf.saved_model.load(self._path)
        function = loaded.signatures[self._signature]
        if self._seed is not None:
            function = _record_by_record(function)
        return _Loaded(loaded, function)

    def run_inference(self, batch, model, inference_args=None):
        import tensorflow as tf

        names, values, batch_records = zip(*batch, strict=True)
        columns = {key: [of_one[key] for of_one in values] for key in values[0]}
        inputs = {
            key: tf.constant(column if isinstance(column[0], bytes) else np.stack(column))
            for key, column in columns.items()
        }
        if self._seed is not None:
            inputs["seed"] = tf.constant([seed_of(self._seed, name) for name in names])
        try:
            outputs = {key: value.numpy() for key, value in model.function(**inputs).items()}
        except tf.errors.InvalidArgumentError as error:
            if len(batch) > 1:  # One bad record fails the whole batch.
                return [self.run_inference([one], model)[0] for one in batch]
            return [(names[0], f"the model refuses it: {error.message}", batch_records[0])]
        rows = [{key: value[i] for key, value in outputs.items()} for i in range(len(batch))]
        return list(zip(names, map(_checked, rows), batch_records, strict=True))

    def get_num_bytes(self, batch):
        inputs = [value for _, values, _ in batch for value in values.values()]
        return sum(len(v) if isinstance(v, bytes) else v.nbytes for v in inputs)


class _Loaded:
    """A loaded model and the function to call, as an object that Beam can refer to weakly."""

    def __init__(self, saved_model, function):
        self.saved_model, self.function = saved_model, function


def _record_by_record(function):
    """`function` for batches of records, (B, …), with a seed for each, (B, 2)."""
    import tensorflow as tf

    types = {key: value.dtype for key, value in function.structured_outputs.items()}

    @tf.function(reduce_retracing=True, autograph=False)
    def batched(seed, **inputs):
        def call(one):
            values, seed = one
            outputs = function(**{key: v[tf.newaxis] for key, v in values.items()}, seed=seed)
            return {key: output[0] for key, output in outputs.items()}

        return tf.map_fn(call, (inputs, seed), fn_output_signature=types)

    return batched


def _checked(row):
    """Outputs of one record, or the reason why there are none."""
    for value in row.values():
        if isinstance(value, bytes):
            continue
        if np.any(value < 0 if np.issubdtype(value.dtype, np.integer) else np.isnan(value)):
            return (
                "the model answers NaN: it has a value that the model's likelihood does not allow, "
                "or a label or condition out of range"
            )
    return {k: value.item() if isinstance(value, np.generic) else value for k, value in row.items()}


def _divide(answer):
    """A row of results, or one of errors."""
    name, outputs, record = answer
    if isinstance(outputs, str):
        yield _failure(name, outputs, record)
    else:
        _counter("results").inc()
        yield {"id": name, **outputs}


def _failure(name, reason, record):
    _counter("errors").inc()
    return beam.pvalue.TaggedOutput("errors", {"id": name, "reason": reason, "record": record})


def _counter(name):
    return beam.metrics.Metrics.counter(COUNTERS, name)


def _described(model, signature):
    """The signature's entry in the model card."""
    path = beam.io.filesystems.FileSystems.join(model, "assets.extra", "model_card.json")
    try:
        with beam.io.filesystems.FileSystems.open(path) as file:
            signatures = json.loads(file.read())["signatures"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"`model` must be the folder of a version that tfvae.export wrote, as in "
            f"'serving/pump/1', received {model!r}, with no model card that can be read: {error}"
        ) from error
    return signatures[_checks.one_of("signature", signature, signatures)]


def _names_of_inputs(signature, inputs):
    """The input that takes records, and those beside it."""
    main = [name for name in inputs if name in ("x", "z", "image_bytes")]
    if len(main) != 1:
        raise ValueError(f"`signature` must take records, received {signature!r}.")
    return main[0], [name for name in inputs if name not in (*main, "seed")]


def _names(argument, columns, default):
    names = [default] if columns is None else columns
    if isinstance(names, str) or not names or not all(isinstance(n, str) for n in names):
        other = ", or a Read for those of its files" if argument == "columns" else " for each input"
        raise ValueError(f"`{argument}` must be a sequence of names{other}, received {columns!r}.")
    return list(names)
