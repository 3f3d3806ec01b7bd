"""The CMU builder, on hand-made files and on the real ones."""

import os

import numpy as np
import pytest
from acclaim_files import AMC, ASF, VALUES

from tfvae.datasets import (
    CMUMocap,
    CMUMocapConfig,
    as_arrays,
    load,
    pose_transform,
    read_amc,
    read_asf,
    read_walk_jog,
)
from tfvae.datasets.motion import find_trials


@pytest.fixture
def folder(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for subject in ("7", "35"):
        (raw / f"{subject}.asf").write_text(ASF)
    for i, trial in enumerate(("7_01", "7_02", "35_01", "35_17", "35_18")):
        (raw / f"{trial}.amc").write_text(AMC.replace("hand 40", f"hand {40 + i}"))
    return raw


def _examples(builder, split):
    rows = builder.as_dataset(split=split).as_numpy_iterator()
    return {(row["sequence"].decode(), int(row["frame"])): row for row in rows}


def _prepare(folder, tmp_path, **options):
    builder = CMUMocap(
        config=CMUMocapConfig(path=folder, **options), data_dir=tmp_path / "prepared"
    )
    builder.download_and_prepare()
    return builder


def test_builder(folder, tmp_path):
    options = {"subjects": ("7", "35"), "every": 1, "hands": True, "classes": {"7_01": "skip"}}
    builder = _prepare(folder, tmp_path, **options)
    train, test = _examples(builder, "train"), _examples(builder, "test")
    # Held out: the published 35_18, and the last sequence of the subject without a published one.
    assert {name for name, _ in test} == {"35_18", "7_02"}
    assert {name for name, _ in train} == {"7_01", "35_01", "35_17"}
    assert {frame for _, frame in train} == {241, 242}
    names = builder.info.features["label"].names
    labels = {name: names[row["label"]] for (name, _), row in {**train, **test}.items()}
    assert labels == {
        "7_01": "skip",
        "7_02": "other",
        "35_01": "walk",
        "35_17": "run",
        "35_18": "run",
    }

    values = np.concatenate([np.array(VALUES, float)] * 3)
    values[:, 6] += [0, 0, 2, 0, 3, 0]
    kept = [3, 5, *range(6, 11)]
    mean, std = values[:, kept].mean(0), values[:, kept].std(0)
    transform = builder.pose_transform
    assert transform.kept == tuple(np.array(transform.channels)[kept])
    np.testing.assert_allclose(transform.mean, mean)
    np.testing.assert_allclose(transform.std, std)
    expected = (values[2, kept] - mean) / std
    np.testing.assert_allclose(train["35_01", 241]["pose"], expected, rtol=1e-5)

    again = CMUMocap(config=builder.builder_config, data_dir=tmp_path / "prepared")
    np.testing.assert_array_equal(again.pose_transform.mean, transform.mean)


def test_options(folder, tmp_path):
    options = {"subjects": ("35",), "test_trials": ("35_01",), "drop": (), "hands": True}
    options["standardise"] = False
    builder = _prepare(folder, tmp_path, every=2, **options)
    assert set(_examples(builder, "test")) == {("35_01", 241)}
    row = _examples(builder, "train")["35_17", 241]
    # With one frame of each sequence nothing but hand.rx differs between the two.
    assert builder.pose_transform.kept == ("hand.rx",)
    np.testing.assert_array_equal(row["pose"], [43])


def test_hands_are_left_out_unless_asked_for(folder, tmp_path):
    options = {"subjects": ("35",), "every": 1, "standardise": False}
    without = _prepare(folder, tmp_path, **options)
    with_hands = _prepare(folder, tmp_path, hands=True, **options)
    arms = ("root.RX", "root.RZ", "arm.rx", "arm.ry", "arm.rz")
    assert without.pose_transform.kept == arms
    assert with_hands.pose_transform.kept == (*arms[:2], "hand.rx", "hand.rz", *arms[2:])
    # Both are prepared side by side: neither is taken for the other.
    row = _examples(without, "train")["35_17", 242]
    np.testing.assert_array_equal(row["pose"], np.array(VALUES[1])[[3, 5, 8, 9, 10]])
    row = _examples(with_hands, "train")["35_17", 242]
    np.testing.assert_array_equal(row["pose"], np.array(VALUES[1])[[3, 5, *range(6, 11)]])
    # All channels of the skeleton are there for drawing, hands at rest.
    joints = read_asf(folder / "35.asf").positions(without.pose_transform.invert([[0.0] * 5]))
    assert joints.shape == (1, 4, 3) and np.all(np.isfinite(joints))


def test_prepared_data_follow_options_and_raw_files(folder, tmp_path):
    names = [
        CMUMocapConfig(path=folder).name,
        CMUMocapConfig(path=folder, every=2).name,
        CMUMocapConfig(path=folder, drop=()).name,
        CMUMocapConfig(path=folder, hands=True).name,
        CMUMocapConfig(path=folder, standardise=False).name,
        CMUMocapConfig(path=folder, test_trials=("35_01",)).name,
        CMUMocapConfig(path=folder, name="mine").name,
        CMUMocapConfig(path=tmp_path).name,
    ]
    assert CMUMocapConfig(path=str(folder)).name == names[0]
    (folder / "35_02.amc").write_text(AMC)
    names.append(CMUMocapConfig(path=folder).name)
    # The same size, written at another time.
    os.utime(folder / "35_02.amc", (1, 1))
    names.append(CMUMocapConfig(path=folder).name)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subjects": ("49",)}, r"`subjects` must be among \['35'.*, received \['49'\]"),
        ({"subjects": "35"}, "`subjects` must be a tuple"),
        ({"trials": ("35_99",)}, r"`trials` must be some of .* received \['35_99'\]"),
        (
            {"subjects": ("35",), "test_trials": ("35_99",)},
            r"`test_trials` .* received \['35_99'\]",
        ),
        ({"trials": ("35_01",)}, "`test_trials` must be some but not all"),
        ({"subjects": ("35",), "every": 0}, "`every` must be"),
        ({"subjects": ("35",), "drop": ("nose",)}, "`drop` must name"),
        ({"hands": "no"}, "`hands` must be True or False, received 'no'"),
    ],
)
def test_errors(folder, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        _prepare(folder, tmp_path, **options)


def test_pose_transform_needs_prepared_data(folder, tmp_path):
    with pytest.raises(ValueError, match=r"Call download_and_prepare\(\) first"):
        CMUMocap(config=CMUMocapConfig(path=folder), data_dir=tmp_path).pose_transform


def test_real_data(raw_data, prepared):
    options = {"path": raw_data / "cmu_mocap", "data_dir": prepared}
    train, labels = as_arrays(load("cmu_mocap", "train", **options))
    test, test_labels = as_arrays(
        load("cmu_mocap", "test", labels=("label", "sequence"), **options)
    )
    assert train.shape == (2538, 42)
    assert test.shape == (350, 42)
    # Walking: subject 35 and 49_01; balancing: 49_18 and 49_19, and 49_20 held out.
    assert dict(zip(*np.unique(labels, return_counts=True), strict=True)) == {0: 2022, 2: 516}
    assert set(test_labels["sequence"]) == {b"35_29", b"49_20"}
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(train.std(0), 1, atol=1e-4)

    transform = pose_transform("cmu_mocap", **options)
    joints = read_asf(raw_data / "cmu_mocap" / "35.asf").positions(transform.invert(test[:50]))
    assert joints.shape == (50, 31, 3)
    np.testing.assert_array_equal(joints[:, 0], 0)


def test_real_channels_that_are_kept_do_not_jump(raw_data, prepared):
    folder = raw_data / "cmu_mocap"
    files = {"35": [], "49": []}
    for trial, file in find_trials(folder).items():
        files[trial[:2]].append(file)
    motions = [
        read_amc(file, skeleton)
        for subject, chosen in files.items()
        for skeleton in [read_asf(folder / f"{subject}.asf")]
        for file in chosen
    ]
    # 120 frames per second; the walk-jog file has 30, and runs that the folder lacks.
    motions += [one for split in read_walk_jog(folder).values() for one in split]
    jumps = np.max([np.abs(np.diff(one.values, axis=0)).max(0) for one in motions], axis=0)
    jumps = dict(zip(motions[0].channels, jumps.tolist(), strict=True))
    kept = pose_transform("cmu_mocap", path=folder, data_dir=prepared).kept
    assert max(jumps[name] for name in kept) < 60  # degrees; 51.8 in "lfoot.rx"
    far = {name for name, jump in jumps.items() if jump > 100}
    assert far == {"lthumb.rz", "rthumb.rz", "rhand.rz"}
