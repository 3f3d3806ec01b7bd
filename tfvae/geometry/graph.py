"""Shortest paths through the latent space on a nearest-neighbour graph of samples of the prior."""

import math
from typing import Any

import keras
import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from scipy.sparse import csgraph
from scipy.spatial.distance import cdist

from tfvae import _checks
from tfvae.geometry.geodesics import curve_length
from tfvae.geometry.metric import NUMBERS_AT_A_TIME, decoder_mean

WEIGHTS = ("latent", "observation")


def observation_lengths(
    model: keras.Model,
    z_start: ArrayLike,
    z_end: ArrayLike,
    num_segments: int = 8,
    *,
    y: Any = None,
) -> np.ndarray:
    """Observation-space lengths of straight lines in latent space.

        L = Σ_s ‖f(z_{s+1}) − f(z_s)‖, z_s = z_start + (s/S)(z_end − z_start), s = 0..S − 1

    with f(z) = E[x|z] and S = `num_segments`. L rises to ∫ sqrt(żᵀ G(z) ż) dt with S [C20].

    Args:
        model: a built model.
        z_start: (E, N_z).
        z_end: (E, N_z).
        num_segments: S.
        y: category and condition that are held, for a model that has them; see `decoder_mean`.

    Returns:
        float64 array (E,), in the unit of the data.

    Raises:
        ValueError: when `num_segments` is not a whole number ≥ 1, or y does not fit.
    """
    num_segments = _checks.positive_int("num_segments", num_segments)
    ends = np.stack([z_start, z_end], axis=1)
    return curve_length(decoder_mean(model, y), ends, subdivisions=num_segments)


class DisconnectedError(ValueError):
    """No path of the graph joins two points."""


