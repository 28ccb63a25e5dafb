"""Noise in the pictures: a score can take it for the style, or for its absence."""

from __future__ import annotations

from audit.judge.estimates import find
from audit.judge.limits.equal import opinion_of
from audit.judge.limits.limit import Limit, Opinion
from audit.records import Estimate, Results

SLUG = "equal-noise"


def equal_noise(results: Results, condition: str, metric: str) -> Estimate | None:
    """The index with base and clean as noisy as the condition; None where that was not worked out."""
    if all(control.condition != condition for control in results.noise_controls):
        return None
    return find(results, "index_at_equal_noise", condition, metric)


def _opinion(results: Results, condition: str, metric: str) -> Opinion | None:
    return opinion_of(equal_noise(results, condition, metric), SLUG, results.plan.margins)


LIMIT = Limit(SLUG, _opinion)
