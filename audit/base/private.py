"""Files that only their owner may read or change, whatever the umask; and a look at what others may do to a folder.

On systems with POSIX modes: folders 0700, files 0600. Windows has none: what lies in a user's profile is that
user's by the system's own lists, and nothing is set or checked here.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from pathlib import Path

from audit.base.files import NotRead
from audit.base.messages import say

MODES = os.name == "posix"
FOLDER, FILE = 0o700, 0o600
WRITE = 0o022
"""Bits by which a group or everybody may write."""
OTHERS = 0o077


class Exposed(OSError):
    """Others may read or change what must be private; `how` is `writable`, `readable`, `foreign` or `link`."""

    def __init__(self, path: Path, how: str) -> None:
        super().__init__(errno.EPERM, how, str(path))
        self.how = how


def be_private() -> None:
    """From now on this process, and those that it starts, make files that only their owner may read."""
    if MODES:
        os.umask(OTHERS)


def make_private(path: Path) -> None:
    """Make a folder and those above it that are missing, 0700; one that is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    for missing in reversed([p for p in (path, *path.parents) if not p.exists()]):
        missing.mkdir(mode=FOLDER, exist_ok=True)


def private_folder(path: Path) -> None:
    """Make a folder 0700, or close one that is the user's own: empty, or such that others could only read it.

    Raises:
        Exposed: others may write to it and something lies in it, or it is another user's. OSError: it cannot be made.
    """
    make_private(path)
    status = path.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    if not MODES:
        return
    if status.st_uid != os.geteuid():
        raise Exposed(path, "foreign")
    if status.st_mode & WRITE and any(path.iterdir()):
        raise Exposed(path, "writable")
    if status.st_mode & OTHERS:
        path.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)


def read_private(path: Path, *, limit: int) -> bytes:
    """Bytes of a regular file of at most `limit` bytes that is the user's own and closed to all others.

    Raises:
        Exposed: it is a link, another user's, or others may read or write it. OSError: missing, too large, no file.
    """
    if path.is_symlink():
        raise Exposed(path, "link")
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags), "rb") as handle:
        status = os.fstat(handle.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotRead(say("not-read.kind"))
        if MODES and status.st_uid != os.geteuid():
            raise Exposed(path, "foreign")
        if MODES and status.st_mode & OTHERS:
            raise Exposed(path, "writable" if status.st_mode & WRITE else "readable")
        data = handle.read(limit + 1)
    if len(data) > limit:
        raise NotRead(say("not-read.size", most=limit >> 20))
    return data


def private_file(path: Path) -> int:
    """A new file, 0600, opened to be written; its descriptor.

    Raises:
        OSError: there is one already, a link too, or it cannot be made.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), FILE)


def write_private(path: Path, data: bytes, *, partial: Path | None = None) -> None:
    """Write a whole file or nothing, for its owner alone: temporary name, sync, rename.

    Args:
        partial: the temporary name, on the same disk; None for one beside the file.

    Raises:
        OSError: it cannot be written.
    """
    make_private(path.parent)
    partial = partial or path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with os.fdopen(private_file(partial), "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
