"""Everything that was tested: a line for every condition, with its word, its number and its range."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Condition, Estimate, VerdictLabel
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView


@dataclass(frozen=True)
class Standing:
    """One condition in the list of all."""

    label: str
    typed: str
    slot: str
    primary: bool
    verdict: VerdictLabel | None
    word: str
    estimate: Estimate | None
    change: str
    likely: str
    known: bool
    """Whether the figure may stand before its range."""
    limited: tuple[str, ...]
    """What made the label more careful than its number alone."""


MOST_OPEN = 4
"""Rows of the list that stand open; the others are a click away."""


@dataclass(frozen=True)
class Tested:
    open: tuple[Standing, ...]
    """Those that count, the one that the answer is about first."""
    folded: tuple[Standing, ...]
    """All others."""


def build(view: ResultsView, _: Shelf) -> Tested | None:
    """A line for every condition; None where there was none."""
    rows = [(c, _standing(view, c)) for c in view.tested]
    if not rows:
        return None
    count = [c for c, row in rows if row.primary] or [c for c, _ in rows]
    first = sorted(count, key=lambda c: c != view.headline)[:MOST_OPEN]
    shown = tuple(row for c, row in sorted(rows, key=lambda pair: pair[0] != view.headline) if c in first)
    return Tested(shown, tuple(row for c, row in rows if c not in first))


def _standing(view: ResultsView, condition: Condition) -> Standing:
    found = view.verdict.per_condition.get(condition.name)
    estimate = view.told_index(condition.name)
    return Standing(
        label=view.label(condition.name),
        typed=condition.name,
        slot=view.slot(condition.name),
        primary=condition.primary,
        verdict=found.label if found else None,
        word=view.word(found.label) if found else view.locale.say("For comparison"),
        estimate=estimate,
        change=view.change(estimate) if estimate else "",
        likely=view.likely(estimate) if estimate else "",
        known=estimate is not None and view.known(estimate, found.label if found else None),
        limited=()
        if view.withheld(condition.name)
        else tuple(view.locale.render(limit.said) for limit in view.limits(condition.name)),
    )
