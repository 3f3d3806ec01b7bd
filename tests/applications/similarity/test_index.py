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
    index = SimilarityIndex(dim=4)
    index.add(z[:200], ids=[f"a{i}" for i in range(200)])
    index.add(z[200:], ids=np.arange(200, 500), metadata=list(range(300)))
    found = index.search(queries, k=5)
    distances = scipy.spatial.distance.cdist(queries, z)
    order = np.argsort(distances, axis=1)[:, :5]
    names = [f"a{i}" if i < 200 else i for i in range(500)]
    assert found.ids == [[names[i] for i in row] for row in order]
    expected = np.take_along_axis(distances, order, axis=1)
    np.testing.assert_allclose(found.distances, expected, rtol=1e-5, atol=1e-5)
    assert found.metadata == [[None if i < 200 else i - 200 for i in row] for row in order.tolist()]
    assert index.recall(queries, k=5) == 1.0


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
    for memory_map in (False, True):
        loaded = SimilarityIndex.load(tmp_path, memory_map=memory_map)
        found = loaded.search(np.zeros((1, 2))).ids[0]
        assert sorted(map(repr, found)) == sorted(map(repr, ids))
        assert all(one in loaded for one in ids) and "8" not in loaded


def test_metadata_are_copied():
    index, metadata = SimilarityIndex(dim=2), [{"page": 1}]
    index.add(np.zeros((1, 2)), metadata=metadata)
    metadata[0]["page"] = 2
    assert index.search(np.zeros((1, 2))).metadata == [[{"page": 1}]]


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
        (
            lambda index: SimilarityIndex(2, metric="cos"),
            "`metric` must be one of 'euclidean', 'co",
        ),
        (lambda index: SimilarityIndex(2, least_recall=0), r"`least_recall` must lie in \(0, 1\]"),
        (lambda index: SimilarityIndex(2, exact_below=0), "`exact_below` must be a whole number"),
        (lambda index: index.delete([300]), "unknown or repeated ones: 300"),
        (lambda index: index.delete([3, 3]), "unknown or repeated ones: 3"),
        (lambda index: index.delete(["3"]), "unknown or repeated ones: 3"),
        (lambda index: index.delete([True]), "`ids` must be whole numbers"),
        (lambda index: index.delete([3.0]), "`ids` must be whole numbers"),
        (lambda index: index.delete(3), "`ids` must be a sequence"),
        (lambda index: index.delete("3"), "`ids` must be a sequence"),
        (
            lambda index: index.delete(range(200, 500)),
            "unknown or repeated ones: 300, .* and 190 more",
        ),
        (lambda index: index.within(np.zeros((1, 8)), -0.1), r"`radius` must lie in \[0, "),
        (lambda index: index.within(np.zeros((1, 8)), np.nan), "`radius` must lie in"),
        (lambda index: index.within(np.zeros((1, 8)), "1"), "`radius` must lie in"),
        (lambda index: index.within(np.zeros((1, 7)), 1), "`z` must be finite and have the shape"),
        (lambda index: SimilarityIndex(2).within(np.zeros((1, 2)), 1), "must hold entries"),
        (lambda index: SimilarityIndex(2).recall(np.zeros((1, 2))), "must hold entries"),
        (lambda index: index.distances(np.zeros((1, 8)), np.zeros((2, 8))), "the shape of `a`"),
        (lambda index: index.same_threshold(np.zeros((2, 8)), [1]), r"`labels` must have the sh"),
        (lambda index: index.same_threshold(np.zeros((2, 8)), [1, 2]), "is there twice"),
        (lambda index: index.same_threshold(np.zeros((2, 8)), [1, 1]), "is there twice"),
        (lambda index: index.same_threshold(np.zeros((0, 8)), []), "is there twice"),
        (lambda index: index.same_threshold(np.zeros((2, 8)), [1, np.nan]), "received NaN"),
        (lambda index: index.same_threshold(np.zeros((2, 8)), [1, None]), "numbers or strings"),
        (lambda index: index.add(np.zeros((1, 8)), metadata="x"), "must be a sequence of JSON"),
        (lambda index: index.add(np.zeros((1, 8)), metadata=5), "must be a sequence of JSON"),
        (lambda index: index.add(np.zeros((1, 8)), metadata=[1, 2]), "each of the 1 rows .* 2"),
        (lambda index: index.load("nowhere", memory_map=1), "`memory_map` must be True or False"),
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
    assert len(index) == 300 and len(index._lists) == 300 and 0 in index and 300 not in index


def test_fewer_entries_than_asked_for(rng):
    index = SimilarityIndex(dim=2)
    index.add(rng.normal(size=(3, 2)))
    assert sorted(index.search(np.zeros((1, 2)), k=10).ids[0]) == [0, 1, 2]


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r"pip install 'tfvae\[search\]'"):
        SimilarityIndex(dim=2)
