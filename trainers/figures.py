"""Figures of a run as PNG files."""

import numpy as np

import tfvae.datasets
import tfvae.evaluation
import tfvae.plots
from tfvae.geometry import DisconnectedError, LatentGraph
from trainers import experiment

DOTS_PER_INCH = 150
_PRIOR_SAMPLES = 2000
# Test examples among which the two ends of the interpolation are looked for.
_CANDIDATES = 500


def write(model, test, config, workdir):
    """Writes the figures of a run.

    Reconstructions, samples and the training curves; the latent space, and traversals and an
    interpolation, or for a model with categories its traversals in each of them; where the data
    have factors, what latents know of them. Or, for a model of sequences, how its capsules roll.

    Args:
        model: a trained model.
        test: batches of test examples, as from `experiment.test_data`.
        config: its `report` says how labels are shown.
        workdir: folder of the run; its history.csv is drawn too.
    """
    bound = model.objective.bound
    draw = _of_capsules if model.sequence_axes else _of_latents
    drawn = {
        **draw(model, test, config),
        "training_curves": tfvae.plots.training_curves(
            workdir / "history.csv",
            kappa=None if bound is None else float(model.likelihood.kappa_of(bound)),
            validation_name="test",
        ),
    }
    folder = workdir / "figures"
    folder.mkdir(exist_ok=True)
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png", dpi=DOTS_PER_INCH)
    if "category_traversals" in drawn and len(model.data_shape) == 3:
        tfvae.plots.traversal_gif(model, folder / "traversals.gif")


def _of_capsules(model, test, config):
    """Figures of a model of sequences, by name."""
    x = next(iter(test))[0].numpy()
    frames = model.sequence_shape[0]
    return {
        "reconstructions": tfvae.plots.reconstructions(model, x),
        "samples": tfvae.plots.samples(model, 8, seed=config.seed),
        "capsule_traversals": tfvae.plots.capsule_traversals(model, x),
        "forward_prediction": tfvae.plots.forward_prediction(model, x, frames // 2),
        "squares_covariance": tfvae.plots.squares_covariance(model, x),
    }


def _of_latents(model, test, config):
    """Figures of a model of single examples, by name."""
    x, labels = _arrays(test, config)
    rng = np.random.default_rng(config.seed)
    # Test data may come sequence by sequence, or object by object.
    chosen = x[rng.permutation(len(x))[:_CANDIDATES]]
    paths, drawn = {}, {}
    if model.num_categories:
        drawn["category_traversals"] = tfvae.plots.category_traversals(model)
    else:
        ends = _far_apart(model.embed(chosen).numpy())
        graph = _graph_between(model, ends, config.seed)
        paths = {} if graph is None else {"graph path": graph.interpolate(*ends, 100)}
        drawn["traversals"] = tfvae.plots.traversals(model, chosen[0], seed=config.seed)
        drawn["interpolation"] = tfvae.plots.interpolation(model, *ends, graph=graph, num_points=12)
    if isinstance(labels, dict):
        drawn["latents_and_factors"] = _information(model, x, experiment.factors(labels))
    settings = config.report
    return {
        "reconstructions": tfvae.plots.reconstructions(model, chosen),
        "samples": tfvae.plots.samples(model, 40, seed=config.seed),
        "latent_space": tfvae.plots.latent_scatter(
            model,
            x,
            experiment.shown_labels(labels, config),
            coloring=settings.coloring,
            label_name=settings.label_name,
            num_prior=_PRIOR_SAMPLES,
            paths=paths,
            seed=config.seed,
        ),
        **drawn,
    }


def _information(model, x, factors):
    """The figure of what each latent knows of each factor that varies."""
    factors = {name: states for name, states in factors.items() if np.ptp(states)}
    names = [f"$z_{{{i + 1}}}$" for i in range(model.latent_dim)]
    categories = None
    if model.num_categories:
        names += [f"$d_{{{v + 1}}}$" for v in range(len(model.num_categories))]
        rows = tfvae.evaluation.batches(x)
        categories = np.concatenate([model.categories(batch) for batch in rows])
    loc, _ = tfvae.evaluation.posterior_moments(model, x)
    matrix = tfvae.evaluation.mutual_information(
        loc, factors, categories=categories, normalised=True
    )
    return tfvae.plots.latents_against_factors(
        matrix, names, list(factors), title="mutual information, share of the factor's entropy"
    )


def examples(test, config):
    """The test examples, and the labels that figures show or None."""
    x, labels = _arrays(test, config)
    return x, experiment.shown_labels(labels, config)


def _arrays(test, config):
    """The test examples, and their labels, factors, or None."""
    arrays = tfvae.datasets.as_arrays(test)
    return arrays if config.data.labels else (arrays, None)


def _far_apart(z):
    """The two points of `z`, (n, N_z), with the greatest distance from each other."""
    distances = np.linalg.norm(z[:, np.newaxis] - z, axis=-1)
    return z[list(np.unravel_index(np.argmax(distances), distances.shape))]


def _graph_between(model, ends, seed):
    """A graph of prior samples that joins the ends; None where their clusters are not joined."""
    graph = LatentGraph(model, _PRIOR_SAMPLES, seed=seed)
    try:
        graph.path(*ends)
    except DisconnectedError as error:
        print(f"The interpolation has no row along the graph: {error}")
        return None
    return graph
