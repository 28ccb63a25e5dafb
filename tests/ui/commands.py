"""The queue with nobody at work: what a command would tell and give is written where it would, at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from audit.base.messages import say
from audit.ui.jobs import LANES, LOOKS, Job, Jobs, lane_lock
from tests.ui.conftest import Served


class Commands:
    """Stands for the keepers of one server, whose locks it holds."""

    def __init__(self, served: Served) -> None:
        self.jobs = Jobs(served.door, cwd=served.reports)

    def waiting(self, lane: str = LOOKS) -> list[Job]:
        return [job for job in self.jobs.all(lane) if self.jobs.state(job) == "waiting"]

    def begins(self, job: Job, *told: dict[str, Any]) -> None:
        (job.folder / "started").touch()
        (job.folder / "log").write_text("\n".join(json.dumps(line) for line in told))

    def ends(self, job: Job, *told: dict[str, Any], gave: dict[str, Any] | None = None, code: int = 0) -> None:
        self.begins(job, *told)
        (job.folder / "out").write_text(json.dumps(gave or {}) + "\n")
        (job.folder / "code").write_text(str(code))


@contextmanager
def standing(served: Served) -> Iterator[Commands]:
    with ExitStack() as stack:
        for lane in LANES:
            stack.enter_context(lane_lock(served.door.folder, lane))
        yield Commands(served)


def said(id: str, /, **values: Any) -> dict[str, Any]:
    return say(id, **values).model_dump(mode="json")


def plan_of(*rows: dict[str, Any], seconds: float = 90.0) -> dict[str, Any]:
    """What `cloakcheck plan --json` gives."""
    return {"seconds": seconds, "memory_bytes": 2.5e9, "disk_bytes": 4e7, "told": list(rows)}


def until(what: Any, *, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)
