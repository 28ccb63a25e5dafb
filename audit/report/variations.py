"""The headline result worked out in other ways: another score, a run or a prompt left out, by resampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.judge.intervals import ratio_interval
from audit.judge.verdict import reading
from audit.records import Estimate, VerdictLabel
from audit.report import wording
from audit.report.lookup import Facts

FEWEST_RUNS = 4
"""Runs below which leaving one out says nothing."""


@dataclass(frozen=True)
class Variation:
    label: str
    estimate: Estimate
    verdict: VerdictLabel
    answer: str
    """The verdict's word, in the page's language."""


@dataclass(frozen=True)
class Group:
    """Variations of one kind, one row of the figure."""

    label: str
    variations: tuple[Variation, ...]
    as_planned: bool = False


def groups(facts: Facts) -> tuple[Group, ...]:
    """All variations of the headline's protection index, the planned way first; empty without an index."""
    headline, v = facts.headline, facts.voice
    counts = facts.index(headline.name) if headline else None
    planned = facts.estimate("protection_index", headline.name) if headline else None
    if headline is None or counts is None or planned is None or planned.value is None:
        return ()
    found = [Group(v.say("as planned"), (_variation(facts, v.say("as planned"), counts),), as_planned=True)]
    if counts.name != planned.name:
        name = v.say("as if the number of runs had been fixed")
        found.append(Group(name, (_variation(facts, name, planned),)))
    for metric in facts.results.plan.metrics:
        other = facts.estimate("protection_index", headline.name, metric=metric)
        if metric != facts.primary and other is not None and other.value is not None:
            name = v.say("scored by {metric}", metric=metric)
            found.append(Group(name, (_variation(facts, name, other),)))
    resampled = facts.estimate("protection_index_bootstrap", headline.name)
    if resampled is not None and resampled.low is not None:
        name = v.say("range by resampling")
        found.append(Group(name, (_variation(facts, name, resampled),)))
    clean, treated, runs, prompts = _gains(facts, headline.name)
    if len(runs) >= FEWEST_RUNS:
        ways = [
            _without(
                facts, v.say("without run {run}", run=run), planned, np.delete(clean, i, 0), np.delete(treated, i, 0)
            )
            for i, run in enumerate(runs)
        ]
        found.append(Group(v.say("one run left out, {ways} ways", ways=len(ways)), tuple(ways)))
    if len(prompts) > 1 and len(runs) > 1:
        ways = [
            _without(
                facts, v.say("without the prompt “{prompt}”", prompt=prompt), planned, np.delete(clean, i, 1),
                np.delete(treated, i, 1),
            )
            for i, prompt in enumerate(prompts)
        ]  # fmt: skip
        found.append(Group(v.say("one prompt left out, {ways} ways", ways=len(ways)), tuple(ways)))
    return tuple(found)


def _variation(facts: Facts, name: str, estimate: Estimate) -> Variation:
    verdict = reading(estimate, facts.results.plan.margins)
    return Variation(name, estimate, verdict, wording.label(facts.voice, verdict))


def _without(
    facts: Facts, name: str, planned: Estimate, clean: NDArray[np.float64], treated: NDArray[np.float64]
) -> Variation:
    one, other = clean.mean(axis=1), treated.mean(axis=1)
    interval = ratio_interval(one - other, one, level=planned.level)
    estimate = planned.model_copy(
        update={"value": interval.value, "low": interval.low, "high": interval.high, "n": interval.n}
    )
    return _variation(facts, name, estimate)


def _gains(
    facts: Facts, condition: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, ...], tuple[str, ...]]:
    """Gains of clean and of the condition, both (runs, prompts), over complete pairs; and their names."""
    base, plan = facts.scores("base", 0), facts.results.plan
    runs = tuple(
        run
        for run in range(1, facts.results.replicates + 1)
        if facts.mean_score("clean", run) is not None and facts.mean_score(condition, run) is not None
    )
    indices = sorted({prompt for prompt, _ in base if prompt < len(plan.prompts)})

    def gains(name: str) -> NDArray[np.float64]:
        return np.array(
            [
                [np.mean([scores[at] - base[at] for at in base if at[0] == prompt]) for prompt in indices]
                for scores in (facts.scores(name, run) for run in runs)
            ]
        ).reshape(len(runs), len(indices))

    return gains("clean"), gains(condition), runs, tuple(plan.prompts[i] for i in indices)
