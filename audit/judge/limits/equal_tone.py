"""Tone of the pictures: a veil or a cast moves a score, and a click takes it away."""

from __future__ import annotations

from audit.judge.estimates import find
from audit.judge.limits.equal import opinion_of
from audit.judge.limits.limit import Limit, Opinion
from audit.records import Estimate, Results

SLUG = "equal-tone"


def equal_tone(results: Results, condition: str, metric: str) -> Estimate | None:
    """The index with all pictures at one tone; None where that was not scored."""
    if all(control.condition != condition for control in results.tone_controls):
        return None
    return find(results, "index_at_equal_tone", condition, metric)


def _opinion(results: Results, condition: str, metric: str) -> Opinion | None:
    return opinion_of(equal_tone(results, condition, metric), SLUG, results.plan.margins)


LIMIT = Limit(SLUG, _opinion)
