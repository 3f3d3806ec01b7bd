"""Calls of an exported model for the records of a Beam pipeline."""

import collections.abc
import json
import os
from typing import Any, NamedTuple

import numpy as np

from tfvae import _checks
from tfvae.applications.beam import _installed
from tfvae.applications.beam._installed import beam
from tfvae.applications.beam.records import ALL, column_of, content_id, id_of, seed_of, values_of

# Namespace of the pipeline's metrics "results" and "errors".
COUNTERS = "tfvae"


class Inferred(NamedTuple):
    """The two outputs of `Infer`."""

    results: Any
    """Dicts with `id`, a string, and the signature's outputs: a number, an array, or PNG bytes."""
    errors: Any
    """Dicts with `id` (None where it is not known), `reason`, and `record` as it was read."""


class Infer(_installed.Transform):
    """Calls a signature of an exported model for every record, and keeps their ids.

    A record is a dict from column to value. One that does not fit, is not finite, or is answered by
    NaN, because the model's likelihood does not allow a value, goes to the errors with the reason;
    no other is affected. The model is loaded once per worker, which needs apache-beam and
    TensorFlow, but not tfvae.

    Where the signature takes a seed, as `score` does, that of each record is made of `seed` and
    the record's id (SHA-256): results are the same, bit for bit, in whatever order, bundles,
    batches or files the records come. Each record is then a call of its own, within one graph for
    the batch.

    Args:
        model: folder that `tfvae.export` wrote; any file system that Beam and TensorFlow know.
        signature: one whose input is of records: not "generate".
        columns: names of those that make up the input, which are flattened and put one after the
            other; "*": all but the id. None: one column named as the input is, "x", "z" or
            "image_bytes".
        id_column: name of that with the ids, numbers or text. None: ids are made of the
            content, 32 digits of its SHA-256, so that equal records have equal ids.
        batch_size: largest number of records in a call.
        seed: whole number.

    Returns:
        An `Inferred`: the `results` and the `errors`.

    Raises:
        ImportError: when apache-beam is not installed.
        ValueError: when the folder is none of `tfvae.export`, lacks the signature, or another
            argument does not fit.

    Example:
        >>> import apache_beam  # doctest: +SKIP
        >>> from tfvae.applications import beam
        >>> with apache_beam.Pipeline() as pipeline:  # doctest: +SKIP
        ...     records = pipeline | beam.Read("pump-*.csv")
        ...     infer = beam.Infer("serving/pump/1", signature="score", columns="*", id_column="id")
        ...     results, errors = records | infer
        ...     results | "Scores" >> beam.Write("scores/pump", schema=infer.schema)
        ...     errors | "Errors" >> beam.Write("scores/pump_errors")
    """

    def __init__(
        self,
        model: str,
        signature: str = "serving_default",
        *,
        columns=None,
        id_column: str | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ):
        _installed.check()
        super().__init__()
        self.model = os.fspath(model)
        self.signature = signature
        self.id_column = id_column
        self.batch_size = _checks.positive_int("batch_size", batch_size)
        self.seed = _checks.whole("seed", seed)
        described = _described(self.model, signature)
        self._input, self._shape, self._dtype = _input_of(signature, described["inputs"])
        self._takes_seed = "seed" in described["inputs"]
        self._outputs = list(described["outputs"])
        self.columns = columns if columns == ALL else _names(columns, self._input)
        if self._dtype == "string" and len(self.columns) > 1:
            raise ValueError(f"`columns` must be one, that of {self._input}; received {columns!r}.")

    @property
    def schema(self):
        """Of the results in Parquet; arrays are flattened in row-major order."""
        import pyarrow as pa

        types = {"score": pa.float32(), "png_bytes": pa.binary()}
        array = pa.list_(pa.float32())
        fields = [(name, types.get(name, array)) for name in self._outputs]
        return pa.schema([("id", pa.string()), *fields])

    def expand(self, pcoll):
        """The results and the errors."""
        from apache_beam.ml.inference.base import RunInference

        values = _Values(self.columns, self.id_column, self._shape, self._dtype)
        seed = self.seed if self._takes_seed else None
        handler = _SavedModel(self.model, self.signature, self._input, seed, self.batch_size)
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
    """Records to (id, values of the shape of the input, record), or a dict for the errors."""

    def __init__(self, columns, id_column, shape, dtype):
        self._columns, self._id_column = columns, id_column
        self._shape, self._dtype = shape, dtype

    def process(self, record):
        name = None
        try:
            if isinstance(record, tuple):
                record, reason = record
                raise ValueError(reason)
            if not isinstance(record, collections.abc.Mapping):
                raise ValueError(f"a record must be a dict, not {type(record).__name__}")
            if self._id_column is not None:
                name = id_of(self._id_column, column_of(record, self._id_column))
            values = values_of(record, self._columns, self._id_column, self._shape, self._dtype)
            name = content_id(values) if name is None else name
            yield name, values, record
        except ValueError as error:
            yield _failure(name, str(error), record)


