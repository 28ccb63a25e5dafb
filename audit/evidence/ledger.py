"""The ledger of attempts: every audit that was begun with a store, in a log whose lines carry the digest of the one
before. Choosing the best of many tries bends an answer; this counts the tries.

It lies in the store, readable by its owner alone, and holds digests of works and plans, no pictures and no names.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from audit.base.files import read_bounded
from audit.base.private import private_folder
from audit.base.record import Digest, Record
from audit.judge.audit_facts import setup_parts
from audit.records import Attempts, EarlierAttempt, Plan, canonical_json
from audit.runfolder.event_log import EVENTS, MOST_LOG, BrokenLog, log_event, read_events
from audit.store import storage_errors
from audit.store.listing import each_step, origin_of

LEDGER = "ledger"
"""Folder in the store."""
OPENED, BEGUN, ENDED = "ledger-begins", "begun", "finished"
NAMED = "ledger-entry"
"""Entry of a run's own log: the digest of the ledger's line about it."""
_SHORT = 16
"""Hex digits by which a work or a part of a plan is told from others."""


class _Begun(Record):
    """What a line says of an audit that was begun; one that somebody edited may say anything."""

    plan_sha256: Digest
    claims: bool
    """Whether it tests a protection."""
    works: tuple[str, ...] = Field(min_length=1)
    parts: dict[str, str]
    time: str


def begin_attempt(store: Path, plan: Plan, *, out: Path) -> None:
    """Write down that an audit is about to train; one that goes on is there already.

    Args:
        store: root of the store.
        out: the run folder, whose log names the entry.

    Raises:
        StorageError: the ledger cannot be written, or others may write to it. BadInput: another process holds it.
    """
    folder = store / LEDGER
    with storage_errors(folder):
        private_folder(folder)
    if not (folder / EVENTS).exists():
        log_event(folder, OPENED, {"models": _has_models(store)})
    if not any(_is_begun(entry, plan.digest()) for _, entry in _lines(folder)):
        works = sorted({work.pixels[:_SHORT] for work in plan.works})
        claims = any(condition.primary for condition in plan.conditions)
        told = {"plan_sha256": plan.digest(), "claims": claims, "works": works, "parts": plan_parts(plan)}
        log_event(folder, BEGUN, told)
        line = next(line for line, entry in _lines(folder) if _is_begun(entry, plan.digest()))
        log_event(out, NAMED, {"sha256": hashlib.sha256(line).hexdigest()})


def end_attempt(store: Path, plan: Plan) -> None:
    """Write down that it came to its end, once."""
    folder = store / LEDGER
    ended = (e for _, e in _lines(folder) if e.get("event") == ENDED)
    if not any(entry.get("plan_sha256") == plan.digest() for entry in ended):
        log_event(folder, ENDED, {"plan_sha256": plan.digest()})


def attempts_before(store: Path, plan: Plan, *, out: Path) -> Attempts:
    """What the ledger tells of an audit that was begun.

    Planted truths alone (`calibrate`) test no protection and are not counted.
    """
    # Before the ledger, in which an audit stands before it trains: one at work meanwhile is not taken for a lost one.
    trained = _trained_for(store)
    found = list(_lines(store / LEDGER))
    entries = [entry for _, entry in found]
    own = next((at for at, entry in enumerate(entries) if _is_begun(entry, plan.digest())), len(entries))
    ended = {str(entry.get("plan_sha256")) for entry in entries if entry.get("event") == ENDED}
    begun = [_begun(entry) for entry in entries if entry.get("event") == BEGUN]
    works, parts = {work.pixels[:_SHORT] for work in plan.works}, plan_parts(plan)
    before = []
    for one in map(_begun, entries[:own]):
        shared = works & set(one.works) if one is not None and one.claims else set()
        if one is not None and shared:
            before.append(
                EarlierAttempt(
                    plan_sha256=one.plan_sha256,
                    begun=one.time,
                    finished=one.plan_sha256 in ended,
                    works=len(shared),
                    differs=tuple(name for name, value in parts.items() if one.parts.get(name) != value),
                )
            )
    first = entries[0] if entries else {}
    named = {e.get("sha256") for _, e in _lines(out) if e.get("event") == NAMED}
    return Attempts(
        since=str(first.get("time", "")),
        before=tuple(before),
        models_before=bool(first.get("models", True)),
        lost=bool(named - {hashlib.sha256(line).hexdigest() for line, _ in found}),
        broken=None in begun or _is_broken(store / LEDGER),
        unlisted=len(trained - {one.plan_sha256 for one in begun if one is not None}),
    )


def plan_parts(plan: Plan) -> dict[str, str]:
    """What two plans on the same works may differ in: part -> how it reads, or a digest."""
    parts = {
        "works": sorted(work.pixels for work in plan.works),
        "protected": sorted([file.arm, file.work, file.pixels] for file in plan.protected),
        "conditions": [condition.name for condition in plan.conditions],
        "replicates": plan.replicates,
        "seed": plan.seed,
    }
    return setup_parts(plan) | {name: _digest(value) for name, value in parts.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()[:_SHORT]


def _is_begun(entry: Mapping[str, Any], digest: str) -> bool:
    return entry.get("event") == BEGUN and entry.get("plan_sha256") == digest


def _begun(entry: Mapping[str, Any]) -> _Begun | None:
    """What a line tells of an audit that was begun; None if it tells of something else, or not as it was written."""
    if entry.get("event") != BEGUN:
        return None
    try:
        return _Begun.model_validate_json(json.dumps({name: entry.get(name) for name in _Begun.model_fields}))
    except (ValidationError, UnicodeError):
        return None


def _trained_for(store: Path) -> set[str]:
    """Digests of the plans that the store's trained models say they were made for."""
    origins = map(origin_of, each_step(store, "adapter"))
    return {origin.plan_sha256 for origin in origins if origin is not None and origin.plan_sha256 is not None}


def _has_models(store: Path) -> bool:
    adapters = store / "steps" / "adapter"
    return adapters.is_dir() and any(adapters.iterdir())


def _lines(folder: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Every line that is an entry, whether or not the chain holds."""
    try:
        data = _read(folder)
    except OSError:
        return
    for line in data.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield line, entry


def _read(folder: Path) -> bytes:
    """The log of a ledger or a run; raises OSError where there is none, or none that is read."""
    return read_bounded(folder / EVENTS, limit=MOST_LOG)


def _is_broken(folder: Path) -> bool:
    try:
        read_events(_read(folder))
    except (OSError, BrokenLog):
        return True
    return False
