"""People who were shown the pictures: what they surely find as close to the artist's hand was not kept away."""

from __future__ import annotations

from audit.judge.limits.limit import Limit, Opinion
from audit.judge.people import people_answer
from audit.records import Results


def _opinion(results: Results, condition: str, metric: str) -> Opinion | None:
    answered = people_answer(results)
    if results.ratings is None or results.ratings.sheet.condition != condition or answered is None:
        return None
    answer, said = answered
    # Too few raters, or answers that may go either way, say nothing against a score; the report tells of them.
    return Opinion("inconclusive", said) if answer == "as-close" else None


LIMIT = Limit("people", _opinion, cap=True)
