"""Which file was judged last in a run folder, by its log."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from audit import __version__
from audit.base.files import file_digest
from audit.runfolder.event_log import EVENTS, JUDGED, facts_of, log_event


@dataclass(frozen=True)
class LastJudged:
    """The last entry of a log that tells of a judging.

    Attributes:
        sha256: of the file that it wrote; '' where the log tells of none.
        tool_version: of what judged; '' where it was not written down.
    """

    sha256: str
    tool_version: str


def log_judged(folder: Path, data: bytes) -> None:
    """Write down that these bytes are what was judged."""
    log_event(folder, JUDGED, {"results_sha256": hashlib.sha256(data).hexdigest(), "tool_version": __version__})


def last_judged(folder: Path) -> LastJudged | None:
    """What the log says was judged last, whether or not its chain holds; None without a log."""
    if not (folder / EVENTS).exists():
        return None
    found = LastJudged("", "")
    for facts in facts_of(folder):
        if facts.get("event") == JUDGED:
            found = LastJudged(str(facts.get("results_sha256", "")), str(facts.get("tool_version", "")))
    return found


def is_last_judged(path: Path) -> bool | None:
    """Whether a results file is the one that was judged last; None where no log lies beside it."""
    last = last_judged(path.parent)
    return None if last is None else file_digest(path) == last.sha256
