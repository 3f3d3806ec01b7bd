"""Embeds or scores files with an exported model, on one machine or on any Apache Beam runner.

    tfvae infer --model=serving/pump/1 --input='data/*.parquet' --output=out/pump

writes out/pump-*.jsonl with the id and the outputs of each record, and out/pump_errors-*.jsonl with
each record that could not be used and the reason; see `tfvae.applications.beam`. Beam's own options
follow two dashes:

    tfvae infer --model=gs://models/pump/1 --input='gs://data/*.tfrecord' \
        --output=gs://out/pump --signature=score --id_column=id -- --runner=DataflowRunner ...
"""

import argparse

from tfvae._checks import whole_number
from tfvae.commands import parsing

# Of `tfvae.applications.beam`, which needs Beam to be imported.
FORMATS = ("csv", "parquet", "tfrecord")


def add_arguments(parser: parsing.Parser) -> None:
    """What to read, what to call, what to write."""
    add = parser.add_argument
    add("--model", required=True, help="Folder of a version, written by tfvae.export.")
    add("--input", required=True, help="Pattern of the files to read.")
    add("--output", required=True, help="Prefix of the files to write.")
    add("--signature", default="serving_default", help="Signature to call; default: the embedding.")
    add("--format", choices=FORMATS, help="Format of the input; default: from the file ending.")
    add(
        "--output_format",
        choices=["jsonl", "parquet"],
        default="jsonl",
        help="Format of the results.",
    )
    add(
        "--columns",
        help="Input columns, separated by commas, or * for all of the first file but the id.",
    )
    add("--id_column", help="Column with the ids; default: digests of the content.")
    add("--batch_size", type=whole_number, default=64, help="Largest number of records in a call.")
    add("--seed", type=whole_number, default=0, help="Seed of signatures that draw samples.")
    add("beam", nargs="*", help="Beam's options, after --.")


@parsing.user_errors()
def run(options: argparse.Namespace) -> None:
    """Reads, infers, writes, and prints the number of records."""
    counts = infer(options)
    if counts:
        print(f"{counts.get('results', 0)} results, {counts.get('errors', 0)} errors")
    print(f"written to {options.output}-* (results) and {options.output}_errors-* (errors)")


def infer(options: argparse.Namespace) -> dict[str, int]:
    """Runs the pipeline, and returns the numbers of results and errors if the runner has them."""
    from tfvae.applications import beam

    read = beam.Read(options.input, options.format)
    columns = options.columns and options.columns.split(",")
    infer = beam.Infer(
        options.model,
        options.signature,
        columns=read if options.columns == "*" else columns,
        id_column=options.id_column,
        batch_size=options.batch_size,
        seed=options.seed,
    )
    schema = infer.schema if options.output_format == "parquet" else None

    import apache_beam
    from apache_beam.options.pipeline_options import PipelineOptions

    pipeline = apache_beam.Pipeline(options=PipelineOptions(options.beam))
    results, errors = pipeline | read | infer
    results | "Write results" >> beam.Write(options.output, schema)
    errors | "Write errors" >> beam.Write(f"{options.output}_errors")
    result = pipeline.run()
    result.wait_until_finish()
    counters = result.metrics().query(
        apache_beam.metrics.MetricsFilter().with_namespace(beam.COUNTERS)
    )
    return {counter.key.metric.name: counter.result for counter in counters["counters"]}
