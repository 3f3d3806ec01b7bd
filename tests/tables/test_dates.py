"""Dates in text against Python's calendar."""

import datetime

import numpy as np
import pytest
import tensorflow as tf

from tfvae.tables.dates import FORMATS, seconds

EPOCH = datetime.datetime(1970, 1, 1)


def random_dates(number=300):
    rng = np.random.default_rng(0)
    days = rng.integers(1, datetime.date(9999, 12, 31).toordinal(), number)
    dates = [datetime.datetime.fromordinal(int(day)) for day in days]
    dates += [datetime.datetime(y, 2, 28) for y in (1900, 2000, 2023, 2024)]
    dates += [datetime.datetime(y, 2, 29) for y in (4, 1600, 2000, 2024)]
    dates += [datetime.datetime(y, m, d) for y in (1, 1969, 1970) for m, d in ((1, 1), (12, 31))]
    return dates


@pytest.mark.parametrize("date_format", FORMATS)
def test_dates_are_those_of_the_calendar(date_format):
    dates = random_dates()
    texts = [
        date_format.replace("%Y", f"{d.year:04d}").replace("%m", f"{d:%m}").replace("%d", f"{d:%d}")
        for d in dates
    ]
    found, is_date = seconds(tf.constant(texts), date_format)
    assert is_date.numpy().all()
    np.testing.assert_array_equal(found, [(date - EPOCH).total_seconds() for date in dates])


@pytest.mark.parametrize(
    ("text", "date_format", "expected"),
    [
        ("1970-01-02 01:02", FORMATS[0], 86400 + 3720),
        ("1970-01-01T00:00:01.25Z", FORMATS[0], 1.25),
        ("1.2.1970", "%d.%m.%Y", 31 * 86400),
        ("19700103", "%Y%m%d", 2 * 86400),
        ("10:30 on 1/2/1970", "%H:%M on %m/%d/%Y", 86400 + 37800),
        ("1970-01-01 00:00:07.5", "%Y-%m-%d %H:%M:%S", 7.5),
    ],
)
def test_times_of_the_day(text, date_format, expected):
    found, is_date = seconds(tf.constant([text]), date_format)
    assert is_date.numpy()[0] and found.numpy()[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "2024-01-00"),
        *("2024-04-31", "2024-01-01 24:00", "2024-01-01 10:60", "2024-01-01 10:00:60"),
        *("2024-01-01x", "24-01-01", "2024-01-01\n", "٢٠٢٤-01-01", "2024-01-01T10:00+02:00"),
    ],
)
def test_what_is_no_date(text):
    assert not seconds(tf.constant([text]), FORMATS[0])[1].numpy()[0]
