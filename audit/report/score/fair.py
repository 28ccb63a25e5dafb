"""Was the test fair: the same checks and notes as on the page of an audit."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.locale import Spoken
from audit.report.pictures import Shelf
from audit.report.score.view import ScoreView
from audit.report.sections.fair import Checked, checked, noted


@dataclass(frozen=True)
class ScoreFairness:
    checks: tuple[Checked, ...]
    notes: tuple[Spoken, ...]


def build(view: ScoreView, _: Shelf) -> ScoreFairness:
    """In the order in which the checks were asked."""
    return ScoreFairness(checked(view.locale, view.results.checks), noted(view.locale, view.results.notes))
