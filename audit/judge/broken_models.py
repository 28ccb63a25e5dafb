"""Whether a claim's models came out broken: "style lost" and "model broke" are different outcomes."""

from __future__ import annotations

import scipy

from audit.base.messages import Said, say
from audit.judge.coherence import ADHERENCE_LOST, AMONG_REAL_LOST, BROKE_FROM, METRIC
from audit.judge.estimates import find
from audit.judge.exclusion import broken_cells
from audit.judge.gains import clean_name
from audit.records import Results


def collapsed_runs(results: Results, condition: str) -> tuple[int, ...]:
    """Replicates whose model of a condition collapsed, while the one trained on the originals did not."""
    bad, clean = broken_cells(results, "collapsed"), clean_name(results)
    return tuple(r for name, r in sorted(bad) if name == condition and (clean, r) not in bad)


def broke_by_collapse(results: Results, condition: str) -> bool:
    """Whether more of a condition's models collapsed than a run may leave out, and surely more than of clean's.

    Surely by McNemar's exact test (1947), one-sided, over replicates. Collapses that may be chance are no outcome:
    those models are left out, and what remains is judged or not as with any others.
    """
    own = len(collapsed_runs(results, condition))
    if own <= results.plan.margins.max_dropped * results.replicates:
        return False
    bad, clean = broken_cells(results, "collapsed"), clean_name(results)
    of_clean = sum(name == clean and (condition, r) not in bad for name, r in bad)
    chance = scipy.stats.binomtest(own, own + of_clean, alternative="greater").pvalue
    return bool(chance <= (1 - results.plan.margins.level) / 2)


def broke(results: Results, condition: str) -> Said | None:
    """What shows that a claim's models came out broken, as a sentence; None where nothing does."""
    if broke_by_collapse(results, condition):
        return say("broke.collapsed", n=len(collapsed_runs(results, condition)), all=results.replicates)
    return _lost_its_subjects(results, condition) or _unlike_any_picture(results, condition)


def _lost_its_subjects(results: Results, condition: str) -> Said | None:
    row = find(results, ADHERENCE_LOST, condition, METRIC)
    if row.low is None or row.low <= BROKE_FROM:
        return None
    return say("broke.adherence", value=row.value, low=row.low, high=row.high)


def _unlike_any_picture(results: Results, condition: str) -> Said | None:
    row = find(results, AMONG_REAL_LOST, condition, METRIC)
    if row.low is None or row.low <= BROKE_FROM:
        return None
    return say("broke.unlike", value=row.value, low=row.low, high=row.high)
