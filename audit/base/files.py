"""Reading a small file that somebody else may have written: regular, bounded, without waiting on a pipe."""

from __future__ import annotations

import os
import stat
from pathlib import Path

SYSTEM_FILES = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))
"""What file managers leave in folders that a person would call empty."""


def read_bounded(path: Path, *, limit: int) -> bytes:
    """Bytes of a regular file of at most `limit` bytes; links are followed.

    Raises:
        OSError: missing, unreadable, too large, or a pipe or device, which might never end.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as handle:
        if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
            raise OSError("not a regular file")
        data = handle.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"over {limit >> 20} MiB")
    return data
