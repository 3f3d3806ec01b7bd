"""Graph-based interpolation: paths, lengths, and what happens when there is no path."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.distance import cdist

import tfvae
from tfvae.geometry import LatentGraph, graph, observation_lengths, resample
from tfvae.priors.base import Prior

RADIUS = 2.0
RANDOM = np.random.default_rng(0)
MAP = RANDOM.normal(size=(2, 5)).astype("float32")


class FixedPrior(Prior):
    """Samples are the first rows of an array."""

    def __init__(self, points):
        super().__init__()
        self.points = points

    def distribution(self, *, training=False):
        raise NotImplementedError

    def sample(self, num_samples, *, seed=None):
        return tf.constant(self.points[:num_samples], tf.float32)


def scaled_decoder(scale):
    """The decoder f(z) = scale(z) zᵀMAP."""
    return keras.layers.Lambda(lambda z: scale(z) * keras.ops.matmul(z, MAP))


def model_with(points, scale=lambda z: 1.0):
    """A VAE with the decoder `scaled_decoder(scale)` and a prior with the samples `points`."""
    prior = FixedPrior(np.asarray(points))
    vae = tfvae.VAE(latent_dim=2, decoder=scaled_decoder(scale), prior=prior)
    vae.build((None, 5))
    return vae


def ring(angles, radius=RADIUS):
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


@pytest.fixture(scope="module")
def ring_model():
    # Uniform angles, but without the gaps that chance would leave.
    angles = (np.arange(1000) + RANDOM.uniform(size=1000)) * 2 * np.pi / 1000
    return model_with(ring(RANDOM.permutation(angles)))


@pytest.fixture(scope="module")
def ring_graph(ring_model):
    return LatentGraph(ring_model, num_nodes=1000, num_neighbors=8)


def test_path_follows_the_ring(ring_graph):
    start, end = ring(np.array([0.1, 0.1 + 0.8 * np.pi]))
    path = ring_graph.path(start, end)
    np.testing.assert_array_equal(path[[0, -1]], [start, end])
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), RADIUS, rtol=1e-6)
    # Chords of a fine ring: the length of the arc within 1 in 1000.
    arc = 0.8 * np.pi * RADIUS
    assert ring_graph.distance(start, end) == pytest.approx(arc, rel=1e-3)
    # The straight line would pass the centre at a distance of RADIUS cos(0.4π).
    line = start + np.linspace(0, 1, 50)[:, None] * (end - start)
    assert np.linalg.norm(line, axis=1).min() < 0.4 * RADIUS
    curve = ring_graph.interpolate(start, end, num_points=50)
    np.testing.assert_allclose(np.linalg.norm(curve, axis=1), RADIUS, rtol=5e-3)


def test_interpolation_keeps_its_pace(ring_graph):
    start, end = ring(np.array([0.0, 0.7 * np.pi]))
    curve = ring_graph.interpolate(start, end, num_points=30)
    assert curve.shape == (30, 2)
    assert curve.dtype == np.float32
    np.testing.assert_allclose(curve[[0, -1]], [start, end], rtol=1e-6, atol=1e-6)
    angles = np.unwrap(np.arctan2(curve[:, 1], curve[:, 0]))
    np.testing.assert_allclose(np.diff(angles), 0.7 * np.pi / 29, rtol=0.02)


def test_resample_a_right_angle():
    corners = [[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]]
    expected = [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]]
    np.testing.assert_allclose(resample(corners, 5), expected, atol=1e-12)
    # With the second edge made 3 long, half-way is the corner.
    np.testing.assert_allclose(resample(corners, 3, [0, 3, 6])[1], [3, 0], atol=1e-12)
    np.testing.assert_array_equal(resample([[1.0, 2.0]] * 2, 3), [[1.0, 2.0]] * 3)


def naive_shortest(nodes, start, end, neighbors):
    """Lengths of all shortest paths of the same graph, by Floyd and Warshall's three loops."""
    points = np.concatenate([nodes, [start, end]])
    count = len(points)
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    cost = np.full((count, count), np.inf)
    for i in range(count):
        others = [j for j in np.argsort(distance[i]) if j != i]
        # The k-th neighbour of a node is counted among the nodes proper.
        kth = sorted(distance[i, j] for j in others if j < len(nodes))[neighbors - 1]
        for j in others:
            if distance[i, j] <= kth:
                cost[i, j] = cost[j, i] = distance[i, j]
        cost[i, i] = 0.0
    for k in range(count):
        for i in range(count):
            for j in range(count):
                cost[i, j] = min(cost[i, j], cost[i, k] + cost[k, j])
    return cost[-2, -1]


