"""The queue: commands that run one after the other, each a folder on the disk, carried out by a process apart.

Three lanes: audits, short looks (plans, pairs), and models that are fetched; none waits for another. The server writes
what is to be done and reads how far it is; `audit.ui.keeper` does it. So neither browser nor server need stay open.

    jobs/<id>/job.json   what to run
              started    the keeper began; log, out: what the command told and gave; code: how it ended
              process    which process carries it out, so that it is found again without its keeper
              stop       it is asked to end
    paused               nothing more begins
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock, Timeout

from audit.base.files import read_bounded
from audit.base.private import make_private, write_private
from audit.ui.door import Door, read_json, write_json

if TYPE_CHECKING:
    import psutil

AUDITS, LOOKS, FETCHES = LANES = ("audits", "looks", "fetches")
State = Literal["waiting", "running", "done", "stopped", "failed"]
MOST_OUT = 64 << 20
PAUSED = "paused"
_ID = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}")
_BEGINS = 20.0
"""Seconds that a keeper may take to begin before its job counts as cut off."""


_KEEPERS: dict[tuple[Path, str], subprocess.Popen[bytes]] = {}
"""Those that this process started; they outlive it."""


@dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        folder: its own; draft: the audit that it is for; kind: `run`, `plan`, `pairs` or `get`.
        preset: '' for none; of `get` the name of the model.
        asked: digest of what it was asked with; words: of the command line; out: run folder, '' for none.
    """

    id: str
    folder: Path
    lane: str
    draft: str
    kind: str
    preset: str
    words: tuple[str, ...]
    out: str
    artist: str
    asked: str

    @property
    def code(self) -> int | None:
        """How it ended; None where it has not."""
        try:
            return int(read_bounded(self.folder / "code", limit=64))
        except (OSError, ValueError):
            return None

    def text(self, name: str) -> bytes:
        """What it told (`log`) or gave (`out`) so far."""
        try:
            return read_bounded(self.folder / name, limit=MOST_OUT)
        except OSError:
            return b""


class Jobs:
    """All of them, in the order in which they are carried out."""

    def __init__(self, door: Door, *, cwd: Path) -> None:
        self._state, self._cwd = door.folder, cwd
        self.folder = door.folder / "jobs"
        self._lock = threading.Lock()

    # --- what is there -------------------------------------------------------------------------------

    def all(self, lane: str | None = None) -> list[Job]:
        """The first to be carried out, or that was, first."""
        order = {id: n for n, id in enumerate(read_json(self._state / "queue.json").get("order", []))}
        there = sorted(p.name for p in self.folder.iterdir()) if self.folder.is_dir() else []
        found = [job for id in there if (job := self.find(id)) is not None and lane in (None, job.lane)]
        return sorted(found, key=lambda job: (order.get(job.id, len(order)), job.id))

    def find(self, id: str) -> Job | None:
        """One by its id; None where there is none."""
        return read_job(self.folder / id) if _ID.fullmatch(id) else None

    def of(self, draft: str, kind: str, *, preset: str = "", asked: str = "") -> Job | None:
        """The latest of an audit's jobs of a kind; with `asked`, of those that were asked with just that."""
        found = [j for j in self.all() if (j.draft, j.kind) == (draft, kind)]
        found = [j for j in found if preset in ("", j.preset) and asked in ("", j.asked)]
        return max(found, key=lambda job: job.id, default=None)

    def state(self, job: Job) -> State:
        """How far it is."""
        code = job.code
        if code is not None:
            stopped = (job.folder / "stop").exists() or code < 0 or code >= 128
            return "done" if code in (0, 3) else "stopped" if stopped else "failed"
        try:
            begun = (job.folder / "started").stat().st_mtime
        except OSError:
            return "stopped" if (job.folder / "stop").exists() else "waiting"
        # A keeper settles first what another left; from then on only its own has begun and not ended.
        goes_on = self.kept(job.lane) or process_of(job) is not None or time.time() - begun < _BEGINS
        return "running" if goes_on else "stopped"

    def cut_off(self, job: Job) -> bool:
        """Whether it stopped and nobody asked it to: the machine went down, or its process was ended."""
        return self.state(job) == "stopped" and not (job.folder / "stop").exists()

    def kept(self, lane: str) -> bool:
        """Whether a keeper is at work in a lane."""
        lock = lane_lock(self._state, lane)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    # --- what is to be done --------------------------------------------------------------------------

    def add(
        self,
        words: Sequence[str],
        *,
        lane: str,
        draft: str,
        kind: str,
        preset: str = "",
        out: str = "",
        artist: str = "",
        asked: str = "",
    ) -> Job:
        """One more at the end. Raises OSError, StorageError where it cannot be kept."""
        id = f"{time.time_ns():016x}-{secrets.token_hex(4)}"
        make_private(self.folder / id)
        facts = {"lane": lane, "draft": draft, "kind": kind, "preset": preset, "out": out, "artist": artist}
        more = {"asked": asked, "words": list(words), "cwd": str(self._cwd.absolute())}
        write_json(self.folder / id / "job.json", facts | more)
        self._order([job.id for job in self.all() if job.id != id] + [id])
        self.tend()
        found = self.find(id)
        assert found is not None
        return found

    def stop(self, job: Job) -> None:
        """Ask it to end; what it finished is kept."""
        (job.folder / "stop").touch()

    def go_on(self, job: Job) -> None:
        """Carry a stopped one out again; a run goes on from its folder.

        One that was cut off has had its turn and is the next; another comes after all that wait.
        """
        known = bool(job.out) and (Path(job.out) / "resume.json").is_file()
        words = ["resume", job.out, "--json"] if known else list(job.words)
        others = [other.id for other in self.all() if other.id != job.id]
        order = [job.id, *others] if self.cut_off(job) else [*others, job.id]
        again = {**read_json(job.folder / "job.json"), "words": words}
        for name in ("stop", "started", "process", "code", "log", "out"):
            (job.folder / name).unlink(missing_ok=True)
        write_json(job.folder / "job.json", again)
        self._order(order)
        self.tend()

    def first(self, job: Job) -> None:
        """Let one that waits be the next."""
        self._order([job.id, *(other.id for other in self.all() if other.id != job.id)])

    def move(self, job: Job, *, by: int) -> None:
        """Let one that waits change places with the one before (-1) or after (1) it, where there is one."""
        waiting = [other.id for other in self.all(job.lane) if self.state(other) == "waiting"]
        if job.id not in waiting or not 0 <= (at := waiting.index(job.id) + by) < len(waiting):
            return
        places = {job.id: waiting[at], waiting[at]: job.id}
        self._order([places.get(other.id, other.id) for other in self.all()])

    @property
    def paused(self) -> bool:
        """Whether no further audit begins."""
        return (self._state / PAUSED).exists()

    def pause(self, on: bool) -> None:
        """Let no further audit begin, or let them. Raises OSError where that cannot be kept."""
        if on:
            write_private(self._state / PAUSED, b"")
        else:
            (self._state / PAUSED).unlink(missing_ok=True)
            self.tend()

    def drop(self, job: Job) -> None:
        """Take one out of the queue, with what it told; its run folder stays."""
        shutil.rmtree(job.folder, ignore_errors=True)

    def tend(self) -> None:
        """See to it that somebody carries out what waits."""
        with self._lock:
            for lane in LANES:
                keeper = _KEEPERS.get((self._state, lane))
                # One that was just started may not hold its lock yet.
                starting = keeper is not None and keeper.poll() is None
                wanted = next_waiting(self._state, lane) is not None or bool(left_alone(self._state, lane))
                if not starting and wanted and not self.kept(lane):
                    _KEEPERS[self._state, lane] = self._keeper(lane)

    def _keeper(self, lane: str) -> subprocess.Popen[bytes]:
        # Of a session of its own: Ctrl-C in the server's terminal is for the server.
        keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "audit.ui.keeper", str(self._state), lane],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        threading.Thread(target=self._after, args=(keeper,), daemon=True).start()
        return keeper

    def _after(self, keeper: subprocess.Popen[bytes]) -> None:
        """Leave nothing of a keeper that ended, and carry out what was added while it was about to end."""
        if keeper.wait() == 0:
            self.tend()

    def _order(self, ids: list[str]) -> None:
        write_json(self._state / "queue.json", {"order": ids})


