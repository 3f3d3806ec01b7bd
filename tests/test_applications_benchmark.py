"""The benchmarks of applications: what they say of their goals, and all of them together."""

import pytest

from benchmarks import applications, common, compression, events

GOALS = [common.Goal("size", "2% at most", "1.7%", True), common.Goal("peak", "5%", "7%", False)]


def test_all_parts_run_and_their_goals_are_one_table(monkeypatch, capsys, tmp_path):
    asked = {}
    for index, name in enumerate(applications.PARTS):

        def main(argv, name=name, index=index):
            asked[name] = argv
            return GOALS[index % 2 :][:1]

        monkeypatch.setattr(applications.PARTS[name], "main", main)
    figures = tmp_path / "figures"
    goals = applications.main(["--data=folder", f"--figures={figures}"])
    assert list(asked) == ["beta", "denoising", "events", "compression"]
    assert all(argv[:2] == ["--data", "folder"] for argv in asked.values())
    assert asked["events"][2:] == ["--figure", str(figures / "events.png")]
    assert asked["beta"][2:] == ["--figures", str(figures)] and figures.is_dir()
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    assert cells[2] == ["beta, size", "2% at most", "1.7%", "yes"]
    assert cells[5] == ["compression, peak", "5%", "7%", "NO"] and len(cells) == 6
    assert common.exit_code(goals) == 1 and common.exit_code(goals[:1]) == 0
    asked.clear()
    applications.main(["--data=folder", "--only", "events", "compression"])
    assert asked == {name: ["--data", "folder"] for name in ("events", "compression")}


def test_the_folder_of_the_data_is_needed(monkeypatch, capsys):
    monkeypatch.delenv("TFVAE_DATA_DIR", raising=False)
    for module in (applications, *applications.PARTS.values()):
        with pytest.raises(SystemExit):
            module.main([])
        assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("buffer", "width", "holds"),
    [(0.09, 1.049, [True, True]), (0.09, 0.94, [True, False]), (0.11, 1.0, [False, True])],
)
def test_goals_of_events(buffer, width, holds):
    rows = {"N(0, I)": [0.0] * 4 + [0.3, 0.5], "density buffer": [0.0] * 4 + [buffer, width]}
    assert [goal.holds for goal in events.goals(rows)] == holds


@pytest.mark.parametrize(
    ("size", "holds"), [(0.13, [False, True]), (0.102, [True, True]), (0.101, [True, True])]
)
def test_goals_of_compression(size, holds):
    rows = {"−ELBO": [0.1], "tfvae": [size], "PNG": [0.2], "xz": [0.15]}
    goals = compression.goals(rows)
    assert [goal.holds for goal in goals] == holds and goals[1].reached.endswith("than xz")
    rows["xz"] = [size]
    assert not compression.goals(rows)[1].holds
