"""Raw files from the user: errors if they are missing, names for the data prepared from them."""

import hashlib
import json
import pathlib
from collections.abc import Iterable


def require(path: str | pathlib.Path | None, *, needs: str, source: str) -> pathlib.Path:
    """Returns `path` as an absolute `pathlib.Path` that exists.

    Args:
      path: a file or folder, or None if the user gave none.
      needs: which files are expected there; part of the message.
      source: where to get them; part of the message.

    Raises:
      ValueError: if path is None or does not exist.
    """
    received = "None (in a config it is the key `data.path`)"
    if path is not None:
        path = pathlib.Path(path).expanduser().resolve()
        if path.exists():
            return path
        received = f"{str(path)!r}, which does not exist"
    raise ValueError(f"`path` must be {needs}, received {received}. Get the files from {source}.")


def join_name(name: str, options: str) -> str:
    """Returns the name of a config: the user's name for it, if any, then its options.

    A name that already ends with the options (in a copy of a config) is returned unchanged.
    """
    return name if name.endswith(options) else f"{name}-{options}" if name else options


def fingerprint(options: dict, files: Iterable[str | pathlib.Path] = ()) -> str:
    """Returns eight hex digits that change with the options and with the raw files.

    A file enters with its absolute path, size and time of modification. Data prepared from another
    folder, or before a file changed, is therefore never reused by mistake.

    Args:
      options: JSON-serialisable dict.
      files: paths; a file that does not exist enters with its path alone.
    """
    stamps = []
    for file in sorted(pathlib.Path(f).expanduser().resolve() for f in files):
        stat = file.stat() if file.exists() else None
        stamps.append([str(file)] + ([stat.st_size, stat.st_mtime_ns] if stat else []))
    text = json.dumps([options, stamps], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
