"""Many lists, deletions and ranges against distances that are computed in full."""

import numpy as np
import pytest
import scipy.spatial.distance

from tfvae.applications import SimilarityIndex
from tfvae.applications.similarity import lists as lists_module
from tfvae.applications.similarity.entries import Entries
from tfvae.applications.similarity.lists import Lists, num_lists


def clusters(count, dim, seed=0):
    rng = np.random.default_rng(seed)
    centres = 3.0 * rng.normal(size=(50, dim))
    return (centres[rng.integers(50, size=count)] + rng.normal(size=(count, dim))).astype("float32")


def brute_force(metric, queries, z):
    return scipy.spatial.distance.cdist(queries.astype("float64"), z.astype("float64"), metric)


@pytest.mark.parametrize(
    ("metric", "dim", "exact_below"), [("euclidean", 16, 20_000), ("cosine", 32, 1_000)]
)
def test_approximate_search_finds_what_it_promises(metric, dim, exact_below):
    z = clusters(20_200, dim)
    z, queries = z[:-200], z[-200:]
    index = SimilarityIndex(dim, metric=metric, exact_below=exact_below)
    index.add(z)
    # It does not look at everything.
    assert 2 * index._lists.probes <= len(index._lists.centroids) == 512
    found = index.search(queries, k=10)
    distances = brute_force(metric, queries, z)
    true = np.argsort(distances, axis=1)[:, :10]
    hits = [len(set(a) & set(b)) for a, b in zip(found.ids, true.tolist(), strict=True)]
    assert np.mean(hits) / 10 >= 0.95
    assert index.recall(queries, k=10) == pytest.approx(np.mean(hits) / 10, abs=2e-3)
    expected = np.take_along_axis(distances, np.array(found.ids), axis=1)
    np.testing.assert_allclose(found.distances, expected, rtol=1e-4, atol=1e-6)
    assert np.all(np.diff(found.distances, axis=1) >= 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_queries_that_are_no_entries_find_what_is_promised(seed):
    rng = np.random.default_rng(seed)
    centres = 3.0 * rng.normal(size=(1_000, 24))
    z = centres[rng.integers(1_000, size=101_000)] + rng.normal(size=(101_000, 24))
    index = SimilarityIndex(24)
    index.add(z[1_000:])
    assert index.recall(z[:1_000], k=10) >= 0.95


def test_a_higher_recall_looks_at_more_lists():
    z = np.random.default_rng(0).normal(size=(5_000, 16))
    probes = []
    for least_recall in (0.3, 0.8, 0.99):
        index = SimilarityIndex(16, least_recall=least_recall, exact_below=1_000)
        index.add(z)
        probes.append(index._lists.probes)
    assert probes == sorted(set(probes))
    exact = SimilarityIndex(16, least_recall=1.0, exact_below=1_000)
    exact.add(z)
    assert len(exact._lists.centroids) == 1 and exact.recall(z[:20]) == 1.0


def test_the_recall_is_that_of_what_is_searched():
    """With one list to look at, it falls as the share of true neighbours does."""
    z = np.random.default_rng(0).normal(size=(5_200, 16)).astype("float32")
    z, queries = z[:-200], z[-200:]
    index = SimilarityIndex(16, exact_below=1_000)
    index.add(z)
    index._lists.probes = 1
    true = np.argsort(brute_force("euclidean", queries, z), axis=1)[:, :5]
    found = index.search(queries, k=5).ids
    hits = [len(set(a) & set(b)) for a, b in zip(found, true.tolist(), strict=True)]
    assert index.recall(queries, k=5) == pytest.approx(np.mean(hits) / 5)
    assert np.mean(hits) / 5 < 0.7


@pytest.mark.parametrize(
    ("metric", "exact_below", "shift"),
    [
        ("euclidean", 500, 0.0),
        ("cosine", 500, 0.0),
        ("euclidean", 500, 100.0),
        ("cosine", 10**9, 0.0),
    ],
)
def test_within_misses_nothing(metric, exact_below, shift, monkeypatch):
    monkeypatch.setattr(lists_module, "QUERIES_AT_ONCE", 7)
    z = clusters(3_030, 8) + np.float32(shift)
    z, queries = z[:-30], z[-30:]
    index = SimilarityIndex(8, metric=metric, exact_below=exact_below)
    index.add(z, metadata=[{"row": i} if i % 2 else None for i in range(len(z))])
    gone = list(range(0, 3_000, 7))
    index.delete(gone)
    distances = brute_force(metric, queries, z)
    distances[:, gone] = np.inf
    for share in (0.0, 0.001, 0.05, 1.0):
        radius = float(np.quantile(distances[np.isfinite(distances)], share)) * 1.0001
        found = index.within(queries, radius)
        # The distances of float32 are not exact.
        error = 1e-4 * radius if shift == 0.0 else 1e-3 * radius + 1e-6
        for ids, near, metadata, row in zip(*found, distances, strict=True):
            assert set(np.flatnonzero(row <= radius - error)) <= set(ids)
            assert set(ids) <= set(np.flatnonzero(row <= radius + error))
            np.testing.assert_allclose(near, row[ids], rtol=1e-3, atol=1e-5)
            assert np.all(np.diff(near) >= 0) and metadata == [
                {"row": i} if i % 2 else None for i in ids
            ]


def test_within_has_the_border():
    index = SimilarityIndex(2)
    index.add([[0.0, 0.0], [3.0, 4.0], [0.0, 0.1], [6.0, 8.0]], ids=["a", "b", "c", "d"])
    assert index.within(np.zeros((1, 2)), 5.0).ids == [["a", "c", "b"]]
    assert index.within(np.zeros((1, 2)), 0.1).ids == [["a", "c"]]
    assert index.within(np.zeros((1, 2)), 0).ids == [["a"]]
    assert index.within([[1.0, 1.0]], 0).ids == [[]]
    assert index.within(np.zeros((0, 2)), 1).ids == []


def test_the_cosine_ignores_lengths():
    index = SimilarityIndex(2, metric="cosine")
    index.add([[5.0, 0.0], [0.0, 1e-20], [-1e10, 0.0]], ids=["right", "up", "left"])
    found = index.search([[1e-3, 0.0]], k=3)
    assert found.ids == [["right", "up", "left"]]
    np.testing.assert_allclose(found.distances, [[0.0, 1.0, 2.0]], atol=1e-6)
    assert index.within([[2.0, 0.0]], 2.0).ids == [["right", "up", "left"]]
    np.testing.assert_allclose(index.distances([[1, 1]], [[0, 3]]), [1 - 0.5**0.5], rtol=1e-6)
    for call in (index.add, index.search):
        with pytest.raises(ValueError, match=r"no row of zeros.*at the position 1"):
            call([[1.0, 1.0], [0.0, 0.0]])


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("exact_below", [60, 10_000])
def test_adds_and_deletes_in_any_order(exact_below, named, tmp_path):
    """Against a dictionary: ids, metadata, nearest and all within a radius."""
    rng = np.random.default_rng(0)
    index, there, next_id = SimilarityIndex(3, exact_below=exact_below), {}, 0
    for step in range(60):
        count = int(rng.integers(0, 12))
        z = rng.normal(size=(count, 3)).astype("float32")
        automatic = list(range(next_id, next_id + count))
        ids = [f"n{i}" if i % 3 else i for i in automatic] if named else automatic
        metadata = [None if step % 4 else [i] for i in automatic]
        index.add(z, ids if named else None, metadata)
        there |= {one: (row, m) for one, row, m in zip(ids, z, metadata, strict=True)}
        next_id += count
        gone = [one for one in there if rng.random() < (0.9 if step == 30 else 0.15)]
        index.delete(gone)
        there = {one: value for one, value in there.items() if one not in set(gone)}
        if gone and step % 5 == 0:  # An id that was deleted is free again.
            index.add(z[:1] + 1.0 if count else np.ones((1, 3)), [gone[0]])
            there[gone[0]] = (z[0] + np.float32(1.0) if count else np.ones(3), None)
            next_id += 1
        if step % 20 == 19:
            index.save(tmp_path)
            index = SimilarityIndex.load(tmp_path)
        assert len(index) == len(there)
        assert all(one in index for one in there) and not any(
            one in index for one in gone if one not in there
        )
        if not there:
            continue
        query = rng.normal(size=(1, 3))
        ids, rows = list(there), np.stack([row for row, _ in there.values()])
        distances = brute_force("euclidean", query, rows)[0]
        found = index.within(query, 1.0)
        assert set(found.ids[0]) == {ids[i] for i in np.flatnonzero(distances <= 1.0)}
        assert found.metadata[0] == [there[one][1] for one in found.ids[0]]
        nearest = index.search(query, k=len(there))  # All of them: exact.
        assert nearest.ids[0] == [ids[i] for i in np.argsort(distances)]
        np.testing.assert_allclose(nearest.distances[0], np.sort(distances), rtol=1e-4, atol=1e-6)


def test_deleting_everything_and_beginning_again():
    index = SimilarityIndex(2, exact_below=20)
    index.add(np.random.default_rng(0).normal(size=(50, 2)))
    index.delete(range(50))
    assert len(index) == 0 and 3 not in index
    with pytest.raises(ValueError, match="must hold entries"):
        index.search(np.zeros((1, 2)))
    index.delete([])
    index.add(np.zeros((1, 2)))
    index.add(np.ones((1, 2)), ids=[3])
    assert index.search(np.zeros((1, 2)), k=5).ids == [[50, 3]]


def test_a_row_costs_what_is_new_alone():
    """The table of ids is made once, and not at all while ids are positions."""
    index = SimilarityIndex(2)
    for _ in range(3):
        index.add(np.zeros((5, 2)))
    assert index._entries._table is None
    index.add(np.ones((2, 2)), ids=["a", "b"])
    index.delete([3, "a"])
    table = index._entries._table
    index.add(np.ones((2, 2)), ids=["a", 100])
    index.delete(["b"])
    assert index._entries._table is table and len(table) == len(index) == 16


def test_equal_rows_in_many_lists():
    index = SimilarityIndex(3, exact_below=100)
    index.add(np.ones((300, 3)))
    assert index.recall(np.zeros((2, 3)), k=20) == 1.0
    assert len(set(index.search(np.zeros((1, 3)), k=300).ids[0])) == 300
    assert len(index.within(np.ones((1, 3)), 0).ids[0]) == 300


def test_lists_double_when_entries_are_four_times_as_many():
    counts = [num_lists(n, 100_000) for n in (99_999, 10**5, 262_143, 262_144, 10**6, 10**7)]
    assert counts == [1, 1024, 1024, 2048, 2048, 8192]
    index, rng = SimilarityIndex(2, exact_below=64), np.random.default_rng(0)
    found = []
    for _ in range(40):
        index.add(rng.normal(size=(10, 2)))
        found.append(len(index._lists.centroids))
    assert found == [num_lists(n, 64) for n in range(10, 410, 10)]
    assert len(index._lists) == 400 and index.recall(rng.normal(size=(50, 2))) >= 0.95


@pytest.mark.parametrize("exact_below", [10, 1_000])
def test_too_little_memory_is_told_in_words(exact_below, monkeypatch):
    rng = np.random.default_rng(0)
    index = SimilarityIndex(8, exact_below=exact_below)
    index.add(rng.normal(size=(300, 8)))
    add, calls = lists_module.add_to, []

    def fails(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise MemoryError("std::bad_alloc")
        add(*arguments)

    monkeypatch.setattr(lists_module, "add_to", fails)
    monkeypatch.setattr(lists_module, "ROWS_AT_ONCE", 1)
    with pytest.raises(MemoryError, match="needs more memory for 3 entries of 8 numbers"):
        index.add(rng.normal(size=(3, 8)))
    assert len(index) == len(index._lists) == 300 == np.sum(index._lists.sizes)
    assert sorted(index.search(np.zeros((1, 8)), k=400).ids[0]) == list(range(300))


def test_no_entries_and_no_queries():
    index = SimilarityIndex(2)
    index.add(np.zeros((0, 2)))
    index.add(np.zeros((0, 2)), ids=[], metadata=[])
    assert len(index) == 0
    index.add(np.zeros((1, 2)))
    found = index.search(np.zeros((0, 2)), k=3)
    assert found.ids == [] and found.distances.shape == (0, 1)


def test_lists_and_entries_alone():
    lists = Lists.empty(2)
    assert len(lists) == 0 and list(lists.blocks()) == [] and lists.sizes.tolist() == [0]
    entries = Entries()
    assert entries.positions([0, "a"]) == [None, None] and entries.alive is None
