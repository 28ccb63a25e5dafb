"""The verdict: a label per condition by the plan's margins, and the worst of them in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from audit.base.messages import Said, Value, say
from audit.judge.estimates import SEQUENTIAL, find, primary_conditions, sequential_intervals
from audit.judge.gate import Override
from audit.judge.intervals import Interval
from audit.judge.rules import own_margins
from audit.judge.significance import holm
from audit.judge.words import learned
from audit.records import (
    Cell,
    Check,
    Condition,
    ConditionVerdict,
    Estimate,
    Margins,
    Plan,
    Results,
    Verdict,
    VerdictLabel,
)

Withheld = Literal["not-valid", "exploratory"]
"""Labels that a red gate puts in the place of a verdict, from what withholds most: no answer, a first look."""
WORST_FIRST: tuple[VerdictLabel, ...] = ("did-not-hold", "inconclusive", "partly-held", "held")

AT_EQUAL_NOISE: dict[VerdictLabel, tuple[VerdictLabel, ...]] = {
    "held": ("held",),
    "partly-held": ("held", "partly-held"),
    "did-not-hold": ("did-not-hold",),
    "inconclusive": ("held", "partly-held", "did-not-hold", "inconclusive"),
}
"""Readings at equal noise that allow a label: what is said must be shown by both, a failure as much as a success."""


def reading(index: Estimate | Interval, margins: Margins) -> VerdictLabel:
    """The verdict word for one protection index, from its bounds alone.

    `held`: lower bound above margins.held. `did-not-hold`: upper bound below margins.did_not_hold,
    also when the lower bound is above margins.partly: an effect that is surely there but surely
    tiny is no protection. `partly-held`: lower bound above margins.partly. Else, and without
    bounds, `inconclusive`.
    """
    if index.low is None or index.high is None:
        return "inconclusive"
    if index.low > margins.held:
        return "held"
    if index.high < margins.did_not_hold:
        return "did-not-hold"
    return "partly-held" if index.low > margins.partly else "inconclusive"


def deciding_index(results: Results, condition: str) -> Estimate:
    """The protection index that a label rests on: by the primary metric, and by the plan's stopping rule."""
    name = SEQUENTIAL if results.plan.stopping.rule == "until-decided" else "protection_index"
    return find(results, name, condition, results.plan.primary_metric)


def labels(results: Results) -> dict[str, VerdictLabel]:
    """The label of every claim by the primary metric, with the error rates of the overall verdict kept.

    The overall verdict is the worst of the primary conditions. To say `held` (or `partly-held`) all
    of them must pass, so each may be tested at the plan's level (intersection-union test; Berger,
    1982). To say `did-not-hold` one is enough, so that label needs Holm's adjusted p over the
    primary family. Either way the overall verdict is wrong in at most (1 - level) / 2 of all runs. Where pictures
    were noisier than clean's, the label is what the index and the one at equal noise both allow: never a bolder one.
    """
    metric = results.plan.primary_metric
    return {c.name: label_by(results, c.name, metric) for c in results.plan.conditions if is_claim(results.plan, c)}


def label_by(results: Results, condition: str, metric: str) -> VerdictLabel:
    """The label of a claim by one metric, as it would be if that metric decided."""
    own, equal = alone(results, condition, metric), equal_noise(results, condition, metric)
    return own if equal is None else allowed(own, reading(equal, results.plan.margins))


def alone(results: Results, condition: str, metric: str) -> VerdictLabel:
    """A claim's label from its index, whatever noise there is."""
    primary = metric == results.plan.primary_metric
    index = deciding_index(results, condition) if primary else find(results, "protection_index", condition, metric)
    # The sequential upper bound is adjusted over the family already.
    if index.name == SEQUENTIAL:
        return settled(index, results.plan.margins, p=None)
    names = primary_conditions(results)
    if primary or condition not in names:
        p = find(results, "p_index_at_least_margin_holm", condition, metric).value
    else:
        # Rows are adjusted by the deciding metric only; another one's family is the same conditions.
        chances = [find(results, "p_index_at_least_margin", name, metric).value for name in names]
        p = holm(chances)[names.index(condition)]
    return settled(index, results.plan.margins, p=p)


def equal_noise(results: Results, condition: str, metric: str) -> Estimate | None:
    """The index with base and clean as noisy as the condition; None where that was not worked out."""
    if all(control.condition != condition for control in results.noise_controls):
        return None
    return find(results, "index_at_equal_noise", condition, metric)


