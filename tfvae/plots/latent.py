"""The latent space as a scatter plot: encoded data, prior samples, and ways."""

import math

import numpy as np
from matplotlib.figure import Figure

from tfvae import _checks
from tfvae.models.batches import latent_codes, posterior_moments
from tfvae.plots import _models, _style

# Marks the categories among what a legend may name.
CATEGORY = "category "
COLORINGS = ("auto", "categorical", "continuous", "cyclic")
MANY = len(_style.COLORS) * len(_style.MARKERS)


def latent_scatter(
    model,
    x,
    labels=None,
    *,
    coloring: str = "auto",
    label_name: str = "label",
    period: float = 2 * math.pi,
    num_prior: int = 0,
    paths=None,
    seed: int = 0,
) -> Figure:
    """Posterior means of the data: for N_z = 2 as they are, for more on their two principal axes.

    With N_z = 1 the ordinate is the posterior standard deviation. Principal axes are those of the
    posterior means; what else is shown is projected on them. The outermost half percent of the
    points at each side may lie outside of the axes. Sequences have a point for each frame. For a
    prior with sources, points are the latents at the sources' means (`model.embed`).

    Args:
        model: a built model.
        x: data, (n, *data).
        labels: (n,), numbers or names; None: one colour. For sequences (n,) or (n, T).
        coloring: "categorical" (legend), "continuous" (colour bar), "cyclic" (angles: a colour map
            without ends), or "auto": categorical for names and whole numbers, else continuous.
        label_name: what the labels are, with their unit.
        period: of cyclic labels.
        num_prior: samples of the prior to show in grey behind the data.
        paths: dict of name -> points (T, N_z) to draw as lines.
        seed: of the prior's samples.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built, or an argument does not fit.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> x = np.random.default_rng(0).uniform(size=(50, 5)).astype("float32")
        >>> vae = tfvae.VHPVAE(latent_dim=2, seed=0)
        >>> vae.build(x.shape)
        >>> figure = tfvae.plots.latent_scatter(vae, x, labels=x[:, 0], num_prior=200)
        >>> figure.axes[0].get_xlabel()
        '$z_1$'
    """
    x = _models.checked_data(model, x)
    labels, coloring = checked_labels(labels, len(x), coloring, model.sequence_shape)
    period = _checks.number_in("period", period, 0.0, math.inf, low_open=True, high_open=True)
    loc = latent_codes(model, x)
    figure = _style.new_figure(5.4, 4.4)
    axes = _style.plain(figure.add_subplot())
    project, names = _projection(loc)
    if num_prior:
        _draw_prior(axes, project, _prior_points(model, num_prior, seed), names)
    points = project(loc) if model.latent_dim > 1 else _with_deviation(model, x, loc)
    draw_points(figure, axes, points, labels, coloring, label_name, period)
    for i, (name, path) in enumerate((paths or {}).items()):
        path = project(_models.checked_latents(model, f"paths[{name!r}]", path))
        if model.latent_dim == 1:
            raise ValueError("`paths` need a latent space of at least two dimensions.")
        style = ("-", "--", ":", "-.")[i % 4]
        # A light rim keeps a dark line apart from dark points.
        axes.plot(*path.T, color="white", linewidth=3.2)
        axes.plot(*path.T, style, color="black", linewidth=1.6, label=str(name))
    axes.set(xlabel=names[0], ylabel=names[1])
    if model.latent_dim > 1:
        axes.set_aspect("equal", adjustable="box")
        _leave_out_stragglers(axes)
    draw_legends(figure, axes, coloring, label_name)
    return figure


def _leave_out_stragglers(axes):
    """Limits that show all but the outermost half percent at each side, with a margin."""
    points = np.concatenate([np.asarray(dots.get_offsets()) for dots in axes.collections])
    low, high = np.quantile(points, [0.005, 0.995], axis=0)
    margin = 0.08 * (high - low)
    (left, bottom), (right, top) = low - margin, high + margin
    axes.set(xlim=(left, right), ylim=(bottom, top))