@pytest.mark.parametrize("seed", range(4))
def test_shortest_by_floyd_and_warshall(seed):
    random = np.random.default_rng(seed)
    nodes = random.normal(size=(25, 2)).astype("float32")
    start, end = random.normal(size=(2, 2))
    graph = LatentGraph(model_with(nodes), num_nodes=25, num_neighbors=4)
    expected = naive_shortest(graph.nodes, start, end, 4)
    assert graph.distance(start, end) == pytest.approx(expected, rel=1e-9)
    steps = np.diff(graph.path(start, end), axis=0)
    assert np.linalg.norm(steps, axis=1).sum() == pytest.approx(expected, rel=1e-9)


def test_many_pairs_at_once(ring_graph):
    starts, ends = ring(RANDOM.uniform(0, 2 * np.pi, 6)), ring(RANDOM.uniform(0, 2 * np.pi, 6))
    paths = ring_graph.path(starts, ends)
    distances = ring_graph.distance(starts, ends)
    curves = ring_graph.interpolate(starts, ends, num_points=7)
    assert curves.shape == (6, 7, 2)
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        np.testing.assert_array_equal(paths[i], ring_graph.path(start, end))
        assert distances[i] == ring_graph.distance(start, end)
        np.testing.assert_array_equal(curves[i], ring_graph.interpolate(start, end, 7))


def test_a_point_to_itself(ring_graph):
    point = ring(np.array(0.3))
    assert ring_graph.distance(point, point) == 0.0
    np.testing.assert_allclose(ring_graph.interpolate(point, point, 3), [point] * 3, rtol=1e-6)


def test_equal_nodes_are_joined():
    nodes = np.repeat(ring(np.linspace(0, 2 * np.pi, 40, endpoint=False)), 2, axis=0)
    graph = LatentGraph(model_with(nodes), nodes=nodes, num_neighbors=4)
    assert graph.lengths.min() == 0.0
    chord = 2 * RADIUS * np.sin(np.pi / 40)
    assert graph.distance(nodes[0], nodes[40]) == pytest.approx(20 * chord)


def test_observation_weights_with_a_linear_decoder(ring_model):
    z_start, z_end = RANDOM.normal(size=(2, 7, 2)).astype("float32")
    expected = np.linalg.norm((z_end - z_start) @ MAP, axis=1)
    np.testing.assert_allclose(observation_lengths(ring_model, z_start, z_end), expected, rtol=1e-5)
    graph = LatentGraph(ring_model, num_nodes=200, num_neighbors=8, weights="observation")
    expected = np.linalg.norm(
        (graph.nodes[graph.edges[:, 1]] - graph.nodes[graph.edges[:, 0]]) @ MAP, axis=1
    )
    np.testing.assert_allclose(graph.lengths, expected, rtol=1e-4)
    start, end = ring(np.array([0.0, 2.0]))
    steps = np.diff(graph.path(start, end) @ MAP, axis=0)
    distance = graph.distance(start, end)
    assert distance == pytest.approx(np.linalg.norm(steps, axis=1).sum(), rel=1e-5)
    # Equal steps in observation space.
    decoded = graph.interpolate(start, end, num_points=12) @ MAP
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(decoded, axis=0), axis=1), distance / 11, rtol=0.05
    )


def test_observation_length_of_a_curved_image(monkeypatch):
    vae = tfvae.VAE(1, decoder=keras.layers.Lambda(lambda z: keras.ops.concatenate([z, z**2], -1)))
    vae.build((None, 2))
    # ∫_0^1 sqrt(1 + 4t²) dt = √5/2 + asinh(2)/4, approached from below.
    exact = np.sqrt(5) / 2 + np.arcsinh(2) / 4
    ends = np.zeros([3, 1]), np.ones([3, 1])
    lengths = [observation_lengths(vae, *ends, num_segments=n)[0] for n in (1, 2, 4, 64)]
    assert np.all(np.diff(lengths) > 0)
    assert lengths[0] == pytest.approx(np.sqrt(2), rel=1e-6)
    assert lengths[-1] == pytest.approx(exact, rel=1e-4)
    whole = observation_lengths(vae, *ends)
    # By its full name: the package has a function of the module's name.
    monkeypatch.setattr(sys.modules["tfvae.geometry.geodesics"], "NUMBERS_AT_A_TIME", 1)
    np.testing.assert_allclose(observation_lengths(vae, *ends), whole, rtol=1e-6)


