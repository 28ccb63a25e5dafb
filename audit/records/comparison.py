"""Two audits side by side."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from audit.base.record import SCHEMA_VERSION, Record
from audit.records.overview import AuditFacts

Aspect = Literal["plan", "inputs", "environment", "result"]


class AuditDifference(Record):
    """One difference; a side that has nothing there is None."""

    chapter: Aspect
    what: str
    """Its place, with dots between the names of parts: `training.steps`."""
    first: JsonValue
    second: JsonValue


class RunComparison(Record):
    """What `cloakcheck compare` finds."""

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    audits: tuple[AuditFacts, AuditFacts]
    same_works: int
    """Works whose pixels both have."""
    differences: tuple[AuditDifference, ...]
