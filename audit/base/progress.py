"""Progress with time left, on stderr: one moving line in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Collection, Mapping
from typing import Any, TextIO

from audit.base.messages import Said, render, say

PLAIN_EVERY = 10.0
LINE_EVERY = 0.1
TOLD_AFTER = 10.0
"""Seconds of a stage's work before its speed is held against what was foreseen."""
SLOWER = 1.5
"""Times the foreseen at which the time left is told anew."""
JSON_EVERY = 1.0
TOLD_AS = "CLOAKCHECK_TOLD"
"""With `json` in it, all that is told on stderr comes as JSON lines: ids and values, for a program to say."""


def told_as_json() -> bool:
    """Whether a program reads what is told."""
    return os.environ.get(TOLD_AS) == "json"


def json_line(**facts: Any) -> str:
    """One line that a program reads; messages as they are kept in files."""
    return json.dumps({k: v.model_dump(mode="json") if isinstance(v, Said) else v for k, v in facts.items()})


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
        self.json = stream is None and told_as_json()
        self.terminal = not self.json and self.stream.isatty()
        self.seconds: dict[str, float] = {}
        """By the id of the stage's message."""
        self._stage: Said | None = None
        self._total = 0
        self._done = 0
        self._lock = threading.Lock()
        self._started = 0.0
        self._shown = 0.0
        self._open_line = False
        self._first: tuple[float, int] | None = None
        self._expected: dict[str, float] = {}
        self._later: dict[str, float] = {}
        self._foreseen = 0.0
        self._even: frozenset[str] = frozenset()
        self._scale = 1.0
        self.slower: list[tuple[str, float]] = []
        """Stages, by id, that took longer than foreseen, each with how many times as long."""
        self.beyond = 0.0
        """Seconds of what comes after these stages, such as a batch's other audits; a part of the time left in all."""

    def expect(
        self,
        seconds: Mapping[str, float],
        *,
        later: Mapping[str, float] | None = None,
        even: Collection[str] = (),
    ) -> None:
        """State how long stages to come will take, by id, so that the time left in all can be shown.

        Where an even stage is slower than that by half, it is told once, and so much slower the rest is foreseen.

        Args:
            later: of the same stages, once more, after these; `go_on` begins them.
            even: ids of stages whose units take alike long, so that the first ones tell of the others.
        """
        self._even = frozenset(even)
        self._expected, self._later = dict(seconds), dict(later or {})

    def go_on(self) -> None:
        """Begin the stages that were expected later."""
        self._expected, self._later = self._later, {}

    def say(self, said: Said) -> None:
        """Print a message on a line of its own."""
        self._end_line()
        self._print(json_line(said=said) if self.json else render(said))

    def stage(self, stage: Said, total: int) -> None:
        """Begin a stage of `total` units of work; 0 where `count` tells how many once it is known."""
        self.close()
        self._stage, self._total, self._done = stage, total, 0
        foreseen = self._expected.pop(stage.id, 0.0)
        self._foreseen = foreseen if stage.id in self._even else 0.0
        self._started = self._shown = time.monotonic()
        # Speed is measured from the first report on, so that work found finished does not count.
        self._first = None
        if self.json:
            self._print(json_line(at=stage, done=0, all=total))

    def update(self, done: int) -> None:
        """Report that `done` of the stage's units are finished."""
        self._done = done
        now = time.monotonic()
        if self._first is None:
            self._first = (now, done)
        self._compare(now, done)
        wait = JSON_EVERY if self.json else LINE_EVERY if self.terminal else PLAIN_EVERY
        if now - self._shown < wait and not (self.terminal and done in (0, self._total)):
            return
        self._shown = now
        if self.json:
            left, in_all = self._seconds_left(now, done)
            self._print(json_line(at=self._stage, done=done, all=self._total, left=left, in_all=in_all))
            return
        text = render(say("progress.at", stage=self._stage, done=done, all=self._total)) + self._left(now, done)
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
        left, in_all = self._seconds_left(now, done)
        if left is None:
            return ""
        said = render(say("progress.left", left=duration(left)))
        return said if in_all is None else said + render(say("progress.in-all", left=duration(in_all)))

    def _seconds_left(self, now: float, done: int) -> tuple[float | None, float | None]:
        """Of this stage, and in all where stages to come were foreseen."""
        first_time, first_done = self._first or (now, done)
        if done <= first_done or now - first_time < 0.5 or done >= self._total:
            return None, None
        left = (now - first_time) / (done - first_done) * (self._total - done)
        later = self._after()
        return left, left + later if later else None

    def _after(self) -> float:
        """Seconds of all that comes after this stage."""
        return sum(self._expected.values()) + sum(self._later.values()) + self.beyond

    def _compare(self, now: float, done: int) -> None:
        """Tell once that the stage is slower than foreseen, and foresee the rest as much slower.

        One that is not takes back what an earlier one made of the rest, and no more: work found finished looks fast.
        """
        first_time, first_done = self._first or (now, done)
        if not self._foreseen or now - first_time < TOLD_AFTER or not first_done < done < self._total:
            return
        unit = (now - first_time) / (done - first_done)
        times = unit * self._total / self._foreseen
        if 1 / SLOWER < times < SLOWER or self._stage is None:
            return
        self._foreseen = 0.0
        factor = max(times, 1 / self._scale)
        self._scale *= factor
        self._expected = {id: seconds * factor for id, seconds in self._expected.items()}
        self._later = {id: seconds * factor for id, seconds in self._later.items()}
        if times < SLOWER:
            return
        self.slower.append((self._stage.id, times))
        left = duration(unit * (self._total - done) + self._after())
        self.say(say("now.slower", stage=self._stage, left=left))

    def close(self) -> None:
        """End the current stage and note how long it took."""
        if self._stage is not None:
            took = time.monotonic() - self._started
            self.seconds[self._stage.id] = self.seconds.get(self._stage.id, 0.0) + took
            self._end_line(clear=True)
            if self.json:
                self._print(json_line(ended=self._stage, seconds=round(took, 1)))
            else:
                self._print(render(say("progress.done", stage=self._stage, took=duration(took))))
            self._stage = None

    def _print(self, line: str) -> None:
        print(line, file=self.stream, flush=True)

    def _end_line(self, *, clear: bool = False) -> None:
        if self._open_line:
            print("\r\x1b[2K" if clear else "", end="" if clear else "\n", file=self.stream, flush=True)
            self._open_line = False
