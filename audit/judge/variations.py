"""The headline result worked out in other ways: another score, a run or a prompt left out, by resampling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from audit.base.messages import Said, say
from audit.judge.estimates import SEQUENTIAL, find, primary_conditions
from audit.judge.gains import clean_name, gains
from audit.judge.intervals import Array, ratio_interval
from audit.judge.significance import chance_index_at_least, holm
from audit.judge.verdict import allowed, deciding_index, equal_noise, reading, settled
from audit.records import Estimate, Results, Variation, VariationGroup

FEWEST_RUNS = 4
"""Runs below which leaving one out says nothing."""


def variations(results: Results, headline: str | None) -> tuple[VariationGroup, ...]:
    """All variations of the headline's protection index, the planned way first; empty without an index.

    Answers are the judge's own: `did-not-hold` only where Holm's adjustment over the primary conditions allows it,
    the others varied in the same way, and never more than the planned reading at equal noise allows.
    """
    if headline is None:
        return ()
    metric = results.plan.primary_metric
    counts, planned = deciding_index(results, headline), find(results, "protection_index", headline, metric)
    if planned.value is None:
        return ()
    found = [_alone(results, say("variation.as-planned"), counts, as_planned=True)]
    if counts.name != planned.name:
        found.append(_alone(results, say("variation.fixed"), planned))
    for name in results.plan.metrics:
        other = find(results, "protection_index", headline, name)
        if name != metric and other.value is not None:
            found.append(_alone(results, say("variation.metric", metric=name), other))
    resampled = find(results, "protection_index_bootstrap", headline, metric)
    if resampled.low is not None:
        found.append(_alone(results, say("variation.resampled"), resampled))
    return (*found, *_left_out(results, planned))


def _alone(results: Results, said: Said, estimate: Estimate, *, as_planned: bool = False) -> VariationGroup:
    """A group of one: an estimate that was made already, read with the p values made by the same metric."""
    # The upper bound of the sequential index is adjusted over the family already.
    p = None
    if estimate.name != SEQUENTIAL:
        family = primary_conditions(results)
        chances = {c: find(results, "p_index_at_least_margin", c, estimate.metric).value for c in family}
        p = _adjusted(chances, estimate.condition)
    return VariationGroup(said=said, variations=(_answered(results, said, estimate, p=p),), as_planned=as_planned)


def _answered(results: Results, said: Said, estimate: Estimate, *, p: float | None) -> Variation:
    verdict = settled(estimate, results.plan.margins, p=p)
    equal = equal_noise(results, estimate.condition, estimate.metric)
    if equal is not None:
        verdict = allowed(verdict, reading(equal, results.plan.margins))
    e = estimate
    return Variation(said=said, value=e.value, low=e.low, high=e.high, n=e.n, verdict=verdict)


def _adjusted(chances: dict[str, float | None], condition: str) -> float | None:
    return dict(zip(chances, holm(list(chances.values())), strict=True)).get(condition)


@dataclass(frozen=True)
class _Pairs:
    """Gains of clean and of a condition over base, both (runs, prompts), over complete pairs, and whose they are."""

    clean: Array
    treated: Array
    runs: tuple[int, ...]
    prompts: tuple[int, ...]

    def without_run(self, run: int) -> _Pairs:
        kept = [r != run for r in self.runs]
        return _Pairs(self.clean[kept], self.treated[kept], tuple(r for r in self.runs if r != run), self.prompts)

    def without_prompt(self, prompt: int) -> _Pairs:
        kept = [p != prompt for p in self.prompts]
        rest = tuple(p for p in self.prompts if p != prompt)
        return _Pairs(self.clean[:, kept], self.treated[:, kept], self.runs, rest)


def _left_out(results: Results, planned: Estimate) -> Iterator[VariationGroup]:
    """One run, then one prompt left out, each in turn."""
    every = {c: _pairs(results, c) for c in dict.fromkeys((planned.condition, *primary_conditions(results)))}
    own = every[planned.condition]

    def group(id: str, ways: list[tuple[Said, Callable[[_Pairs], _Pairs]]]) -> VariationGroup:
        made = (
            _recomputed(results, said, planned, {c: cut(pairs) for c, pairs in every.items()}) for said, cut in ways
        )
        return VariationGroup(said=say(id, ways=len(ways)), variations=tuple(made))

    def run_out(run: int) -> Callable[[_Pairs], _Pairs]:
        return lambda pairs: pairs.without_run(run)

    def prompt_out(prompt: int) -> Callable[[_Pairs], _Pairs]:
        return lambda pairs: pairs.without_prompt(prompt)

    if len(own.runs) >= FEWEST_RUNS:
        yield group("variation.runs", [(say("variation.run", run=run), run_out(run)) for run in own.runs])
    if len(own.prompts) > 1 and len(own.runs) > 1:
        texts = results.plan.prompts
        yield group(
            "variation.prompts",
            [(say("variation.prompt", prompt=texts[prompt]), prompt_out(prompt)) for prompt in own.prompts],
        )


def _recomputed(results: Results, said: Said, planned: Estimate, pairs: dict[str, _Pairs]) -> Variation:
    """The planned index from other gains: those of its condition, and of the primary ones for the family."""
    means = {c: (p.clean.mean(axis=1), p.treated.mean(axis=1)) for c, p in pairs.items()}
    clean, treated = means[planned.condition]
    found = ratio_interval(clean - treated, clean, level=planned.level)
    estimate = planned.model_copy(update={"value": found.value, "low": found.low, "high": found.high, "n": found.n})
    margin = results.plan.margins.did_not_hold
    chances = {c: chance_index_at_least(*means[c], margin=margin).value for c in primary_conditions(results)}
    return _answered(results, said, estimate, p=_adjusted(chances, planned.condition))


def _pairs(results: Results, condition: str) -> _Pairs:
    found, clean = gains(results, results.plan.primary_metric), clean_name(results)
    runs = found.replicates(clean, condition)
    prompts = tuple(sorted({prompt for prompt, _ in found.base}))
    return _Pairs(found.by_prompt(clean, runs), found.by_prompt(condition, runs), tuple(runs), prompts)
