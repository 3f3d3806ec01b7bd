"""What belongs to the positions of an index: ids, metadata, and whether they are there still."""

import array
import collections
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


class Texts:
    """A text for each position, "" beyond the last one.

    The first ones are read from UTF-8 where they are asked for, and may stay in a file.

    Args:
        letters: the first ones, one after the other, as UTF-8.
        ends: where each of them ends.
    """

    def __init__(self, letters: np.ndarray | None = None, ends: np.ndarray | None = None) -> None:
        self._letters = np.zeros(0, "uint8") if letters is None else letters
        self._ends = np.zeros(0, "int64") if ends is None else ends
        self._more = []

    def __len__(self) -> int:
        return len(self._ends) + len(self._more)

    def __getitem__(self, position: int) -> str:
        if position >= len(self):
            return ""
        if position >= len(self._ends):
            return self._more[position - len(self._ends)]
        start = int(self._ends[position - 1]) if position else 0
        letters = self._letters[start : int(self._ends[position])]
        return letters.tobytes().decode("utf-8", "surrogatepass")

    def put(self, position: int, texts: Iterable[str]) -> None:
        """Appends texts, the first one for a position that is not before the end."""
        self._more += [""] * (position - len(self))
        self._more += texts

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """`letters` and `ends` of all."""
        more = [one.encode("utf-8", "surrogatepass") for one in self._more]
        start = len(self._letters)
        ends = start + np.cumsum([len(one) for one in more], dtype="int64")
        letters = np.frombuffer(b"".join(more), "uint8")
        return np.concatenate([self._letters, letters]), np.concatenate([self._ends, ends])


