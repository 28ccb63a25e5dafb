"""Plain edits: what one click makes, another takes away, and no training on the files can show that it would not.

Measured on the files, so that it holds for edits that nobody thought of as a countermeasure: the word is taken back
where a fit of tone, light, filters, a frame or a mark explains most of what was changed. On the lab's works such edits
have 0.97 and more, the attacks of this tool 0.72 at most and noise of any strength less (docs/decisions, 2026-11-29).
"""

from __future__ import annotations

import statistics

from audit.base.messages import say
from audit.judge.arms import protection_of
from audit.judge.limits.limit import Limit, Opinion
from audit.records import Results

SLUG = "plain-edit"
MOST = 0.9
"""Share of the change, the middle one of the works, from which on it is a plain edit and little else."""


def _opinion(results: Results, condition: str, metric: str) -> Opinion | None:
    protection = protection_of(results.plan.condition(condition))
    shares = [row.plain for row in results.visibility if row.condition == protection and row.plain is not None]
    if not shares:
        return None
    share = statistics.median(shares)
    return Opinion("inconclusive" if share >= MOST else "held", say("limit.plain-edit", share=share))


LIMIT = Limit(SLUG, _opinion, cap=True)
