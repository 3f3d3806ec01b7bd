"""From the statistics of a column to its kind, and to what is kept of it."""

from typing import Any, NamedTuple

import numpy as np

from tfvae.tables import dates, remedies
from tfvae.tables.columns import CYCLES, Column
from tfvae.tables.sources import Source
from tfvae.tables.statistics import MOST_DECLARED, Statistics

# Pairs of words for false and true, in small letters.
_TRUTH = (
    ("false", "true"),
    ("no", "yes"),
    ("n", "y"),
    ("f", "t"),
    ("off", "on"),
    ("nein", "ja"),
    ("non", "oui"),
)
# Texts that differ more often than this, and in most of the rows, are no categories.
_FEW = 20


class Choices(NamedTuple):
    """What the user of a table chose for all columns."""

    unknown: str
    indicators: str
    max_categories: int
    cycles: tuple[str, ...]
    encoding: str


class KindError(ValueError):
    """A column that cannot be used as it is."""


def decide(
    name: str,
    found: Statistics,
    declared: Any,
    hint: Any,
    choices: Choices,
    source: Source,
) -> Column:
    """The column as it is kept.

    Args:
        name: of the column.
        found: its statistics.
        declared: kind, format of dates or ordered levels that the user gave; None: guess.
        hint: the same by the type of the column; None: it tells nothing.
        choices: of the user, for all columns.
        source: tells where a row is.

    Raises:
        KindError: when the column cannot be used, saying why and what to do.
    """
    return _Decision(name, found, choices, source).column(declared, hint)


