"""Clusters of latents on blobs whose answer is known, and metrics against NumPy loops."""

import itertools
import math

import numpy as np
import pytest

import tfvae
from tfvae.evaluation import clusters

CENTRES = np.array([[4.0, 0.0], [-4.0, 0.0], [0.0, 6.0]])


class Plain:
    """A stand-in for a model whose latents are its data."""

    columns, sequence_shape = None, ()

    @property
    def prior(self):
        return self

    def embedding(self, posterior):
        return posterior

    def encode(self, x, y=None):
        return x


@pytest.fixture
def blobs_of_three():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=240)
    return (CENTRES[labels] + 0.4 * rng.normal(size=(240, 2))).astype("float32"), labels


@pytest.mark.parametrize("method", ["kmeans", "gaussian_mixture"])
def test_blobs_are_found(blobs_of_three, method):
    x, labels = blobs_of_three
    found = clusters(Plain(), x, labels=labels, method=method)
    assert found.accuracy.one_to_one == 1.0
    assert found.normalised_mutual_information == pytest.approx(1.0)
    assert found.adjusted_rand_index == pytest.approx(1.0)
    nearest = np.min(np.linalg.norm(found.centres[:, None] - CENTRES, axis=-1), axis=1)
    assert np.all(nearest < 0.2)  # The error of a mean of 80: 0.4/√80 ≈ 0.045 per coordinate.


def test_metrics_by_hand(blobs_of_three):
    x, labels = blobs_of_three
    labels = np.where(np.arange(len(labels)) % 5 == 0, (labels + 1) % 3, labels)
    found = clusters(Plain(), x, 4, labels=labels)
    assigned, n = found.assignments, len(x)
    # The silhouette, by a loop.
    apart = np.linalg.norm(x[:, None] - x, axis=-1)
    values = []
    for i in range(n):
        means = {s: apart[i, assigned == s].sum() for s in range(4)}
        sizes = {s: np.sum(assigned == s) for s in range(4)}
        a = means[assigned[i]] / max(sizes[assigned[i]] - 1, 1)
        b = min(means[s] / sizes[s] for s in range(4) if s != assigned[i])
        values.append((b - a) / max(a, b))
    assert found.silhouette == pytest.approx(np.mean(values), rel=1e-4)
    # Mutual information over the mean entropy.
    joint = np.array(
        [[np.mean((assigned == s) & (labels == k)) for k in range(3)] for s in range(4)]
    )
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    known = joint > 0
    information = np.sum(joint[known] * np.log((joint / np.outer(rows, columns))[known]))
    entropies = -np.sum(rows * np.log(rows)) - np.sum(columns * np.log(columns))
    expected = 2.0 * information / entropies
    assert found.normalised_mutual_information == pytest.approx(expected, rel=1e-6)
    # The Rand index of pairs, adjusted for chance.
    pairs = list(itertools.combinations(range(n), 2))
    same = [(assigned[i] == assigned[j], labels[i] == labels[j]) for i, j in pairs]
    both, first, second = (
        np.mean([f(p) for p in same]) for f in (all, lambda p: p[0], lambda p: p[1])
    )
    index = (both - first * second) / ((first + second) / 2 - first * second)
    assert found.adjusted_rand_index == pytest.approx(index, rel=1e-6)


def test_a_mixture_tells_long_clusters_apart_that_kmeans_cuts():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    x = np.stack([8.0 * rng.normal(size=400), labels * 3.0 + 0.3 * rng.normal(size=400)], axis=-1)
    found = {
        m: clusters(Plain(), x, 2, labels=labels, method=m) for m in ("kmeans", "gaussian_mixture")
    }
    assert found["gaussian_mixture"].accuracy.one_to_one > 0.99
    assert found["kmeans"].accuracy.one_to_one < 0.7


def test_one_seed_one_result(blobs_of_three):
    x, _ = blobs_of_three
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    one, other = (clusters(Plain(), x, 5, num_starts=1, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.assignments, other.assignments)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert one.accuracy is None and len(one.lines()) == 4


def test_every_latent_a_cluster_has_no_silhouette():
    found = clusters(Plain(), np.eye(3), 3)
    assert math.isnan(found.silhouette)
    assert sorted(found.assignments) == [0, 1, 2]


def test_labels_of_whole_sequences_are_repeated():
    model = Plain()
    model.sequence_shape = (4,)
    x = np.repeat(CENTRES[[0, 1, 2, 0]], 4, axis=0) + 0.01 * np.arange(16)[:, None]
    for labels in (np.array(["a", "b", "c", "a"]), np.repeat([1, 2, 3, 1], 4).reshape(4, 4)):
        assert clusters(model, x, labels=labels).accuracy.one_to_one == 1.0


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_clusters": 1}, "`num_clusters` must be a whole number from 2 to 20"),
        ({"num_clusters": 21}, "`num_clusters` must be a whole number from 2 to 20"),
        ({"num_clusters": 2.0}, "`num_clusters` must be a whole number"),
        ({}, "`num_clusters` must be given"),
        ({"num_clusters": 2, "method": "dbscan"}, "`method` must be one of 'kmeans'"),
        ({"num_clusters": 2, "seed": -1}, "`seed` must be a whole number from 0"),
        ({"num_clusters": 2, "num_starts": 0}, "`num_starts` must be"),
        ({"num_clusters": 2, "labels": np.zeros(19, int)}, r"`labels` must have the shape \(20,\)"),
        ({"num_clusters": 2, "labels": np.zeros(20, int)}, "`labels` must have two values or more"),
    ],
)
def test_refused(arguments, match):
    x = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match=match):
        clusters(Plain(), x, **arguments)


def test_of_a_model():
    model = tfvae.VAE(latent_dim=2, seed=0)
    model.build((None, 5))
    x = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
    found = clusters(model, x, 3)
    loc = model.encode(x).mean().numpy()
    for s in range(3):
        np.testing.assert_allclose(
            found.centres[s], loc[found.assignments == s].mean(axis=0), atol=1e-5
        )
