"""The transform between motions and poses, and the walk-jog file."""

import json

import numpy as np
import pytest
import scipy.io

from tfvae.datasets import Motion, PoseTransform, read_amc, read_asf, read_walk_jog
from tfvae.datasets.motion import CMU_CHANNELS

NAMES = ("root.TX", "root.TY", "root.TZ", "root.RX", "root.RY", "a.rx", "b.rx")


def _motions():
    rng = np.random.default_rng(0)
    motions = []
    for i, frames in enumerate((5, 8)):
        values = rng.normal(3, 20, (frames, len(NAMES)))
        values[:, 6] = 7.125
        motions.append(Motion(values, NAMES, np.arange(frames), f"1_{i}"))
    return motions


def test_fit_drops_heading_place_and_constants_and_standardises():
    motions = _motions()
    transform = PoseTransform.fit(motions)
    assert transform.kept == ("root.RX", "a.rx")
    stacked = np.concatenate([motion.values for motion in motions])[:, [3, 5]]
    poses = np.concatenate([transform.apply(motion) for motion in motions])
    assert poses.dtype == np.float32
    expected = (stacked - stacked.mean(0)) / np.sqrt(((stacked - stacked.mean(0)) ** 2).mean(0))
    np.testing.assert_allclose(poses, expected, rtol=1e-5, atol=1e-6)


def test_invert_restores_kept_channels_and_fills_the_others():
    motions = _motions()
    transform = PoseTransform.fit(motions)
    values = transform.invert(transform.apply(motions[0]))
    np.testing.assert_allclose(values[:, [3, 5]], motions[0].values[:, [3, 5]], rtol=1e-5)
    np.testing.assert_array_equal(values[:, [0, 1, 2, 4]], 0)
    np.testing.assert_allclose(values[:, 6], 7.125)


def test_without_dropping_and_standardising_poses_are_the_values():
    motions = _motions()
    transform = PoseTransform.fit(motions, drop=(), standardise=False)
    np.testing.assert_array_equal(
        transform.apply(motions[1]), motions[1].values[:, :6].astype(np.float32)
    )


def test_channels_of_hands_are_left_out_and_at_rest_in_drawings():
    rng = np.random.default_rng(2)
    values = np.cumsum(rng.normal(size=(40, len(CMU_CHANNELS))), axis=0)
    hands = [
        f"{side}{name}"
        for side in "lr"
        for name in ("wrist.ry", "hand.rx", "hand.rz", "fingers.rx", "thumb.rx", "thumb.rz")
    ]
    columns = [CMU_CHANNELS.index(name) for name in hands]
    values[20, columns] += 200.0
    motion = Motion(values, CMU_CHANNELS, np.arange(40), "1_01")

    def largest_jump(transform):
        return np.abs(np.diff(transform.apply(motion), axis=0)).max()

    without = PoseTransform.fit([motion], drop=(), standardise=False)
    assert [name for name in CMU_CHANNELS if name not in without.kept] == [
        name for name in CMU_CHANNELS if name in hands
    ]
    assert largest_jump(without) < 10
    inverted = without.invert(without.apply(motion))
    np.testing.assert_array_equal(inverted[:, columns], 0)
    others = np.setdiff1d(np.arange(len(CMU_CHANNELS)), columns)
    np.testing.assert_allclose(inverted[:, others], values[:, others], rtol=1e-5, atol=1e-5)

    kept = PoseTransform.fit([motion], drop=("lhand.rx",), hands=True, standardise=False)
    assert set(CMU_CHANNELS) - set(kept.kept) == {"lhand.rx"}
    assert largest_jump(kept) > 190


def test_only_hands_are_taken_for_hands():
    names = ("handle.rx", "shand.rx", "lthumbs.rx", "head.rx", "lhand.rx", "hand.ry")
    motion = Motion(np.random.default_rng(0).normal(size=(5, 6)), names, np.arange(5))
    assert PoseTransform.fit([motion], drop=()).kept == names[:4]


def test_json_round_trip():
    transform = PoseTransform.fit(_motions())
    again = PoseTransform.from_dict(json.loads(json.dumps(transform.to_dict())))
    assert (again.channels, again.kept) == (transform.channels, transform.kept)
    poses = np.random.default_rng(1).normal(size=(3, 2))
    np.testing.assert_array_equal(again.invert(poses), transform.invert(poses))


