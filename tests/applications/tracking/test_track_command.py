"""`tfvae track`: a descriptor, tracks and scores from the command line."""

import argparse
import json

import pytest

from tfvae import commands
from tfvae.applications import tracking
from tfvae.applications.tracking import read_boxes
from tfvae.commands import track


@pytest.fixture(scope="module")
def trained(walk, tmp_path_factory):
    path = tmp_path_factory.mktemp("descriptor") / "people.keras"
    arguments = ["--epochs=6", "--latent_dim=3", "--frames=1:16", f"--output={path}"]
    commands.main(["track", "train", str(walk), *arguments])
    return path


def test_train_track_evaluate(walk, trained, tmp_path, capsys):
    found = json.loads(trained.with_suffix(".json").read_text())
    assert found["max_distance"] > 0 and found["settings"]["epochs"] == 6
    out = tmp_path / "tracks"
    commands.main(["track", "run", str(walk), f"--output={out}", f"--descriptor={trained}"])
    tracks = read_boxes(out / "walk.txt")
    assert set(tracks.ids) == {1, 2, 3}
    capsys.readouterr()
    commands.main(["track", "evaluate", str(walk), f"--tracks={out}"])
    table = capsys.readouterr().out
    cells = dict(zip(*[[c.strip() for c in row.split("|")] for row in table.splitlines()[::3][:2]]))  # noqa: B905
    assert float(cells["Precision"]) == 100.0 and float(cells["IDs"]) == 0
    # Told from the fourth frame of a track on.
    assert float(cells["Recall"]) == pytest.approx(100 * 21 / 24, abs=0.1)


def test_compare_has_a_row_for_each_tracker(walk, capsys):
    commands.main(
        ["track", "compare", str(walk), "--epochs=1", "--latent_dim=2", "--train_frames=1:12"]
    )
    lines = capsys.readouterr().out.splitlines()
    names = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert names[-3:] == ["SORT", "VHP-VAE-SORT", "VHP-FMVAE-SORT"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frames=9"], "must be FIRST:LAST"),
        (["--frames=5:99"], "must lie in 1:24 of walk"),
        (["--descriptor=missing.keras"], "missing.keras"),
        (["--frames=1:²"], "must be FIRST:LAST"),
        (["--max_distance=3"], "--max_distance must come with --descriptor"),
    ],
)
def test_usage_errors(walk, tmp_path, arguments, message, capsys):
    with pytest.raises(SystemExit):
        commands.main(["track", "run", str(walk), f"--output={tmp_path / 't'}", *arguments])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output=a.KERAS"], "--output must end in .keras"),
        (["--output=a.keras", "--epochs=0"], "`--epochs` must be a whole number of at least 1"),
        (["--output=a.keras", "--latent_dim=-1"], "`--latent_dim` must"),
        (["--output=a.keras", "--seed=-1"], "`--seed` must"),
    ],
)
def test_training_is_checked_before_a_video_is_read(
    tmp_path, monkeypatch, arguments, message, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        commands.main(["track", "train", "missing", *arguments])
    assert message in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "JSONDecodeError"), ("{}", "KeyError"), ("[]", "TypeError"),
     ('{"max_distance": NaN}', "received nan"), ('{"max_distance": 0}', "received 0.0")],
)  # fmt: skip
def test_a_threshold_that_is_none_is_named(tmp_path, text, message):
    (tmp_path / "people.json").write_text(text)
    with pytest.raises(ValueError, match=rf"people\.json: .*{message}"):
        track.threshold_beside(str(tmp_path / "people.keras"))


def test_a_killed_run_leaves_no_tracks_of_an_earlier_one(walk, tmp_path, monkeypatch):
    out = tmp_path / "tracks"
    commands.main(["track", "run", str(walk), f"--output={out}", "--frames=1:9"])
    assert len(read_boxes(out / "walk.txt"))

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(track, "tracks_of", killed)
    with pytest.raises(KeyboardInterrupt):
        track.track(argparse.Namespace(
            sequences=[str(walk)], output=str(out), descriptor=None, max_distance=None, frames=None
        ))  # fmt: skip
    assert not list(out.iterdir())


def test_a_killed_training_leaves_no_threshold_of_another_model(tmp_path, monkeypatch):
    class Model:
        def save(self, path):
            assert not (tmp_path / "people.json").exists()
            path.write_text("new")

    def killed(*_, **__):
        raise KeyboardInterrupt

    (tmp_path / "people.json").write_text('{"max_distance": 1}')
    monkeypatch.setattr(track, "crops_of", lambda *_: None)
    monkeypatch.setattr(
        tracking, "train_descriptor",
        lambda *_, **__: (Model(), tracking.Calibration(2.0, 0.1, 0.1, (9, 9))),
    )  # fmt: skip
    monkeypatch.setattr(track.json, "dumps", killed)
    options = argparse.Namespace(
        sequences=[], output=str(tmp_path / "people.keras"), frames=None, model="flat", seed=0,
        single=False, epochs=1, latent_dim=2,
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        track.train(options)
    assert [one.name for one in tmp_path.iterdir()] == ["people.keras"]


def test_what_cannot_be_evaluated(walk, tmp_path, capsys):
    for folder, message in ((walk, "walk.txt is missing"), (tmp_path, "received none")):
        if folder == tmp_path:
            (tmp_path / "det").mkdir()
            (tmp_path / "det" / "det.txt").write_text("")
        with pytest.raises(SystemExit):
            commands.main(["track", "evaluate", str(folder), f"--tracks={tmp_path / 'none'}"])
        assert message in capsys.readouterr().err


def test_a_missing_folder_says_where_the_data_come_from(tmp_path, capsys):
    with pytest.raises(SystemExit):
        commands.main(["track", "run", str(tmp_path / "MOT16"), f"--output={tmp_path / 't'}"])
    assert "https://motchallenge.net" in capsys.readouterr().err
