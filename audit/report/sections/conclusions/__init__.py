"""The court edition's summary: every conclusion that the report comes to, first."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView


@dataclass(frozen=True)
class Conclusions:
    lines: tuple[str, ...]


def build(view: ResultsView, _: Shelf) -> Conclusions:
    """The overall verdict, that on every condition that has one, the checks, and where the limits stand."""
    loc, verdict = view.locale, view.verdict
    own = [
        found.said
        for condition in view.tested
        if (found := verdict.per_condition.get(condition.name)) is not None and found.said != verdict.said
    ]
    checks = view.results.checks
    withheld = verdict.label == "not-valid"
    return Conclusions(
        (
            loc.say("{word}. {sentence}", word=view.word(verdict.label), sentence=loc.render(verdict.said)),
            *(() if withheld else (loc.render(said) for said in own)),
            loc.say(
                "Of {all} checks on the test itself, {passed} passed, {failed} failed and {unmade} could not be made.",
                all=len(checks),
                passed=sum(c.passed is True for c in checks),
                failed=sum(c.passed is False for c in checks),
                unmade=sum(c.passed is None for c in checks),
            ),
            loc.say("Each conclusion is limited to what the part “{limits}” says.",
                    limits=loc.say("What this does not tell you")),
        )
    )  # fmt: skip
