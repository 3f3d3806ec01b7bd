"""Similarity search: nearest neighbours among encodings, by Euclidean distance."""

import collections
import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks

INDEX, ENTRIES = "index.faiss", "entries.json"
FORMAT = 1


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
        num_links: links of each entry in the graph. More take more memory and find more.
        effort: least number of entries that a search compares. More take more time and find more.

    Raises:
        ImportError: when faiss is not installed.
        ValueError: when a number is not a whole number ≥ 1.

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
        self.dim = _checks.positive_int("dim", dim)
        self.num_links = _checks.positive_int("num_links", num_links)
        self.effort = _checks.positive_int("effort", effort)
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
            ids: n different whole numbers or strings that are not in the index yet. None: numbers
                that continue from the number of entries.
            metadata: n JSON values, or None.

        Raises:
            ValueError: when a length, a value or an id does not fit; the index stays unchanged.
        """
        z = self._checked(z)
        if isinstance(ids, str):
            raise ValueError(f"`ids` must be a sequence of ids, received the string {ids!r}.")
        ids = list(range(len(self), len(self) + len(z))) if ids is None else _plain(ids)
        metadata = [None] * len(z) if metadata is None else list(metadata)
        if len(ids) != len(z) or len(metadata) != len(z):
            raise ValueError(
                f"`ids` and `metadata` must have one element for each of the {len(z)} rows of `z`, "
                f"received {len(ids)} and {len(metadata)}."
            )
        for one in ids:
            if isinstance(one, bool) or not isinstance(one, (int, str)):
                raise ValueError(f"`ids` must be whole numbers or strings, received {one!r}.")
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
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"`metadata` must be JSON values, received others: {error}."
            ) from error
        for given, back in zip(metadata, kept, strict=True):
            if given != back:
                raise ValueError(
                    f"`metadata` must be JSON values, received {given!r}, which JSON would turn "
                    f"into {back!r}."
                )
        self._index.add(z)
        self._ids += ids
        self._metadata += metadata

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
        z = np.ascontiguousarray(z, dtype="float32")
        if z.ndim != 2 or z.shape[1] != self.dim or not np.all(np.isfinite(z)):
            raise ValueError(
                f"`z` must be finite and have the shape (n, {self.dim}), received the shape "
                f"{z.shape}."
            )
        return z

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the index to a folder; each file gets its name when it is complete."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / (INDEX + ".partial")
        _faiss().write_index(self._index, str(partial))
        entries = {
            "format": FORMAT,
            "checksum": _checksum(partial),
            "dim": self.dim,
            "num_links": self.num_links,
            "effort": self.effort,
            "ids": self._ids,
            "metadata": self._metadata,
        }
        os.replace(partial, folder / INDEX)
        partial = folder / (ENTRIES + ".partial")
        partial.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
        os.replace(partial, folder / ENTRIES)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "SimilarityIndex":
        """The index that `save` wrote to a folder.

        Raises:
            ValueError: when a file is missing or damaged, or the two do not belong together.
        """
        folder = pathlib.Path(folder)
        try:
            entries = json.loads((folder / ENTRIES).read_text(encoding="utf-8"))
            index = cls(entries["dim"], num_links=entries["num_links"], effort=entries["effort"])
            index._index = _faiss().read_index(str(folder / INDEX))
            index._ids, index._metadata = entries["ids"], entries["metadata"]
        except (OSError, KeyError, TypeError, json.JSONDecodeError, RuntimeError) as error:
            raise ValueError(
                f"`folder` must hold an index that `save` wrote, received {str(folder)!r}: {error}"
            ) from error
        if entries.get("format") != FORMAT:
            raise ValueError(
                f"`folder` must hold an index of format {FORMAT}, received format "
                f"{entries.get('format')!r} in {str(folder)!r}. Build the index again."
            )
        counts = {index._index.ntotal, len(index._ids), len(index._metadata)}
        if len(counts) > 1 or entries["checksum"] != _checksum(folder / INDEX):
            raise ValueError(
                f"`folder` must hold {INDEX} and {ENTRIES} of one `save`, received two that do not "
                f"belong together in {str(folder)!r}. Build the index again."
            )
        return index


def _checksum(path: pathlib.Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plain(ids: Iterable[Any]) -> list[Any]:
    """Ids as Python's own numbers and strings."""
    return [one.item() if isinstance(one, np.generic) else one for one in ids]


def _faiss() -> ModuleType:
    return _checks.package("faiss", "Similarity search", "'tfvae[search]'")
