"""Every notebook runs from top to bottom, and is committed with what it shows."""

import pathlib
import re

import nbformat
import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "colab"
NOTEBOOKS = sorted(FOLDER.glob("**/*.ipynb"))
# Beginnings of paths that exist on one machine only; Colab's own /content is not among them.
MACHINE_PATH = re.compile(r"(?<![\w.:/])(/home/|/Users/|/root/|/tmp/|/opt/|/mnt/|[A-Z]:\\)")


def names(path):
    return path.stem


# Quick: the one of the model that the others stand on.
QUICK_OR_SLOW = [
    pytest.param(path, marks=[] if names(path) == "vhp_vae" else pytest.mark.slow, id=path.stem)
    for path in NOTEBOOKS
]


def test_there_are_notebooks():
    assert NOTEBOOKS, f"no notebook in {FOLDER}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_committed_with_the_outputs_of_a_whole_run(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    for output in outputs:
        assert output.output_type != "error" and output.get("name") != "stderr", output
        text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
        assert not MACHINE_PATH.search(text), text
    # A repository is no place for more.
    assert path.stat().st_size < 1_500_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_no_path_of_a_machine(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert not MACHINE_PATH.search(cell.source), cell.source


@pytest.mark.parametrize("path", QUICK_OR_SLOW)
def test_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("TFVAE_NOTEBOOK_EPOCHS", "2")
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    # A figure that ends a cell is shown, not only named.
    figures = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert figures
