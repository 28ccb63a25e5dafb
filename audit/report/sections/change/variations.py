"""The headline result worked out in other ways: another score, a run or a prompt left out, by resampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.base.messages import say
from audit.judge.estimates import SEQUENTIAL, primary_conditions
from audit.judge.intervals import ratio_interval
from audit.judge.significance import chance_index_at_least, holm
from audit.judge.verdict import allowed, equal_noise, reading, settled
from audit.records import Estimate, VerdictLabel
from audit.report.results_view import ResultsView

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


def groups(view: ResultsView) -> tuple[Group, ...]:
    """All variations of the headline's protection index, the planned way first; empty without an index.

    Answers are the judge's own: `did-not-hold` only where Holm's adjustment over the primary conditions allows it,
    the others varied in the same way, and never more than the planned reading at equal noise allows.
    """
    headline, loc = view.headline, view.locale
    counts = view.index(headline.name) if headline else None
    planned = view.estimate("protection_index", headline.name) if headline else None
    if headline is None or counts is None or planned is None or planned.value is None:
        return ()
    found = [Group(loc.say("as planned"), (_variation(view, loc.say("as planned"), counts),), as_planned=True)]
    if counts.name != planned.name:
        name = loc.say("as if the number of runs had been fixed")
        found.append(Group(name, (_variation(view, name, planned),)))
    for metric in view.results.plan.metrics:
        other = view.estimate("protection_index", headline.name, metric=metric)
        if metric != view.primary and other is not None and other.value is not None:
            name = loc.say("scored by {metric}", metric=metric)
            found.append(Group(name, (_variation(view, name, other),)))
    resampled = view.estimate("protection_index_bootstrap", headline.name)
    if resampled is not None and resampled.low is not None:
        name = loc.say("range by resampling")
        found.append(Group(name, (_variation(view, name, resampled),)))
    every = {c: _gains(view, c) for c in dict.fromkeys((headline.name, *primary_conditions(view.results)))}
    own = every[headline.name]
    if len(own.runs) >= FEWEST_RUNS:
        ways = [
            _recomputed(
                view, loc.say("without run {run}", run=run), planned,
                {c: g.without_run(run) for c, g in every.items()},
            )
            for run in own.runs
        ]  # fmt: skip
        found.append(Group(loc.say("one run left out, {ways} ways", ways=len(ways)), tuple(ways)))
    if len(own.prompts) > 1 and len(own.runs) > 1:
        texts = view.results.plan.prompts
        ways = [
            _recomputed(
                view, loc.say("without the prompt “{prompt}”", prompt=texts[prompt]), planned,
                {c: g.without_prompt(prompt) for c, g in every.items()},
            )
            for prompt in own.prompts
        ]  # fmt: skip
        found.append(Group(loc.say("one prompt left out, {ways} ways", ways=len(ways)), tuple(ways)))
    return tuple(found)


def _variation(view: ResultsView, name: str, estimate: Estimate) -> Variation:
    """An estimate that the judge made, read with the p values that the judge made by the same metric."""
    if estimate.name == SEQUENTIAL:
        # Its upper bound is adjusted over the family already.
        return _answered(view, name, estimate, p=None)
    chances = {
        c: found.value if (found := view.estimate("p_index_at_least_margin", c, metric=estimate.metric)) else None
        for c in primary_conditions(view.results)
    }
    return _answered(view, name, estimate, p=_adjusted(chances, estimate.condition))


def _answered(view: ResultsView, name: str, estimate: Estimate, *, p: float | None) -> Variation:
    verdict = settled(estimate, view.results.plan.margins, p=p)
    equal = equal_noise(view.results, estimate.condition, estimate.metric)
    if equal is not None:
        verdict = allowed(verdict, reading(equal, view.results.plan.margins))
    return Variation(name, estimate, verdict, view.locale.render(say(f"label.{verdict}")))


def _adjusted(chances: dict[str, float | None], condition: str) -> float | None:
    return dict(zip(chances, holm(list(chances.values())), strict=True)).get(condition)


@dataclass(frozen=True)
class _Gains:
    """Gains of clean and of a condition over base, both (runs, prompts), over complete pairs, and whose they are."""

    clean: NDArray[np.float64]
    treated: NDArray[np.float64]
    runs: tuple[int, ...]
    prompts: tuple[int, ...]

    def without_run(self, run: int) -> _Gains:
        kept = [r != run for r in self.runs]
        return _Gains(self.clean[kept], self.treated[kept], tuple(r for r in self.runs if r != run), self.prompts)

    def without_prompt(self, prompt: int) -> _Gains:
        kept = [p != prompt for p in self.prompts]
        rest = tuple(p for p in self.prompts if p != prompt)
        return _Gains(self.clean[:, kept], self.treated[:, kept], self.runs, rest)


def _recomputed(view: ResultsView, name: str, planned: Estimate, gains: dict[str, _Gains]) -> Variation:
    """The planned index from other gains: those of its condition, and of the primary ones for the family."""
    means = {c: (g.clean.mean(axis=1), g.treated.mean(axis=1)) for c, g in gains.items()}
    clean, treated = means[planned.condition]
    interval = ratio_interval(clean - treated, clean, level=planned.level)
    estimate = planned.model_copy(
        update={"value": interval.value, "low": interval.low, "high": interval.high, "n": interval.n}
    )
    margin = view.results.plan.margins.did_not_hold
    chances = {c: chance_index_at_least(*means[c], margin=margin).value for c in primary_conditions(view.results)}
    return _answered(view, name, estimate, p=_adjusted(chances, planned.condition))


def _gains(view: ResultsView, condition: str) -> _Gains:
    base = view.scores("base", 0)
    runs = tuple(
        run
        for run in range(1, view.results.replicates + 1)
        if view.mean_score("clean", run) is not None and view.mean_score(condition, run) is not None
    )
    prompts = tuple(sorted({prompt for prompt, _ in base if prompt < len(view.results.plan.prompts)}))

    def gains(name: str) -> NDArray[np.float64]:
        return np.array(
            [
                [np.mean([scores[at] - base[at] for at in base if at[0] == prompt]) for prompt in prompts]
                for scores in (view.scores(name, run) for run in runs)
            ]
        ).reshape(len(runs), len(prompts))

    return _Gains(gains("clean"), gains(condition), runs, prompts)
