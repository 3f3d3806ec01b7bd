"""A lock on a folder: one process at a time uses it, and others learn which one."""

import contextlib
import datetime
import json
import os
import pathlib
import socket
import threading
import time
import warnings
from collections.abc import Callable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NAME = "lock"
# A file server gives the locks of a machine that is gone to others after its lease: 90 s for NFS 4.
PATIENCE = 120.0

_held: dict[str, "FolderLock"] = {}
_guard = threading.Lock()


class FolderLock:
    """A lock that the system releases when its process ends, in whatever way.

    It is a record lock of POSIX on the file `lock` in the folder. It holds between containers of a
    machine, and between machines on NFS. No process id decides anything: two containers may have
    the same ones. The file says who holds the lock, for people to read: process, host, since when.
    A child that was forked does not hold it. Where the file system has no locks, a warning says so.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.path = pathlib.Path(folder) / NAME
        self._key = self._descriptor = self._in_use = self._process = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock for this process."""
        return self._process == os.getpid()

    def acquire(self, in_use: Callable[[], bool]) -> None:
        """Acquires the lock, and creates the folder.

        Args:
            in_use: tells later whether the lock is still needed. Another object of this process
                takes it over if it is not.

        Raises:
            ValueError: when another process, or another run of this process, has the lock.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        while not self._acquired(in_use):
            holder = self._holder()
            here = holder["host"] == socket.gethostname()
            if here or time.monotonic() > start + PATIENCE:
                who = "process {process} on {host} has used since {since}".format_map(holder)
                raise ValueError(self._refusal(who))
            time.sleep(1.0)

    def is_free(self) -> bool:
        """Whether no other process and no other object of this one holds the lock now."""
        if not self.path.exists():
            return True
        with _guard:
            if os.path.realpath(self.path) in _held:  # A second descriptor would release the lock.
                return False
        try:
            if not self._acquired(lambda: False):
                return False
        except ValueError:
            return False
        self.release()
        return True

    def _acquired(self, in_use: Callable[[], bool]) -> bool:
        """Tries once, against other objects of this process first, which the system lets pass."""
        key = os.path.realpath(self.path)
        with _guard:
            other = _held.get(key)
            if other is not None and other is not self and other.is_held:
                if other._in_use():
                    raise ValueError(self._refusal("another run of this process uses"))
                other.release()
            if not self.is_held and not self._locked():
                return False
            self._key, self._in_use, self._process = key, in_use, os.getpid()
            _held[key] = self
        return True

    def release(self) -> None:
        """Releases the lock if this process holds it."""
        if self.is_held:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            del _held[self._key]
        self._process = self._descriptor = None

    def _locked(self) -> bool:
        """Tries to lock the file, and writes who has done so."""
        # Closing any descriptor of the file releases the lock, so there is one in the process.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is None:
                raise OSError("this system has none")
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            return False
        except OSError as error:
            warnings.warn(
                f"The folder {self.path.parent} cannot be locked ({error}). Take care that no "
                "other process uses it.",
                stacklevel=6,
            )
        since = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
        holder = {"process": os.getpid(), "host": socket.gethostname(), "since": since}
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{json.dumps(holder)}\n".encode())
        self._descriptor = descriptor
        return True

    def _holder(self):
        """Who wrote the file; unknown in the moment in which it is written."""
        unknown = dict.fromkeys(("process", "host", "since"), "(unknown)")
        try:
            return {**unknown, **json.loads(self.path.read_text())}
        except (OSError, ValueError, TypeError):
            return unknown

    def _refusal(self, who):
        return (
            f"`folder` must be used by one run at a time, received {self.path.parent}, which {who}."
            " Wait until it has ended, end it, or choose another folder."
        )
