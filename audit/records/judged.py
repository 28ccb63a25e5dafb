"""What the judge makes of it: data (`Said`), with the English beside it for readers without the tool."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from audit.base.messages import Said, as_written, render
from audit.base.record import Record


def english(said: Said | None) -> str:
    """A message in English; '' for none."""
    return "" if said is None else render(said)


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
    how: Said
    """How it is worked out."""
    method: str = Field(default_factory=lambda data: english(data.get("how")))
    why: Said | None = None
    """Why value or a bound is missing, or what else the reader must know."""
    note: str = Field(default_factory=lambda data: english(data.get("why")))

    @model_validator(mode="before")
    @classmethod
    def _sentences(cls, given: Any) -> Any:
        return with_said(given, how="method", why="note")


class Check(Record):
    """One gate."""

    slug: str
    passed: bool | None
    """None when the run has nothing to check it with; the detail says so."""
    said: Said
    """For the artist."""
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))
    figures: Said
    """For the expert: figures and threshold."""
    detail: str = Field(default_factory=lambda data: english(data.get("figures")))

    @model_validator(mode="before")
    @classmethod
    def _sentences(cls, given: Any) -> Any:
        return with_said(given, said="sentence", figures="detail")


class Deviation(Record):
    """Something in which the run or its judging differs from the plan."""

    said: Said
    slug: str = Field(default_factory=lambda data: data["said"].slug)
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))

    @model_validator(mode="before")
    @classmethod
    def _sentences(cls, given: Any) -> Any:
        return with_said(given, said="sentence")


VerdictLabel = Literal["held", "partly-held", "did-not-hold", "inconclusive", "not-valid", "exploratory"]


class ConditionVerdict(Record):
    label: VerdictLabel
    said: Said
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))

    @model_validator(mode="before")
    @classmethod
    def _sentences(cls, given: Any) -> Any:
        return with_said(given, said="sentence")


class Verdict(Record):
    """The answer."""

    label: VerdictLabel
    said: Said
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))
    condition: str | None
    """The condition that decided, when one did."""
    per_condition: dict[str, ConditionVerdict]

    @model_validator(mode="before")
    @classmethod
    def _sentences(cls, given: Any) -> Any:
        return with_said(given, said="sentence")


def with_said(given: Any, **pairs: str) -> Any:
    """Fields of an older file, or of a stage that still writes sentences, with the sentence as it stands."""
    if not isinstance(given, dict):
        return given
    slug = given.get("slug") or "as-written"
    added = {
        field: as_written(given[sentence], id=slug)
        for field, sentence in pairs.items()
        if field not in given and given.get(sentence)
    }
    if "how" in pairs and "how" not in given and "how" not in added:
        added["how"] = as_written("")
    if "figures" in pairs and "figures" not in given and "figures" not in added:
        added["figures"] = as_written("")
    return {**given, **added}
