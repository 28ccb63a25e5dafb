"""The checks of `verify` of what results say about their own making: against the event log and environment.json.

None of it follows from the scores, so each of these is held against another place that tells of the same. Somebody
who writes all of them anew is not found: a log and an environment are their maker's word.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from audit.base.messages import FINISHED, OtherWords, Said, render, say
from audit.evidence.first import TOLERANCE, moment
from audit.evidence.sealed import Fails, NotDerived, Sealed
from audit.judge.rejudged import TOLD
from audit.models.cards import is_lab
from audit.records import SCHEMA_VERSION, Provenance, Session
from audit.runfolder import RATINGS
from audit.runfolder.event_log import DECLARED, NOT_DECLARED, PLAN_STAMPED, RATED
from audit.runfolder.reused import REUSED
from audit.store.reuse import FEATURES, OUTCOMES

LEFT = (("environment", "environment.json"), (RATED, RATINGS), (PLAN_STAMPED, "plan.tsr"))
"""Entry of a log -> the file that it tells of."""
BEFORE_START = timedelta(days=1)
"""A run that says it began earlier than that before its first entry says something else than its log."""


def check_history(at: Sealed) -> Said:
    """How a run was begun, declared, gone on with and what it reused: results, log and environment tell the same."""
    if not at.made_here or at.results.plan.schema_version != SCHEMA_VERSION:
        # Logs of before tell less, and in other words.
        raise NotDerived("history.earlier")
    provenance = at.results.provenance
    gone = [name for event, name in LEFT if name not in at.payload and any(e["event"] == event for e in at.events)]
    if gone:
        raise Fails("history.gone", file=gone[0])
    rights = [e["event"] for e in at.events if e["event"] in (DECLARED, NOT_DECLARED)]
    if (provenance.declared is not None) != (rights[-1:] == [DECLARED]):
        raise Fails("history.other", what=say("history.rights"))
    for what, same in (("sessions", _sessions(at)), ("reused", _reused(at)), ("environment", _environment(at))):
        if not same:
            raise Fails("history.other", what=say(f"history.{what}"))
    if not _times_fit(at, provenance):
        raise Fails("history.other", what=say("history.times"))
    if not provenance.sessions:
        raise NotDerived("history.no-sessions")
    back = next(_backwards(at), None)
    if back is not None:
        raise NotDerived("history.backwards", number=back)
    return say("history.fits", count=len(at.events))


def _sessions(at: Sealed) -> bool:
    told = [{k: e.get(k) for k in Session.model_fields} for e in at.events if e["event"] == "session"]
    provenance = at.results.provenance
    last = provenance.sessions[-1].packages if provenance.sessions else provenance.packages
    return told == [s.model_dump(mode="json") for s in provenance.sessions] and provenance.packages == last


def _reused(at: Sealed) -> bool:
    """What the last start found finished, of which a part is older than the plan."""
    provenance = at.results.provenance
    last = max((n for n, e in enumerate(at.events) if e["event"] == "session"), default=-1)
    rows = [row for e in at.events[last + 1 :] if e["event"] == REUSED for row in e.get("steps", ())]
    fixed = provenance.plan_fixed
    old = Counter(str(name) for name, _, made, _ in rows if fixed and (made is None or str(made) < fixed))
    stated = {steps.step: steps.count for steps in provenance.before_plan}
    # Features of real works are known before any training; which those are, the log does not tell.
    surely = {name: old[name] for name in OUTCOMES if name not in FEATURES and old[name]}
    return len(rows) == provenance.steps_reused and surely == {n: c for n, c in stated.items() if n not in FEATURES}


def _environment(at: Sealed) -> bool:
    made, provenance = at.environment, at.results.provenance
    if made is None:
        return True
    installed = {_plain(package.name): package.version for package in made.packages}
    packages = all(installed.get(_plain(n), "not installed") == v for n, v in provenance.packages.items())
    where = (f"{made.device}, {made.precision}", made.python, made.platform, made.commit)
    return packages and where == (provenance.device, provenance.python, provenance.platform, provenance.commit)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _times_fit(at: Sealed, provenance: Provenance) -> bool:
    """Whether a run began before the entry of its last start, and ended after it and before it was judged."""
    started, finished = (moment(text) for text in (provenance.started, provenance.finished))
    if started is None or finished is None or finished < started:
        return False
    entry = next((moment(e.get("time")) for e in reversed(at.events) if e["event"] == "session"), None)
    # A clock that was set back is told apart below.
    last = max((time for e in at.events if (time := moment(e.get("time"))) is not None), default=None)
    if entry is None or last is None:
        return not provenance.sessions
    return entry - BEFORE_START <= started <= entry + TOLERANCE and entry - TOLERANCE <= finished <= last + TOLERANCE


def _backwards(at: Sealed) -> Iterator[int]:
    """Numbers of the entries whose time lies before that of an earlier one."""
    latest = None
    for number, event in enumerate(at.events, start=1):
        time = moment(event.get("time"))
        if time is None or (latest is not None and time < latest - TOLERANCE):
            yield number
        else:
            latest = time if latest is None else max(latest, time)


def check_sentences(at: Sealed) -> Said:
    """Sentences of plan and results are those of their messages, and none is a finished one of somebody's own."""
    if not at.made_here:
        raise NotDerived("history.other-words")
    plan = at.results.plan
    if at.environment is not None and is_lab(at.environment.model_files.values()) and not plan.model.lab:
        raise Fails("history.lab")
    fixed_before = plan.schema_version != SCHEMA_VERSION
    for name in ("plan.json", "results.json"):
        for part in _parts(json.loads(at.read(f"bag/data/{name}"))):
            if part.get("text") == FINISHED and "id" in part and not fixed_before:
                raise Fails("history.sentence", file=name)
            for of, fields in TOLD:
                for field in fields:
                    if of in part and isinstance(part.get(field), str) and part[field] != _english(part[of]):
                        raise Fails("history.sentence", file=name)
    return say("history.sentences")


def _parts(value: object) -> Iterator[Mapping[str, Any]]:
    left = [value]
    while left:
        found = left.pop()
        if isinstance(found, dict):
            yield found
            left += found.values()
        elif isinstance(found, list):
            left += found


def _english(said: object) -> str | None:
    return "" if said is None else _rendered(json.dumps(said, sort_keys=True))


@cache
def _rendered(said: str) -> str | None:
    """None where no message says this with these values."""
    try:
        return render(Said.model_validate_json(said))
    except OtherWords:
        return None
