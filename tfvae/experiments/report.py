"""The report of a run: the scores on the test data, as a table, Markdown and JSON."""

import json
import os
import pathlib

import numpy as np
import tensorflow as tf
from ml_collections import config_dict

import tfvae.datasets
import tfvae.evaluation
from tfvae import _names
from tfvae._files import write_text
from tfvae.evaluation import Line, table
from tfvae.evaluation.learning import learned_of
from tfvae.evaluation.tables import apart, escaped, escaped_text, markdown
from tfvae.experiments import motion_capture, path, run_data
from tfvae.models import LatentVariableModel, SequenceVAE
from tfvae.tables import Table, messages

__all__ = ["Line", "measure", "table", "write"]

TRAINING_ELBO = "ELBO of training data"
# What stands above the table: the sentences below it tell of the training, too.
OF_TEST_DATA = "The table is of the test data, where it does not say otherwise."

# Latents that are drawn for the fit of the prior.
_PRIOR_SAMPLES = 1000


def measure(
    model: LatentVariableModel,
    test: tf.data.Dataset,
    config: config_dict.ConfigDict,
    training_elbo: float | None = None,
) -> list[Line]:
    """Returns the numbers of the report.

    Args:
        model: a trained, compiled model.
        test: batches of test examples, as from `run_data.test_data`.
        config: config of the run; its `report` gives the numbers of samples and examples for the
            likelihood, and the number of samples for the density of a hierarchical prior.
        training_elbo: of the training data, nats; None: not known.
    """
    labelled = run_data.with_labels_of(model, test, config)
    terms = model.evaluate(labelled, verbose=0)
    posterior = tfvae.evaluation.posterior_report(model, test)
    settings = config.report
    examples = test.unbatch().take(settings.num_examples).batch(config.batch_size)
    likelihood = tfvae.evaluation.log_likelihood(
        model,
        run_data.with_labels_of(model, examples, config),
        settings.num_samples,
        seed=config.seed,
    )
    fit = _prior_fit(model, test, config)
    error_unit = model.likelihood.kappa_unit
    samples = f"nats, {len(likelihood.values)} examples, {settings.num_samples} samples each"
    bound = model.objective.bound
    constraint = []
    if bound is not None:
        reached = model.objective.convergence_warning(model.likelihood) is None
        constraint = [
            Line("κ", float(model.likelihood.kappa_of(bound)), error_unit),
            Line("κ reached in training", "yes" if reached else "no"),
        ]
        if model.objective.prior_is_frozen is not None:
            constraint.append(_prior_trained(model))
    return [
        Line("ELBO", terms["elbo"], "nats"),
        *([] if training_elbo is None else [Line(TRAINING_ELBO, training_elbo, "nats")]),
        Line("distortion", terms["distortion"], "nats"),
        Line("rate", terms["rate"], "nats"),
        Line("constraint", terms["constraint"], error_unit),
        *constraint,
        *([Line("λ", terms["lambda"])] if "lambda" in terms else []),
        Line("log-likelihood", likelihood.mean, samples),
        Line("standard error of it", likelihood.standard_error, "nats"),
        *_units(model, posterior),
        *fit.lines(),
        *_of_path(model, test, config),
        *_of_latents(model, test, config),
        *_of_joints(model, test, config),
        *tfvae.evaluation.Explanation.of(
            model,
            posterior,
            fit,
            terms["rate"],
            elbo=terms["elbo"],
            training_elbo=training_elbo,
            learned=learned_of(model, labelled, terms),
        ).lines(),
    ]


def _prior_trained(model: LatentVariableModel) -> Line:
    """Whether a prior that REWO holds at first was trained, and by what."""
    if not bool(model.objective.prior_is_frozen):
        return Line("prior trained", "yes")
    phase = "REWO's initial phase has not ended"
    return Line("prior trained", "by fit_prior" if model.prior_was_fitted else "no", phase)


