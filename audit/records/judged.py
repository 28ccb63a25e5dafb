"""What the judge makes of it."""

from __future__ import annotations

from typing import Literal

from audit.base.record import Record


class Estimate(Record):
    """One number with its interval."""

    name: str
    """`gain`, `protection_index`, `gain_difference`, `auc`, `learned_share`, ..."""
    condition: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    level: float
    n: int
    """Independent units (replicates) behind it."""
    unit: str
    method: str
    note: str = ""
    """Why value or a bound is missing, or what else the reader must know."""


class Check(Record):
    """One gate."""

    slug: str
    passed: bool | None
    """None when the run has nothing to check it with; the detail says so."""
    sentence: str
    """For the artist."""
    detail: str
    """For the expert: figures and threshold."""


class Deviation(Record):
    """Something in which the run or its judging differs from the plan."""

    slug: str
    sentence: str


VerdictLabel = Literal["held", "partly-held", "did-not-hold", "inconclusive", "not-valid", "exploratory"]


class ConditionVerdict(Record):
    label: VerdictLabel
    sentence: str


class Verdict(Record):
    """The answer."""

    label: VerdictLabel
    sentence: str
    condition: str | None
    """The condition that decided, when one did."""
    per_condition: dict[str, ConditionVerdict]
