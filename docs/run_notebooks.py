"""Runs the notebooks of colab/ at full length, and keeps their outputs in them.

    python docs/run_notebooks.py [NAME …]

Without names all are run. What differs from run to run without meaning (progress bars, warnings,
seconds) is left out of the files; figures get a palette, which makes them a third as large. A
notebook whose assertions fail is not written.
"""

import argparse
import base64
import copy
import io
import pathlib
import re
import tempfile
import time

import nbclient
import nbformat
import PIL.Image

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "colab"
# Lines of progress bars, Keras' own among them, and TensorFlow's notes.
PROGRESS = re.compile(r".*(INFO:tensorflow|\r|\x08|\x1b\[|━|\d+/\d+ \[|it/s|ms/step|s/step).*\n?")


def run(path: pathlib.Path) -> None:
    """Runs a notebook in an empty folder, and writes it with its outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: when a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    metadata = copy.deepcopy(notebook.metadata)
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook,
            timeout=3600,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    notebook.metadata = metadata
    tidy(notebook)
    nbformat.write(notebook, path)


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Leaves what tells the story: printed lines, values and figures."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        kept = []
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text = PROGRESS.sub("", output.text)
                if output.name == "stderr" or not output.text.strip():
                    continue
            elif "image/png" in output.data:
                # Its text is an address in memory.
                output.data = {"image/png": with_palette(output.data["image/png"])}
            kept.append(output)
        cell.outputs = kept


def with_palette(encoded: str) -> str:
    """A PNG, in base64, with 256 colours of its own."""
    image = PIL.Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    image = image.quantize(256, dither=PIL.Image.Dither.NONE)
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode("ascii")


def main():
    """Runs the notebooks that are named."""
    paths = {path.stem: path for path in sorted(FOLDER.glob("*.ipynb"))}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(paths))
    for name in parser.parse_args().names or list(paths):
        if name not in paths:
            parser.error(f"no notebook is named {name!r}; there are {', '.join(paths)}")
        start = time.monotonic()
        print(f"{name} …", flush=True)
        run(paths[name])
        size = paths[name].stat().st_size / 1e3
        print(f"{name}: {time.monotonic() - start:.0f} s, {size:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
