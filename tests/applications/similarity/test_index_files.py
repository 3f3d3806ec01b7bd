"""Files of an index: memory mapped ones, and damage that is noticed."""

import faiss
import numpy as np
import pytest

from tfvae import _files
from tfvae.applications import SimilarityIndex
from tfvae.applications.similarity import files

IDS = {
    "numbers that count": None,
    "numbers": [7 * i for i in range(400)],
    "texts": [f"ü{i}" for i in range(400)],
    "both": [f"ü{i}" if i % 2 else i for i in range(400)],
}


def example(ids=None, exact_below=100, **options):
    index = SimilarityIndex(4, exact_below=exact_below, **options)
    z = np.random.default_rng(0).normal(size=(400, 4))
    index.add(z, ids, [{"row": i} if i > 200 else None for i in range(400)])
    return index


def answers(index, z):
    found, near = index.search(z, k=7), index.within(z, 0.9)
    return [
        *(found.ids, found.metadata, found.distances.tolist()),
        *(near.ids, near.metadata, [one.tolist() for one in near.distances]),
    ]


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS)
@pytest.mark.parametrize("exact_below", [100, 1_000])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_loaded_index_answers_as_before(ids, exact_below, metric, tmp_path):
    index = example(ids, exact_below, metric=metric, least_recall=0.9)
    index.delete([index.search(np.ones((1, 4)), k=1).ids[0][0]])
    queries = np.random.default_rng(1).normal(size=(20, 4))
    index.save(tmp_path)
    expected = answers(index, queries)
    for memory_map in (False, True):
        loaded = SimilarityIndex.load(tmp_path, memory_map=memory_map)
        assert len(loaded) == 399 and loaded.metric == metric
        assert (loaded.least_recall, loaded.exact_below) == (0.9, exact_below)
        assert answers(loaded, queries) == expected
        assert loaded.recall(queries) == index.recall(queries)
    assert SimilarityIndex.load(tmp_path)._entries.num_added == 400


def test_a_memory_mapped_index_stays_in_its_file(tmp_path):
    index = example(IDS["both"])
    index.save(tmp_path)
    mapped = SimilarityIndex.load(tmp_path, memory_map=True)
    inverted = faiss.downcast_InvertedLists(mapped._lists._index.invlists)
    assert isinstance(inverted, faiss.OnDiskInvertedLists) and inverted.read_only
    entries = mapped._entries
    for array in (entries._numbers, entries._is_text, entries._texts._letters):
        assert isinstance(array, np.memmap)
    for call in (lambda: mapped.add(np.zeros((1, 4))), lambda: mapped.delete([0])):
        with pytest.raises(ValueError, match=r"must be in memory to change.*memory_map=False"):
            call()
    # It can be saved, where it is or elsewhere, and lives on when its file is replaced.
    queries = np.random.default_rng(1).normal(size=(20, 4))
    expected = answers(index, queries)
    mapped.save(tmp_path)
    mapped.save(tmp_path / "copy")
    assert (tmp_path / "copy/index.npz").read_bytes() == (tmp_path / "index.npz").read_bytes()
    SimilarityIndex(4).save(tmp_path)
    assert answers(mapped, queries) == expected
    assert answers(SimilarityIndex.load(tmp_path / "copy"), queries) == expected


@pytest.mark.parametrize("memory_map", [False, True])
def test_an_empty_index(memory_map, tmp_path):
    SimilarityIndex(3).save(tmp_path)
    loaded = SimilarityIndex.load(tmp_path, memory_map=memory_map)
    assert len(loaded) == 0 and loaded.dim == 3
    with pytest.raises(ValueError, match="must hold entries"):
        loaded.search(np.zeros((1, 3)))


def test_a_loaded_index_goes_on(tmp_path):
    example(IDS["texts"]).save(tmp_path)
    index = SimilarityIndex.load(tmp_path)
    index.add(np.full((2, 4), 9.0), ids=["new", "newer"], metadata=[1, None])
    index.delete(["ü0", "new"])
    assert len(index) == 400 and "ü0" not in index and "ü399" in index
    assert index.search(np.full((1, 4), 9.0), k=1).ids == [["newer"]]
    with pytest.raises(ValueError, match="known or repeated ones: newer"):
        index.add(np.zeros((1, 4)), ids=["newer"])
    index.add(np.zeros((1, 4)))
    assert 402 in index  # So many have ever been added.


