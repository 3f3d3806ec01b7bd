"""Figures of a run as PNG files."""

import pathlib

import matplotlib.figure
import numpy as np
import tensorflow as tf
from ml_collections import config_dict

import tfvae.evaluation
import tfvae.plots
from tfvae import _files, _names
from tfvae.experiments import motion_capture, path, run_data
from tfvae.models import LatentVariableModel, SequenceVAE

DOTS_PER_INCH = 150
_PRIOR_SAMPLES = 2000
# Samples in a figure, ten in a row.
_NUM_SAMPLES = 40
# Number of test examples from which those of the reconstructions are chosen.
_CANDIDATES = 500


def write(
    model: LatentVariableModel,
    test: tf.data.Dataset,
    config: config_dict.ConfigDict,
    workdir: pathlib.Path,
) -> None:
    """Writes the figures of a run.

    All models have reconstructions, samples, the prior beside the aggregated posterior, and
    training curves. Models of sequences add the rolls of their capsules. Other models add the
    latent space, and, if the data have factors, the mutual information of latents and factors. They
    also add traversals: with an interpolation, or, if the model has categories, in each category.

    Args:
        model: a trained model.
        test: batches of test examples, as from `run_data.test_data`.
        config: config of the run; its `report` says how labels are shown.
        workdir: folder of the run, with its history.csv.
    """
    bound = model.objective.bound
    draw = _of_capsules if model.sequence_axes else _of_latents
    drawn = {
        **draw(model, test, config),
        "prior_fit": tfvae.plots.prior_fit(
            model, run_data.first_steps(model, test, config), seed=config.seed
        ),
        "training_curves": tfvae.plots.training_curves(
            workdir / "history.csv",
            kappa=None if bound is None else float(model.likelihood.kappa_of(bound)),
            validation_name="test",
        ),
    }
    folder = workdir / "figures"
    folder.mkdir(exist_ok=True)
    for name, figure in drawn.items():
        save(figure, folder / f"{name}.png")
    if "category_traversals" in drawn and len(model.data_shape) == 3:
        tfvae.plots.traversal_gif(model, folder / "traversals.gif")


def save(figure: matplotlib.figure.Figure, path: pathlib.Path) -> None:
    """Writes a figure as a PNG file, completely or not at all."""
    with _files.replacing(path) as partial:
        figure.savefig(partial, dpi=DOTS_PER_INCH)


def _of_capsules(
    model: SequenceVAE, test: tf.data.Dataset, config: config_dict.ConfigDict
) -> dict[str, matplotlib.figure.Figure]:
    """Draws the figures of a model of sequences, by name."""
    x = next(iter(test))[0].numpy()
    frames = model.sequence_shape[0]
    return {
        "reconstructions": tfvae.plots.reconstructions(model, x),
        "samples": tfvae.plots.samples(model, 8, seed=config.seed),
        "capsule_traversals": tfvae.plots.capsule_traversals(model, x),
        "forward_prediction": tfvae.plots.forward_prediction(model, x, frames // 2),
        "squares_covariance": tfvae.plots.squares_covariance(model, x),
    }


def _of_latents(
    model: LatentVariableModel, test: tf.data.Dataset, config: config_dict.ConfigDict
) -> dict[str, matplotlib.figure.Figure]:
    """Draws the figures of a model of single examples, by name."""
    x, labels = run_data.arrays(test, config)
    y = run_data.labels_for(model, labels, config)
    rng = np.random.default_rng(config.seed)
    # Random, because test data may be ordered by sequence or object.
    order = rng.permutation(len(x))[:_CANDIDATES]
    chosen = x[order]
    paths, drawn = {}, {}
    if model.num_categories:
        drawn["category_traversals"] = tfvae.plots.category_traversals(model)
    else:
        ends, graph = path.between_examples(model, x, config.seed)
        paths = {} if graph is None else {"graph path": graph.interpolate(*ends, path.POINTS)}
        drawn["traversals"] = tfvae.plots.traversals(model, chosen[0], seed=config.seed)
        drawn["interpolation"] = tfvae.plots.interpolation(model, *ends, graph=graph, num_points=12)
    if config.data.name == motion_capture.NAME and y is None:
        drawn["stick_figures"] = motion_capture.stick_figures(model, config)
    if isinstance(labels, dict):
        drawn["latents_and_factors"] = _information(model, x, y, run_data.factors(labels))
    settings = config.report
    return {
        "reconstructions": tfvae.plots.reconstructions(
            model, chosen, y=None if y is None else y[order]
        ),
        "samples": tfvae.plots.samples(
            model,
            _NUM_SAMPLES,
            y=None if y is None else np.arange(_NUM_SAMPLES) % model.num_categories[0],
            seed=config.seed,
        ),
        "latent_space": tfvae.plots.latent_scatter(
            model,
            x,
            run_data.shown_labels(labels, config),
            y=y,
            coloring=settings.coloring,
            label_name=settings.label_name,
            num_prior=_PRIOR_SAMPLES,
            paths=paths,
            seed=config.seed,
        ),
        **drawn,
    }


def _information(
    model: LatentVariableModel,
    x: np.ndarray,
    y: np.ndarray | None,
    factors: dict[str, np.ndarray],
) -> matplotlib.figure.Figure:
    """Draws the mutual information of each latent and each factor that varies."""
    factors = {name: states for name, states in factors.items() if np.ptp(states)}
    names = [_names.latent(i) for i in range(model.latent_dim)]
    categories = None
    if model.num_categories:
        names += [_names.discrete(v) for v in range(len(model.num_categories))]
        batches = tfvae.evaluation.numpy_batches(x, y)
        categories = np.concatenate([model.categories(*batch) for batch in batches])
    loc, _ = tfvae.evaluation.posterior_moments(model, x)
    matrix = tfvae.evaluation.mutual_information(
        loc, factors, categories=categories, normalised=True
    )
    return tfvae.plots.latents_against_factors(
        matrix, names, list(factors), title="mutual information, share of the factor's entropy"
    )


def examples(
    test: tf.data.Dataset, config: config_dict.ConfigDict
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the test examples, and the labels for figures or None."""
    x, labels = run_data.arrays(test, config)
    return x, run_data.shown_labels(labels, config)
