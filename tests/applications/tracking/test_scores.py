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


BOX = [[0.0, 0.0, 10.0, 20.0]] * 2


def test_names_lead_nowhere(tmp_path):
    """A path as a name must not be written to."""
    truth = tmp_path / "street" / "gt" / "gt.txt"
    truth.parent.mkdir(parents=True)
    truth.write_text("precious")
    boxes = Boxes.of([1, 2], [1, 1], BOX)
    names = [str(tmp_path / "street"), "../../up", "a/b", "COMBINED_SEQ"]
    found = tracking_scores(dict.fromkeys(names, boxes), dict.fromkeys(names, boxes))
    assert truth.read_text() == "precious" and list(found.values) == [*sorted(names), "all"]
    assert found["IDF1"] == 100.0
    with pytest.raises(ValueError, match="other names than 'all'"):
        tracking_scores({"all": boxes}, {"all": boxes})


def test_any_score_but_zero_counts_and_ids_may_be_large():
    truth = Boxes.of([1, 2], [10**15, 10**15], BOX, [0.5, -1.0])
    scores = tracking_scores({"a": Boxes.of([1, 2], [3, 3], BOX)}, {"a": truth})
    assert (scores["Recall"], scores["FP"], scores["FN"]) == (100.0, 0, 0)


@pytest.mark.parametrize(
    ("tracks", "truth", "lengths", "message"),
    [
        (([1, 2], [1, 1], BOX), {}, 1, r"`lengths\['a'\]` must .* from 2 .*Boxes.between"),
        (([1, 2], [1, 1], BOX), {}, "2", r"`lengths\['a'\]`"),
        (([1, 2], [-1, -1], BOX), {}, 2, "tracks of a: ids must be from 0 on"),
        (([1, 2], [1, 1], [[0.0, 0, np.nan, 1]] * 2), {}, 2, "boxes of the tracks of a"),
        (([1, 2], [1, 1], BOX), {"classes": [99, 1]}, 2, "1 to 13, received 99"),
    ],
)
def test_what_cannot_be_evaluated_is_named(tracks, truth, lengths, message):
    truth = Boxes.of([1, 2], [1, 1], BOX, **truth)
    with pytest.raises(ValueError, match=message):
        tracking_scores({"a": Boxes.of(*tracks)}, {"a": truth}, {"a": lengths})


def test_what_are_no_boxes():
    boxes = Boxes.of([1, 2], [1, 1], BOX)
    with pytest.raises(ValueError, match="`tracks of each sequence` must"):
        tracking_scores({"a": "tracks.txt"}, {"a": boxes})
    with pytest.raises(ValueError, match="`tracks` must be an instance"):
        tracking_scores([boxes], [boxes])