def softened(results: Results, condition: str) -> bool:
    """Whether equal noise made a claim's label more careful than its index alone."""
    equal = equal_noise(results, condition, results.plan.primary_metric)
    if equal is None:
        return False
    own = alone(results, condition, results.plan.primary_metric)
    return reading(equal, results.plan.margins) not in AT_EQUAL_NOISE[own]


def allowed(own: VerdictLabel, equal: VerdictLabel) -> VerdictLabel:
    """The most that an index's label and the reading at equal noise both allow.

    A score can take noise in the pictures for the style, or for its absence; a claim that stands only with the
    noise in it is not made.
    """
    if equal in AT_EQUAL_NOISE[own]:
        return own
    return "partly-held" if (own, equal) == ("held", "partly-held") else "inconclusive"


def settled(index: Estimate | Interval, margins: Margins, *, p: float | None) -> VerdictLabel:
    """The reading of an index, with `did-not-hold` only where the family allows it.

    Args:
        p: Holm's adjusted p of an index at or above the margin; None where nothing is to be adjusted.
    """
    given = reading(index, margins)
    if given == "did-not-hold" and p is not None and p > (1 - margins.level) / 2:
        return "partly-held" if index.low is not None and index.low > margins.partly else "inconclusive"
    return given


def decide(results: Results, *, override: Override[Withheld] | None) -> Verdict:
    """The verdict on a run whose `estimates` are filled.

    Each protection and each protection under a countermeasure gets its label (`labels`); the overall
    one is the worst of the primary conditions, by label and then by index. With an `override` every
    label is the override's, so that no part of a run that failed a gate can be quoted as a verdict.
    """
    own = own_margins(results.plan.margins)
    claims = [c for c in results.plan.conditions if is_claim(results.plan, c)]
    indices = {c.name: deciding_index(results, c.name) for c in claims}
    given = labels(results)
    verdicts = {c.name: _verdict(c, indices[c.name], given[c.name], override, own) for c in claims}
    primary = primary_conditions(results)
    answer = partial(Verdict, per_condition=verdicts, own_margins=bool(own))
    if override is not None and override.label == "not-valid":
        return answer(label="not-valid", said=_not_valid(override.check), condition=None)
    if not primary:
        final: VerdictLabel = "inconclusive" if override is None else override.label
        return answer(label=final, said=say("verdict.no-protection"), condition=None)
    worst = min(primary, key=lambda name: _rank(given[name], indices[name]))
    said = verdicts[worst].said
    if len(primary) > 1:
        said = say("verdict.weakest", count=len(primary), claim=said)
    return answer(label=verdicts[worst].label, said=said, condition=worst)


@dataclass(frozen=True)
class _SoFar:
    plan: Plan
    cells: Sequence[Cell]


def decided(plan: Plan, cells: Sequence[Cell]) -> bool:
    """Whether the cells so far settle the overall verdict as `held` or `did-not-hold` before the budget ends.

    For a plan that looks after each replicate; the gates are asked at the end.
    """
    so_far = _SoFar(plan, cells)
    intervals = sequential_intervals(so_far, last=False)
    names = primary_conditions(so_far)
    # A replicate whose partner was left out counts for nothing, and too few make no verdict.
    if any(intervals[name].n < plan.margins.min_replicates for name in names):
        return False
    given = [reading(intervals[name], plan.margins) for name in names]
    return bool(given) and ("did-not-hold" in given or all(word == "held" for word in given))


def is_claim(plan: Plan, condition: Condition) -> bool:
    """Whether a condition is a protection or one under a countermeasure, and so can hold or not."""
    if condition.role == "counter":
        return condition.primary or condition.of not in [c.name for c in plan.conditions if c.role == "clean"]
    return condition.role == "protected" or (condition.primary and condition.role != "clean")


def _rank(name: VerdictLabel, index: Estimate) -> tuple[int, float]:
    return WORST_FIRST.index(name), float("-inf") if index.value is None else index.value


def _verdict(
    condition: Condition,
    index: Estimate,
    alone: VerdictLabel,
    override: Override[Withheld] | None,
    own: tuple[Said, ...],
) -> ConditionVerdict:
    if override is not None and override.label == "not-valid":
        return ConditionVerdict(label="not-valid", said=_not_valid(override.check))
    given = alone if override is None else override.label
    places: dict[str, Value] = {"words": condition.words, "learned": learned(index)}
    if own and given != "exploratory":
        return ConditionVerdict(label=given, said=say(f"verdict.{given}-own", margins=own, **places))
    return ConditionVerdict(label=given, said=say(f"verdict.{given}", **places))


def _not_valid(check: Check) -> Said:
    return say("verdict.not-valid", reason=check.said)
