"""The index: what is nearest to a query, what is within a radius, and what is the same."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.applications.similarity import files, thresholds
from tfvae.applications.similarity.entries import (
    Entries,
    as_json,
    plain_ids,
    refuse,
    repeated,
)
from tfvae.applications.similarity.lists import (
    Lists,
    num_lists,
    package,
    recall,
)
from tfvae.applications.similarity.metric import LARGEST, Metric
from tfvae.applications.similarity.results import RangeResult, SearchResult

MOST_DIMS = 2**20
# Share of deleted positions from which the gaps are closed.
MOST_GAPS = 0.25


class SimilarityIndex:
    """Nearest neighbours among up to 10⁷ encodings, with ids and metadata [C20].

    It suits encodings of a `FlatManifoldVAE`, whose Euclidean distances measure similarity. Up to
    `exact_below` entries a search compares all. Beyond, the entries lie in the lists of their
    nearest centroids (IndexIVFFlat of the package faiss), and a search looks at as many lists as it
    needs to find the share `least_recall` of the neighbours of entries; `recall` measures that
    share for any queries. The lists are built again when the entries are four times as many. The
    cost of `add` and `delete` is that of their rows and, spread over all calls, of these lists.

    Args:
        dim: N_z.
        metric: "euclidean", ‖a − b‖, or "cosine", 1 − aᵀb / (‖a‖ ‖b‖).
        least_recall: share of the true nearest entries that a search must find, in (0, 1]; 1: it
            compares all entries.
        exact_below: number of entries from which a search is approximate.

    Raises:
        ImportError: when faiss is not installed.
        ValueError: when an argument does not fit.

    Example:
        >>> import numpy as np
        >>> from tfvae.applications import SimilarityIndex
        >>> index = SimilarityIndex(dim=2)
        >>> index.add(np.eye(2), ids=["cat", "dog"], metadata=[{"page": 1}, {"page": 2}])
        >>> found = index.search([[0.1, 0.9]], k=1)
        >>> found.ids, found.metadata
        ([['dog']], [[{'page': 2}]])
        >>> index.within([[0.1, 0.9]], radius=0.5).ids
        [['dog']]
        >>> index.delete(["dog"])
        >>> index.search([[0.1, 0.9]], k=1).ids
        [['cat']]
    """

    def __init__(
        self,
        dim: int,
        *,
        metric: str = "euclidean",
        least_recall: float = 0.95,
        exact_below: int = 100_000,
    ) -> None:
        package()
        self.dim = _checks.whole_in("dim", dim, 1, MOST_DIMS)
        self._metric = Metric(metric, self.dim)
        self.metric = metric
        self.least_recall = _checks.number_in("least_recall", least_recall, 0, 1, low_open=True)
        self.exact_below = _checks.positive_int("exact_below", exact_below)
        self._lists = Lists.empty(self.dim)
        self._entries = Entries()
        self._is_mapped = False

    def __len__(self) -> int:
        return self._entries.num_alive

    def __contains__(self, one: int | str) -> bool:
        return bool(self._entries.known(plain_ids([one])))

    def add(
        self,
        z: ArrayLike,
        ids: Sequence[int | str] | None = None,
        metadata: Sequence[Any] | None = None,
    ) -> None:
        """Adds entries.

        Args:
            z: encodings, (n, dim), such as `vae.encode(x).mean()`.
            ids: n different whole numbers, of 64 bits, or strings that are not in the index.
                None: numbers that continue from the number of entries that were ever added.
            metadata: n JSON values, or None.

        Raises:
            ValueError: when a length, a value or an id does not fit, or the index is memory mapped.
                The index stays unchanged.
            MemoryError: when there is too little memory. The index stays unchanged.
        """
        self._check_writable()
        z = self._metric.checked(z)
        start = self._entries.num_added
        ids = range(start, start + len(z)) if ids is None else plain_ids(ids)
        if len(ids) != len(z):
            raise ValueError(
                f"`ids` must have one element for each of the {len(z)} rows of `z`, received "
                f"{len(ids)}."
            )
        refuse(
            "`ids` must be new and different, received known or repeated ones",
            [*repeated(ids), *self._entries.known(ids)],
        )
        texts = None if metadata is None else as_json(metadata, len(z))
        if not len(z):
            return
        try:
            self._add_vectors(z)
        except MemoryError as error:
            raise MemoryError(
                f"The index needs more memory for {len(z)} entries of {self.dim} numbers than "
                "there is. Take fewer latents, or an index for each part of the entries."
            ) from error
        self._entries.add(ids, texts)

    def _add_vectors(self, z):
        positions = np.arange(self._entries.count, self._entries.count + len(z))
        wanted = num_lists(len(self) + len(z), self.exact_below)
        if self.least_recall == 1.0 or wanted <= len(self._lists.centroids):
            self._lists.add(z, positions)
        else:
            self._lists = self._lists.grown(z, positions, wanted, self.least_recall)

    def delete(self, ids: Sequence[int | str]) -> None:
        """Deletes entries. Their ids may be given to others then.

        Raises:
            ValueError: when an id is unknown or repeated, or the index is memory mapped. The index
                stays unchanged.
        """
        self._check_writable()
        ids = plain_ids(ids)
        positions = self._entries.positions(ids)
        unknown = [one for one, p in zip(ids, positions, strict=True) if p is None]
        refuse(
            "`ids` must be those of entries, and different, received unknown or repeated ones",
            [*repeated(ids), *unknown],
        )
        self._entries.delete(np.array(positions, "int64"))
        if self._entries.count - len(self) > MOST_GAPS * self._entries.count:
            self._close_gaps()

    def _close_gaps(self):
        if self._entries.alive is not None:
            entries, new = self._entries.compacted()
            self._lists.renumber(new)
            self._entries = entries

    def search(self, z: ArrayLike, k: int = 10) -> SearchResult:
        """The `k` nearest entries of each query; fewer when the index holds fewer.

        Args:
            z: queries, (n, dim).
            k: number of neighbours.

        Raises:
            ValueError: when the index is empty, or `z` or `k` does not fit.
        """
        squares, positions = self._nearest(z, k)
        rows = self._known(positions)
        return SearchResult(
            [self._entries.ids(row) for row in rows],
            self._metric.distances(squares),
            [self._entries.metadata(row) for row in rows],
        )

    def within(self, z: ArrayLike, radius: float) -> RangeResult:
        """All entries whose distance from a query is at most the radius. None is missed.

        Its time grows with the number of lists that the radius reaches, up to all of them.

        Args:
            z: queries, (n, dim).
            radius: as the distances: Euclidean, or 1 − cosine; from 0. `same_threshold` finds the
                one within which entries are the same.

        Raises:
            ValueError: when the index is empty, or `z` or `radius` does not fit.
        """
        self._check_filled()
        radius = _checks.number_in("radius", radius, 0, 2 * LARGEST)
        z = self._metric.checked(z)
        result = RangeResult([], [], [])
        for squares, positions in self._lists.within(z, self._metric.reach(radius)):
            distances = self._metric.distances(squares)
            (rows,) = self._known(positions[np.newaxis])
            stays = (distances <= np.float32(radius)) & self._entries.are_alive(positions)
            rows = [p for p, one in zip(rows, stays.tolist(), strict=True) if one]
            result.ids.append(self._entries.ids(rows))
            result.distances.append(distances[stays])
            result.metadata.append(self._entries.metadata(rows))
        return result

    def recall(self, z: ArrayLike, k: int = 10) -> float:
        """Share of the queries' true `k` nearest entries that `search` finds, in [0, 1].

        An entry that is as near as the true one counts.
        """
        squares, _ = self._nearest(z, k)
        true, _ = self._nearest(z, k, exact=True)
        return recall(squares, true)

    def distances(self, a: ArrayLike, b: ArrayLike) -> np.ndarray:
        """Distances of the rows of two arrays, (n, dim) each, row by row -> (n,)."""
        a, b = self._metric.checked(a, "a"), self._metric.checked(b, "b")
        if a.shape != b.shape:
            raise ValueError(f"`b` must have the shape of `a`, {a.shape}, received {b.shape}.")
        apart = a - b
        return self._metric.distances(np.einsum("nd,nd->n", apart, apart))

    def same_threshold(
        self,
        z: ArrayLike,
        labels: Sequence[Any],
        *,
        false_positive_rate: float | None = None,
        max_pairs: int = 100_000,
        seed: int = 0,
    ) -> thresholds.SameThreshold:
        """The distance up to which encodings are the same, from encodings with labels.

        Two with one label are the same, two with different labels are not. See
        `tfvae.applications.same_threshold` for the rule; with `distances` it takes any pairs.

        Args:
            z: encodings, (n, dim); they need not be in the index.
            labels: (n,).
            false_positive_rate: largest share of pairs that differ and may count as the same.
                None: the fewest errors.
            max_pairs: pairs of each kind that are compared, drawn at random where there are more.
            seed: of the draws.

        Raises:
            ValueError: when there are no pairs of one kind, or an argument does not fit.

        Example:
            >>> index = SimilarityIndex(dim=1)
            >>> found = index.same_threshold([[0.0], [1.0], [5.0], [7.0]], ["a", "a", "b", "b"])
            >>> found.value, found.false_positive_rate, found.false_negative_rate
            (3.0, 0.0, 0.0)
        """
        z, labels = self._metric.checked(z), thresholds.groups_of_labels(labels)
        if labels.shape != z.shape[:1]:
            raise ValueError(
                f"`labels` must have the shape {z.shape[:1]}, received {labels.shape}."
            )
        max_pairs = _checks.positive_int("max_pairs", max_pairs)
        rng = np.random.default_rng(_checks.whole("seed", seed))
        pairs = []
        for same in (True, False):
            first, second = thresholds.pairs_of_labels(labels, same, max_pairs, rng)
            if not len(first):
                raise ValueError(
                    "`labels` must have one that is there twice, and two that differ, received "
                    f"{len(labels)} labels, {len(np.unique(labels))} of them different."
                )
            pairs.append(self.distances(z[first], z[second]))
        return thresholds.same_threshold(*pairs, false_positive_rate=false_positive_rate)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the file `index.npz` to a folder: all of it or, if that fails, nothing.

        The file has no pickle and ends with its SHA-256.
        """
        self._close_gaps()
        settings = {
            "dim": self.dim,
            "metric": self.metric,
            "least_recall": self.least_recall,
            "exact_below": self.exact_below,
        }
        files.write(folder, self._lists, self._entries, settings)

    @classmethod
    def load(cls, folder: str | os.PathLike, *, memory_map: bool = False) -> "SimilarityIndex":
        """The index that `save` wrote to a folder.

        Args:
            folder: that was given to `save`.
            memory_map: whether vectors, ids and metadata stay in the file and are read where a
                search needs them. The index then opens at once, takes little memory of its own and
                is read-only. The checksum of the whole file is not compared then; that of its
                settings and centroids is.

        Raises:
            ValueError: when the file is missing or damaged.
        """
        memory_map = _checks.true_or_false("memory_map", memory_map)
        package()
        lists, entries, settings = files.read(folder, memory_map)
        index = cls(**settings)
        index._lists, index._entries, index._is_mapped = lists, entries, memory_map
        return index

    def _nearest(self, z, k, exact=False):
        """Squared distances and positions in the index, (n, k) each."""
        self._check_filled()
        k = min(_checks.positive_int("k", k), len(self))
        return self._lists.nearest(self._metric.checked(z), k, self._entries.alive, exact)

    def _known(self, positions):
        """Positions as lists, if all are there."""
        if positions.size and not 0 <= np.min(positions) <= np.max(positions) < self._entries.count:
            raise ValueError(
                "The index must be whole, received positions that it does not have: the file that "
                "it is memory mapped from is damaged. Build the index again."
            )
        return positions.tolist()

    def _check_filled(self):
        if not len(self):
            raise ValueError("The index must hold entries, received none. Call `add` first.")

    def _check_writable(self):
        if self._is_mapped:
            raise ValueError(
                "The index must be in memory to change, received one that is memory mapped and "
                "read-only. Load it with `memory_map=False`."
            )