class _SavedModel(_installed.ModelHandler):
    """Calls a signature for batches of what `_Values` gives: (id, outputs or a reason, record)."""

    def __init__(self, path, signature, input_name, seed, batch_size):
        super().__init__(min_batch_size=batch_size, max_batch_size=batch_size)
        self._path, self._signature = path, signature
        self._input, self._seed = input_name, seed

    def load_model(self):
        import tensorflow as tf

        loaded = tf.saved_model.load(self._path)
        function = loaded.signatures[self._signature]
        if self._seed is not None:
            function = _record_by_record(function, self._input)
        return _Loaded(loaded, function)

    def run_inference(self, batch, model, inference_args=None):
        import tensorflow as tf

        names, values, batch_records = zip(*batch, strict=True)
        of_bytes = isinstance(values[0], bytes)
        inputs = {self._input: tf.constant(values if of_bytes else np.stack(values))}
        if self._seed is not None:
            inputs["seed"] = tf.constant([seed_of(self._seed, name) for name in names])
        try:
            outputs = {key: value.numpy() for key, value in model.function(**inputs).items()}
        except tf.errors.InvalidArgumentError as error:
            if len(batch) > 1:  # One of them spoils it for all.
                return [self.run_inference([one], model)[0] for one in batch]
            return [(names[0], f"the model refuses it: {error.message}", batch_records[0])]
        rows = [{key: value[i] for key, value in outputs.items()} for i in range(len(batch))]
        return list(zip(names, map(_checked, rows), batch_records, strict=True))

    def get_num_bytes(self, batch):
        return sum(len(v) if isinstance(v, bytes) else v.nbytes for _, v, _ in batch)


class _Loaded:
    """A loaded model and the function to call, as an object that Beam can refer to weakly."""

    def __init__(self, saved_model, function):
        self.saved_model, self.function = saved_model, function


def _record_by_record(function, input_name):
    """`function` for batches of records with a seed each, (B, …) and (B, 2)."""
    import tensorflow as tf

    types = {key: value.dtype for key, value in function.structured_outputs.items()}

    @tf.function(reduce_retracing=True, autograph=False)
    def batched(seed, **inputs):
        def call(one):
            value, seed = one
            outputs = function(**{input_name: value[tf.newaxis]}, seed=seed)
            return {key: output[0] for key, output in outputs.items()}

        return tf.map_fn(call, (inputs[input_name], seed), fn_output_signature=types)

    return batched


def _checked(row):
    """Outputs of one record, or the reason why they are none."""
    for value in row.values():
        if not isinstance(value, bytes) and np.any(np.isnan(value)):
            return (
                "the model answers NaN: it has a value that the model's likelihood does not allow"
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
    """What the model card says of a signature."""
    path = beam.io.filesystems.FileSystems.join(model, "assets.extra", "model_card.json")
    try:
        with beam.io.filesystems.FileSystems.open(path) as file:
            signatures = json.loads(file.read())["signatures"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"`model` must be a folder that tfvae.export wrote, the version's, as in "
            f"'serving/pump/1'; {model!r} has no model card that can be read: {error}"
        ) from error
    _checks.one_of("signature", signature, signatures)
    return signatures[signature]


def _input_of(signature, inputs):
    """Name, shape of one record and type of the input that is of records."""
    batched = {name: given for name, given in inputs.items() if name not in ("seed", "count")}
    if len(batched) != 1:
        raise ValueError(f"`signature` must take records, which {signature!r} does not.")
    ((name, described),) = batched.items()
    return name, tuple(described["shape"][1:]), described["dtype"]


def _names(columns, default):
    names = [default] if columns is None else columns
    if isinstance(names, str) or not names or not all(isinstance(n, str) for n in names):
        raise ValueError(f"`columns` must be a sequence of names or '*', received {columns!r}.")
    return list(names)
