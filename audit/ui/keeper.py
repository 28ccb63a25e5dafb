"""The process that carries out one lane of the queue, and ends when nothing waits any more.

    python -m audit.ui.keeper STATE LANE

It outlives the server that started it. While it lives it holds the lane's lock, by which a server finds it again.
A keeper that was killed leaves its command at work; the next one takes that over before it begins another.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import Timeout

from audit.base.private import be_private, write_private
from audit.base.progress import TOLD_AS
from audit.ui.jobs import Job, begun, job_folder, lane_lock, next_waiting, note_process, process_of

if TYPE_CHECKING:
    import psutil

LOOKS_EVERY = 0.2
PATIENCE = 60.0
"""Seconds that a command has to end by itself once it was asked to."""


def main() -> None:
    """Raises nothing: whatever goes wrong with a job is how that job ended."""
    state, lane = Path(sys.argv[1]), sys.argv[2]
    be_private()
    lock = lane_lock(state, lane)
    try:
        lock.acquire(timeout=5)
    except Timeout:
        return
    with lock:
        for left in begun(state, lane):
            take_over(left)
        while (job := next_waiting(state, lane)) is not None:
            carry_out(job)


def carry_out(job: Job) -> None:
    """Run one command to its end, or until it is asked to stop."""
    (job.folder / "started").touch()
    try:
        with (job.folder / "log").open("wb") as log, (job.folder / "out").open("wb") as out:
            running = subprocess.Popen(
                [sys.executable, "-P", "-m", "audit", *job.words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                cwd=job_folder(job),
                env={**os.environ, TOLD_AS: "json"},
            )
        with suppress(OSError):  # a full disk is no reason to leave it alone
            note_process(job, running.pid)
        _wait(running, job.folder / "stop", lambda: running.poll() is None)
        code = running.returncode
    except OSError:
        code = 1
    _keep(job, code)


def take_over(job: Job) -> None:
    """Wait for a command that another keeper began; how it ended only its own words can tell."""
    import psutil

    running = process_of(job)
    with suppress(psutil.Error):  # it ended as it was asked to
        if running is not None:
            _wait(running, job.folder / "stop", lambda: process_of(job) is not None)
    # Only this needs what reads messages, and a keeper shall begin at once.
    from audit.ui.heard import hear

    failed = hear(job.text("log")).error is not None
    _keep(job, 0 if job.text("out").rstrip().endswith(b"}") else 1 if failed else -signal.SIGTERM)


def _keep(job: Job, code: int) -> None:
    if job.folder.is_dir():
        write_private(job.folder / "code", str(code).encode("ascii"))


def _wait(running: subprocess.Popen[bytes] | psutil.Process, stop: Path, goes_on: Callable[[], bool]) -> None:
    asked: float | None = None
    while goes_on():
        if asked is None and (stop.exists() or not stop.parent.is_dir()):
            asked = time.monotonic()
            running.terminate()
        if asked is not None and time.monotonic() - asked > PATIENCE:
            running.kill()
        time.sleep(LOOKS_EVERY)


if __name__ == "__main__":
    main()