class Entries:
    """Ids and metadata by position; positions count up from 0, and deleted ones leave gaps.

    As long as each id is its own position, no table of ids is kept. Otherwise one is made when it
    is first needed, and every call costs what is new alone.
    """

    def __init__(self) -> None:
        self.num_alive = 0
        self.num_added = 0
        """How many there have ever been."""
        self._count = 0
        self._numbers = array.array("q")
        self._is_text = bytearray()
        self._texts = Texts()
        self._metadata = Texts()
        self._alive = np.zeros(0, "uint8")
        self._own = True
        self._table = None

    @property
    def count(self) -> int:
        """Number of positions, with the gaps."""
        return self._count

    @property
    def alive(self) -> np.ndarray | None:
        """A bit for each position, 0 for deleted ones; None when there are none."""
        return None if self.num_alive == self._count else self._alive

    def ids(self, positions: Iterable[int]) -> list[int | str]:
        """The ids at positions."""
        if self._own:
            return list(positions)
        numbers, is_text, texts = self._numbers, self._is_text, self._texts
        return [texts[int(numbers[p])] if is_text[p] else int(numbers[p]) for p in positions]

    def metadata(self, positions: Iterable[int]) -> list[Any]:
        """The metadata at positions, as new objects; None where there are none."""
        texts = [self._metadata[p] for p in positions]
        return [json.loads(text) if text else None for text in texts]

    def known(self, ids: Iterable[int | str]) -> list[int | str]:
        """Those of the ids that are there."""
        if self._own and isinstance(ids, range) and ids.start >= self._count:
            return []
        return [one for one in ids if self._position(one) is not None]

    def positions(self, ids: Iterable[int | str]) -> list[int | None]:
        """The positions of ids; None for unknown ones."""
        return [self._position(one) for one in ids]

    def _position(self, one):
        if not self._own:
            return self._positions().get(one)
        is_there = isinstance(one, int) and 0 <= one < self._count
        return one if is_there and self._alive[one >> 3] >> (one & 7) & 1 else None

    def _positions(self):
        if self._table is None:
            every = np.arange(self._count)
            kept = every if self.alive is None else every[self.are_alive(every)]
            self._table = dict(zip(self.ids(kept.tolist()), kept.tolist(), strict=True))
        return self._table

    def are_alive(self, positions: np.ndarray) -> np.ndarray:
        """Whether there are entries at positions, (n,) -> (n,)."""
        if self.alive is None:
            return np.ones(len(positions), bool)
        return (self._alive[positions >> 3] >> (positions & 7) & 1).astype(bool)

    def add(self, ids: Sequence[int | str], metadata: Sequence[str] | None) -> np.ndarray:
        """Appends new and different ids, with metadata as JSON or ""; returns their positions."""
        first, last = self._count, self._count + len(ids)
        own = self._own and (ids == range(first, last) or list(ids) == list(range(first, last)))
        if self._own and not own:
            self._give_up_own()
        if not own:
            is_text = [isinstance(one, str) for one in ids]
            texts = [one for one in ids if isinstance(one, str)]
            places = iter(range(len(self._texts), len(self._texts) + len(texts)))
            self._numbers.extend(
                next(places) if text else one for one, text in zip(ids, is_text, strict=True)
            )
            self._is_text.extend(is_text)
            self._texts.put(len(self._texts), texts)
            if self._table is not None:
                self._table.update(zip(ids, range(first, last), strict=True))
        if metadata is not None:
            self._metadata.put(first, metadata)
        positions = np.arange(first, last)
        if last > 8 * len(self._alive):
            more = np.zeros(max(len(self._alive), (last + 7) // 8 - len(self._alive)), "uint8")
            self._alive = np.concatenate([self._alive, more])
        np.bitwise_or.at(self._alive, positions >> 3, _bits(positions))
        self._count = last
        self.num_added += len(ids)
        self.num_alive += len(ids)
        return positions

    def _give_up_own(self):
        self._numbers.extend(range(self._count))
        self._is_text.extend(bytes(self._count))
        self._own = False

    def delete(self, positions: np.ndarray) -> None:
        """Deletes different positions that are there."""
        if self._table is not None:
            for one in self.ids(positions.tolist()):
                del self._table[one]
        np.bitwise_and.at(self._alive, positions >> 3, ~_bits(positions))
        self.num_alive -= len(positions)

    def compacted(self) -> tuple["Entries", np.ndarray]:
        """Entries without gaps, and the new position of each old one, −1 for deleted ones."""
        every = np.arange(self._count)
        stays = self.are_alive(every)
        kept = every[stays].tolist()
        entries = Entries()
        has_metadata = len(self._metadata) > 0
        entries.add(self.ids(kept), [self._metadata[p] for p in kept] if has_metadata else None)
        entries.num_added = self.num_added
        return entries, np.where(stays, np.cumsum(stays) - 1, -1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays to save; there must be no gaps."""
        metadata, metadata_ends = self._metadata.arrays()
        arrays = {"metadata": metadata, "metadata_ends": metadata_ends}
        if not self._own:
            texts, text_ends = self._texts.arrays()
            arrays |= {
                "numbers": np.array(self._numbers, "int64"),
                "is_text": np.array(self._is_text, "uint8"),
                "texts": texts,
                "text_ends": text_ends,
            }
        return arrays

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, np.ndarray], count: int, num_added: int, read_only: bool
    ) -> "Entries":
        """Entries that `arrays` gave; read-only ones use the arrays as they are."""
        entries = cls()
        entries.num_alive = entries._count = count
        entries.num_added = num_added
        entries._own = "numbers" not in arrays
        given = arrays if read_only else {name: np.array(one) for name, one in arrays.items()}
        entries._metadata = Texts(given["metadata"], given["metadata_ends"])
        if not entries._own:
            entries._numbers, entries._is_text = given["numbers"], given["is_text"]
            entries._texts = Texts(given["texts"], given["text_ends"])
        if not read_only:
            entries._alive = np.full((count + 7) // 8, 255, "uint8")
            if not entries._own:
                entries._numbers = array.array("q", given["numbers"].tobytes())
                entries._is_text = bytearray(given["is_text"].tobytes())
        return entries


def _bits(positions):
    return (1 << (positions & 7)).astype("uint8")


def plain_ids(ids: Sequence[int | str]) -> list[int | str]:
    """Ids as Python's own numbers and strings.

    Raises:
        ValueError: when one is neither a whole number of 64 bits nor a string, or is there twice.
    """
    if isinstance(ids, (str, bytes, dict, set)) or not hasattr(ids, "__iter__"):
        raise ValueError(f"`ids` must be a sequence of ids, received {ids!r}.")
    ids = [one.item() if isinstance(one, np.generic) else one for one in ids]
    for one in ids:
        is_number = isinstance(one, int) and not isinstance(one, bool)
        if not (isinstance(one, str) or (is_number and -(2**63) <= one < 2**63)):
            shown = f"one of {one.bit_length()} bits" if is_number else repr(one)
            raise ValueError(
                f"`ids` must be whole numbers of 64 bits or strings, received {shown}."
            )
    return ids


def as_json(metadata: Sequence[Any], count: int) -> list[str] | None:
    """Metadata as JSON, "" for None; None if all of them are None.

    Raises:
        ValueError: when they are not so many, or JSON would not give back what it was given.
    """
    if isinstance(metadata, (str, bytes, dict, set)) or not hasattr(metadata, "__iter__"):
        raise ValueError(
            f"`metadata` must be a sequence of JSON values, received {metadata!r:.60}."
        )
    metadata = list(metadata)
    if len(metadata) != count:
        raise ValueError(
            f"`metadata` must have one element for each of the {count} rows of `z`, received "
            f"{len(metadata)}."
        )
    try:
        texts = ["" if one is None else json.dumps(one) for one in metadata]
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"`metadata` must be JSON values, received others: {error}.") from error
    for given, text in zip(metadata, texts, strict=True):
        if text and (back := json.loads(text)) != given:
            raise ValueError(
                f"`metadata` must be JSON values, received {given!r}, which JSON would turn into "
                f"{back!r}."
            )
    return texts if any(texts) else None


def repeated(ids: Sequence[int | str]) -> list[int | str]:
    """Those of the ids that are there twice."""
    if isinstance(ids, range) or len(set(ids)) == len(ids):
        return []
    return [one for one, count in collections.Counter(ids).items() if count > 1]


def refuse(message: str, ids: Sequence[int | str]) -> None:
    """Raises a ValueError that names ids, if there are some."""
    if ids:
        shown = sorted(map(str, ids))
        more = f" and {len(shown) - 10} more" if len(shown) > 10 else ""
        raise ValueError(f"{message}: {', '.join(shown[:10])}{more}.")
