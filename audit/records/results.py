"""results.json."""

from __future__ import annotations

from pydantic import Field

from audit.records.base import SCHEMA_VERSION, Digest, Record
from audit.records.judged import Check, Estimate, Verdict
from audit.records.made import Cell, MetricFacts, Visibility
from audit.records.plan import Plan
from audit.records.treated import Reached
from audit.records.works import Note


class Provenance(Record):
    """Where, when and with what the run was made. No host name, no user name, no paths."""

    started: str
    """ISO 8601, UTC."""
    finished: str
    seconds: float
    platform: str
    device: str
    python: str
    packages: dict[str, str]
    commit: str
    """Git commit of the tool, with `-dirty` when the tree was changed; '' outside a checkout."""
    plan_sha256: Digest
    steps_run: int
    steps_reused: int
    stage_seconds: dict[str, float] = Field(default_factory=dict)


class Results(Record):
    """results.json: the only input of judge and report."""

    schema_version: int = SCHEMA_VERSION
    plan: Plan
    notes: tuple[Note, ...]
    cells: tuple[Cell, ...]
    metrics: tuple[MetricFacts, ...]
    visibility: tuple[Visibility, ...]
    reached: tuple[Reached, ...] = ()
    """What optimised treatments achieved, picture by picture."""
    work_images: dict[str, str]
    """Work id -> preview file under images/ (held-out works and the examples of each treatment)."""
    treated_images: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Condition -> work id -> file under images/, lossless, of example works before training size."""
    estimates: tuple[Estimate, ...] = ()
    checks: tuple[Check, ...] = ()
    verdict: Verdict | None = None
    provenance: Provenance
