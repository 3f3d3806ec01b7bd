"""What benchmarks/tracking_speed.py counts."""

import numpy as np
import pytest

from benchmarks import tracking_speed


def test_changes_of_identity_by_hand():
    """−1 is not told: who comes back as before has not changed."""
    ids = np.array([[-1, 1, 2], [3, 1, -1], [3, 2, 2], [4, 1, 2]])
    assert tracking_speed.identity_changes(ids) == pytest.approx(1000 * 3 / 12)


def test_trackers_follow_people_who_walk_apart():
    boxes, looks = tracking_speed.walks(5, seed=1)
    assert len(boxes) == tracking_speed.NUM_FRAMES and looks.shape == (5, 16)
    found = tracking_speed.trackers()
    assert {"Sort", "AppearanceSort"} <= set(found)
    for start in found.values():
        speed, ids = tracking_speed.run(start(), boxes, looks)
        assert speed > 0 and ids.shape == (len(boxes), 5)
        assert tracking_speed.identity_changes(ids) == 0
        assert len(np.unique(ids[-1])) == 5 and ids[-1].min() >= 0


def test_a_run_ends_when_patience_does(monkeypatch):
    monkeypatch.setattr(tracking_speed, "PATIENCE", 0.0)
    _, ids = tracking_speed.run(lambda boxes, looks: np.zeros(2), [np.zeros((2, 4))] * 9, None)
    assert ids.shape == (1, 2)