def test_the_file_has_no_pickle(tmp_path):
    example(IDS["both"]).save(tmp_path)
    with np.load(tmp_path / "index.npz", allow_pickle=False) as content:
        assert {*files.LARGE, "centroids", "radii", "sizes", "manifest"} == set(content)
        assert all(content[name].dtype != object for name in content)


def test_damage_is_noticed(tmp_path):
    """Any byte when all is read; in a memory-mapped file what is needed to open it."""
    index = example(IDS["both"])
    index.save(tmp_path)
    path = tmp_path / "index.npz"
    whole = path.read_bytes()
    arrays, _ = _files.map_arrays(path, ["lists"], check=True)
    stored = arrays["lists"].offset
    centroids = whole.index(np.ascontiguousarray(index._lists.centroids).tobytes())
    for place in (0, centroids, stored, stored + 10, len(whole) - 40, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"must hold an index that `save` wrote.*checksum"):
            SimilarityIndex.load(tmp_path)
    for damaged in (
        whole[:centroids] + bytes([whole[centroids] ^ 1]) + whole[centroids + 1 :],
        whole[: len(whole) // 2],
        whole[:-200],
        b"",
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="must hold an index that `save` wrote"):
            SimilarityIndex.load(tmp_path, memory_map=True)
    # A position that there is not.
    first = int(arrays["sizes"][0]) * 16 + stored
    path.write_bytes(whole[:first] + b"\x7f" * 8 + whole[first + 8 :])
    mapped = SimilarityIndex.load(tmp_path, memory_map=True)
    for call in (lambda: mapped.search(np.zeros((1, 4)), 400), lambda: mapped.within([[0] * 4], 9)):
        with pytest.raises(ValueError, match="memory mapped from is damaged"):
            call()


@pytest.mark.parametrize(
    "changed",
    [
        lambda arrays: arrays["sizes"] + (np.arange(64) == 0),
        lambda arrays: (
            arrays["sizes"] + 1_000 * (np.arange(64) == 0) - 1_000 * (np.arange(64) == 1)
        ),
        lambda arrays: arrays["sizes"].astype("float64"),
        lambda arrays: arrays["sizes"][:-1],
    ],
)
def test_sizes_that_do_not_fit(changed, tmp_path):
    """A file that nobody damaged, and `save` did not write."""
    example().save(tmp_path)
    arrays, manifest = _files.read_arrays(tmp_path / "index.npz")
    assert len(arrays["sizes"]) == 64
    _files.write_arrays(tmp_path / "index.npz", arrays | {"sizes": changed(arrays)}, manifest)
    for memory_map in (False, True):
        with pytest.raises(ValueError, match="its arrays do not fit each other"):
            SimilarityIndex.load(tmp_path, memory_map=memory_map)


@pytest.mark.parametrize("name", ["numbers", "is_text", "text_ends"])
def test_columns_that_do_not_fit(name, tmp_path):
    example(IDS["both"]).save(tmp_path)
    arrays, manifest = _files.read_arrays(tmp_path / "index.npz")
    changed = arrays[name].astype("float32") if name == "text_ends" else arrays[name][1:]
    _files.write_arrays(tmp_path / "index.npz", arrays | {name: changed}, manifest)
    for memory_map in (False, True):
        with pytest.raises(ValueError, match="its arrays do not fit each other"):
            SimilarityIndex.load(tmp_path, memory_map=memory_map)


def test_systems_without_mapped_lists(tmp_path, monkeypatch):
    example().save(tmp_path)
    monkeypatch.delattr("faiss.OnDiskInvertedLists")
    with pytest.raises(ValueError, match="`memory_map` must be False on"):
        SimilarityIndex.load(tmp_path, memory_map=True)
    assert len(SimilarityIndex.load(tmp_path)) == 400
