"""The file of an index: one .npz without pickle, whose large arrays can stay on the disk."""

import os
import pathlib
from typing import Any

import numpy as np

from tfvae import _files
from tfvae.applications.similarity.entries import Entries
from tfvae.applications.similarity.lists import Lists, add_to, in_file, package

FILE = "index.npz"
FORMAT = 4
# Arrays that are as long as the index, and their types.
LARGE = {
    "lists": "uint8",
    "numbers": "int64",
    "is_text": "uint8",
    "texts": "uint8",
    "text_ends": "int64",
    "metadata": "uint8",
    "metadata_ends": "int64",
}


def write(
    folder: str | os.PathLike,
    lists: Lists,
    entries: Entries,
    settings: dict[str, Any],
    model: dict[str, Any] | None = None,
) -> None:
    """Writes `index.npz`, with the settings in its manifest. `entries` must have no gaps.

    `model` is what the manifest says of the model that encodes, if there is one.
    The array `lists` has the bytes of each list in turn: vectors, then positions.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    blocks = (part for block in lists.blocks() for part in block)
    arrays = {
        "centroids": lists.centroids,
        "radii": lists.radii,
        "sizes": lists.sizes,
        "lists": _files.Blocks(len(lists) * (4 * lists.dim + 8), blocks),
        **entries.arrays(),
    }
    manifest = {
        "format": FORMAT,
        "settings": settings,
        "model": model,
        "probes": lists.probes,
        "num_added": entries.num_added,
    }
    _files.write_arrays(folder / FILE, arrays, manifest)


def read(
    folder: str | os.PathLike, memory_map: bool
) -> tuple[Lists, Entries, dict[str, Any], dict[str, Any] | None]:
    """What `write` wrote: lists, entries, settings, model; large arrays may stay in the file.

    Raises:
        ValueError: when the file is missing, damaged or of another format.
    """
    path = pathlib.Path(folder) / FILE
    try:
        arrays, manifest = _files.map_arrays(path, LARGE, check=not memory_map)
        if manifest.get("format") != FORMAT:
            raise ValueError(
                f"`folder` must hold an index of format {FORMAT}, received format "
                f"{manifest.get('format')!r} in {str(path)!r}. Build the index again."
            )
        _check(arrays)
    except (OSError, _files.DamagedFileError) as error:
        raise ValueError(
            f"`folder` must hold an index that `save` wrote, received {str(path)!r}: {error}. "
            "Build the index again."
        ) from error
    sizes, centroids = arrays["sizes"], arrays["centroids"]
    if memory_map and len(arrays["lists"]):
        stored = arrays["lists"]
        inverted = in_file(str(path), stored.offset, sizes, centroids.shape[1])
    else:
        inverted = _in_memory(arrays["lists"], sizes, centroids.shape[1])
    lists = Lists(centroids, manifest["probes"], arrays["radii"], inverted)
    entries = Entries.from_arrays(arrays, len(lists), manifest["num_added"], memory_map)
    return lists, entries, manifest["settings"], manifest["model"]


def _check(arrays):
    """Raises DamagedFileError where arrays do not fit each other: faiss would trust them."""
    sizes, centroids = arrays["sizes"], arrays["centroids"]
    fits = centroids.ndim == 2 and sizes.shape == arrays["radii"].shape == centroids.shape[:1]
    fits = fits and sizes.dtype == "int64" and np.all(sizes >= 0)
    fits = fits and np.sum(sizes) * (4 * centroids.shape[1] + 8) == len(arrays["lists"])
    of_entries = [arrays[name] for name in ("numbers", "is_text") if name in arrays]
    fits = fits and all(len(one) == np.sum(sizes) for one in of_entries)
    fits = fits and all(
        arrays[name].ndim == 1 and arrays[name].dtype == kind
        for name, kind in LARGE.items()
        if name in arrays
    )
    if not fits:
        raise _files.DamagedFileError("its arrays do not fit each other")


def _in_memory(stored, sizes, dim):
    inverted = package().ArrayInvertedLists(len(sizes), 4 * dim)
    start = 0
    for one, size in enumerate(sizes.tolist()):
        middle, stop = start + 4 * dim * size, start + (4 * dim + 8) * size
        vectors = np.array(stored[start:middle]).view("float32").reshape(size, dim)
        add_to(inverted, one, np.array(stored[middle:stop]).view("int64"), vectors)
        start = stop
    return inverted
