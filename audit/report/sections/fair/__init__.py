"""Was the test fair: the checks, what they rest on, and where the run differs from its plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from audit.records import Check, Note
from audit.report.locale import ReportLocale, Spoken
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.fair.calibration import calibration_note, calibration_table
from audit.report.sections.fair.losses import losses
from audit.report.sections.fair.numbers import check_numbers
from audit.report.table import Drawing, Table


@dataclass(frozen=True)
class Checked:
    """One check as the page shows it."""

    slug: str
    passed: bool | None
    sentence: Spoken
    detail: Spoken


@dataclass(frozen=True)
class Fairness:
    summary: str
    checks: tuple[Checked, ...]
    """Failed ones first, then those that could not be made, then the passed ones."""
    table: Table
    deviations: tuple[Spoken, ...]
    """Where the run differs from its plan."""
    notes: tuple[Spoken, ...]
    """What was found while the pictures were collected, each sentence once."""
    losses: Drawing | None
    calibration: Table | None
    """What tests of planted truths showed about this setup."""
    calibration_note: str


def build(view: ResultsView, _: Shelf) -> Fairness:
    """The checks in the order a reader needs them."""
    loc = view.locale
    checks = sorted(view.results.checks, key=lambda c: {False: 0, None: 1, True: 2}[c.passed])
    tally = {state: sum(c.passed is state for c in checks) for state in (True, False, None)}
    parts = [loc.many(tally[True], "{n} check passed", "{n} checks passed")] if tally[True] else []
    parts += [loc.many(tally[False], "{n} check failed", "{n} checks failed")] if tally[False] else []
    parts += [loc.many(tally[None], "{n} could not be made", "{n} could not be made")] if tally[None] else []
    summary = f"{loc.join(parts)}." if parts else loc.say("No checks were made on this run.")
    if view.verdict.label == "not-valid":
        summary = loc.say("{checks} So the report gives no verdict.", checks=summary)
    return Fairness(
        summary=summary,
        checks=checked(loc, checks),
        table=check_numbers(view),
        deviations=tuple(loc.spoken(d.said) for d in view.results.deviations),
        notes=noted(loc, view.results.notes),
        losses=losses(view, key="losses"),
        calibration=calibration_table(view),
        calibration_note=calibration_note(view),
    )


def checked(loc: ReportLocale, checks: Iterable[Check]) -> tuple[Checked, ...]:
    """Checks in the page's language."""
    return tuple(Checked(c.slug, c.passed, loc.spoken(c.said), loc.spoken(c.figures)) for c in checks)


def noted(loc: ReportLocale, notes: Iterable[Note]) -> tuple[Spoken, ...]:
    """Notes in the page's language, each message with its values once."""
    return tuple(loc.spoken(said) for said in {n.said.canonical(): n.said for n in notes}.values())