def _prior_points(model, num, seed):
    """`num` draws z ~ p(z), (num, N_z), frames of as many sequences as are needed."""
    num = _checks.positive_int("num_prior", num)
    sequences = -(-num // math.prod(model.sequence_shape))
    return _models.prior_samples(model, sequences, seed).reshape(-1, model.code_dim)[:num]


def _with_deviation(model, x, loc):
    """The only latent, (n, 1), beside its posterior standard deviation, (n, 2)."""
    if model.prior.num_sources > 1:
        raise ValueError(
            f"A latent made by {type(model.prior).__name__} has no posterior standard deviation to "
            "show: `latent_scatter` needs latent_dim ≥ 2 here."
        )
    return np.concatenate([loc, posterior_moments(model, x)[1]], axis=1)


def checked_labels(labels, count, coloring, sequence_shape=()):
    """The labels as an array, or None, and how they are coloured; ValueError where one misfits.

    Labels of `count` sequences of the shape `sequence_shape`, (T,), are spread over their frames.
    """
    if coloring not in COLORINGS:
        raise ValueError(f"`coloring` must be one of {COLORINGS}, received {coloring!r}.")
    if labels is None:
        return None, "none"
    labels = np.asarray(labels)
    if sequence_shape and labels.shape == (count,):
        labels = np.repeat(labels, *sequence_shape)
    elif sequence_shape and labels.shape == (count, *sequence_shape):
        labels = labels.ravel()
    elif labels.shape != (count,):
        raise ValueError(
            f"`labels` must have one entry for each of the {count} examples, shape ({count},); "
            f"received the shape {labels.shape}."
        )
    are_names = labels.dtype.kind not in "iufb"
    if coloring == "auto":
        few = len(np.unique(labels)) <= MANY
        coloring = (
            "categorical" if are_names or (labels.dtype.kind in "iub" and few) else "continuous"
        )
    if are_names and coloring != "categorical":
        raise ValueError(f"`labels` that are names cannot be coloured as {coloring!r}.")
    if coloring == "categorical" and len(np.unique(labels)) > MANY:
        raise ValueError(
            f"{len(np.unique(labels))} categories cannot be told apart, at most {MANY} can: use "
            'coloring="continuous", or show fewer.'
        )
    return labels, coloring


def _projection(loc):
    """A function (n, N_z) -> (n, 2), and the names of the axes."""
    latent_dim = loc.shape[1]
    if latent_dim == 1:
        return (lambda z: z), ("$z_1$", "posterior standard deviation of $z_1$")
    if latent_dim == 2:
        return (lambda z: z), ("$z_1$", "$z_2$")
    centre = loc.mean(axis=0)
    _, singular, directions = np.linalg.svd(loc - centre, full_matrices=False)
    if len(singular) < 2:
        raise ValueError("Two principal axes need at least two examples.")
    shares = singular**2 / (np.sum(singular**2) or 1.0)
    names = tuple(f"principal axis {i + 1} ({shares[i]:.0%} of the variance)" for i in range(2))
    return (lambda z: (z - centre) @ directions[:2].T), names


def draw_legends(figure, axes, coloring, label_name):
    """Categories to the right of the points, prior and paths above them."""
    handles, names = axes.get_legend_handles_labels()
    categories = [
        (handle, name[len(CATEGORY) :])
        for handle, name in zip(handles, names, strict=True)
        if name.startswith(CATEGORY)
    ]
    others = [
        (handle, name)
        for handle, name in zip(handles, names, strict=True)
        if not name.startswith(CATEGORY)
    ]
    if categories:
        columns = math.ceil(len(categories) / 16)
        _style.legend(
            figure, *zip(*categories, strict=True), loc="outside right upper",
            title=label_name, ncols=columns, markerscale=1.6,
        )  # fmt: skip
    if others:
        _style.legend(
            figure, *zip(*others, strict=True), loc="outside upper left", ncols=4, markerscale=1.6
        )


def _draw_prior(axes, project, z, names):
    style = {"color": _style.BACKDROP, "zorder": 0}
    if z.shape[1] == 1:
        low, middle, high = np.quantile(z, [0.05, 0.5, 0.95])
        axes.axvline(low, label="prior: 5%, 50%, 95%", **style)
        for value in (middle, high):
            axes.axvline(value, **style)
        return
    axes.scatter(*project(z).T, s=9, linewidths=0, label="prior", **style)


def draw_points(figure, axes, points, labels, coloring, label_name, period):
    """Points (n, 2), coloured by their labels as `coloring` says."""
    style = {"s": float(np.clip(8000 / len(points), 6, 16)), "linewidths": 0}
    if coloring == "none":
        axes.scatter(*points.T, color=_style.COLORS[0], **style)
        return
    if coloring == "categorical":
        for i, value in enumerate(np.unique(labels)):
            color = _style.COLORS[i % len(_style.COLORS)]
            marker = _style.MARKERS[i // len(_style.COLORS)]
            axes.scatter(
                *points[labels == value].T,
                color=color,
                marker=marker,
                label=f"{CATEGORY}{value}",
                **style,
            )
        return
    if coloring == "continuous":
        dots = axes.scatter(*points.T, c=labels, cmap=_style.SEQUENTIAL, **style)
        _style.color_bar(figure, dots, axes, label_name)
        return
    dots = axes.scatter(
        *points.T, c=np.mod(labels, period), cmap=_style.CYCLIC, vmin=0.0, vmax=period, **style
    )
    bar = _style.color_bar(figure, dots, axes, label_name)
    if math.isclose(period, 2 * math.pi):
        bar.set_ticks(np.arange(5) * math.pi / 2, labels=["0", "π/2", "π", "3π/2", "2π"])
