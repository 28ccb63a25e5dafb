"""The word of a claim by one metric, from its protection index alone: before any limit."""

from __future__ import annotations

from audit.judge.arms import primary_of_arm
from audit.judge.at_best import AT_BEST, CHANCE_AT_BEST
from audit.judge.estimates import SEQUENTIAL, find, primary_conditions
from audit.judge.index_label import settled_label
from audit.judge.significance import holm
from audit.records import Estimate, Plan, Results, VerdictLabel


def deciding_index(results: Results, condition: str) -> Estimate:
    """The protection index that a label rests on: by the primary metric, the plan's stopping rule and its grid."""
    return index_by(results, condition, results.plan.primary_metric)


def index_by(results: Results, condition: str, metric: str) -> Estimate:
    """The same by any metric: which one decides must not decide how it is read."""
    name = SEQUENTIAL if results.plan.stopping.rule == "until-decided" else index_name(results.plan)
    return find(results, name, condition, metric)


def index_name(plan: Plan) -> str:
    """The index that decides where the replicates are fixed: at the mimic's best, where he had anything to choose."""
    return AT_BEST if plan.grid.others else "protection_index"


def chance_name(index: Estimate) -> str:
    """The p of an index at or above the margin, for the estimate that it belongs to."""
    return CHANCE_AT_BEST if index.name == AT_BEST else "p_index_at_least_margin"


def label_by_metric(results: Results, condition: str, metric: str) -> VerdictLabel:
    """A claim's label from its index by one metric.

    Adjusted over the ways around its own protection: what else is in the plan must neither hide nor make a failure.
    """
    index = index_by(results, condition, metric)
    return settled_label(
        index, results.plan.margins, p=_chance(results, index, primary_of_arm(results.plan, condition))
    )


def fails_among_all(results: Results, condition: str) -> bool:
    """Whether a failure of a primary condition is sure even as the worst of all that the run tests."""
    index = deciding_index(results, condition)
    p = _chance(results, index, primary_conditions(results))
    return settled_label(index, results.plan.margins, p=p) == "did-not-hold"


def _chance(results: Results, index: Estimate, names: tuple[str, ...]) -> float | None:
    """Holm's adjusted p of an index at or above the margin, over the family `names`; None where none is needed."""
    # The sequential upper bound is adjusted over all primary conditions already.
    if index.name == SEQUENTIAL or index.condition not in names:
        return None
    chances = [find(results, chance_name(index), name, index.metric).value for name in names]
    return holm(chances)[names.index(index.condition)]
