"""The report of a run: what a model reaches on the test data, as a table, Markdown and JSON."""

import json
import pathlib

import numpy as np

import tfvae.evaluation
from tfvae.evaluation import Line, table
from tfvae.evaluation.tables import markdown
from trainers import experiment

__all__ = ["Line", "measure", "table", "write"]

_UNITS = {"loss": "nats", "distortion": "nats", "rate": "nats", "elbo": "nats"}


def measure(model, test, config) -> list[Line]:
    """The numbers of the report.

    Args:
        model: a trained, compiled model.
        test: batches of test examples, as from `experiment.test_data`.
        config: its `report` says how many samples and examples the likelihood is estimated with.
    """
    terms = model.evaluate(experiment.with_labels_of(model, test, config), verbose=0)
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
        *_of_latents(model, test, config),
    ]


def _of_latents(model, test, config):
    """The lines on what the latents mean, as far as the data's labels tell."""
    if model.sequence_axes:
        return _of_capsules(model, test, config)
    if not config.data.labels:
        return []
    if isinstance(test.element_spec[1], dict):
        named = test.map(lambda x, labels: (x, experiment.factors(labels)))
        return tfvae.evaluation.disentanglement(model, named, seed=config.seed).lines()
    if model.num_categories and test.element_spec[1].dtype.is_integer:
        return _of_categories(model, test, config.report.label_name)
    return []


def _of_categories(model, test, label_name):
    """The lines on how well each categorical latent matches the labels."""
    batches = [(model.categories(x), labels) for x, labels in test.as_numpy_iterator()]
    categories, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    lines = []
    for v, column in enumerate(categories.T):
        accuracy = tfvae.evaluation.unsupervised_accuracy(column, labels)
        match = f"d[{v}] as {label_name}"
        lines += [
            Line(f"accuracy, {match}", accuracy.one_to_one, "one to one"),
            Line(f"majority accuracy, {match}", accuracy.majority),
        ]
    return lines


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
