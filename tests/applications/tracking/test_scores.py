"""Scores of sequences made by hand, whose counts are known."""

import numpy as np
import pytest

from tfvae.applications.tracking import Boxes, tracking_scores


def boxes(rows):
    """Rows of frame, id, x."""
    frames, ids, x = np.array(rows, "float64").reshape(-1, 3).T
    corners = np.stack([x, 0 * x, x + 10, 0 * x + 20], axis=1)
    return Boxes.of(frames, ids, corners)


TRUTH = boxes([(f, i, 100 * i) for f in range(1, 6) for i in (1, 2)])


def test_counts_of_a_small_sequence():
    """Of two people over five frames: one switch, one miss, one false alarm."""
    rows = [(f, 7 if f < 4 else 8, 100) for f in range(1, 6)]  # 7, 7, 7, 8, 8
    rows += [(f, 9, 200) for f in (1, 2, 4, 5)] + [(3, 5, 900)]
    scores = tracking_scores({"s": boxes(rows)}, {"s": TRUTH})
    expected = {
        # Somebody seen in just 80% of his frames is partly tracked.
        "IDs": 1, "FN": 1, "FP": 1, "MT": 1, "PT": 1, "ML": 0, "FM": 1, "Recall": 90.0,
        "Precision": 90.0, "FAR": 0.2, "MOTA": 100 * (1 - 3 / 10), "MOTP": 100.0,
        # Identities 7 and 9: 3 + 4 right of 10 boxes each.
        "IDF1": 70.0, "IDP": 70.0, "IDR": 70.0,
    }  # fmt: skip
    for column, value in expected.items():
        assert scores[column] == pytest.approx(value), column
    assert "| all" in str(scores) and "HOTA" in str(scores)


def test_perfect_and_absent_tracks():
    perfect = tracking_scores({"s": TRUTH}, {"s": TRUTH})
    assert [perfect[c] for c in ("IDF1", "MOTA", "HOTA", "AssA")] == [100.0] * 4
    absent = tracking_scores({"s": boxes([])}, {"s": TRUTH})
    assert (absent["FN"], absent["IDF1"], absent["ML"]) == (10, 0.0, 2)


def test_distractors_are_neither_right_nor_wrong():
    classes, scores = TRUTH.classes.copy(), TRUTH.scores.copy()
    classes[TRUTH.ids == 2], scores[TRUTH.ids == 2] = 8, 0.0
    truth = Boxes(TRUTH.frames, TRUTH.ids, TRUTH.boxes, scores, classes)
    assert tracking_scores({"s": TRUTH}, {"s": truth})["FP"] == 0
    assert tracking_scores({"s": TRUTH}, {"s": truth}, classes=False)["FP"] == 5


def test_sequences_are_added_up():
    both = tracking_scores({"a": TRUTH, "b": boxes([])}, {"a": TRUTH, "b": TRUTH})
    assert both["Recall"] == 50.0 and list(both.values) == ["a", "b", "all"]


def test_refused():
    with pytest.raises(ValueError, match="same sequences"):
        tracking_scores({"a": TRUTH}, {"b": TRUTH})
    twice = boxes([(1, 3, 0), (1, 3, 50)])
    with pytest.raises(ValueError, match="received 3 twice in frame 1"):
        tracking_scores({"a": twice}, {"a": TRUTH})
