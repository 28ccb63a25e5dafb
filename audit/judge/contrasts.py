"""Which of several protections kept more away: the paired difference of what their models learned.

All arms of an audit share clean, base and every draw, so that a difference between two of them is told by the same runs
that tell each alone, and more sharply than two ranges side by side would.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from audit.base.messages import Said, say
from audit.judge.arms import protections, withheld_arms
from audit.judge.at_best import at_best, gains_by_setting, widened
from audit.judge.gains import gains
from audit.judge.intervals import Array, Interval, ratio_interval
from audit.judge.significance import chance_of_mean, holm
from audit.judge.words import size
from audit.records import Contrast, Results
from audit.records.rounding import shown


@dataclass(frozen=True)
class _Arm:
    """Gains of clean and of one arm by replicate, as the index that decides takes them."""

    clean: Mapping[int, float]
    treated: Mapping[int, float]


def contrasts(results: Results) -> tuple[Contrast, ...]:
    """Every pair of protections, in the order of the plan, by the deciding metric; () with fewer than two.

    The first of a pair is the one that kept more away, the plan's first where both kept the same. Holm's adjustment
    spans all pairs: the family follows from the plan, so that nobody chooses it by its outcome. A pair with an arm
    that failed a check of its own is not told apart. Where models of an arm broke, its pair says so beside them.
    """
    names, withheld, broken = protections(results), withheld_arms(results), _broken(results)
    arms = {name: _arm(results, name) for name in names}
    found = [(first, second, *_paired(arms[first], arms[second])) for first, second in itertools.combinations(names, 2)]
    level = results.plan.margins.level
    valid = results.verdict is not None and results.verdict.label != "not-valid"
    chances = [_two_sided(difference) for _, _, difference, _ in found]
    adjusted = holm([chance.value for chance in chances])
    made = []
    for (first, second, difference, clean), chance, p in zip(found, chances, adjusted, strict=True):
        # Positive where the first arm kept more away: its models gained less.
        index = ratio_interval(-difference, clean, level=level)
        one = _contrast(results, first, second, index, chance.value, p)
        if not valid or first in withheld or second in withheld:
            made.append(_withheld(results, one))
            continue
        spoilt = [results.plan.condition(name).label for name in (first, second) if name in broken]
        made.append(
            one.model_copy(update={"said": say("contrast.broke", told=one.said, names=spoilt)}) if spoilt else one
        )
    return tuple(made)


def _broken(results: Results) -> set[str]:
    """Arms whose models drew broken pictures, so that a low score is not style alone."""
    claims = {} if results.verdict is None else results.verdict.per_condition
    return {name for name, claim in claims.items() if claim.label == "models-broke"}


def _withheld(results: Results, one: Contrast) -> Contrast:
    """The figures stay in the record, for experts; nothing is said of them."""
    names = {"more": results.plan.condition(one.more).label, "less": results.plan.condition(one.less).label}
    return one.model_copy(update={"sure": False, "said": say(Contrast.WITHHELD, **names)})


def _arm(results: Results, name: str) -> _Arm:
    plan = results.plan
    if not plan.grid.others:
        usual = gains(results, plan.primary_metric).by_condition
        return _Arm(usual.get(plan.clean, {}), usual.get(name, {}))
    best = at_best(plan, gains_by_setting(results, plan.primary_metric), name)
    clean, treated = (dict(zip(best.runs, widened(of).tolist(), strict=True)) for of in (best.clean, best.treated))
    return _Arm(clean, treated)


def _paired(first: _Arm, second: _Arm) -> tuple[Array, Array]:
    """Gain of the first minus that of the second, and the gain of clean, (n,) over the runs that both have."""
    runs = sorted(first.treated.keys() & second.treated.keys() & first.clean.keys())
    difference = np.array([first.treated[r] - second.treated[r] for r in runs], dtype=np.float64)
    return difference, np.array([first.clean[r] for r in runs], dtype=np.float64)


def _two_sided(difference: Array) -> Interval:
    above, below = (chance_of_mean(difference, above=side) for side in (True, False))
    if above.value is None or below.value is None:
        return above
    return Interval(min(1.0, 2 * min(above.value, below.value)), None, None, above.n)


@dataclass(frozen=True)
class _Pair:
    """Two arms, that which kept more away first, and what may be said of them.

    Attributes:
        index: how much more it kept away, with its bounds.
        enough: whether enough runs have both; sure: whether more is sure.
    """

    more: str
    less: str
    index: Interval
    enough: bool
    sure: bool


def _contrast(
    results: Results, first: str, second: str, index: Interval, p: float | None, holm_p: float | None
) -> Contrast:
    if index.value is not None and index.value < 0:
        low, high = (None if bound is None else -bound for bound in (index.high, index.low))
        first, second, index = second, first, Interval(-index.value, low, high, index.n)
    margins = results.plan.margins
    enough, apart = index.n >= margins.min_replicates, index.low is not None and index.low > 0
    sure = enough and holm_p is not None and holm_p <= 1 - margins.level and apart
    return Contrast(
        more=first,
        less=second,
        value=index.value,
        low=index.low,
        high=index.high,
        n=index.n,
        p=p,
        p_holm=holm_p,
        sure=sure,
        said=_said(results, _Pair(first, second, index, enough=enough, sure=sure)),
    )


def _said(results: Results, pair: _Pair) -> Said:
    names = {"more": results.plan.condition(pair.more).label, "less": results.plan.condition(pair.less).label}
    value, low, high = shown(pair.index), pair.index.low, pair.index.high
    if value is None or low is None or high is None or not pair.enough:
        return say("contrast.unknown", **names)
    if pair.sure:
        return say("contrast.more", **names, share=size(value), least=size(low), most=size(high))
    if low == high == 0:
        return say("contrast.same", **names)
    return say("contrast.unclear", **names, less_by=size(max(0.0, -low)), more_by=size(max(0.0, high)))
