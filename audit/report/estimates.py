"""Estimates as cells of tables: a value with its range, or why it is missing."""

from __future__ import annotations

from typing import Literal

from audit.base.messages import catalogue, say
from audit.records import Estimate
from audit.records.rounding import Ranged, shown
from audit.report.locale import NBSP, ReportLocale, Spoken


def named(loc: ReportLocale, kind: Literal["quantity", "setting"], name: str) -> str:
    """An estimate or a setting in words; as it stands in its file where the catalogue does not know it."""
    id = f"{kind}.{name}"
    return loc.render(say(id)) if id in catalogue() else name


def value_of(loc: ReportLocale, estimate: Estimate) -> str | Spoken:
    """An estimate as its unit is written."""
    shares = estimate.unit in ("share", "rate")
    if estimate.unit == "score squared":
        # Spreads of a hundredth: their squares need more digits than scores.
        return loc.number(estimate.value, digits=6) if estimate.value is not None else why_missing(loc, estimate)
    if estimate.unit == "probability" and estimate.low is None:
        return chance(loc, estimate)
    return share(loc, estimate) if shares else score(loc, estimate)


def score(loc: ReportLocale, estimate: Estimate | None) -> str | Spoken:
    """A style score or a difference of scores."""
    if estimate is None or estimate.value is None:
        return why_missing(loc, estimate)
    return with_range(loc, *(loc.number(x) if x is not None else "" for x in _bounds(estimate)))


def share(loc: ReportLocale, estimate: Estimate | None) -> str | Spoken:
    """A share, in per cent, with its range."""
    if estimate is None or estimate.value is None:
        return why_missing(loc, estimate)
    ends = ("" if x is None else loc.percent(x) for x in (estimate.low, estimate.high))
    return with_range(loc, rounded(loc, estimate), *ends)


def rounded(loc: ReportLocale, estimate: Ranged | None) -> str:
    """The middle figure of a share as all of the page gives it: to 5 % where its range is wide, else to 1 %.

    The same rule as that of the verdict's sentence, so that one result never has two figures.
    """
    return loc.percent(None if estimate is None else shown(estimate))


def _bounds(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.low, estimate.high


def with_range(loc: ReportLocale, value: str, low: str, high: str) -> str:
    """A value and, where both are there, its bounds."""
    if not low or not high:
        return value
    return f"{value} " + loc.say("({low} to {high})", low=low, high=high).replace(" ", NBSP)


def chance(loc: ReportLocale, estimate: Estimate | None) -> str | Spoken:
    """A p value."""
    return why_missing(loc, estimate) if estimate is None or estimate.value is None else loc.p_value(estimate.value)


def why_missing(loc: ReportLocale, estimate: Estimate | None) -> str | Spoken:
    """Why there is no value."""
    if estimate is None:
        return loc.say("does not apply")
    return loc.spoken(estimate.why) if estimate.why is not None else loc.missing
