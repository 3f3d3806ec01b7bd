"""The report of a run: what a model reaches on the test data, as a table, Markdown and JSON."""

import json
import pathlib

import tfvae.evaluation
from tfvae.evaluation import Line, table
from tfvae.evaluation.tables import markdown

__all__ = ["Line", "measure", "table", "write"]

_UNITS = {"loss": "nats", "distortion": "nats", "rate": "nats", "elbo": "nats"}


def measure(model, test, config) -> list[Line]:
    """The numbers of the report.

    Args:
        model: a trained, compiled model.
        test: batches of test examples, as from `experiment.test_data`.
        config: its `report` says how many samples and examples the likelihood is estimated with.
    """
    terms = model.evaluate(test, verbose=0)
    posterior = tfvae.evaluation.posterior_report(model, test)
    settings = config.report
    examples = test.unbatch().take(settings.num_examples).batch(config.batch_size)
    likelihood = tfvae.evaluation.log_likelihood(
        model, examples, settings.num_samples, seed=config.seed
    )
    error_unit = model.likelihood.kappa_unit
    samples = f"nats, {len(likelihood.values)} examples, {settings.num_samples} samples each"
    bound = model.objective.bound
    constraint = []
    if bound is not None:
        reached = model.objective.concern(model.likelihood) is None
        constraint = [
            Line("κ", float(model.likelihood.kappa_of(bound)), error_unit),
            Line("κ reached in training", "yes" if reached else "no"),
        ]
        if model.objective.prior_is_held is not None:
            held = bool(model.objective.prior_is_held)
            constraint.append(Line("prior trained", "no" if held else "yes"))
    return [
        Line("ELBO", terms["elbo"], "nats"),
        Line("distortion", terms["distortion"], "nats"),
        Line("rate", terms["rate"], "nats"),
        Line("constraint", terms["constraint"], error_unit),
        *constraint,
        *([Line("λ", terms["lambda"])] if "lambda" in terms else []),
        Line("log-likelihood", likelihood.mean, samples),
        Line("standard error of it", likelihood.standard_error, "nats"),
        Line("active units", int(posterior.active.sum()), f"of {len(posterior.active)}"),
        *(_of_capsules(model, test, config) if model.sequence_axes else []),
    ]


def _of_capsules(model, test, config):
    """The lines of the equivariance report."""
    names = config.data.sequences.transformation
    names = None if isinstance(names, str) else tuple(names)
    return tfvae.evaluation.equivariance(model, test, names=names).lines()


def write(lines: list[Line], workdir, title: str):
    """Writes report.md and report.json."""
    workdir = pathlib.Path(workdir)
    text = markdown(["term", "value", "unit"], [list(line) for line in lines])
    (workdir / "report.md").write_text(f"# {title}\n\n{text}\n")
    plain = {line.name: {"value": line.value, "unit": line.unit} for line in lines}
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    (workdir / "report.json").write_text(text + "\n")
