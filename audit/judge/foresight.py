"""Whether an audit can give a verdict word, as far as its plan, the works and the metric tell before training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audit.base.messages import Said, say
from audit.judge.limits.other_metrics import CHANCE
from audit.judge.reach import reach, size_of
from audit.judge.separation import auc
from audit.records import CalibrationCard, MetricFacts, Plan


def foresee(plan: Plan, metrics: Sequence[MetricFacts], card: CalibrationCard | None) -> tuple[Said, ...]:
    """What stands in the way of an answer, or that nothing known so far does.

    Args:
        metrics: how each metric does on the real works; card: the calibration card of this setup, None without one.
    """
    facts = next((m for m in metrics if m.name == plan.primary_metric), None)
    found = tuple(_in_the_way(plan, facts, card))
    if found:
        return (say("foresight.no-word", reasons=found),)
    size = size_of(plan)
    points = 0 if size is None else max(round(100 * reach(size, level=plan.margins.level)[0]), 1)
    return (say("foresight.can", points=points) if points else say("foresight.can-so-far"),)


def _in_the_way(plan: Plan, facts: MetricFacts | None, card: CalibrationCard | None) -> list[Said]:
    found = []
    if facts is not None and not _separates(plan, facts):
        found.append(say("foresight.metric", metric=plan.primary_metric))
    if plan.replicates < plan.margins.min_replicates:
        found.append(say("foresight.runs", runs=plan.replicates, least=plan.margins.min_replicates))
    if plan.preset == "court" and card is None:
        found.append(say("foresight.court"))
    if plan.preset == "court" and plan.seed_source == "given":
        found.append(say("foresight.seed"))
    return found


def _separates(plan: Plan, facts: MetricFacts) -> bool:
    """As the check `metric-separates` will ask."""
    if not facts.real or not facts.others:
        return True
    area = auc(
        np.array(facts.real), np.array(facts.others), others_units=facts.others_artists, level=plan.margins.level
    )
    if area.value is None or area.low is None:
        return True
    return area.value >= plan.margins.min_auc and area.low > CHANCE
