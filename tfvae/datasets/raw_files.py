"""Raw files that a user provides: errors where they are missing, names for what is made of them."""

import hashlib
import json
import pathlib


def require(path, *, needs, source):
    """Returns `path` as an absolute `pathlib.Path` that exists.

    Args:
      path: a file or folder, or None where the user gave none.
      needs: which files are expected there; part of the message.
      source: where to get them; part of the message.

    Raises:
      ValueError: where path is None or does not exist.
    """
    if path is None:
        given = "none was given"
    else:
        path = pathlib.Path(path).expanduser().resolve()
        if path.exists():
            return path
        given = f"got {str(path)!r}, which does not exist"
    raise ValueError(f"path: expected {needs}; {given}. Get the files from {source}.")


def join_name(name, options):
    """Returns the name of a config: what its options say, after the user's name for it, if any.

    A name that ends so already (a copy of a config) stays as it is.
    """
    return name if name.endswith(options) else f"{name}-{options}" if name else options


def fingerprint(options, files=()):
    """Returns eight hex digits that change with the options and with the raw files.

    Files count by absolute path, size and time of modification, so that data prepared from another
    folder, or from files that have changed since, are never taken for these.

    Args:
      options: JSON-serialisable dict.
      files: paths; those that do not exist count by path alone.
    """
    stamps = []
    for file in sorted(pathlib.Path(f).expanduser().resolve() for f in files):
        stat = file.stat() if file.exists() else None
        stamps.append([str(file)] + ([stat.st_size, stat.st_mtime_ns] if stat else []))
    text = json.dumps([options, stamps], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
