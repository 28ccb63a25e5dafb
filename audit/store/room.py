"""A process's own corner of a store for unfinished work, and the gate through which it comes in.

A room is a folder under `tmp/` with a lock beside it that ends with the process, however that ends. Whoever opens the
store takes away the rooms of processes that are gone. `forget` holds the gate, so that nobody comes in meanwhile, and
leaves everything as it is while a room is taken.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
import uuid
import weakref
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from audit.base.errors import StorageError
from audit.base.private import FOLDER
from audit.store.sound import remove_below

TMP, GATE, LOCK = "tmp", ".gate", ".lock"
WAIT = 30.0
"""Seconds for which an opening waits at the gate: as long as emptying a store may take."""
STALE_AFTER = 24 * 3600
"""Seconds after which unfinished work without a lock, by a version of before, is taken for dead."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_OPEN: weakref.WeakValueDictionary[Path, Workroom] = weakref.WeakValueDictionary()


class Workroom:
    """A folder that is this process's until nothing here uses the store any more; see `room_in`."""

    def __init__(self, root: Path) -> None:
        name = uuid.uuid4().hex
        self.folder = root / TMP / name
        lock = FileLock(root / TMP / f"{name}{LOCK}", mode=0o600, thread_local=False)
        lock.acquire(timeout=0)
        self.folder.mkdir(mode=FOLDER)
        self._close = weakref.finalize(self, _close, root, self.folder, lock, os.getpid())

    def new(self, name: str) -> Path:
        """A path for a piece of unfinished work, which does not exist yet."""
        # The store may have been emptied meanwhile, by this very process.
        self.folder.mkdir(mode=FOLDER, parents=True, exist_ok=True)
        return self.folder / f"{name}-{uuid.uuid4().hex}"


def _close(root: Path, folder: Path, lock: FileLock, pid: int) -> None:
    # A forked child that ends takes nothing away from its parent.
    if os.getpid() == pid:
        with contextlib.suppress(OSError):
            remove_below(root, folder)
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()


def room_in(root: Path) -> Workroom:
    """This process's room in a store, made when there is none; rooms of processes that are gone are taken away.

    Raises:
        StorageError: `store-busy`, somebody is emptying it; `store-no-locks`. OSError: it cannot be written.
    """
    where = root.resolve()
    room = _OPEN.get(where)
    if room is None:
        with gate(root):
            _drop_dead(root)
            room = _OPEN[where] = Workroom(root)
    return room


@contextlib.contextmanager
def gate(root: Path) -> Iterator[None]:
    """Keep others from coming into a store, or from emptying it, while a block runs.

    Raises:
        StorageError: `store-busy` after WAIT seconds; `store-no-locks`, the file system keeps no locks.
    """
    _probe(root)
    lock = FileLock(root / GATE, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=WAIT)
    except Timeout as error:
        raise StorageError("store-busy", folder=root.absolute().name) from error
    try:
        yield
    finally:
        lock.release()


def in_open_store(path: Path) -> bool:
    """Whether a path lies in a store that this process has opened."""
    return any(path.resolve().is_relative_to(root) for root in list(_OPEN))


def busy(root: Path) -> bool:
    """Whether another process has a room in a store; asked by whoever holds its gate."""
    own = _OPEN.get(root.resolve())
    return any(not _is_dead(path) for path in _locks(root) if own is None or path.stem != own.folder.name)


def _locks(root: Path) -> list[Path]:
    return sorted(p for p in (root / TMP).glob(f"*{LOCK}") if not p.is_symlink()) if (root / TMP).is_dir() else []


def _is_dead(path: Path) -> bool:
    """Whether nobody holds the lock of a room."""
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def _drop_dead(root: Path) -> None:
    for path in _locks(root):
        with contextlib.suppress(OSError):
            if _is_dead(path):
                remove_below(root, path.with_suffix(""))
                path.unlink(missing_ok=True)
    for left in (root / TMP).iterdir():
        # What has no lock was left by a version of before, which may be at work.
        with contextlib.suppress(OSError):
            lone = left.suffix != LOCK and not left.with_name(f"{left.name}{LOCK}").exists()
            if lone and time.time() - left.lstat().st_mtime > STALE_AFTER:
                remove_below(root, left)


def _probe(root: Path) -> None:
    """Refuse a file system without locks: two runs there could not know of one another."""
    try:
        import fcntl
    except ImportError:
        return
    with open(root / GATE, "a+b", opener=_closed) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise StorageError("store-no-locks", folder=root.absolute().name) from error


def _closed(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o600)
