"""How long an audit with a model was foreseen to take on this machine, beside the store, for `cloakcheck models PATH`.

Found by sizes and times of the model's files, since a digest of them takes longer than a person waits for a glance.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from audit.base.errors import AuditError
from audit.base.files import read_bounded
from audit.base.record import Record
from audit.models.layout import look_into, resolve
from audit.records import Plan, canonical_json
from audit.store import write_atomic

FOLDER = "forecasts"
MOST_BYTES = 1 << 16


class Forecast(Record):
    """What `plan` or `run` foresaw of an audit from its beginning."""

    preset: str
    seconds: float
    works: int
    conditions: int
    replicates: int
    device: str
    """Device and precision."""


def keep_forecast(root: Path, model: str, plan: Plan, *, seconds: float, device: str) -> None:
    """Remember what was foreseen of an audit with a model, given by name or path; of a preset the latest."""
    found = Forecast(
        preset=plan.preset,
        seconds=seconds,
        works=len(plan.works),
        conditions=len(plan.conditions),
        replicates=plan.replicates,
        device=device,
    )
    write_atomic(_place(root, model, plan.preset), (found.model_dump_json() + "\n").encode("utf-8"))


def find_forecast(root: Path, model: str, preset: str) -> Forecast | None:
    """What was foreseen of an audit with these very files; None where nothing was."""
    try:
        return Forecast.model_validate_json(read_bounded(_place(root, model, preset), limit=MOST_BYTES))
    except (OSError, ValidationError, AuditError):
        return None


def _place(root: Path, model: str, preset: str) -> Path:
    path = resolve(model)
    files = [path] if path.is_file() else [f for w in look_into(path).weights.values() for f in w.opened]
    stamps = [[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in files]
    name = hashlib.sha256(canonical_json([stamps, preset]).encode("ascii")).hexdigest()
    return root / FOLDER / f"{name}.json"
