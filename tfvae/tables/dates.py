"""Dates in text: from a format to seconds since 1970, in operations of TensorFlow."""

import functools
import re

import tensorflow as tf

# What `fit` tries. The last two are told apart by a day above 12.
FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y")
_DIRECTIVES = {
    "%Y": r"(\d{4})",
    "%m": r"(\d{1,2})",
    "%d": r"(\d{1,2})",
    "%H": r"(\d{1,2})",
    "%M": r"(\d{1,2})",
    "%S": r"(\d{1,2}(?:\.\d{1,9})?)",
}
_TIME = ("%H", "%M", "%S")
_ANY_TIME = r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,9})?))?Z?)?"


def check_format(name: str, date_format: str) -> None:
    """Raises a ValueError unless a format has year, month and day, and nothing that is unknown."""
    found = re.findall("%.?", date_format)
    unknown = [one for one in found if one not in _DIRECTIVES]
    if unknown or len(set(found)) < len(found) or not {"%Y", "%m", "%d"} <= set(found):
        raise ValueError(
            f"The format of the dates in the column {name!r} must have each of %Y, %m, %d once, "
            f"and may have %H, %M, %S, received {date_format!r}."
        )


@functools.cache
def _pattern(date_format):
    """A regular expression, and the directives of its groups."""
    pieces = re.split(r"(%.)", date_format)
    pattern = "".join(_DIRECTIVES.get(piece, re.escape(piece)) for piece in pieces)
    directives = [piece for piece in pieces if piece in _DIRECTIVES]
    if not set(_TIME) & set(directives):  # A time of the day may follow.
        pattern, directives = pattern + _ANY_TIME, [*directives, *_TIME]
    return f"^{pattern}$", directives


def seconds(text: tf.Tensor, date_format: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Seconds since 1970-01-01, float64 (B,), and which texts are dates, bools (B,).

    Days are those of the Gregorian calendar, all of 86,400 s; without a time of the day it is
    midnight. There are no time zones: all dates are read alike.

    Args:
        text: (B,).
        date_format: of %Y, %m, %d, and perhaps %H, %M, %S; without these, a time such as "13:45"
            or "T13:45:10.5Z" may follow.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.tables.dates import seconds
        >>> [one.numpy().tolist() for one in seconds(tf.constant(["01.02.1970"]), "%d.%m.%Y")]
        [[2678400.0], [True]]
    """
    pattern, directives = _pattern(date_format)
    is_date = tf.strings.regex_full_match(text, pattern)
    parts = {}
    for place, directive in enumerate(directives, start=1):
        part = tf.strings.regex_replace(text, pattern, rf"\{place}", replace_global=False)
        part = tf.where(is_date & (part != ""), part, "0")
        parts[directive] = tf.strings.to_number(part, tf.float64)
    year, month, day = (tf.cast(parts[one], tf.int64) for one in ("%Y", "%m", "%d"))
    hour, minute, second = (parts.get(one, tf.zeros_like(parts["%Y"])) for one in _TIME)
    first = _days(year, month)
    next_first = _days(year + month // 12, month % 12 + 1)
    is_date &= (month >= 1) & (month <= 12) & (day >= 1) & (day <= next_first - first)
    is_date &= (hour < 24.0) & (minute < 60.0) & (second < 60.0)
    days = tf.cast(first + day - 1, tf.float64)
    return days * 86400.0 + hour * 3600.0 + minute * 60.0 + second, is_date


def _days(year, month):
    """Days from 1970-01-01 to the first of a month.

    Years are counted from March here, so that the day that a leap year adds is their last.
    """
    from_march = (month + 9) % 12
    year -= tf.cast(month <= 2, tf.int64)
    leap_days = year // 4 - year // 100 + year // 400
    return 365 * year + leap_days + (153 * from_march + 2) // 5 - 719468