class LatentGraph:
    """Interpolation that stays where the prior has its mass [K19].

    The nodes are n points z ~ p(z) and the two end points of a path. Each node is joined to its k
    nearest neighbours (Euclidean in z; an edge counts in both directions). Dijkstra's algorithm
    finds the shortest path. The graph of one pair does not contain the end points of other pairs,
    and each path is the same whether or not others are computed with it.

    **Choice**: the weight of an edge is ‖Δz‖ as in the paper ("latent"), or the length of its
    decoded image, see `observation_lengths` ("observation").

    Args:
        model: a built model with a prior that can be sampled.
        num_nodes: n.
        num_neighbors: k.
        weights: "latent" or "observation".
        keep: share of the samples that become nodes: the n of highest log p(z) among n/keep draws.
            **Choice**: a share below 1 removes the few samples where the prior is thin, such as
            between the arms of a ring; a shortest path would use them as a bridge.
        nodes: points (n, N_z) to use in place of samples of the prior, such as encoded data.
        num_segments: pieces into which an edge is cut to measure it in observation space.
        y: category and condition that are held when edges are measured there, for a model that has
            them; see `decoder_mean`.
        seed: of the samples.

    Attributes:
        nodes: float64 array (n, N_z).
        edges: int array (E, 2), each edge once.
        lengths: float64 array (E,), their weights.

    Raises:
        ValueError: when the model is not built, a number is out of range, or there are not more
            nodes than neighbours.

    Example:
        >>> import numpy as np, tfvae
        >>> from tfvae.geometry import LatentGraph
        >>> vae = tfvae.VHPVAE(latent_dim=2, seed=0)
        >>> vae.build((None, 5))
        >>> graph = LatentGraph(vae, num_nodes=200, seed=0)
        >>> z = vae.encode(np.random.default_rng(0).uniform(size=(2, 5))).mean().numpy()
        >>> graph.interpolate(z[0], z[1], num_points=10).shape
        (10, 2)
    """

    def __init__(
        self,
        model: keras.Model,
        num_nodes: int = 1000,
        num_neighbors: int = 16,
        weights: str = "latent",
        *,
        keep: float = 1.0,
        nodes: ArrayLike | None = None,
        num_segments: int = 8,
        y: Any = None,
        seed: int = 0,
    ) -> None:
        from sklearn.neighbors import kneighbors_graph

        if not model.built:
            raise ValueError(
                "`model` must be built, received a model that has no weights. Call `fit`, or "
                "`build((None, *shape_of_one_example))`."
            )
        self.model = model
        self.num_neighbors = _checks.positive_int("num_neighbors", num_neighbors)
        self.weights = _checks.one_of("weights", weights, WEIGHTS)
        self.num_segments = _checks.positive_int("num_segments", num_segments)
        self.y = y
        if nodes is None:
            num_nodes = _checks.positive_int("num_nodes", num_nodes)
            keep = _checks.number_in("keep", keep, 0.0, 1.0, low_open=True)
            nodes = _densest(model.prior, num_nodes, math.ceil(num_nodes / keep), seed)
        self.nodes = _points("nodes", nodes, model.latent_dim)
        if len(self.nodes) <= self.num_neighbors:
            raise ValueError(
                f"`num_neighbors` must be below the number of nodes, received {self.num_neighbors} "
                f"for {len(self.nodes)} nodes. Use more nodes or fewer neighbours."
            )
        graph = kneighbors_graph(self.nodes, self.num_neighbors, mode="distance").tocoo()
        # A point nearer to a node than this is among the node's k nearest neighbours.
        self._radii = graph.data.reshape(len(self.nodes), -1).max(axis=1)
        both_ways = np.stack([graph.row, graph.col], axis=1)
        self.edges = np.unique(np.sort(both_ways, axis=1), axis=0)
        self.lengths = self._edge_lengths(*(self.nodes[column] for column in self.edges.T))

    def path(self, z_start: ArrayLike, z_end: ArrayLike) -> np.ndarray | list[np.ndarray]:
        """The nodes of the shortest path, end points included.

        Args:
            z_start: (N_z,), or (B, N_z) for B paths at once.
            z_end: of the same shape.

        Returns:
            float64 array (P, N_z), or a list of B of them.

        Raises:
            ValueError: when an argument does not fit.
            DisconnectedError: when no path exists; it tells the sizes of the graph's components.
        """
        starts, ends, is_single = self._pairs(z_start, z_end)
        paths = [nodes for nodes, _ in self._solve(starts, ends)]
        return paths[0] if is_single else paths

    def distance(self, z_start: ArrayLike, z_end: ArrayLike) -> float | np.ndarray:
        """The length of the shortest path, in the unit of `weights`.

        Args:
            z_start: (N_z,), or (B, N_z).
            z_end: of the same shape.

        Returns:
            A float, or a float64 array (B,).

        Raises:
            ValueError: when an argument does not fit.
            DisconnectedError: when no path exists.
        """
        starts, ends, is_single = self._pairs(z_start, z_end)
        lengths = np.array([length[-1] for _, length in self._solve(starts, ends)])
        return float(lengths[0]) if is_single else lengths

    def interpolate(self, z_start: ArrayLike, z_end: ArrayLike, num_points: int = 20) -> np.ndarray:
        """Points on the shortest path at equal distances along it, end points included.

        `weights` defines the distances along the path; within an edge the speed in z is constant.

        Args:
            z_start: (N_z,), or (B, N_z) for B paths at once.
            z_end: of the same shape.
            num_points: T ≥ 2.

        Returns:
            float32 array (T, N_z), or (B, T, N_z); `model.decode(…).mean()` shows it.

        Raises:
            ValueError: when an argument does not fit.
            DisconnectedError: when no path exists.
        """
        num_points = _checks.positive_int("num_points", num_points)
        if num_points < 2:
            raise ValueError(
                f"`num_points` must be at least 2, for both end points, received {num_points}."
            )
        starts, ends, is_single = self._pairs(z_start, z_end)
        curves = np.stack(
            [resample(nodes, num_points, lengths) for nodes, lengths in self._solve(starts, ends)]
        ).astype("float32")
        return curves[0] if is_single else curves

    def _edge_lengths(self, z_start, z_end):
        if self.weights == "latent":
            return np.linalg.norm(z_end - z_start, axis=-1)
        return observation_lengths(self.model, z_start, z_end, self.num_segments, y=self.y)

    def _pairs(self, z_start, z_end):
        """Both ends as (B, N_z), and whether a single pair was given."""
        shapes = np.shape(z_start), np.shape(z_end)
        if shapes[0] != shapes[1] or len(shapes[0]) not in (1, 2):
            raise ValueError(
                "`z_start` and `z_end` must have one shape, (N_z,) or (B, N_z), received "
                f"{shapes[0]} and {shapes[1]}."
            )
        starts, ends = (
            _points(name, np.atleast_2d(z), self.model.latent_dim)
            for name, z in (("z_start", z_start), ("z_end", z_end))
        )
        return starts, ends, len(shapes[0]) == 1

    def _links(self, points):
        """Edges from points (B, N_z) to nodes: indices of both; and each point's k-th distance.

        A point and a node are joined when either is among the other's k nearest neighbours.
        """
        found = [[], [], []]
        rows = max(1, NUMBERS_AT_A_TIME // len(self.nodes))
        last = self.num_neighbors - 1
        for start in range(0, len(points), rows):
            distances = cdist(points[start : start + rows], self.nodes)
            reach = np.partition(distances, last, axis=1)[:, last]
            near = (distances <= reach[:, np.newaxis]) | (distances < self._radii)
            of_point, of_node = np.nonzero(near)
            for parts, part in zip(found, (start + of_point, of_node, reach), strict=True):
                parts.append(part)
        return tuple(np.concatenate(parts) for parts in found)

    def _solve(self, starts, ends):
        """For each pair: nodes of the path, (P, N_z), and the length up to each of them, (P,)."""
        num_nodes, num_pairs = len(self.nodes), len(starts)
        points = np.concatenate([self.nodes, starts, ends])
        start_of = num_nodes + np.arange(num_pairs)
        end_of = start_of + num_pairs
        out_pair, out_node, out_reach = self._links(starts)
        in_pair, in_node, in_reach = self._links(ends)
        gaps = np.linalg.norm(ends - starts, axis=1)
        joined = np.flatnonzero(gaps <= np.maximum(out_reach, in_reach))
        # Edges only lead away from a start and towards an end: no path leads through another pair.
        links = np.concatenate(
            [
                np.stack([start_of[out_pair], out_node], axis=1),
                np.stack([in_node, end_of[in_pair]], axis=1),
                np.stack([start_of[joined], end_of[joined]], axis=1),
            ]
        )
        link_lengths = self._edge_lengths(*(points[column] for column in links.T))
        rows, columns = np.concatenate([self.edges, self.edges[:, ::-1], links]).T
        data = np.concatenate([self.lengths, self.lengths, link_lengths])
        graph = scipy.sparse.csr_array((data, (rows, columns)), shape=[len(points)] * 2)
        solved = []
        for pair, (start, end) in enumerate(zip(start_of, end_of, strict=True)):
            distances, previous = csgraph.dijkstra(graph, indices=start, return_predecessors=True)
            if not np.isfinite(distances[end]):
                raise DisconnectedError(self._disconnected(pair, num_pairs, distances[:num_nodes]))
            trail = [end]
            while trail[-1] != start:
                trail.append(previous[trail[-1]])
            solved.append((points[trail[::-1]], distances[trail[::-1]]))
        return solved

    def _disconnected(self, pair, num_pairs, distances):
        """The message for a pair that no path joins."""
        shape = [len(self.nodes)] * 2
        graph = scipy.sparse.csr_array((np.ones(len(self.edges)), self.edges.T), shape=shape)
        _, part = csgraph.connected_components(graph, directed=False)
        sizes = sorted(np.bincount(part).tolist(), reverse=True)
        shown = ", ".join(map(str, sizes[:5])) + (", …" if len(sizes) > 5 else "")
        which = f" of pair {pair}" if num_pairs > 1 else ""
        return (
            f"No path joins the end points{which}: the graph of {len(self.nodes)} nodes falls into "
            f"{len(sizes)} components of {shown} nodes, and from `z_start` "
            f"{np.isfinite(distances).sum()} nodes are reached. Use more neighbours "
            f"(num_neighbors={self.num_neighbors}) or more nodes; clusters far apart in the latent "
            "space may have no path between them."
        )


def resample(nodes: ArrayLike, num_points: int, lengths: ArrayLike | None = None) -> np.ndarray:
    """Points at equal distances along a polygonal curve.

    Args:
        nodes: corners of the curve, (P, N_z).
        num_points: T.
        lengths: distance along the curve up to each corner, (P,), rising from 0. None: Euclidean
            in z.

    Returns:
        (T, N_z), including the first and the last corner.
    """
    nodes = np.asarray(nodes, dtype="float64")
    if lengths is None:
        steps = np.linalg.norm(np.diff(nodes, axis=0), axis=1)
        lengths = np.concatenate([[0.0], np.cumsum(steps)])
    if lengths[-1] == 0.0:
        return np.repeat(nodes[:1], num_points, axis=0)
    targets = np.linspace(0.0, lengths[-1], num_points)
    return np.stack([np.interp(targets, lengths, column) for column in nodes.T], axis=1)


def _densest(prior, num_nodes, num_samples, seed):
    """The `num_nodes` of highest log p(z) among `num_samples` draws z ~ p(z)."""
    z = prior.sample(num_samples, seed=(seed, 0))
    if num_samples == num_nodes:
        return z
    with prior.held():
        log_prob = np.concatenate(
            [
                np.asarray(prior.log_prob(z[start : start + 1024], seed=(seed, 1 + start)))
                for start in range(0, num_samples, 1024)
            ]
        )
    return np.asarray(z)[np.sort(np.argsort(log_prob)[num_samples - num_nodes :])]


def _points(name: str, z: ArrayLike, latent_dim: int) -> np.ndarray:
    """`z` as float64, (n, N_z), finite."""
    z = np.asarray(z, dtype="float64")
    if z.ndim != 2 or z.shape[1] != latent_dim:
        raise ValueError(
            f"`{name}` must be points with latent_dim = {latent_dim} coordinates, received the "
            f"shape {z.shape}."
        )
    if not np.all(np.isfinite(z)):
        raise ValueError(f"`{name}` must be finite, received NaN or infinities.")
    return z
