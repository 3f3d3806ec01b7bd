"""Similarity search against distances that are computed in full."""

import sys

import numpy as np
import pytest
import scipy.spatial.distance

from tfvae import _files
from tfvae.applications import SimilarityIndex


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def index(rng):
    index = SimilarityIndex(dim=8)
    index.add(rng.normal(size=(300, 8)), metadata=[{"row": i} for i in range(300)])
    return index


def test_neighbours_are_the_nearest(rng):
    z, queries = rng.normal(size=(500, 4)), rng.normal(size=(20, 4))
    index = SimilarityIndex(dim=4, effort=500)
    index.add(z[:200], ids=[f"a{i}" for i in range(200)])
    index.add(z[200:], ids=np.arange(200, 500), metadata=list(range(300)))
    found = index.search(queries, k=5)
    distances = scipy.spatial.distance.cdist(queries, z)
    order = np.argsort(distances, axis=1)[:, :5]
    names = [f"a{i}" if i < 200 else i for i in range(500)]
    assert found.ids == [[names[i] for i in row] for row in order]
    expected = np.take_along_axis(distances, order, axis=1)
    np.testing.assert_allclose(found.distances, expected, rtol=1e-3, atol=1e-3)
    assert found.metadata == [[None if i < 200 else i - 200 for i in row] for row in order.tolist()]
    assert index.recall(queries, k=5) == 1.0


def test_recall_falls_with_the_effort(rng):
    z, queries = rng.normal(size=(5000, 32)), rng.normal(size=(50, 32))
    recalls = []
    for effort in (1, 400):
        index = SimilarityIndex(dim=32, num_links=4, effort=effort)
        index.add(z)
        recalls.append(index.recall(queries, k=5))
    assert recalls[0] < recalls[1] <= 1.0
    assert recalls[1] > 0.8


def test_save_and_load(index, rng, tmp_path):
    queries = rng.normal(size=(5, 8))
    index.save(tmp_path / "index")
    loaded = SimilarityIndex.load(tmp_path / "index")
    assert len(loaded) == 300
    before, after = index.search(queries, k=3), loaded.search(queries, k=3)
    assert before.ids == after.ids and before.metadata == after.metadata
    loaded.add(queries, ids=["new"] + [1000 + i for i in range(4)])
    assert loaded.search(queries[:1], k=1).ids == [["new"]]
    loaded.save(tmp_path / "index")
    assert len(SimilarityIndex.load(tmp_path / "index")) == 305


def test_damaged_files_are_noticed(index, tmp_path):
    path = tmp_path / "index.npz"
    with pytest.raises(ValueError, match=r"must hold an index that `save` wrote.*No such file"):
        SimilarityIndex.load(tmp_path)
    index.save(tmp_path)
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"must hold an index .*checksum"):
            SimilarityIndex.load(tmp_path)
    _files.write_arrays(path, {}, {"format": 9})
    with pytest.raises(ValueError, match="received format 9"):
        SimilarityIndex.load(tmp_path)


def test_one_file_is_all_of_an_index(index, tmp_path):
    index.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.npz"]


def test_ids_of_any_letters_and_size(tmp_path):
    index = SimilarityIndex(dim=2)
    ids = ["", "ü", "\ud800", "7", 7, -(2**63), 2**63 - 1]
    index.add(np.zeros((len(ids), 2)), ids=ids)
    index.save(tmp_path)
    assert sorted(map(repr, SimilarityIndex.load(tmp_path)._ids)) == sorted(map(repr, ids))


def test_metadata_are_copied():
    index, metadata = SimilarityIndex(dim=2), [{"page": 1}]
    index.add(np.zeros((1, 2)), metadata=metadata)
    metadata[0]["page"] = 2
    assert index.search(np.zeros((1, 2))).metadata == [[{"page": 1}]]


def test_too_little_memory_is_told_in_words(index, monkeypatch):
    def fails(z):
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr(index._index, "add", fails)
    with pytest.raises(MemoryError, match="needs more memory for 1 entries of 8 numbers"):
        index.add(np.zeros((1, 8)))
    assert len(index) == 300


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda index: index.add(np.zeros((2, 3))), r"shape \(n, 8\), received the shape \(2, 3\)"),
        (lambda index: index.add(np.full((1, 8), np.nan)), "must be finite"),
        (lambda index: index.add(np.zeros((2, 8)), ids=[1000]), "one element for each of the 2"),
        (lambda index: index.add(np.zeros((1, 8)), ids=[5]), "known or repeated ones: 5"),
        (lambda index: index.add(np.zeros((2, 8)), ids=["x", "x"]), "known or repeated ones: x"),
        (lambda index: index.add(np.zeros((1, 8)), ids=[1.5]), "`ids` must be whole numbers"),
        (lambda index: index.add(np.zeros((1, 8)), metadata=[{1, 2}]), "must be JSON values"),
        (lambda index: index.add(np.zeros((1, 8)), metadata=[{1: "x"}]), "JSON would turn into"),
        (lambda index: index.add(np.zeros((1, 8)), ids="a"), "must be a sequence of ids"),
        (lambda index: index.search(np.zeros(8)), "`z` must be finite and have the shape"),
        (lambda index: index.search(np.zeros((1, 8)), k=0), "`k` must be a whole number"),
        (lambda index: SimilarityIndex(0), "`dim` must be a whole number"),
        (lambda index: SimilarityIndex(2**40), "`dim` must be a whole number from 1 to"),
        (lambda index: SimilarityIndex(2, num_links=1), "`num_links` must be .* from 2 to"),
        (lambda index: SimilarityIndex(2, num_links=2**31), "`num_links` must be"),
        (lambda index: SimilarityIndex(2, effort=2**40), "`effort` must be a whole number from 1"),
        (lambda index: index.add(np.zeros((1, 8)), ids=[2**70]), "received one of 71 bits"),
        (lambda index: index.add(np.zeros((1, 8)), ids=[True]), "`ids` must be whole numbers"),
        (lambda index: index.add(np.zeros((1, 8)), ids={"a": 1}), "`ids` must be a sequence"),
        (lambda index: index.add(np.zeros((2, 8)), ids=[np.int64(700), 700]), "repeated ones: 700"),
        (lambda index: index.add(np.full((1, 8), 1e30)), "received 1e.30"),
        (lambda index: index.add([[10**400] * 8]), "`z` must be an array of numbers"),
        (lambda index: index.add([[1.0] * 8, [1.0]]), "`z` must be an array of numbers"),
        (lambda index: index.add(np.ones((1, 8)) * 1j), "complex or masked"),
        (lambda index: index.add(np.ma.masked_less(np.zeros((1, 8)), 1)), "complex or masked"),
        (lambda index: SimilarityIndex(2).search(np.zeros((1, 2))), "must hold entries"),
    ],
)
def test_errors_leave_the_index_unchanged(index, call, message):
    with pytest.raises(ValueError, match=message):
        call(index)
    assert len(index) == 300 and index._index.ntotal == 300


def test_fewer_entries_than_asked_for(rng):
    index = SimilarityIndex(dim=2)
    index.add(rng.normal(size=(3, 2)))
    assert sorted(index.search(np.zeros((1, 2)), k=10).ids[0]) == [0, 1, 2]


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r"pip install 'tfvae\[search\]'"):
        SimilarityIndex(dim=2)
