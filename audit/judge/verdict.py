"""The verdict: a label per condition by the plan's margins, and the worst of them in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Literal, get_args

from audit.base.messages import Said, Value, catalogue, say
from audit.judge.arms import protection_of
from audit.judge.broken_models import broke
from audit.judge.claim_labels import deciding_index, fails_among_all, label_by_metric
from audit.judge.claims import is_claim
from audit.judge.estimates import metric_names, primary_conditions, sequential_intervals
from audit.judge.index_label import index_label
from audit.judge.limits import LIMITS, limited
from audit.judge.limits.battery import tried
from audit.judge.limits.limit import allowed
from audit.judge.questions import Override
from audit.judge.rules import own_margins
from audit.judge.words import learned
from audit.records import (
    WITHOUT_MARGINS,
    Cell,
    Check,
    Condition,
    ConditionVerdict,
    Estimate,
    Limited,
    Plan,
    Results,
    Verdict,
    VerdictLabel,
)
from audit.records.versions import PAST

Withheld = Literal["not-valid", "exploratory"]
"""Labels that a red check puts in the place of a verdict, from what withholds most: no answer, a first look."""
WORST_FIRST: tuple[VerdictLabel, ...] = (
    "did-not-hold",
    "inconclusive",
    "models-broke",
    "partly-held",
    "held-plain",
    "held",
)


def labels(results: Results) -> dict[str, VerdictLabel]:
    """The label of every claim by the primary metric, as if its protection had been tested alone.

    An arm is a protection with the ways around it. To say `held` (or `partly-held`) all of them must pass, so each may
    be tested at the plan's level (intersection-union test; Berger, 1982). To say `did-not-hold` one is enough, so that
    label needs Holm's adjusted p over the arm. The overall verdict, the worst of several arms, needs it over all
    primary conditions (`decide`). So each arm, and the overall verdict, is wrong in at most (1 - level) / 2 of all
    runs. A label is what the index and every limit (`audit.judge.limits`) allow: never a bolder one.
    """
    return {name: label for name, (label, _) in answers(results).items()}


def answers(results: Results) -> dict[str, tuple[VerdictLabel, tuple[Limited, ...]]]:
    """The same, each with the limits that made it more careful."""
    metric = results.plan.primary_metric
    return {c.name: _answer(results, c.name, metric) for c in results.plan.conditions if is_claim(results.plan, c)}


def _answer(results: Results, condition: str, metric: str) -> tuple[VerdictLabel, tuple[Limited, ...]]:
    """What index and limits allow; broken models take the place of every word but a failure.

    Where the style came through all the same, a model that is broken as well makes nothing better of it.
    """
    label, limits = limited(LIMITS, results, condition, metric, label_by_metric(results, condition, metric))
    how = None if label == "did-not-hold" else broke(results, condition)
    if how is None:
        return label, limits
    return "models-broke", (*limits, Limited(slug="models-broke", said=how))


def decide(
    results: Results, *, override: Override[Withheld] | None, withheld: Mapping[str, Override[Withheld]]
) -> Verdict:
    """The verdict on a run whose `estimates` are filled.

    Each protection and each protection under a countermeasure gets its label (`labels`); the overall
    one is the worst of the primary conditions, by label and then by index. A failure that is not sure among all that
    was tested is none for the overall verdict. With an `override` every label is the override's, so that no part of a
    run that failed a check can be quoted as a verdict.

    Args:
        withheld: what takes the place of single claims' words; they are named in the overall sentence.
    """
    primary = [name for name in primary_conditions(results) if name not in withheld]
    whole = override
    if not primary and withheld:
        # Arms that each failed a check of their own leave nothing to say of all either.
        whole = reduce(_stronger, withheld.values(), override)
        primary = list(primary_conditions(results))
    own = own_margins(results.plan.margins)
    claims = [c for c in results.plan.conditions if is_claim(results.plan, c)]
    indices = {c.name: deciding_index(results, c.name) for c in claims}
    found = answers(results)
    given = {name: label for name, (label, _) in found.items()}
    verdicts = {
        c.name: _verdict(
            results.plan, c, indices[c.name], found[c.name], _stronger(override, withheld.get(c.name)), own
        )
        for c in claims
    }
    left_out = [name for name in primary_conditions(results) if name in withheld and name not in primary]
    answer = partial(Verdict, per_condition=verdicts, own_margins=bool(own))
    if whole is not None and whole.label == "not-valid":
        return answer(label="not-valid", said=_not_valid(whole.check), condition=None)
    if not primary:
        final: VerdictLabel = "inconclusive" if whole is None else whole.label
        return answer(label=final, said=say("verdict.no-protection"), condition=None)
    several = len({protection_of(results.plan.condition(name)) for name in primary}) > 1
    chance = [n for n in primary if several and given[n] == "did-not-hold" and not fails_among_all(results, n)]
    ranked = given | dict.fromkeys(chance, "inconclusive")
    worst = min(primary, key=lambda name: _rank(ranked[name], indices[name]))
    said, label = verdicts[worst].said, verdicts[worst].label
    if worst in chance and whole is None:
        said, label = say("verdict.by-chance", count=len(primary), claim=said), "inconclusive"
    elif len(primary) > 1:
        said = say("verdict.weakest", count=len(primary), claim=said)
    for slug in dict.fromkeys(withheld[name].check.slug for name in left_out):
        about = [name for name in left_out if withheld[name].check.slug == slug]
        names, reason = [results.plan.condition(name).label for name in about], withheld[about[0]].check.said
        said = say("verdict.not-judged", claim=said, names=names, reason=reason)
    return answer(label=label, said=said, condition=worst)


@dataclass(frozen=True)
class _SoFar:
    plan: Plan
    cells: Sequence[Cell]


def decided(plan: Plan, cells: Sequence[Cell]) -> bool:
    """Whether the cells so far settle the overall verdict as `held` or `did-not-hold` before the budget ends.

    For a plan with interim analyses after each replicate; the checks are asked at the end.
    """
    so_far = _SoFar(plan, cells)
    by_metric = [sequential_intervals(so_far, metric, last=False) for metric in metric_names(so_far)]
    names = primary_conditions(so_far)
    # A replicate whose partner was left out counts for nothing, and too few make no verdict.
    if any(intervals[name].n < plan.margins.min_replicates for intervals in by_metric for name in names):
        return False
    given = [reduce(allowed, (index_label(intervals[n], plan.margins) for intervals in by_metric)) for n in names]
    return bool(given) and ("did-not-hold" in given or all(word == "held" for word in given))


def _stronger(one: Override[Withheld] | None, other: Override[Withheld] | None) -> Override[Withheld] | None:
    """What withholds more; the first where both withhold the same."""
    order = get_args(Withheld)
    return min((o for o in (one, other) if o is not None), key=lambda o: order.index(o.label), default=None)


def _rank(name: VerdictLabel, index: Estimate) -> tuple[int, float]:
    return WORST_FIRST.index(name), float("-inf") if index.value is None else index.value


def _verdict(
    plan: Plan,
    condition: Condition,
    index: Estimate,
    answer: tuple[VerdictLabel, tuple[Limited, ...]],
    override: Override[Withheld] | None,
    own: tuple[Said, ...],
) -> ConditionVerdict:
    if override is not None and override.label == "not-valid":
        return ConditionVerdict(label="not-valid", said=_not_valid(override.check))
    given, limits = answer if override is None else (override.label, ())
    if given == "models-broke":
        return ConditionVerdict(label=given, said=say("verdict.models-broke", words=condition.words), limited=limits)
    lost = learned(index, of_version_1=plan.schema_version in PAST)
    places: dict[str, Value] = {"words": condition.words, "learned": lost}
    if given == "held-plain":
        places["tried"] = tried(plan, condition)
    id = f"verdict.{given}"
    if override is not None and f"{id}.{override.check.slug}" in catalogue():
        id = f"{id}.{override.check.slug}"
    if given == "inconclusive" and limits:
        # The last of them made it so: after that there is nothing to take back.
        id, places["why"] = "verdict.unclear", _why(limits[-1].slug)
    if own and given not in WITHOUT_MARGINS:
        id, places["margins"] = f"{id}-own", own
    return ConditionVerdict(label=given, said=say(id, **places), limited=limits)


def _why(limit: str) -> Said:
    """Why a run cannot tell, where its index alone would."""
    own = f"unclear.{limit}"
    return say(own if own in catalogue() else "unclear.other")


def _not_valid(check: Check) -> Said:
    return say("verdict.not-valid", reason=check.said)
