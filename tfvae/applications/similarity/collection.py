"""The entries of an index and their vectors: what is added and deleted, and how x becomes z."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.applications.similarity.encoding import Encoder
from tfvae.applications.similarity.entries import (
    Entries,
    as_json,
    plain_ids,
    refuse,
    repeated,
)
from tfvae.applications.similarity.lists import Lists, num_lists, package
from tfvae.applications.similarity.metric import Metric
from tfvae.models import LatentVariableModel

MOST_DIMS = 2**20
# Share of deleted positions from which the gaps are closed.
MOST_GAPS = 0.25


class Collection:
    """Vectors with ids and metadata, which can be added and deleted; see `SimilarityIndex`."""

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
        self._encoder: Encoder | None = None

    @property
    def model(self) -> LatentVariableModel | None:
        """The model that encodes; None for an index of vectors."""
        return None if self._encoder is None else self._encoder.model

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
            z: encodings, (n, dim), such as `vae.encode(x).mean()`; with a model, its data.
            ids: n different whole numbers, of 64 bits, or strings that are not in the index.
                None: numbers that continue from the number of entries that were ever added.
            metadata: n JSON values, or None.

        Raises:
            ValueError: when a length, a value or an id does not fit, or the index is memory mapped.
                The index stays unchanged.
            MemoryError: when there is too little memory. The index stays unchanged.
        """
        self._check_writable()
        z = self._vectors(z)
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

    def _vectors(self, z, name=None):
        """Checked vectors of encodings, or of what the model encodes."""
        if self._encoder is None:
            return self._metric.checked(z, name or "z")
        return self._metric.checked(self._encoder(z, name or "x"), name or "x")

    def _check_writable(self):
        if self._is_mapped:
            raise ValueError(
                "The index must be in memory to change, received one that is memory mapped and "
                "read-only. Load it with `memory_map=False`."
            )
