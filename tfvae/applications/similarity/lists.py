"""Vectors in inverted lists of faiss: each in the list of its nearest centroid."""

import math
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import scipy.spatial.distance

from tfvae import _checks

# Rows that train one centroid, and iterations of k-means: more of them find no more neighbours.
ROWS_PER_LIST, ITERATIONS = 64, 10
# Entries that are tried as queries, and neighbours of each, to find how many lists to look at.
NUM_TRIED, NEIGHBOURS_TRIED = 200, 10
# Vectors that are compared with all centroids at once, and queries of a range search.
ROWS_AT_ONCE, QUERIES_AT_ONCE = 65_536, 256
# Distances of float32 numbers are as exact as that, relatively, and a little worse.
SLACK = 1e-4


def num_lists(count: int, exact_below: int) -> int:
    """The number of lists for so many vectors: one, or the power of two from 2√n to 4√n.

    **Choice**, by measurement of 10⁵ and 10⁶ vectors: one to four of so many lists hold 95% of the
    neighbours. An entry costs about √n comparisons, as a search does, and the number doubles only
    when n has quadrupled.
    """
    return 1 if count < exact_below else 2 ** math.floor(math.log2(4.0 * math.sqrt(count)))


class Lists:
    """n vectors of float32 and their positions, whole numbers, by squared Euclidean distance.

    With one list, all vectors are compared. With many, a search looks at the `probes` lists whose
    centroids are nearest to the query. **Choice**: a graph of neighbours (HNSW of faiss) finds as
    many in as little time, but took 14 times as long to build (10⁵ vectors of 24 numbers), cannot
    delete and does not search in a file.

    Args:
        centroids: (number of lists, dim).
        probes: number of lists that a search looks at.
        radii: distances of the centroids from their farthest vectors, (number of lists,).
        inverted: the lists, of faiss; None: empty ones in memory.
    """

    def __init__(
        self,
        centroids: np.ndarray,
        probes: int = 1,
        radii: np.ndarray | None = None,
        inverted: Any = None,
    ) -> None:
        faiss = package()
        self.centroids = np.ascontiguousarray(centroids, "float32")
        self.probes = probes
        number, self.dim = self.centroids.shape
        self.radii = np.zeros(number, "float32") if radii is None else np.array(radii, "float32")
        self._quantizer = faiss.IndexFlatL2(self.dim)
        self._quantizer.add(self.centroids)
        self._index = faiss.IndexIVFFlat(self._quantizer, self.dim, number)
        self._index.is_trained = True
        self._index.nprobe = number
        if inverted is not None:
            self._replace(inverted)

    def __len__(self) -> int:
        return self._index.ntotal

    @property
    def sizes(self) -> np.ndarray:
        """Number of vectors in each list."""
        lists = self._index.invlists
        return np.array([lists.list_size(i) for i in range(len(self.centroids))], "int64")

    @classmethod
    def empty(cls, dim: int) -> "Lists":
        """One list, around zero."""
        return cls(np.zeros((1, dim)))

    @classmethod
    def trained(cls, rows: np.ndarray, number: int) -> "Lists":
        """Empty lists around the centroids of rows, by k-means."""
        faiss = package()
        means = faiss.Kmeans(
            rows.shape[1],
            number,
            niter=ITERATIONS,
            min_points_per_centroid=1,
            max_points_per_centroid=ROWS_PER_LIST,
        )
        means.train(rows)
        return cls(means.centroids)

    def add(self, vectors: np.ndarray, positions: np.ndarray) -> None:
        """Adds vectors, (n, dim), with their positions, (n,): all of them or, if that fails, none.

        Positions must be higher than those of all that are there.
        """
        try:
            for start in range(0, len(vectors), ROWS_AT_ONCE):
                rows = slice(start, start + ROWS_AT_ONCE)
                self._add(vectors[rows], positions[rows])
        except MemoryError:
            self._shorten(int(positions[0]))
            raise

    def _add(self, vectors, positions):
        if len(self.centroids) == 1:
            of_row = np.zeros(len(vectors), "int64")
        else:
            of_row = self._quantizer.search(vectors, 1)[1][:, 0]
        apart = vectors - self.centroids[of_row]
        radii = np.sqrt(np.einsum("nd,nd->n", apart, apart))
        order = np.argsort(of_row, kind="stable")
        used, starts = np.unique(of_row[order], return_index=True)
        highest = np.maximum.reduceat(radii[order], starts)
        self.radii[used] = np.maximum(self.radii[used], highest)
        vectors, positions = vectors[order], positions[order]
        for one, start, stop in zip(used, starts, [*starts[1:], len(order)], strict=True):
            add_to(self._index.invlists, one, positions[start:stop], vectors[start:stop])
        self._index.ntotal += len(vectors)

    def _shorten(self, first):
        """Removes positions from `first` on, which are at the ends of the lists."""
        for one, size in enumerate(self.sizes.tolist()):
            if size:
                _, positions = self.block(one)
                self._index.invlists.resize(one, int(np.sum(positions < first)))
        self._index.ntotal = int(np.sum(self.sizes))

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Vectors, (n, dim), and positions, (n,), of each list that holds some."""
        for one, size in enumerate(self.sizes):
            if size:
                yield self.block(one)

    def block(self, one: int) -> tuple[np.ndarray, np.ndarray]:
        """Vectors, (n, dim), and positions, (n,), of a list."""
        from faiss.contrib.inspect_tools import get_invlist

        positions, codes = get_invlist(self._index.invlists, int(one))
        return codes.view("float32"), positions

    def nearest(
        self, queries: np.ndarray, k: int, alive: np.ndarray | None = None, exact: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Squared distances and positions of the k nearest, (n, k) each, the nearest first.

        Args:
            queries: (n, dim).
            k: at most the number of vectors that count.
            alive: a bit for each position: those with a 0 do not count. None: all count.
            exact: whether to look at all lists.
        """
        probes = len(self.centroids) if exact else self.probes
        squares, positions = self._search(queries, k, probes, alive)
        short = np.any(positions < 0, axis=1)
        if np.any(short):  # There are fewer than k in the lists that it looked at.
            squares[short], positions[short] = self._search(
                queries[short], k, len(self.centroids), alive
            )
        return squares, positions

    def _search(self, queries, k, probes, alive):
        faiss = package()
        chosen = {} if alive is None else {"sel": faiss.IDSelectorBitmap(alive)}
        parameters = faiss.SearchParametersIVF(nprobe=probes, **chosen)
        return self._index.search(queries, k, params=parameters)

    def within(self, queries: np.ndarray, radius: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Squared distances and positions of all that are not farther, for each query.

        It looks at each list whose ball, around the centroid, meets that of the query: so it finds
        all of them. What lies within `SLACK` beyond the radius may be among them.
        """
        bound = float(
            np.nextafter(np.float32(np.square(radius) * (1.0 + SLACK)), np.float32(np.inf))
        )
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            part = queries[start : start + QUERIES_AT_ONCE]
            distances = scipy.spatial.distance.cdist(part, self.centroids)
            reach = (radius + self.radii.astype("float64")) * (1.0 + SLACK)
            meets = distances * (1.0 - SLACK) <= reach
            chosen = np.where(meets, np.arange(len(self.centroids)), -1)
            limits, squares, positions = self._index.range_search_preassigned(
                part, bound, chosen, None
            )
            for low, high in zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True):
                order = np.argsort(squares[low:high], kind="stable")
                yield squares[low:high][order], positions[low:high][order]

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """About `count` of the vectors, drawn at random, (n, dim)."""
        share = min(1.0, count / max(len(self), 1))
        parts = [np.zeros((0, self.dim), "float32")]
        for vectors, _ in self.blocks():
            number = min(int(share * len(vectors) + rng.random()), len(vectors))
            parts.append(vectors[rng.choice(len(vectors), number, replace=False)])
        return np.concatenate(parts)

    def tune(self, least_recall: float) -> None:
        """Doubles the lists to look at, from 1, until a search finds enough of the neighbours.

        Queries are entries; they do not count as their own neighbours. It goes three quarters of
        the way from `least_recall` to 1 (**choice**), since the lists were made for entries: other
        queries find less.
        """
        queries = self.sample(NUM_TRIED, np.random.default_rng(0))
        k = min(NEIGHBOURS_TRIED + 1, len(self))
        if k < 2 or len(self.centroids) == 1:
            return
        true, _ = self.nearest(queries, k, exact=True)
        self.probes = 1
        while self.probes < len(self.centroids):
            squares, _ = self.nearest(queries, k)
            if recall(squares[:, 1:], true[:, 1:]) >= 1.0 - 0.25 * (1.0 - least_recall):
                break
            self.probes = min(2 * self.probes, len(self.centroids))

    def grown(
        self, vectors: np.ndarray, positions: np.ndarray, number: int, least_recall: float
    ) -> "Lists":
        """More lists, with what is here and more vectors, tuned."""
        total, rng = len(self) + len(vectors), np.random.default_rng(0)
        share = min(1.0, ROWS_PER_LIST * number / total)
        drawn = rng.choice(len(vectors), max(1, round(share * len(vectors))), replace=False)
        rows = np.concatenate([self.sample(round(share * len(self)), rng), vectors[drawn]])
        lists = Lists.trained(rows, min(number, len(rows)))
        for block in self.blocks():
            lists.add(*block)
        lists.add(vectors, positions)
        lists.tune(least_recall)
        return lists

    def renumber(self, new: np.ndarray) -> None:
        """Gives all positions new numbers; those whose new number is −1 are removed."""
        faiss = package()
        kept = faiss.ArrayInvertedLists(len(self.centroids), 4 * self.dim)
        for one, size in enumerate(self.sizes):
            if size:
                vectors, positions = self.block(one)
                positions = new[positions]
                stays = positions >= 0
                add_to(kept, one, positions[stays], vectors[stays])
        self._replace(kept)

    def _replace(self, inverted):
        self._index.replace_invlists(inverted, True)
        inverted.this.disown()  # The index frees them.
        self._index.ntotal = int(np.sum(self.sizes))


def recall(squares: np.ndarray, true: np.ndarray) -> float:
    """Share of found distances, (n, k), that are not beyond the k-th true one; ties count."""
    return float(np.mean(squares <= true[:, -1:] * (1.0 + 1e-6)))


def add_to(inverted: Any, one: int, positions: np.ndarray, vectors: np.ndarray) -> None:
    """Adds vectors, (n, dim), with their positions, (n,), to a list."""
    faiss = package()
    positions = np.ascontiguousarray(positions, "int64")
    codes = np.ascontiguousarray(vectors, "float32").view("uint8")
    if len(positions):
        inverted.add_entries(
            int(one), len(positions), faiss.swig_ptr(positions), faiss.swig_ptr(codes)
        )


def in_file(path: str, offset: int, sizes: np.ndarray, dim: int) -> Any:
    """Lists whose vectors stay in a file, each as its vectors and then its positions.

    Raises:
        ValueError: when faiss cannot map files on this system.
    """
    faiss = package()
    if not hasattr(faiss, "OnDiskInvertedLists"):
        raise ValueError(
            f"`memory_map` must be False on {sys.platform}, where faiss cannot map files, received "
            "True."
        )
    inverted = faiss.OnDiskInvertedLists()
    inverted.nlist, inverted.code_size, inverted.filename = len(sizes), 4 * dim, path
    for size in sizes.tolist():
        one = faiss.OnDiskOneList()
        one.size = one.capacity = size
        one.offset = offset
        inverted.lists.push_back(one)
        offset += size * (4 * dim + 8)
    inverted.totsize = offset
    inverted.read_only = True
    inverted.do_mmap()
    return inverted


def package() -> ModuleType:
    """The package faiss."""
    return _checks.package("faiss", "Similarity search", "tfvae[search]")
