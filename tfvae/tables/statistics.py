"""What is learned of a column, piece by piece: moments, levels, what its texts can be."""

import collections
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.tables import dates
from tfvae.tables.columns import CONSECUTIVE, CYCLES, RISING
from tfvae.tables.values import Spelling, as_text

# So many different values are counted: of columns whose kind is guessed, and of others.
MOST_GUESSED, MOST_DECLARED = 1000, 100_000
# In fewer rows than these an order may be chance.
FEWEST_ORDERED = 20


class Found(NamedTuple):
    """A value and its row, for messages."""

    row: int
    value: str | float


class Moments:
    """Number, mean, sum of squared deviations, least and greatest of values, float64.

    Pieces are joined by the formula of Chan, Golub and LeVeque (1983): with δ the difference of the
    means, M = M_a + M_b + δ²·n_a·n_b/n.
    """

    def __init__(self):
        self.number, self.mean, self.squares = 0.0, 0.0, 0.0
        self.least, self.greatest = np.inf, -np.inf

    def add(self, values: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Adds values (n,), each as often as its weight says."""
        if not values.size:
            return
        weights = np.ones(values.shape) if weights is None else weights
        number = float(weights.sum())
        # Overflow is seen by whoever uses the deviation.
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float((values * weights).sum() / number)
            squares = float((weights * np.square(values - mean)).sum())
            total, change = self.number + number, mean - self.mean
            self.squares += squares + change * change * self.number * number / total
            self.mean += change * number / total
        self.number = total
        self.least = min(self.least, float(values.min()))
        self.greatest = max(self.greatest, float(values.max()))

    @property
    def deviation(self) -> float:
        """The standard deviation, sqrt(M/n)."""
        return float(np.sqrt(self.squares / self.number))


class Statistics:
    """Statistics of one column.

    Args:
        spelling: how numbers are spelled in texts.
        missing_values: texts that stand for no value.
        most: number of different values that are counted.
        formats: of dates to try; none: the column has no dates.
        parses: whether texts may be numbers.
    """

    def __init__(
        self,
        spelling: Spelling,
        missing_values: frozenset[str],
        most: int = MOST_GUESSED,
        formats: tuple[str, ...] = dates.FORMATS,
        parses: bool = True,
    ):
        self._spelling, self._words, self._most, self._parses = (
            spelling,
            missing_values,
            most,
            parses,
        )
        self.rows = self.missing = 0
        self.is_text = self.is_time = False
        # Counts of different values, None when they are too many; numbers and texts apart.
        self.texts: collections.Counter | None = collections.Counter()
        self.values: dict[float, int] | None = {}
        self.numbers, self.logarithms = Moments(), Moments()
        self.is_whole = True
        self.num_numbers = 0
        self.no_number: Found | None = None
        self.infinite: Found | None = None
        self.dates = {one: Moments() for one in formats}
        self.cycles: dict[str, Moments] = {one: Moments() for one in CYCLES}
        self.no_date: dict[str, Found] = {}
        self.example = None
        self._order, self._last = CONSECUTIVE, None

    @property
    def order(self) -> str:
        """Of whole numbers, none of which is missing: consecutive, rising, or ""."""
        return "" if self.missing or self.rows < FEWEST_ORDERED else self._order

    @property
    def present(self) -> int:
        """Number of values that are there."""
        return self.rows - self.missing

    def add(self, raw: np.ndarray, first_row: int) -> None:
        """Adds a piece of the column, see `raw_values`."""
        self.rows += len(raw)
        if raw.dtype.kind == "f":
            self._add_numbers(raw, first_row)
        elif raw.dtype.kind == "M":
            self._add_times(raw)
        else:
            self._add_texts(raw, first_row)
        # The first rows tell of most columns that they have no order.
        for part in (raw[:FEWEST_ORDERED], raw[FEWEST_ORDERED:]):
            if self._order:
                self._look_for_order(part)

    def _look_for_order(self, raw):
        """Keeps whether values are whole and rise, by 1 or at all, from row to row."""
        if raw.dtype.kind == "O":
            raw, wrong = self._spelling.numbers(raw.tolist())
            if wrong.any():
                self._order = ""
        # Above 2⁵³ steps of 1 are no longer numbers; NaN is none of these.
        if raw.dtype.kind != "f" or not np.all((raw == np.round(raw)) & (np.abs(raw) < 2.0**53)):
            self._order = ""
        if not self._order or not len(raw):
            return
        steps = np.diff(raw if self._last is None else np.concatenate([[self._last], raw]))
        self._last = raw[-1]
        if not np.all(steps == 1.0):
            self._order = RISING if np.all(steps > 0.0) else ""

    def _add_numbers(self, raw, first_row):
        here = ~np.isnan(raw)
        self.missing += int((~here).sum())
        present = raw[here]
        self._moments_of(present, np.ones(present.shape))
        self._look_for_infinity(present, raw, first_row)
        if self.is_text and self.texts is not None and present.size:
            self._count_texts(collections.Counter(map(as_text, present.tolist())))

    def _look_for_infinity(self, numbers, raw, first_row):
        """Keeps the row of the first infinite number; `raw` are the rows of the piece."""
        infinite = np.flatnonzero(np.isinf(numbers))
        if infinite.size and self.infinite is None:
            row = int(np.flatnonzero(np.isinf(raw))[0])
            self.infinite = Found(first_row + row, float(raw[row]))

    def _moments_of(self, numbers, weights):
        """Adds numbers, each as often as its weight says."""
        finite = np.isfinite(numbers)
        if not finite.all():
            numbers, weights = numbers[finite], weights[finite]
        self.num_numbers += int(weights.sum())
        self.numbers.add(numbers, weights)
        self.is_whole &= bool(np.all(numbers == np.round(numbers)))
        if self.numbers.least >= 0.0:
            self.logarithms.add(np.log1p(numbers), weights)
        if self.values is not None:
            found, places = np.unique(numbers, return_inverse=True)
            counts = np.bincount(places, weights, len(found)).astype("int64")
            for value, count in zip(found.tolist(), counts.tolist(), strict=True):
                self.values[value] = self.values.get(value, 0) + count
            if len(self.values) > self._most:
                self.values = None
        if self.example is None and numbers.size:
            self.example = float(numbers[0])

    def _add_times(self, raw):
        self.is_time = True
        here = ~np.isnat(raw)
        self.missing += int((~here).sum())
        seconds = raw[here].astype("int64") / 1e6
        self._add_seconds(self.dates.setdefault("%Y-%m-%d", Moments()), seconds, None)
        if self.example is None and here.any():
            self.example = str(raw[here][0].astype("datetime64[s]"))

    def _add_seconds(self, moments, seconds, weights):
        moments.add(seconds, weights)
        for name, cycle in self.cycles.items():
            cycle.add(np.mod(seconds, CYCLES[name]), weights)

    def _add_texts(self, raw, first_row):
        counts = collections.Counter(raw.tolist())
        gone = {text for text in counts if not text or text in self._words}
        self.missing += sum(counts.pop(text) for text in gone)
        if not counts:
            return
        if not self.is_text:
            self.is_text = True
            if self.num_numbers and self.values is not None:  # a piece of numbers came before
                self._count_texts({as_text(v): n for v, n in self.values.items()})
        if self.example is None or not isinstance(self.example, str):
            self.example = next(text for text in raw.tolist() if text in counts)
        if self._parses:
            self._parse_numbers(raw, counts, first_row)
        if self.dates and not (self._parses and self.num_numbers):
            self._parse_dates(raw, counts, first_row)
        if self.texts is not None:
            self._count_texts(counts)

    def _count_texts(self, counts):
        self.texts.update(counts)
        if len(self.texts) > self._most:
            self.texts = None

    def _parse_numbers(self, raw, counts, first_row):
        texts = list(counts)
        values, wrong = self._spelling.numbers(texts)
        if wrong.any():
            if self.no_number is None:
                self.no_number = _first(raw, {texts[i] for i in np.flatnonzero(wrong)}, first_row)
            if wrong.all():
                return
        weights = np.fromiter((counts[text] for text in texts), "float64", len(texts))
        self._moments_of(values[~wrong], weights[~wrong])
        if np.isinf(values).any() and self.infinite is None:
            infinite = {texts[i] for i in np.flatnonzero(np.isinf(values))}
            found = _first(raw, infinite, first_row)
            self.infinite = Found(found.row, float(values[texts.index(found.value)]))

    def _parse_dates(self, raw, counts, first_row):
        texts = list(counts)
        weights = np.array([counts[text] for text in texts], "float64")
        for date_format, moments in list(self.dates.items()):
            if date_format in self.no_date:
                continue
            # One text tells most formats apart without the others.
            if not dates.seconds(tf.constant(texts[:1]), date_format)[1].numpy().all():
                self.no_date[date_format] = _first(raw, {texts[0]}, first_row)
                continue
            seconds, found = (one.numpy() for one in dates.seconds(tf.constant(texts), date_format))
            if found.all():
                self._add_seconds(moments, seconds, weights)
                continue
            wrong = {texts[i] for i in np.flatnonzero(~found)}
            self.no_date[date_format] = _first(raw, wrong, first_row)

    def date_formats(self) -> list[str]:
        """The formats in which all values are dates."""
        return [one for one, moments in self.dates.items() if moments.number == self.present]


def statistics_for(
    declared: str | list | None, spelling: Spelling, missing_values: frozenset[str]
) -> Statistics:
    """Statistics of what the declared kind of a column needs; None: what a guess needs."""
    if declared is None:
        return Statistics(spelling, missing_values)
    is_number = declared in ("numeric", "count")
    if isinstance(declared, str) and "%" in declared:
        formats = (declared,)
    else:
        formats = dates.FORMATS if declared == "date" else ()
    return Statistics(spelling, missing_values, MOST_DECLARED, formats, parses=is_number)


def _first(raw, texts, first_row):
    row, value = next((row, text) for row, text in enumerate(raw.tolist()) if text in texts)
    return Found(first_row + row, value)
