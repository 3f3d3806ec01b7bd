"""Similarity search: nearest neighbours among encodings, by Euclidean distance."""

import collections
import json
import os
import pathlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks, _files

FILE = "index.npz"
FORMAT = 2
# faiss counts in int32, ends the process for one link, and squares float32 in distances.
MOST_DIMS, MOST_LINKS, MOST_EFFORT, LARGEST = 2**20, 2**10, 2**30, 1e15


class SearchResult(NamedTuple):
    """The nearest neighbours of n queries, the nearest first."""

    ids: list[list[int | str]]
    """The neighbours' ids, (n, k) as lists."""
    distances: np.ndarray
    """Euclidean distances, (n, k), in the unit of the latent space."""
    metadata: list[list[Any]]
    """The neighbours' metadata, (n, k) as lists; None for neighbours without metadata."""


class SimilarityIndex:
    """Approximate nearest neighbours in a latent space, with ids and metadata [C20].

    It suits encodings of a `FlatManifoldVAE`, whose Euclidean distances measure similarity. The
    package faiss searches a hierarchical graph of neighbours (HNSW); `recall` measures how many of
    the true neighbours it finds.

    Args:
        dim: N_z.
        num_links: links of each entry in the graph, from 2. More take more memory and find more.
        effort: least number of entries that a search compares. More take more time and find more.

    Raises:
        ImportError: when faiss is not installed.
        ValueError: when a number is not a whole number in its range.

    Example:
        >>> import numpy as np
        >>> from tfvae.applications import SimilarityIndex
        >>> index = SimilarityIndex(dim=2)
        >>> index.add(np.eye(2), ids=["cat", "dog"], metadata=[{"page": 1}, {"page": 2}])
        >>> found = index.search([[0.1, 0.9]], k=1)
        >>> found.ids, found.metadata
        ([['dog']], [[{'page': 2}]])
    """

    def __init__(self, dim: int, *, num_links: int = 32, effort: int = 64) -> None:
        self.dim = _checks.whole_in("dim", dim, 1, MOST_DIMS)
        self.num_links = _checks.whole_in("num_links", num_links, 2, MOST_LINKS)
        self.effort = _checks.whole_in("effort", effort, 1, MOST_EFFORT)
        self._index = _faiss().IndexHNSWFlat(self.dim, self.num_links)
        self._index.hnsw.efConstruction = 200
        self._ids = []
        self._metadata = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(
        self,
        z: ArrayLike,
        ids: Sequence[int | str] | None = None,
        metadata: Sequence[Any] | None = None,
    ) -> None:
        """Adds entries.

        Args:
            z: encodings, (n, dim), such as `vae.encode(x).mean()`.
            ids: n different whole numbers, of 64 bits, or strings that are not in the index yet.
                None: numbers that continue from the number of entries.
            metadata: n JSON values, or None.

        Raises:
            ValueError: when a length, a value or an id does not fit; the index stays unchanged.
        """
        z = self._checked(z)
        if isinstance(ids, (str, dict, set)):
            raise ValueError(f"`ids` must be a sequence of ids, received {ids!r}.")
        ids = list(range(len(self), len(self) + len(z))) if ids is None else _plain(ids)
        metadata = [None] * len(z) if metadata is None else list(metadata)
        if len(ids) != len(z) or len(metadata) != len(z):
            raise ValueError(
                f"`ids` and `metadata` must have one element for each of the {len(z)} rows of `z`, "
                f"received {len(ids)} and {len(metadata)}."
            )
        for one in ids:
            is_number = isinstance(one, int) and not isinstance(one, bool)
            if not (isinstance(one, str) or (is_number and -(2**63) <= one < 2**63)):
                shown = f"one of {one.bit_length()} bits" if is_number else repr(one)
                raise ValueError(
                    f"`ids` must be whole numbers of 64 bits or strings, received {shown}."
                )
        known = set(self._ids)
        counts = collections.Counter(ids)
        twice = sorted(str(one) for one, count in counts.items() if count > 1 or one in known)
        if twice:
            raise ValueError(
                "`ids` must be new and different, received known or repeated ones: "
                f"{', '.join(twice)}."
            )
        try:
            kept = json.loads(json.dumps(metadata))
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(
                f"`metadata` must be JSON values, received others: {error}."
            ) from error
        for given, back in zip(metadata, kept, strict=True):
            if given != back:
                raise ValueError(
                    f"`metadata` must be JSON values, received {given!r}, which JSON would turn "
                    f"into {back!r}."
                )
        try:
            self._index.add(z)
        except MemoryError as error:
            raise MemoryError(
                f"The index needs more memory for {len(z)} entries of {self.dim} numbers and up to "
                f"{2 * self.num_links} links each than there is. Take a smaller `num_links`."
            ) from error
        self._ids += ids
        self._metadata += kept

    def search(self, z: ArrayLike, k: int = 10) -> SearchResult:
        """The `k` nearest entries of each query; fewer when the index holds fewer.

        Args:
            z: queries, (n, dim).
            k: number of neighbours.

        Raises:
            ValueError: when the index is empty, or `z` or `k` does not fit.
        """
        squares, positions = self._nearest(z, k)
        return SearchResult(
            [[self._ids[p] for p in row] for row in positions],
            np.sqrt(np.maximum(squares, 0.0)),
            [[self._metadata[p] for p in row] for row in positions],
        )

    def _nearest(self, z: ArrayLike, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Squared distances and positions in the index, (n, k) each."""
        if not len(self):
            raise ValueError("The index must hold entries, received none. Call `add` first.")
        k = min(_checks.positive_int("k", k), len(self))
        self._index.hnsw.efSearch = max(self.effort, k)
        squares, positions = self._index.search(self._checked(z), k)
        if np.any(positions < 0):  # The graph did not lead to k entries: compare all of them.
            squares, positions = _faiss().knn(self._checked(z), self._vectors(), k)
        return squares, positions

    def recall(self, z: ArrayLike, k: int = 10) -> float:
        """Share of the queries' true `k` nearest entries that `search` finds, in [0, 1]."""
        _, found = self._nearest(z, k)
        _, true = _faiss().knn(self._checked(z), self._vectors(), found.shape[1])
        hits = [len(set(f) & set(t)) for f, t in zip(found.tolist(), true.tolist(), strict=True)]
        return float(np.sum(hits) / found.size)

    def _vectors(self):
        return self._index.reconstruct_n(0, len(self))

    def _checked(self, z: ArrayLike) -> np.ndarray:
        try:
            if np.ma.is_masked(z) or np.iscomplexobj(z):
                raise ValueError("complex or masked ones")
            with np.errstate(over="ignore"):  # What overflows is not finite.
                z = np.ascontiguousarray(z, dtype="float32")
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"`z` must be an array of numbers, received others: {error}."
            ) from error
        if z.ndim != 2 or z.shape[1] != self.dim or not np.all(np.isfinite(z)):
            raise ValueError(
                f"`z` must be finite and have the shape (n, {self.dim}), received the shape "
                f"{z.shape}."
            )
        if np.any(np.abs(z) > LARGEST):
            raise ValueError(
                f"`z` must lie in ±{LARGEST:g}, where squared distances are finite, received "
                f"{np.max(np.abs(z)):g}."
            )
        return z

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the file `index.npz` to a folder: all of it or, if that fails, nothing.

        The file has no pickle and ends with its SHA-256.
        """
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {
            "format": FORMAT,
            "dim": self.dim,
            "num_links": self.num_links,
            "effort": self.effort,
            "ids": self._ids,
            "metadata": self._metadata,
        }
        index = _faiss().serialize_index(self._index)
        _files.write_arrays(folder / FILE, {"index": index}, manifest)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "SimilarityIndex":
        """The index that `save` wrote to a folder.

        Raises:
            ValueError: when the file is missing or damaged.
        """
        path = pathlib.Path(folder) / FILE
        try:
            arrays, manifest = _files.read_arrays(path)
        except (OSError, _files.DamagedFileError) as error:
            raise ValueError(
                f"`folder` must hold an index that `save` wrote, received {str(path)!r}: {error}. "
                "Build the index again."
            ) from error
        if manifest.get("format") != FORMAT:
            raise ValueError(
                f"`folder` must hold an index of format {FORMAT}, received format "
                f"{manifest.get('format')!r} in {str(path)!r}. Build the index again."
            )
        index = cls(manifest["dim"], num_links=manifest["num_links"], effort=manifest["effort"])
        index._index = _faiss().deserialize_index(arrays["index"])
        index._ids, index._metadata = manifest["ids"], manifest["metadata"]
        return index


def _plain(ids: Sequence[Any]) -> list[Any]:
    """Ids as Python's own numbers and strings."""
    return [one.item() if isinstance(one, np.generic) else one for one in ids]


def _faiss() -> ModuleType:
    return _checks.package("faiss", "Similarity search", "'tfvae[search]'")