def read_job(folder: Path) -> Job | None:
    """A job by its folder; None where there is none that can be read."""
    found: dict[str, Any] = read_json(folder / "job.json")
    try:
        texts = {name: str(found[name]) for name in ("lane", "draft", "kind", "preset", "out", "artist", "asked")}
        return Job(id=folder.name, folder=folder, words=tuple(map(str, found["words"])), **texts)
    except (KeyError, TypeError):
        return None


def lane_lock(state: Path, lane: str) -> FileLock:
    """Held by the keeper of a lane for as long as it lives."""
    return FileLock(state / f"{lane}.lock", mode=0o600)


def next_waiting(state: Path, lane: str) -> Job | None:
    """What a keeper does next."""
    if lane == AUDITS and (state / PAUSED).exists():
        return None
    order = {id: n for n, id in enumerate(read_json(state / "queue.json").get("order", []))}
    waiting = [
        j for j in _in_lane(state, lane) if not any((j.folder / n).exists() for n in ("started", "stop", "code"))
    ]
    return min(waiting, key=lambda job: (order.get(job.id, len(order)), job.id), default=None)


def begun(state: Path, lane: str) -> list[Job]:
    """What has begun and not ended, as far as anybody wrote down."""
    there = _in_lane(state, lane)
    return [j for j in there if (j.folder / "started").exists() and not (j.folder / "code").exists()]


def left_alone(state: Path, lane: str) -> list[Job]:
    """What was begun by a keeper that is gone: goes on without one, or came to its end without one."""
    noted = [job for job in begun(state, lane) if (job.folder / "process").exists()]
    return [job for job in noted if process_of(job) is not None or job.text("out").rstrip().endswith(b"}")]


def _in_lane(state: Path, lane: str) -> list[Job]:
    folder = state / "jobs"
    there = sorted(p for p in folder.iterdir()) if folder.is_dir() else []
    return [job for path in there if (job := read_job(path)) is not None and job.lane == lane]


def note_process(job: Job, pid: int) -> None:
    """Keep which process carries it out. Raises OSError where that cannot be kept."""
    import psutil

    with suppress(psutil.Error):  # it has ended already
        write_json(job.folder / "process", {"pid": pid, "began": psutil.Process(pid).create_time()})


def process_of(job: Job) -> psutil.Process | None:
    """The process that carries it out; None where that has ended, or never was. Its number may be another's since."""
    # Where past audits are read only, it may be missing.
    import psutil

    known = read_json(job.folder / "process")
    try:
        found = psutil.Process(int(known["pid"]))
        same = abs(found.create_time() - float(known["began"])) < 1.0
        return found if same and found.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        return None


def job_folder(job: Job) -> str:
    """The folder in which its command runs."""
    return str(read_json(job.folder / "job.json").get("cwd") or os.getcwd())
