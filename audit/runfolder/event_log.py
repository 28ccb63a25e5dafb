"""events.jsonl: an append-only log in which every line carries the digest of the line before it.

A line cannot be changed, dropped or put in later without breaking every digest after it. Cutting off the
end is not seen from the log alone; a bundle's manifest covers that.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.base.errors import BadResults
from audit.base.files import read_bounded
from audit.base.messages import Value, render, say
from audit.records import canonical_json
from audit.runfolder.lock import Held
from audit.store import storage_errors

EVENTS = "events.jsonl"
PLAN_FIXED = "plan-fixed"
TRAINING_BEGINS = "training-begins"
FIRST_REPORT = "first-report"
SLOWER = "slower-than-foreseen"
JUDGED = "judged"
DECLARED, NOT_DECLARED = "rights-declared", "rights-not-declared"
PLAN_STAMPED, PLAN_SEEDED = "plan-stamped", "plan-seeded"
RATING_PAGE, RATED = "rating-page", "ratings"
MOST_LOG = 256 << 20
"""Bytes of a log; a run writes some hundred entries, and a row for every step that it reused."""
START = "0" * 64
"""What the first line carries in place of a digest."""


class BrokenLog(ValueError):
    """The log's chain does not hold."""

    def __init__(self, id: str, /, **values: Value) -> None:
        self.said = say(id, **values)
        super().__init__(render(self.said))


def log_bytes(folder: Path) -> bytes:
    """The folder's log as it lies there; b'' without one.

    Raises:
        BadResults: `log-unreadable`, it is no plain file, or larger than any log.
    """
    try:
        return read_bounded(folder / EVENTS, limit=MOST_LOG)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise BadResults("log-unreadable", folder=folder.absolute().name, most=MOST_LOG >> 20) from error


def facts_of(folder: Path) -> Iterator[dict[str, Any]]:
    """What every line of a folder's log tells that can be read, whether or not the chain holds.

    A line that a kill has cut, or that somebody edited, tells nothing.

    Raises:
        BadResults: `log-unreadable`.
    """
    for line in log_bytes(folder).splitlines():
        try:
            facts = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(facts, dict):
            yield facts


def log_event(folder: Path, event: str, facts: Mapping[str, object]) -> None:
    """Append one line to the folder's log, under a lock, and sync it to the disk.

    Raises:
        StorageError: the folder cannot be written. BadInput: another process is at work in it.
        BadResults: `log-unreadable`.
    """
    with storage_errors(folder), Held(folder):
        before = log_bytes(folder)
        # A line cut off by a full disk or a power cut stays as it is and is chained like any other.
        torn = bool(before) and not before.endswith(b"\n")
        previous = hashlib.sha256(_lines(before)[-1]).hexdigest() if before else START
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = canonical_json({"time": now, "event": event, **facts, "previous": previous})
        with (folder / EVENTS).open("ab") as handle:
            handle.write(b"\n" * torn + line.encode("ascii") + b"\n")
            handle.flush()
            os.fsync(handle.fileno())


def _lines(data: bytes) -> list[bytes]:
    return data.removesuffix(b"\n").split(b"\n") if data else []


def read_events(data: bytes) -> tuple[dict[str, Any], ...]:
    """The events of a log whose chain holds; torn lines are chained but are no events.

    Raises:
        BrokenLog: a line does not carry the digest of the one before it, or names no event; with its number.
    """
    previous, events = START, []
    for number, line in enumerate(_lines(data), start=1):
        try:
            event = json.loads(line.decode("ascii"))
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict):
            if event.get("previous") != previous:
                raise BrokenLog("log-broken.order", number=number)
            if not isinstance(event.get("event"), str):
                raise BrokenLog("log-broken.event", number=number)
            events.append(event)
        previous = hashlib.sha256(line).hexdigest()
    if data and not data.endswith(b"\n"):
        raise BrokenLog("log-broken.cut")
    return tuple(events)
