"""batch.json: how the audits of a batch stand."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit.base.messages import Said
from audit.base.record import SCHEMA_VERSION, Record
from audit.records.judged import VerdictLabel, english

AuditState = Literal["waiting", "at-work", "whole", "failed"]


class BatchAudit(Record):
    """One audit of a batch."""

    artist: str
    """The table's or the folder's name."""
    model: str
    folder: str
    """Name of its run folder, beside batch.json."""
    state: AuditState = "waiting"
    verdict: VerdictLabel | None = None
    """Of a whole one."""
    said: Said | None = None
    """The answer of a whole one; why one failed."""
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))
    cells: int | None = None
    """Trainings that its plan has; None before it is planned, and of one found whole."""
    expected_seconds: float | None = None
    """From its beginning, about."""
    memory_bytes: float | None = None
    disk_bytes: float | None = None
    seconds: float | None = None
    """That it took, the last time its command worked on it; None where it did not."""


class BatchStanding(Record):
    """batch.json."""

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    audits: tuple[BatchAudit, ...]

    @property
    def whole(self) -> int:
        """How many audits are finished, whatever their answer."""
        return sum(audit.state == "whole" for audit in self.audits)