def test_observation_weights_choose_another_way():
    # A latent axis that the decoder stretches a hundredfold on one side of the ring.
    nodes = ring(np.linspace(0, 2 * np.pi, 200, endpoint=False))
    vae = model_with(nodes, scale=lambda z: keras.ops.where(z[:, 1:] > 0, 100.0, 1.0))
    start, end = ring(np.array([0.2, np.pi - 0.2]))
    for weights, goes_below in (("latent", False), ("observation", True)):
        graph = LatentGraph(vae, nodes=nodes, num_neighbors=4, weights=weights)
        middle = graph.path(start, end)[len(graph.path(start, end)) // 2]
        assert (middle[1] < 0) == goes_below


def test_same_seed_same_graph():
    vae = tfvae.VHPVAE(latent_dim=2, seed=0)
    vae.build((None, 3))
    first, again, other = (LatentGraph(vae, num_nodes=50, seed=seed).nodes for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


def test_keeping_the_densest_samples():
    vae = tfvae.VAE(latent_dim=2)
    vae.build((None, 3))
    graph = LatentGraph(vae, num_nodes=300, keep=0.25, seed=3)
    # log N(z; 0, 1) falls with the radius: the nodes are the innermost quarter of 1200 draws.
    radii = np.linalg.norm(vae.prior.sample(1200, seed=(3, 0)), axis=1)
    kept = np.sort(np.linalg.norm(graph.nodes, axis=1))
    np.testing.assert_allclose(kept, np.sort(radii)[:300], rtol=1e-6)
    # P(r < ρ) = 1 − exp(−ρ²/2) = 1/4.
    assert kept[-1] == pytest.approx(np.sqrt(-2 * np.log(0.75)), rel=0.1)


def test_disconnected_end_points():
    two = np.concatenate([RANDOM.normal(size=(30, 2)), 100 + RANDOM.normal(size=(20, 2))])
    graph = LatentGraph(model_with(two), nodes=two, num_neighbors=5)
    with pytest.raises(
        ValueError, match=r"2 components of 30, 20 nodes.*20 nodes are reached.*more"
    ):
        graph.path(two[40], two[0])
    with pytest.raises(ValueError, match="pair 1"):
        graph.distance(two[[1, 0]], two[[2, 40]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_nodes": 0}, "`num_nodes`.*received 0"),
        ({"num_neighbors": 2.5}, "`num_neighbors`.*2.5"),
        ({"num_nodes": 8, "num_neighbors": 8}, "`num_neighbors`.*received 8 for 8 nodes"),
        ({"weights": "pixels"}, "`weights`.*'pixels'"),
        ({"num_segments": 0}, "`num_segments`"),
        ({"keep": 0.0}, r"`keep` must lie in \(0, 1\]"),
        ({"nodes": np.zeros([20, 3])}, r"`nodes`.*latent_dim = 2.*\(20, 3\)"),
        ({"nodes": np.full([20, 2], np.nan)}, "`nodes` must be finite"),
    ],
)
def test_constructor_errors(ring_model, arguments, message):
    with pytest.raises(ValueError, match=message):
        LatentGraph(ring_model, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 0.0], [[0.0, 0.0]]), r"one shape.*\(2,\) and \(1, 2\)"),
        (([0.0], [1.0]), "`z_start`.*latent_dim = 2"),
        (([0.0, 0.0], [0.0, np.inf]), "`z_end` must be finite"),
        (([0.0, 0.0], [1.0, 0.0], 1), "`num_points`"),
    ],
)
def test_question_errors(ring_graph, arguments, message):
    with pytest.raises(ValueError, match=message):
        ring_graph.interpolate(*arguments)


def test_unbuilt_model():
    with pytest.raises(ValueError, match="`model` must be built"):
        LatentGraph(tfvae.VAE(latent_dim=2))


@pytest.mark.parametrize("at_a_time", [1, 60, 10**6])
def test_links_are_those_of_the_whole_distance_matrix(at_a_time, monkeypatch):
    random = np.random.default_rng(5)
    nodes, points = random.normal(size=(30, 2)), random.normal(size=(7, 2))
    latent = LatentGraph(model_with(nodes), nodes=nodes, num_neighbors=3)
    distances = np.linalg.norm(points[:, np.newaxis] - nodes, axis=-1)
    reach = np.sort(distances, axis=1)[:, 2]
    own = np.linalg.norm(nodes[:, np.newaxis] - nodes, axis=-1)
    near = (distances <= reach[:, np.newaxis]) | (distances < np.sort(own, axis=1)[:, 3])
    sizes = []

    def measured(a, b):
        sizes.append(len(a) * len(b))
        return cdist(a, b)

    monkeypatch.setattr(graph, "cdist", measured)
    monkeypatch.setattr(graph, "NUMBERS_AT_A_TIME", at_a_time)
    of_point, of_node, found_reach = latent._links(points)
    np.testing.assert_array_equal(np.stack([of_point, of_node]), np.nonzero(near))
    np.testing.assert_allclose(found_reach, reach)
    assert max(sizes) <= max(30, at_a_time)