def test_every_keeps_the_first_frame():
    motion = _motions()[1].every(3)
    assert motion.frames.tolist() == [0, 3, 6]
    np.testing.assert_array_equal(motion.values, _motions()[1].values[[0, 3, 6]])


def test_transform_errors():
    motions = _motions()
    with pytest.raises(ValueError, match="`motions` must have at least one"):
        PoseTransform.fit([])
    with pytest.raises(ValueError, match=r"`drop` must name channels .*, received \['nose'\]"):
        PoseTransform.fit(motions, drop=("nose",))
    with pytest.raises(ValueError, match="`drop` must leave a channel that moves"):
        PoseTransform.fit(motions, drop=NAMES)
    with pytest.raises(ValueError, match="`hands` must be True or False, received 1"):
        PoseTransform.fit(motions, hands=1)
    hand = Motion(np.array([[1.0], [2.0]]), ("hand.rx",), np.arange(2))
    with pytest.raises(ValueError, match="keep those of the hands by hands=True"):
        PoseTransform.fit([hand], drop=())
    other = Motion(np.zeros((2, 1)), ("c.rx",), np.arange(2), "2_01")
    with pytest.raises(ValueError, match="received '2_01' with other channels than '1_0'"):
        PoseTransform.fit([*motions, other])
    transform = PoseTransform.fit(motions)
    with pytest.raises(ValueError, match="`motion` must have the channels"):
        transform.apply(other)
    with pytest.raises(ValueError, match=r"`poses` must have shape \(n, 2\), received \(2,\)"):
        transform.invert([1.0, 2.0])


def _write_mat(folder, **changes):
    train, test = np.repeat(np.eye(31), 2, 0), np.repeat(np.eye(2), 2, 0)
    content = {
        "Y": np.arange(62.0 * 62).reshape(62, 62),
        "lbls": train,
        "Ytest": np.ones((4, 62)),
        "lblstest": test,
        **changes,
    }
    content = {key: value for key, value in content.items() if value is not None}
    scipy.io.savemat(folder / "cmu35WalkJog.mat", content)
    return folder


def test_walk_jog_by_hand(tmp_path):
    motions = read_walk_jog(_write_mat(tmp_path))
    assert [motion.name for motion in motions["test"]] == ["35_18", "35_29"]
    names = [motion.name for motion in motions["train"]]
    assert names[:2] + names[16:18] == ["35_01", "35_02", "35_17", "35_19"]
    assert names[24:] == ["35_26", "35_28", "35_30", "35_31", "35_32", "35_33", "35_34"]
    np.testing.assert_array_equal(motions["train"][1].values[:, 0], [124, 186])
    assert motions["train"][1].frames.tolist() == [1, 5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Ytest": None}, "variables must be Y, lbls, Ytest, lblstest"),
        ({"Y": np.zeros((62, 61))}, r"train values .* received \(62, 61\)"),
        ({"lblstest": np.ones((4, 2))}, "the test values"),
        ({"Ytest": np.full((4, 62), np.nan)}, "must be finite"),
    ],
)
def test_walk_jog_errors(tmp_path, changes, message):
    with pytest.raises(ValueError, match=rf"cmu35WalkJog\.mat: .*{message}"):
        read_walk_jog(_write_mat(tmp_path, **changes))


def test_walk_jog_missing_or_damaged(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must be cmu35WalkJog\.mat.* Get the files from"):
        read_walk_jog(tmp_path)
    with pytest.raises(ValueError, match="received None"):
        read_walk_jog(None)
    (tmp_path / "cmu35WalkJog.mat").write_bytes(b"not a matrix")
    with pytest.raises(ValueError, match="must be in MATLAB 5 format"):
        read_walk_jog(tmp_path)


def test_walk_jog_holds_every_fourth_frame_of_the_trials(raw_data):
    folder = raw_data / "cmu_mocap"
    skeleton = read_asf(folder / "35.asf")
    assert skeleton.channels == CMU_CHANNELS
    motions = read_walk_jog(folder)
    assert sum(len(motion.frames) for motion in motions["train"]) == 2644
    assert sum(len(motion.frames) for motion in motions["test"]) == 169
    for split, name in (("train", "35_01"), ("train", "35_31"), ("test", "35_29")):
        (motion,) = (motion for motion in motions[split] if motion.name == name)
        trial = read_amc(folder / f"{name}.amc", skeleton).every(4)
        np.testing.assert_array_equal(motion.values, trial.values)
        np.testing.assert_array_equal(motion.frames, trial.frames)
