"""The index: what is nearest to a query, what is within a radius, and what is the same."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.applications.similarity import encoding, files, thresholds
from tfvae.applications.similarity.collection import Collection
from tfvae.applications.similarity.lists import package, recall
from tfvae.applications.similarity.metric import LARGEST
from tfvae.applications.similarity.results import RangeResult, SearchResult
from tfvae.models import LatentVariableModel


class SimilarityIndex(Collection):
    """Nearest neighbours among up to 10⁷ encodings, with ids and metadata [C20].

    It suits encodings of a `FlatManifoldVAE`, whose Euclidean distances measure similarity. Up to
    `exact_below` entries a search compares all. Beyond, the entries lie in the lists of their
    nearest centroids (IndexIVFFlat of the package faiss), and a search looks at as many lists as it
    needs to find the share `least_recall` of the neighbours of entries; `recall` measures that
    share for any queries. The lists are built again when the entries are four times as many. The
    cost of `add` and `delete` is that of their rows and, spread over all calls, of these lists.

    `SimilarityIndex.from_model(model)` makes an index that takes what the model takes, such as
    images, wherever encodings are described here, and encodes it.

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

    @classmethod
    def from_model(
        cls,
        model: LatentVariableModel,
        *,
        metric: str = "euclidean",
        least_recall: float = 0.95,
        exact_below: int = 100_000,
        batch_size: int = 512,
    ) -> "SimilarityIndex":
        """An index that encodes by a model: `add`, `search` and all others take x, not z.

        z is the mean of q(z|x). The distance is ‖z − z′‖, which a `FlatManifoldVAE` learns as the
        measure of similarity: it is about proportional to the length of the shortest curve between
        what is decoded. Of another model it orders neighbours well where its latent space is
        nearly flat, which `tfvae.evaluation.flatness` tells.

        Entries are encoded when they are added. If the model is trained on, make a new index.

        Args:
            model: a built model of single examples, without a condition.
            metric: see `SimilarityIndex`.
            least_recall: see `SimilarityIndex`.
            exact_below: see `SimilarityIndex`.
            batch_size: examples that are encoded at a time.

        Raises:
            ImportError: when faiss is not installed.
            ValueError: when an argument does not fit.

        Example:
            >>> import numpy as np, tfvae
            >>> vae = tfvae.FlatManifoldVAE(latent_dim=2, seed=0)
            >>> vae.build((None, 8, 8, 1))
            >>> images = np.random.default_rng(0).uniform(size=(20, 8, 8, 1))
            >>> index = tfvae.applications.SimilarityIndex.from_model(vae)
            >>> index.add(images, ids=[f"image {i}" for i in range(20)])
            >>> index.search(images[3:5], k=1).ids
            [['image 3'], ['image 4']]
        """
        encoder = encoding.Encoder(model, batch_size)
        options = {"metric": metric, "least_recall": least_recall, "exact_below": exact_below}
        index = cls(model.latent_dim, **options)
        index._encoder = encoder
        return index

    def search(self, z: ArrayLike, k: int = 10) -> SearchResult:
        """The `k` nearest entries of each query; fewer when the index holds fewer.

        Args:
            z: queries, (n, dim).
            k: number of neighbours.

        Raises:
            ValueError: when the index is empty, or `z` or `k` does not fit.
        """
        self._check_filled()
        squares, positions = self._nearest(self._vectors(z), k)
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
        z = self._vectors(z)
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
        self._check_filled()
        z = self._vectors(z)
        squares, _ = self._nearest(z, k)
        true, _ = self._nearest(z, k, exact=True)
        return recall(squares, true)

    def distances(self, a: ArrayLike, b: ArrayLike) -> np.ndarray:
        """Distances of the rows of two arrays, (n, dim) each, row by row -> (n,)."""
        return self._distances(self._vectors(a, "a"), self._vectors(b, "b"))

    def _distances(self, a, b):
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
        z, labels = self._vectors(z), thresholds.groups_of_labels(labels)
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
            pairs.append(self._distances(z[first], z[second]))
        return thresholds.same_threshold(*pairs, false_positive_rate=false_positive_rate)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the file `index.npz` to a folder: all of it or, if that fails, nothing.

        The file has no pickle and ends with its SHA-256. The model of `from_model` is written
        before it, as `model.keras`, which `tfvae.load(folder)` reads, too; `index.npz` has a digest
        of its encoder.
        """
        self._close_gaps()
        if self.model is not None:
            encoding.write(folder, self.model)
        settings = {
            "dim": self.dim,
            "metric": self.metric,
            "least_recall": self.least_recall,
            "exact_below": self.exact_below,
        }
        model = None
        if self._encoder is not None:
            digest = encoding.digest(self.model)
            model = {"digest": digest, "batch_size": self._encoder.batch_size}
        files.write(folder, self._lists, self._entries, settings, model)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike,
        *,
        memory_map: bool = False,
        model: LatentVariableModel | None = None,
    ) -> "SimilarityIndex":
        """The index that `save` wrote to a folder.

        Args:
            folder: that was given to `save`.
            memory_map: whether vectors, ids and metadata stay in the file and are read where a
                search needs them. The index then opens at once, takes little memory of its own and
                is read-only. The checksum of the whole file is not compared then; that of its
                settings and centroids is.
            model: the model of an index that `from_model` made, where it is at hand; None: the one
                in the folder, which is loaded without running code from it.

        Raises:
            ValueError: when a file is missing or damaged, or the model is not the one that encoded
                the entries.
        """
        memory_map = _checks.true_or_false("memory_map", memory_map)
        package()
        lists, entries, settings, encoded = files.read(folder, memory_map)
        model = encoding.read(folder, encoded and encoded["digest"], model)
        index = cls(**settings)
        if model is not None:
            index._encoder = encoding.Encoder(model, encoded["batch_size"])
        index._lists, index._entries, index._is_mapped = lists, entries, memory_map
        return index

    def _nearest(self, z, k, exact=False):
        """Squared distances of vectors and positions in the index, (n, k) each."""
        k = min(_checks.positive_int("k", k), len(self))
        return self._lists.nearest(z, k, self._entries.alive, exact)

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
