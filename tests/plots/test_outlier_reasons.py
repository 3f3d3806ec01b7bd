"""The bars of outlier_reasons are the contributions, and the labels the values."""

import numpy as np
import pandas as pd
import pytest

import tfvae
from tfvae.plots import outlier_reasons

NAMES = [f"sensor_{i:02d}_temperature_of_the_left_bearing" for i in range(30)]
X = np.random.default_rng(0).normal(size=(200, 30))
ODD = X[:3].copy()
ODD[0, 4] = 40.0


@pytest.fixture(scope="module")
def detector():
    made = tfvae.applications.OutlierDetector(members=2, steps=20, verbose=0)
    return made.fit(pd.DataFrame(X, columns=NAMES))


def labels(axes):
    return [one.get_text() for one in axes.get_yticklabels()]


def test_bars_are_the_greatest_parts_and_the_rest(detector):
    rows = pd.DataFrame(ODD, columns=NAMES)
    figure = outlier_reasons(detector, rows, num=5, titles=["a", "b", "c"])
    parts = detector.contributions(rows)
    assert len(figure.axes) == 3
    for axes, row in zip(figure.axes, parts, strict=True):
        lengths = [bar.get_width() for bar in axes.patches]
        greatest = np.sort(row)[::-1]
        np.testing.assert_allclose(lengths[:5], greatest[:5])
        np.testing.assert_allclose(lengths[5], np.sum(greatest[5:]))
        score, threshold = (line.get_xdata()[0] for line in axes.lines[:2])
        assert score == pytest.approx(np.sum(row)) and threshold == detector.threshold_
    assert (
        labels(figure.axes[0])[0].startswith("sensor_04") and labels(figure.axes[0])[0][-2:] == "40"
    )
    assert labels(figure.axes[0])[-1] == "the other 26"
    assert figure.axes[0].get_title(loc="left").endswith("an outlier")
    (share,) = figure.axes[0].texts
    score = np.sum(parts[0])
    assert share.get_text() == f" {detector.threshold_ / score:.0%} of the score"


def test_raw_values_of_a_table():
    rng = np.random.default_rng(0)
    raw = {"colour": rng.choice(["red", "blue"], 80), "size": rng.normal(size=80)}
    raw["size"][::9] = np.nan
    table = tfvae.tables.Table()
    x = table.fit_transform(raw)
    detector = tfvae.applications.OutlierDetector(members=2, steps=20, verbose=0).fit(x)
    new = table.transform({"colour": ["purple", "red"], "size": [1.5, np.nan]})
    figure = outlier_reasons(detector, new, table=table)
    wanted = [{"colour = a new value", "size = 1.5"}, {"colour = red", "size = missing"}]
    for axes, own in zip(figure.axes, wanted, strict=True):
        assert set(labels(axes)) == own | {"combination of columns"}


def test_arguments_are_checked(detector):
    rows = pd.DataFrame(ODD, columns=NAMES)
    with pytest.raises(ValueError, match="`titles` must have 3 entries, received 1"):
        outlier_reasons(detector, rows, titles=["a"])
    with pytest.raises(ValueError, match="`num` must be"):
        outlier_reasons(detector, rows, num=0)
    other = tfvae.tables.Table().fit({"a": [0.5, 1.5], "b": [2.5, 3.0]})
    with pytest.raises(ValueError, match=r"`table` must be the one.*2 features for 30"):
        outlier_reasons(detector, rows, table=other)
