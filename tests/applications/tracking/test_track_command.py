"""`tfvae track`: a descriptor, tracks and scores from the command line."""

import json

import pytest

from tfvae import commands
from tfvae.applications.tracking import read_boxes


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
    ],
)
def test_usage_errors(walk, tmp_path, arguments, message, capsys):
    with pytest.raises(SystemExit):
        commands.main(["track", "run", str(walk), f"--output={tmp_path / 't'}", *arguments])
    assert message in capsys.readouterr().err


def test_a_missing_folder_says_where_the_data_come_from(tmp_path, capsys):
    with pytest.raises(SystemExit):
        commands.main(["track", "run", str(tmp_path / "MOT16"), f"--output={tmp_path / 't'}"])
    assert "https://motchallenge.net" in capsys.readouterr().err
