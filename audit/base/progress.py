"""Progress with time left, on stderr: one moving line in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from typing import TextIO

from audit.base.messages import Said, render

PLAIN_EVERY = 10.0
LINE_EVERY = 0.1


def duration(seconds: float) -> str:
    """Seconds as people say them: `8 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """Reports stages of a run, which messages of the catalogue name. Times are kept per stage for the record."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.terminal = self.stream.isatty()
        self.seconds: dict[str, float] = {}
        """By the id of the stage's message."""
        self._stage: Said | None = None
        self._name = ""
        self._total = 0
        self._done = 0
        self._lock = threading.Lock()
        self._started = 0.0
        self._shown = 0.0
        self._open_line = False
        self._first: tuple[float, int] | None = None
        self._expected: dict[str, float] = {}

    def expect(self, seconds: Mapping[str, float]) -> None:
        """State how long stages to come will take, by id, so that the time left in all can be shown."""
        self._expected = dict(seconds)

    def say(self, said: Said) -> None:
        """Print a message on a line of its own."""
        self._end_line()
        print(render(said), file=self.stream, flush=True)

    def stage(self, stage: Said, total: int) -> None:
        """Begin a stage of `total` units of work; 0 where `count` tells how many once it is known."""
        self.close()
        self._stage, self._name, self._total, self._done = stage, render(stage), total, 0
        self._expected.pop(stage.id, None)
        self._started = self._shown = time.monotonic()
        # Speed is measured from the first report on, so that work found finished does not count.
        self._first = None

    def update(self, done: int) -> None:
        """Report that `done` of the stage's units are finished."""
        self._done = done
        now = time.monotonic()
        if self._first is None:
            self._first = (now, done)
        wait = LINE_EVERY if self.terminal else PLAIN_EVERY
        if now - self._shown < wait and not (self.terminal and done in (0, self._total)):
            return
        self._shown = now
        text = f"{self._name}: {done} of {self._total}{self._left(now, done)}"
        if self.terminal:
            print(f"\r\x1b[2K{text}", end="", file=self.stream, flush=True)
            self._open_line = True
        else:
            print(text, file=self.stream, flush=True)

    def advance(self, units: int) -> None:
        """Report that so many more units are finished; several threads may."""
        with self._lock:
            self.update(self._done + units)

    def count(self, done: int, total: int) -> None:
        """Report progress where the total is known only on the way."""
        self._total = total
        self.update(done)

    def _left(self, now: float, done: int) -> str:
        first_time, first_done = self._first or (now, done)
        if done <= first_done or now - first_time < 0.5 or done >= self._total:
            return ""
        left = (now - first_time) / (done - first_done) * (self._total - done)
        later = sum(self._expected.values())
        return f", about {duration(left)} left" + (f", {duration(left + later)} in all" if later else "")

    def close(self) -> None:
        """End the current stage and note how long it took."""
        if self._stage is not None:
            took = time.monotonic() - self._started
            self.seconds[self._stage.id] = self.seconds.get(self._stage.id, 0.0) + took
            self._end_line(clear=True)
            print(f"{self._name}: done in {duration(took)}", file=self.stream, flush=True)
            self._stage = None

    def _end_line(self, *, clear: bool = False) -> None:
        if self._open_line:
            print("\r\x1b[2K" if clear else "", end="" if clear else "\n", file=self.stream, flush=True)
            self._open_line = False
