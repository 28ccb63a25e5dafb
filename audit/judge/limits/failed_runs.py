"""A protection that fails wholly now and then: a few runs can all have missed it, and their range does not know.

Of a protection that fails in 1 run of 10 and has a true index of 0.5, the range alone says `held` in up to 5.5 % of
audits, with this rule in 1.4 % at most; of one that fails in 1 run of 5 still in up to 9.8 %
(reports/lab/draws-simulation.md).
"""

from __future__ import annotations

from audit.base.messages import say
from audit.judge.at_best import AT_BEST
from audit.judge.estimates import find
from audit.judge.limits.limit import Limit, Opinion
from audit.records import Results

ONE_IN = 6
"""A success must stand had one of so many runs kept nothing away ..."""
MOST = 3
"""... but no more than so many further ones: the more runs held, the rarer a failure must be."""


def with_failed_runs(index: float, *, runs: int) -> float:
    """The mean index of `runs` runs had so many further ones kept nothing away."""
    return index * runs / (runs + min(runs / (ONE_IN - 1), MOST))


def _opinion(results: Results, condition: str, metric: str) -> Opinion | None:
    """Asked where every replicate draws works and prompts of its own; plans of before fixed no such rule."""
    name = AT_BEST if results.plan.grid.others else "protection_index"
    index = find(results, name, condition, metric)
    if not results.plan.draws or index.value is None or not index.n:
        return None
    left, held = with_failed_runs(index.value, runs=index.n), results.plan.margins.held
    by_share = index.n < MOST * (ONE_IN - 1)
    id, count = ("limit.failed-runs", ONE_IN) if by_share else ("limit.failed-runs-more", MOST)
    return Opinion("held" if left > held else "partly-held", say(id, runs=index.n, count=count, value=left, held=held))


LIMIT = Limit("failed-runs", _opinion, cap=True)
