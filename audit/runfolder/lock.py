"""One process at a time works in a run folder: two at once would tangle its chained log.

The lock is a file inside the folder, where nobody writes but the run's owner. It ends with the process, however
that ends; the empty file stays and says nothing.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from audit.base.errors import BadInput
from audit.base.private import private_folder

LOCK = ".lock"
WAIT = 10.0
"""Seconds for which a single entry of the log waits for another process."""
_HELD: dict[Path, FileLock] = {}
"""Run folders that this process works in, until it ends."""


def hold(folder: Path) -> None:
    """Keep other processes out of a run folder for as long as this one lives; the folder is made, for its owner alone.

    Raises:
        BadInput: `out-busy`, another process is at work in it. OSError: it cannot be written, or others may
            write to it.
    """
    where = folder.resolve()
    if where not in _HELD:
        private_folder(where)
        lock = _lock(where)
        _acquire(lock, folder, wait=0)
        _HELD[where] = lock


class Held:
    """Keep other processes out while a block runs; takes nothing away from a process that holds the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = _lock(folder.resolve())

    def __enter__(self) -> None:
        """Raises BadInput `out-busy` after WAIT seconds, OSError where the folder cannot be written."""
        _acquire(self._lock, self._folder, wait=WAIT)

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _lock(where: Path) -> FileLock:
    # One object for a process, so that a thread that writes an entry does not wait for its own run.
    return FileLock(where / LOCK, is_singleton=True, thread_local=False)


def _acquire(lock: FileLock, folder: Path, *, wait: float) -> None:
    try:
        lock.acquire(timeout=wait)
    except Timeout as error:
        raise BadInput("out-busy", folder=folder.absolute().name) from error
