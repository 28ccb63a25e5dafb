"""A node's folder for what it was sent and made; it goes when the last process that used it is gone, however it ended.

Beside every seat a small process waits for the seat's end, then takes the folder away where no other seat holds it.
A machine that loses its power keeps the folder until the next run comes there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock, Timeout

from audit.base.private import private_folder
from audit.executor.cluster.wire import CacheAt

HELD, KEPT = ".held", "kept"
_WATCH = Path(__file__).with_name("watch.py")


class NodeCache:
    """This seat's hold on its node's folder.

    Attributes:
        folder: the store's root lies in it, and models.
    """

    def __init__(self, at: CacheAt) -> None:
        base = at.base or Path(tempfile.gettempdir()) / f"cloakcheck-node-{_user()}"
        private_folder(base)
        self._keep = at.keep
        self.folder = base / (KEPT if at.keep else at.session)
        _drop_dead(base)
        self._watch: subprocess.Popen[bytes] | None = None
        if at.keep:
            private_folder(self.folder)
        else:
            self._hold()

    def _hold(self) -> None:
        import fcntl

        # Shared by all seats of the node; whoever gets it alone is the last, and may just be taking the folder away.
        while True:
            private_folder(self.folder)
            with contextlib.suppress(FileNotFoundError):
                self._held = (self.folder / HELD).open("a+b")
                fcntl.flock(self._held, fcntl.LOCK_SH)
                if (self.folder / HELD).exists():
                    break
                self._held.close()
        self._watch = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WATCH), str(self.folder / HELD)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._watch.wait(timeout=60)

    def close(self) -> None:
        """Let go of the folder; the last one takes it away."""
        if self._watch is not None and self._watch.stdin is not None:
            self._held.close()
            with contextlib.suppress(OSError):
                self._watch.stdin.close()
            self._watch = None


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _drop_dead(base: Path) -> None:
    """Take away folders of sessions that nobody holds any more."""
    drop_unheld(left for left in base.iterdir() if left.name != KEPT)


def drop_unheld(folders: Iterable[Path]) -> None:
    """Take away those folders of this user that have a file to hold them by, and whose holders are gone."""
    for left in folders:
        with contextlib.suppress(OSError, Timeout):
            if left.is_symlink() or not (left / HELD).is_file() or left.stat().st_uid != os.geteuid():
                continue
            lock = FileLock(left / HELD, mode=0o600, thread_local=False)
            lock.acquire(timeout=0)
            shutil.rmtree(left, ignore_errors=True)
            lock.release()