class _Decision:
    def __init__(self, name, found, choices, source):
        self.name, self.found, self.choices, self.source = name, found, choices, source

    def column(self, declared, hint):
        found = self.found
        if not found.present:
            raise self._problem("have a value in some row", f"none in {found.rows} rows", "ignore")
        wanted = declared if declared is not None else hint
        if isinstance(wanted, (list, tuple)):
            return self._ordinal(list(wanted))
        if wanted is None and found.order and self._guessed() in ("numeric", "count"):
            return getattr(self, f"_{self._guessed()}")()._replace(order=found.order)
        if wanted is None:
            wanted = self._guessed()
        if "%" in wanted:
            return self._date(wanted)
        return getattr(self, f"_{wanted}")()

    # ---- the guess ----------------------------------------------------------------------------

    def _guessed(self):
        found = self.found
        if found.is_time:
            return "date"
        numbers = found.num_numbers + (found.infinite is not None)
        if not found.is_text or (found.no_number is None and numbers):
            return self._kind_of_numbers()
        if found.date_formats():
            return "date"
        if 2 * numbers >= found.present:
            where = self.source.place(found.no_number.row)
            raise KindError(
                f"The column {self.name!r} must hold numbers, as {numbers} of its {found.present} "
                f"values are, received {found.no_number.value!r:.60} in {where}. Correct it, add "
                f"it to {remedies.option('missing_values')}, or give "
                f"{remedies.kind(self.name, 'categorical')}."
            )
        if found.texts is not None and self._truth() is not None:
            return "boolean"
        many = found.texts is None or len(found.texts) > max(_FEW, found.present / 2)
        if many:
            number = "very many" if found.texts is None else str(len(found.texts))
            raise self._problem(
                "hold numbers, dates or categories",
                f"text: {number} different values in {found.present} rows, such as "
                f"{found.example!r:.60}",
                "ignore",
                ' "categorical" takes the most frequent as categories.',
            )
        return "categorical"

    def _kind_of_numbers(self):
        found = self.found
        if found.values is not None and set(found.values) == {0.0, 1.0}:
            return "boolean"
        several = found.values is None or len(found.values) > 2
        if found.is_whole and several and found.numbers.least in (0.0, 1.0):
            return "count"
        return "numeric"

    def _truth(self):
        """The words for false and true as the column spells them; None: it has other words."""
        spelled = {text.lower(): text for text in self.found.texts}
        for pair in _TRUTH:
            if spelled.keys() == set(pair) and len(self.found.texts) == 2:
                return tuple(spelled[word] for word in pair)
        return None

    # ---- each kind ----------------------------------------------------------------------------

    def _numeric(self):
        self._check_numbers()
        moments = self.found.numbers
        return self._made("numeric", moments, is_text=False, is_whole=self.found.is_whole)

    def _count(self):
        self._check_numbers()
        found = self.found
        if not found.is_whole or found.numbers.least < 0.0:
            low = found.numbers.least
            received = f"{low:g}" if low < 0.0 else "numbers with decimals"
            raise self._problem("hold whole numbers from 0", received, "numeric")
        return self._made("count", found.logarithms, is_text=False, is_whole=True)

    def _date(self, date_format=None):
        found = self.found
        if date_format is not None and found.is_time:
            date_format = None
        formats = found.date_formats()
        if not formats:
            if date_format is None and not found.no_date:
                raise self._problem("hold dates", f"numbers, such as {found.example}", "numeric")
            tried = [date_format] if date_format else list(found.no_date)
            # The format that went furthest tells what is wrong.
            wrong = max((found.no_date[one] for one in tried), key=lambda one: one.row)
            raise KindError(
                f"The column {self.name!r} must hold dates of the format "
                f"{' or '.join(tried)}, received {wrong.value!r:.60} in "
                f"{self.source.place(wrong.row)}. Give the format, as in "
                f"{remedies.kind(self.name, '%d.%m.%Y %H:%M')}, or correct it."
            )
        if len(formats) > 1:
            raise KindError(
                f"The column {self.name!r} must hold dates that can be read in one way, received "
                f"some that fit {' and '.join(formats)}, such as {found.example!r}. Give one: "
                f"{remedies.kind(self.name, formats[0])}."
            )
        moments = found.dates[formats[0]]
        length = moments.greatest - moments.least
        cycles = tuple(
            name
            for name in CYCLES
            if name in self.choices.cycles
            and self.choices.encoding == "one_hot"
            and found.cycles[name].greatest > found.cycles[name].least
            and length >= CYCLES[name]
        )
        column = self._made(
            "date",
            moments,
            is_text=True,
            date_format=formats[0],
            is_whole=found.cycles["day"].greatest == 0.0,
        )
        return column._replace(cycles=() if column.is_constant else cycles)

    def _categorical(self):
        counts, is_text = self._levels()
        if len(counts) > MOST_DECLARED:
            raise self._too_many()
        # The most frequent first; those that are equally frequent in their order.
        ordered = sorted(counts, key=lambda one: (-counts[one], one))
        kept = ordered[: self.choices.max_categories]
        is_constant = len(ordered) == 1
        if len(ordered) > len(kept) and self.choices.unknown == "error":
            raise KindError(
                f"The column {self.name!r} must have at most `max_categories` = {len(kept)} "
                f'different values with unknown="error", received {len(ordered)}. Raise '
                'max_categories, or give unknown="other".'
            )
        return self._made(
            "categorical",
            None,
            is_text=is_text,
            levels=tuple(kept),
            has_other=self.choices.unknown == "other" and not is_constant,
        )._replace(is_constant=is_constant)

    def _ordinal(self, levels=None):
        counts, is_text = self._levels()
        if levels is None:
            if is_text:
                raise KindError(
                    f"The column {self.name!r} must have its levels in order, received "
                    f'"ordinal" for texts. Give '
                    f"{remedies.kind(self.name, sorted(counts)[:5])} in the right order."
                )
            levels = sorted(counts)
        levels = [str(one) if is_text else float(one) for one in levels]
        strange = sorted(set(counts) - set(levels))
        if strange:
            raise KindError(
                f"The column {self.name!r} must hold one of {levels!r:.200}, received "
                f"{strange[0]!r:.60}. Add it to the levels, or to "
                f"{remedies.option('missing_values')}."
            )
        return self._ranked("ordinal", levels, counts, is_text)

    def _boolean(self):
        counts, is_text = self._levels()
        if is_text:
            pair = self._truth() or tuple(sorted(counts))
        else:
            pair = tuple(sorted({0.0, 1.0} if set(counts) <= {0.0, 1.0} else counts))
        if len(pair) > 2:
            raise self._problem(
                "hold two values", f"{len(counts)}, such as {pair[0]!r}, {pair[1]!r}, {pair[2]!r}",
                "categorical",
            )  # fmt: skip
        column = self._ranked("boolean", list(pair), counts, is_text)
        return column._replace(scale=1.0)

    def _ranked(self, kind, levels, counts, is_text):
        ranks = np.array([levels.index(one) for one in counts], "float64")
        weights = np.array(list(counts.values()), "float64")
        mean = float(np.average(ranks, weights=weights))
        scale = float(np.sqrt(np.average(np.square(ranks - mean), weights=weights)))
        column = self._made(kind, None, is_text=is_text, levels=tuple(levels))
        constant = len(counts) == 1
        if constant:  # It is this one value.
            return column._replace(is_constant=True, levels=tuple(counts))
        return column._replace(mean=mean, scale=scale)

    # ---- what several of them need ------------------------------------------------------------

    def _made(self, kind, moments, **more):
        found, choices = self.found, self.choices
        takes_missing = (
            choices.encoding == "codes" or choices.indicators != "missing-only" or found.missing > 0
        )
        column = Column(
            self.name,
            kind,
            takes_missing=takes_missing,
            has_indicator=takes_missing and choices.indicators in ("missing-only", "all"),
            keeps_gaps=choices.indicators == "nan",
            missing=found.missing,
            rows=found.rows,
            example=found.example,
            **more,
        )
        if moments is None:
            return column
        if moments.least == moments.greatest:
            return column._replace(mean=moments.least, is_constant=True)
        if not (np.isfinite(moments.deviation) and moments.deviation > 0.0):
            raise self._problem(
                "have a standard deviation that float64 can hold",
                f"values from {moments.least:g} to {moments.greatest:g}",
                "ignore",
                " Or scale it.",
            )
        return column._replace(mean=moments.mean, scale=moments.deviation)

    def _levels(self):
        """Counts of the different values, and whether they are texts."""
        found = self.found
        if found.is_time:
            raise self._problem("hold texts or numbers", "dates", "date")
        if not found.is_text:
            self._check_numbers()
        counts = found.texts if found.is_text else found.values
        if counts is None:
            raise self._too_many()
        return counts, found.is_text

    def _check_numbers(self):
        found = self.found
        if found.no_number is not None or found.is_time:
            wrong = found.no_number
            received = "dates" if found.is_time else repr(wrong.value)[:60]
            where = "" if found.is_time else f" in {self.source.place(wrong.row)}"
            raise KindError(
                f"The column {self.name!r} must hold numbers, received {received}{where}. Correct "
                f"it, add it to {remedies.option('missing_values')}, or give the column another "
                f"kind: {remedies.kind(self.name, 'categorical')}."
            )
        if found.infinite is not None:
            raise KindError(
                f"The column {self.name!r} must hold finite numbers, received "
                f"{found.infinite.value} in {self.source.place(found.infinite.row)}. Make it "
                "NaN if it is missing."
            )

    def _too_many(self):
        return self._problem(f"have at most {MOST_DECLARED:,} different values", "more", "ignore")

    def _problem(self, expected, received, kind, more=""):
        remedy = "Leave it out" if kind == "ignore" else "Or"
        return KindError(
            f"The column {self.name!r} must {expected}, received {received}. {remedy}: "
            f"{remedies.kind(self.name, kind)}.{more}"
        )


def check_kind(name: str, kind: Any, known: tuple[str, ...]) -> Any:
    """Returns a kind, a format of dates, or a list of ordered levels, as the user gave it.

    Raises:
        ValueError: when it is none of these.
    """
    if isinstance(kind, (list, tuple)) and len(kind) > 1 and len(set(kind)) == len(kind):
        return list(kind)
    if isinstance(kind, str) and "%" in kind:
        dates.check_format(name, kind)
        return kind
    if isinstance(kind, str) and kind in known:
        return kind
    raise ValueError(
        f"The kind of the column {name!r} must be one of {', '.join(map(repr, known))}, a format "
        f'of dates such as "%d.%m.%Y", or a list of different levels in order, received {kind!r}.'
    )
