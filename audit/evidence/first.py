"""Whether a run's plan came before what the run found out, by the log, the plan's stamp and the store's record."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from audit.base.errors import AuditError
from audit.base.messages import Said, say
from audit.evidence.bag import read_text
from audit.evidence.timestamps import MOST_BYTES, check_token
from audit.records import Provenance
from audit.runfolder import plan_fixed, stamped_plan
from audit.runfolder.event_log import PLAN_FIXED, TRAINING_BEGINS

TOLERANCE = timedelta(minutes=5)
"""How far a machine's clock may be from an authority's before their order counts as a contradiction."""


def moment(text: object) -> datetime | None:
    """A time as the tool writes it (ISO 8601, UTC), None for anything else."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def plan_times(source_events: tuple[dict[str, object], ...]) -> tuple[datetime | None, datetime | None]:
    """When the plan was fixed and when training first began, by the machine's clock."""
    first: dict[object, datetime | None] = {}
    for event in source_events:
        first.setdefault(event.get("event"), moment(event.get("time")))
    return first.get(PLAN_FIXED), first.get(TRAINING_BEGINS)


def fixed_at(folder: Path) -> str:
    """When the plan of a run folder was fixed, ISO 8601, UTC; '' when its log does not tell.

    With a stamp that verifies, what is attested is the stamp's moment: a plan counts as fixed from then on, less
    `TOLERANCE`.
    """
    logged = plan_fixed(folder)
    reply, chain = folder / "plan.tsr", folder / "plan-tsa.pem"
    # A stamp that does not verify is for `bundle` and `verify` to refuse; it moves nothing here.
    with contextlib.suppress(AuditError, OSError):
        if logged and reply.exists():
            stamp = read_text(reply, limit=MOST_BYTES)
            token = check_token(read_text(stamped_plan(folder)), reply=stamp, chain=read_text(chain, limit=MOST_BYTES))
            return max(logged, _written(token.time - TOLERANCE))
    return logged


def came_first(provenance: Provenance) -> bool | None:
    """Whether everything that a run used is younger than its plan; None where that was not recorded."""
    return not provenance.before_plan if provenance.plan_fixed else None


def plan_first(provenance: Provenance, *, frame: Literal["verify", "certify"]) -> Said:
    """The same as a sentence of `verify` or of the certification form."""
    came = came_first(provenance)
    if came is None:
        return say(f"{frame}.plan-first-unknown")
    if came:
        return say(f"{frame}.plan-first", fixed=provenance.plan_fixed)
    # Judging takes long to load, and most runs need no word of it here.
    from audit.judge.deviations import earlier

    return say(f"{frame}.plan-not-first", **earlier(provenance))


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