def training_elbo_of(workdir: str | os.PathLike[str]) -> float | None:
    """The ELBO of the training data by an earlier report in `workdir`, nats; None: not known."""
    try:
        written = json.loads((pathlib.Path(workdir) / "report.json").read_text(encoding="utf-8"))
        return float(written[TRAINING_ELBO]["value"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _of_joints(
    model: LatentVariableModel, test: tf.data.Dataset, config: config_dict.ConfigDict
) -> list[Line]:
    """Returns the errors of some joints, if the data are motions."""
    if config.data.name != motion_capture.NAME or model.needs.required:
        return []
    return motion_capture.joint_errors(model, run_data.arrays(test, config)[0], config)


def _units(model: LatentVariableModel, posterior: tfvae.evaluation.PosteriorReport) -> list[Line]:
    """Returns the number of active units, where the latents have a posterior of their own."""
    if not model.prior.posterior_is_over_z:
        return []
    return [Line("active units", int(posterior.active.sum()), f"of {len(posterior.active)}")]


def _prior_fit(
    model: LatentVariableModel, test: tf.data.Dataset, config: config_dict.ConfigDict
) -> tfvae.evaluation.PriorFit:
    """Returns the fit of the prior."""
    return tfvae.evaluation.prior_fit(
        model,
        run_data.first_steps(model, test, config),
        num_samples=_PRIOR_SAMPLES,
        num_importance_samples=config.report.num_samples,
        seed=config.seed,
    )


def _of_path(
    model: LatentVariableModel, test: tf.data.Dataset, config: config_dict.ConfigDict
) -> list[Line]:
    """Returns how far from data the path goes that the figures show."""
    if model.sequence_axes or model.num_categories or model.condition is not None:
        return []
    x, _ = run_data.arrays(test, config)
    ends, graph = path.between_examples(model, x, config.seed)
    if graph is None:
        return []
    points = graph.interpolate(*ends, path.POINTS)
    farthest = np.max(tfvae.evaluation.distance_to_data(model, x, points, seed=config.seed))
    return [Line("graph path, farthest from data", farthest, "at most 1: where data are")]


def _of_latents(
    model: LatentVariableModel, test: tf.data.Dataset, config: config_dict.ConfigDict
) -> list[Line]:
    """Returns the lines on the meaning of the latents, if the data have labels."""
    if model.sequence_axes:
        return _of_capsules(model, test, config)
    if not config.data.labels:
        return []
    if isinstance(test.element_spec[1], dict):
        named = test.map(lambda x, labels: (x, _factors(model, labels, config)))
        return tfvae.evaluation.disentanglement(model, named, seed=config.seed).lines()
    if model.num_categories and test.element_spec[1].dtype.is_integer:
        return _of_categories(model, test, config.report.label_name)
    return []


def _factors(
    model: LatentVariableModel, labels: dict[str, tf.Tensor], config: config_dict.ConfigDict
) -> dict[str, tf.Tensor]:
    """Returns the factors of a batch, and the labels if the model needs them."""
    needed = run_data.labels_for(model, labels, config)
    return run_data.factors(labels) | ({} if needed is None else {"labels": needed})


def _of_categories(
    model: LatentVariableModel, test: tf.data.Dataset, label_name: str
) -> list[Line]:
    """Returns the accuracies of each categorical latent, found from x alone, as the labels."""
    batches = [(model.categories(x), labels) for x, labels in test.as_numpy_iterator()]
    categories, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    if "labels" in model.needs.names:  # Their categories are the labels themselves.
        accuracy = float(np.mean(categories[:, 0] == labels))
        return [
            Line(f"accuracy, {_names.discrete(0)} as {label_name}", accuracy, "without the labels")
        ]
    if np.all(labels == labels[0]):
        return []
    lines = []
    for v, column in enumerate(categories.T):
        accuracy = tfvae.evaluation.unsupervised_accuracy(column, labels)
        match = f"{_names.discrete(v)} as {label_name}"
        lines += [
            Line(f"accuracy, {match}", accuracy.one_to_one, "one to one"),
            Line(f"majority accuracy, {match}", accuracy.majority),
        ]
    return lines


def _of_capsules(
    model: SequenceVAE, test: tf.data.Dataset, config: config_dict.ConfigDict
) -> list[Line]:
    """Returns the lines of the equivariance report."""
    names = config.data.sequences.transformation
    names = None if isinstance(names, str) else tuple(names)
    return tfvae.evaluation.equivariance(model, test, names=names).lines()


def write(
    lines: list[Line],
    workdir: str | os.PathLike[str],
    title: str,
    *,
    table: Table | None = None,
) -> None:
    """Writes report.md, in which sentences follow the table of the numbers, and report.json.

    Args:
        lines: the numbers and sentences.
        workdir: folder of the run.
        title: of report.md.
        table: what made features of raw rows; report.md then has a line for each of its columns.
    """
    workdir = pathlib.Path(workdir)
    numbers, sentences = apart(lines)
    text = markdown(["term", "value", "unit"], [list(line) for line in numbers])
    parts = [f"# {escaped(title)}", OF_TEST_DATA, text]
    parts += [escaped_text(sentences)] if sentences else []
    if table is not None:
        head, *columns = messages.cells(table.model_)
        parts += ["## Columns", markdown(head, columns)]
    write_text(workdir / "report.md", "\n\n".join(parts) + "\n")
    plain = {line.name: {"value": line.value, "unit": line.unit} for line in lines}
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    write_text(workdir / "report.json", text + "\n")
