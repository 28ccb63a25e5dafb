"""Every step that a run did not make itself, in its log: what it is, when it was made, for which plan and with what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audit.records import StepEnvironment
from audit.runfolder.event_log import log_event
from audit.store import Store

REUSED, REJECTED = "steps-reused", "steps-rejected"
A_LINE = 500
"""Steps of one entry, so that a line stays readable."""


def log_reused(folder: Path, store: Store) -> None:
    """Write down the steps that were found finished in the store, and how many results of it were refused.

    An entry holds steps of one environment: `steps` are rows of name, key, time (ISO 8601, UTC) and the digest of the
    plan that they were first made for; `environment` is null, and so are time and plan, where a step tells none.
    """
    groups: dict[str, tuple[StepEnvironment | None, list[list[str | None]]]] = {}
    for name, key, origin in store.reused_steps():
        environment = None if origin is None else origin.environment
        rows = groups.setdefault("" if environment is None else environment.digest(), (environment, []))[1]
        rows.append([name, key, *((None, None) if origin is None else (origin.made, origin.plan_sha256))])
    for environment, rows in groups.values():
        made_with: Any = None if environment is None else environment.model_dump(mode="json")
        for first in range(0, len(rows), A_LINE):
            log_event(folder, REUSED, {"environment": made_with, "steps": rows[first : first + A_LINE]})
    if store.rejected:
        log_event(folder, REJECTED, {"steps": list(store.rejected)})
