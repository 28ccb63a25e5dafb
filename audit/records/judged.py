"""What the judge makes of it: data (`Said`), with the English beside it for readers without the tool."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit.base.messages import Said, render
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
    setting: str = ""
    """Of the plan's grid, where the number is about models of one other than the default."""
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


class Check(Record):
    """One check."""

    slug: str
    passed: bool | None
    """None when the run has nothing to check it with; the detail says so."""
    said: Said
    """For the artist."""
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))
    of: tuple[str, ...] = ()
    """Where it is red for some protections alone: which. Their words are withheld, and no others."""
    figures: Said
    """For the expert: figures and threshold."""
    detail: str = Field(default_factory=lambda data: english(data.get("figures")))


class Deviation(Record):
    """Something in which the run or its judging differs from the plan."""

    said: Said
    slug: str = Field(default_factory=lambda data: data["said"].slug)
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))


VerdictLabel = Literal[
    "held", "held-plain", "partly-held", "models-broke", "did-not-hold", "inconclusive", "not-valid", "exploratory"
]
"""`models-broke`: models trained on protected works drew broken pictures, which is no success of a protection."""
WITHOUT_MARGINS: tuple[VerdictLabel, ...] = ("models-broke", "not-valid", "exploratory")
"""Labels that rest on no margin of the verdict words."""
WITHOUT_NUMBER: tuple[VerdictLabel, ...] = ("models-broke", "not-valid")
"""Labels beside which no protection index is given: it would say nothing about style."""


class Limited(Record):
    """A look at the same run that made a word more careful than the protection index alone would."""

    slug: str
    """Of the limit, as in the judge's table."""
    said: Said
    """What was seen, as a whole sentence for the artist."""
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))


class ConditionVerdict(Record):
    label: VerdictLabel
    said: Said
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))
    limited: tuple[Limited, ...] = ()
    """What made the label more careful than its index alone, in the order in which it was asked."""


class Verdict(Record):
    """The answer."""

    label: VerdictLabel
    said: Said
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))
    condition: str | None
    """The condition that decided, when one did."""
    per_condition: dict[str, ConditionVerdict]
    own_margins: bool = False
    """Whether its words rest on margins or a level other than the tool's own: then they are other words."""
