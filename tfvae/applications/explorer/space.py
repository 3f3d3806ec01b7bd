"""The latent space of a model with encoded data: points, axes, ranges, neighbours, decoding."""

import itertools
import math
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from sklearn.neighbors import NearestNeighbors

from tfvae import _checks, _names
from tfvae.applications.explorer.files import Data
from tfvae.evaluation.principal import PrincipalAxes, axes_of
from tfvae.models import beside
from tfvae.models import data as model_data

# Samples of the prior that give ranges, and backdrops of a map.
NUM_PRIOR = 1000
# The ends of a slider: quantiles of data and prior, and what is added on both sides.
TAILS, MARGIN = (0.002, 0.998), 0.15
MODES = ("latents", "principal axes")


class Neighbour(NamedTuple):
    """One of the encoded examples near a point."""

    index: int
    """Its number among the encoded points."""
    distance: float
    """Euclidean, in the unit of the latents."""


class LatentSpace:
    """The latent space of a model, with encoded data in it, for programs that let people look.

    A point is [z, what is held], a row of `decoder_input_dim` numbers: z, (N_z,), can move, and
    one-hot categories and the embedded condition are held. Steps of sequences are points one by
    one.

    Args:
        model: a built model of the library.
        data: what to encode; None: the prior alone.
        limit: greatest number of examples, drawn by the seed from more.
        seed: of this choice, and of the samples of the prior.

    Raises:
        ValueError: when the model is not built, needs a condition and gets no data, or the data do
            not fit it.

    Example:
        >>> import numpy as np, tfvae
        >>> from tfvae.applications.explorer import Data, LatentSpace
        >>> vae = tfvae.VAE(latent_dim=3, seed=0)
        >>> vae.build((None, 5))
        >>> x = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
        >>> space = LatentSpace(vae, Data(x))
        >>> space.points.shape, space.decode(space.points[:2]).shape
        ((40, 3), (2, 5))
        >>> [one.index for one in space.neighbours(space.points[7], 2)][0]
        7
    """

    def __init__(
        self, model: keras.Model, data: Data | None = None, *, limit: int = 5000, seed: int = 0
    ) -> None:
        if not model.built:
            raise ValueError(
                f"`model` must be built, received a {type(model).__name__} that has no weights yet."
                " Call `fit`, or `build((None, *shape_of_one_example))`."
            )
        if data is None and model.condition is not None:
            raise ValueError(
                "`data` must be given for a model with a condition, received None. Give an .npz "
                "file with x and condition."
            )
        self.model, self.seed = model, seed
        self.latent_dim = model.latent_dim
        self.data = None if data is None else _part(model, data, limit, seed)
        size = model.decoder_input_dim
        # One row of a known size: the graph is traced once, before anybody waits for it.
        self._decode = tf.function(
            lambda rows: model.likelihood.mean(model.decoder_outputs(rows)),
            input_signature=[tf.TensorSpec([None, size], tf.float32)],
            autograph=False,
        )
        self.prior_points = self.sample_prior(NUM_PRIOR, seed)
        rows = np.zeros([0, size], "float32")
        if data is not None:
            rows = model_data.decoder_inputs(model, self.data.x, self.data.y)
        self.points, self.held = np.split(np.asarray(rows, "float64"), [self.latent_dim], axis=1)
        self.axes = axes_of(self.points) if len(self.points) > 1 else None
        self.home = np.mean(self.points if len(self.points) else self.prior_points, axis=0)
        self.home_held = self.held[0] if len(self.held) else self._first_categories()
        known = [part for part in (self.points, self.prior_points) if len(part)]
        self.low, self.high = _range(np.concatenate(known))
        self._index = NearestNeighbors().fit(self.points) if len(self.points) else None
        self.decode(self.home[np.newaxis])

    def _first_categories(self) -> np.ndarray:
        held = np.zeros(self.model.decoder_input_dim - self.latent_dim)
        for start, _ in self.category_columns:
            held[start] = 1.0
        return held

    @property
    def category_columns(self) -> list[tuple[int, int]]:
        """The columns (start, end) of each categorical variable among what is held."""
        ends = np.cumsum((0, *self.model.num_categories))
        return [(int(a), int(b)) for a, b in itertools.pairwise(ends)]

    def decode(self, z: np.ndarray, held: np.ndarray | None = None) -> np.ndarray:
        """E[x|z, d, c], (n, N_z) -> (n, *step), float32; `held`, (H,), is the same for all.

        None: what is held at the first example, or the first category of each variable.
        """
        z = np.asarray(z, "float32").reshape(-1, self.latent_dim)
        held = np.asarray(self.home_held if held is None else held, "float32")
        rows = np.concatenate([z, np.broadcast_to(held, [len(z), len(held)])], axis=1)
        return self._decode(tf.constant(rows)).numpy()

    def sample_prior(self, num: int, seed: int) -> np.ndarray:
        """Samples of the prior, (num, N_z), float64."""
        shape = self.model.sequence_shape
        sequences = math.ceil(num / math.prod(shape))
        z = np.asarray(self.model.prior.sample(sequences, seed=(int(seed), 0)), "float64")
        return z.reshape(-1, self.latent_dim)[:num]

    def neighbours(self, z: np.ndarray, k: int) -> list[Neighbour]:
        """The `k` encoded examples nearest to z, (N_z,), the nearest first; fewer if there are."""
        if self._index is None:
            return []
        k = min(_checks.positive_int("k", k), len(self.points))
        distances, found = self._index.kneighbors(np.reshape(z, [1, -1]), k)
        return [Neighbour(int(i), float(d)) for i, d in zip(found[0], distances[0], strict=True)]

    def example(self, index: int) -> np.ndarray:
        """x of the encoded point number `index`, one step of a sequence, (*step)."""
        steps = math.prod(self.model.sequence_shape)
        return self.data.x[index // steps].reshape(steps, *self.model.step_shape)[index % steps]

    def label(self, name: str, index: int) -> Any:
        """The label `name` of the encoded point number `index`, None if there is no such label."""
        values = self.data.labels.get(name) if self.data else None
        return None if values is None else values[index // math.prod(self.model.sequence_shape)]

    def point_labels(self, name: str) -> np.ndarray:
        """The label `name` of all encoded points, (m,)."""
        return np.repeat(self.data.labels[name], math.prod(self.model.sequence_shape))

    # ---- axes that sliders move along ----------------------------------------------------------

    def axis_names(self, mode: str) -> list[str]:
        """Names of the latents, or of the principal axes with their share of the variance."""
        if _axes(self, mode) is None:
            return [_names.with_subscript(_names.latent(i)) for i in range(self.latent_dim)]
        return [f"axis {i} · {share:.0%}" for i, share in enumerate(self.axes.shares)]

    def coordinates(self, mode: str, z: np.ndarray) -> np.ndarray:
        """Where z, (…, N_z), lies along the latents or the principal axes, (…, K)."""
        axes = _axes(self, mode)
        return np.asarray(z, "float64") if axes is None else axes.coordinates(z)

    def moved(self, mode: str, z: np.ndarray, axis: int, value: float) -> np.ndarray:
        """z, (N_z,), with another coordinate along one axis; all that is orthogonal stays."""
        axes = _axes(self, mode)
        direction = np.eye(self.latent_dim)[axis] if axes is None else axes.directions[axis]
        return z + (value - self.coordinates(mode, z)[axis]) * direction

    def limits(self, mode: str) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the sliders, two arrays (K,)."""
        if _axes(self, mode) is None:
            return self.low, self.high
        return _range(self.axes.coordinates(self.points))


def _axes(space: LatentSpace, mode: str) -> PrincipalAxes | None:
    """The principal axes, or None for the latents themselves."""
    mode = _checks.one_of("mode", mode, MODES)
    if mode == MODES[0]:
        return None
    if space.axes is None:
        raise ValueError("`mode` must be 'latents' without data, received 'principal axes'.")
    return space.axes


def _range(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends that hold nearly all points, with a margin; they differ even if all points agree."""
    low, high = np.quantile(z, TAILS, axis=0)
    margin = MARGIN * np.maximum(high - low, 1e-2)
    return low - margin, high + margin


def _part(model: keras.Model, data: Data, limit: int, seed: int) -> Data:
    """At most `limit` examples, in their order, checked to fit the model."""
    limit = _checks.positive_int("limit", limit)
    x = np.asarray(data.x)
    wanted = tuple(model.data_shape)
    if x.shape[1:] != wanted and (*x.shape[1:], 1) == wanted:
        x = x[..., np.newaxis]  # Grey images without their axis of channels.
    if x.shape[1:] != wanted or not len(x):
        raise ValueError(
            f"`data` must hold examples of the shape {wanted}, as the model's, received "
            f"{x.shape[1:]} ({len(x)} examples). Data sets have options: --set size=16."
        )
    order = np.arange(len(x))
    if len(x) > limit:
        order = np.sort(np.random.default_rng(seed).choice(len(x), limit, replace=False))
    x = np.asarray(x[order], "float32")
    bad = np.flatnonzero(~np.all(np.isfinite(x.reshape(len(x), -1)), axis=1))
    if len(bad):
        raise ValueError(
            f"`data` must hold finite numbers, received {len(bad)} of {len(x)} examples with NaN or"
            f" infinities; the first is number {order[bad[0]]}. Leave them out, or fill the gaps."
        )
    y = {name: np.asarray(values)[order] for name, values in data.y.items()}
    labels = {}
    for name, values in data.labels.items():
        values = np.asarray(values)
        beside.check_rows(name, values, len(data.x))
        values = values[order]
        # Objects of several types cannot be sorted.
        labels[name] = values.astype(str) if values.dtype.kind == "O" else values
    return data._replace(x=x, y=y, labels=labels)
