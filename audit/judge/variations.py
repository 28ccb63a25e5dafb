"""The headline result worked out in other ways: another score, a run or a prompt left out, by resampling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from audit.base.messages import Said, say
from audit.judge.arms import primary_of_arm
from audit.judge.at_best import AT_BEST
from audit.judge.claim_labels import chance_name, deciding_index, index_by
from audit.judge.estimates import SEQUENTIAL, find
from audit.judge.gains import clean_name, gains
from audit.judge.index_label import settled_label
from audit.judge.intervals import Array, ratio_interval
from audit.judge.limits import LIMITS, limited
from audit.judge.significance import chance_index_at_least, holm
from audit.records import Estimate, Results, Variation, VariationGroup

FEWEST_RUNS = 4
"""Runs below which leaving one out says nothing."""


def variations(results: Results, headline: str | None) -> tuple[VariationGroup, ...]:
    """All variations of the headline's protection index, the planned way first; empty without an index.

    Answers are the judge's own: `did-not-hold` only where Holm's adjustment over the ways around the same protection
    allows it, the others varied in the same way, and never more than the limits of the planned word allow.
    """
    if headline is None:
        return ()
    metric = results.plan.primary_metric
    counts, planned = deciding_index(results, headline), find(results, "protection_index", headline, metric)
    if planned.value is None:
        return ()
    found = [_alone(results, say("variation.as-planned"), counts, as_planned=True)]
    if counts.name != planned.name:
        said = say("variation.default-setting" if counts.name == AT_BEST else "variation.fixed")
        found.append(_alone(results, said, planned))
    for name in results.plan.metrics:
        other = index_by(results, headline, name)
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
        family = primary_of_arm(results.plan, estimate.condition)
        chances = {c: find(results, chance_name(estimate), c, estimate.metric).value for c in family}
        p = _adjusted(chances, estimate.condition)
    return _group(said, (_answered(results, said, estimate, p=p),), as_planned=as_planned)


def _group(said: Said, variations: tuple[Variation, ...], *, as_planned: bool = False) -> VariationGroup:
    known = [x for x in variations if x.value is not None]
    return VariationGroup(
        said=said,
        variations=variations,
        as_planned=as_planned,
        low=min((x.low for x in known if x.low is not None), default=None),
        high=max((x.high for x in known if x.high is not None), default=None),
    )


def _answered(results: Results, said: Said, estimate: Estimate, *, p: float | None) -> Variation:
    e, alone = estimate, settled_label(estimate, results.plan.margins, p=p)
    verdict, _ = limited(LIMITS, results, e.condition, e.metric, alone)
    return Variation(said=said, value=e.value, low=e.low, high=e.high, n=e.n, verdict=verdict)


def _adjusted(chances: dict[str, float | None], condition: str) -> float | None:
    return dict(zip(chances, holm(list(chances.values())), strict=True)).get(condition)


@dataclass(frozen=True)
class _Pairs:
    """Gains of clean and of a condition over base by what was drawn, both (runs, drawn), over complete pairs.

    NaN stands where a run did not draw it. `runs` and `drawn` say whose they are.
    """

    clean: Array
    treated: Array
    runs: tuple[int, ...]
    drawn: tuple[int | str, ...]

    def without_run(self, run: int) -> _Pairs:
        kept = [r != run for r in self.runs]
        return _Pairs(self.clean[kept], self.treated[kept], tuple(r for r in self.runs if r != run), self.drawn)

    def without(self, one: int | str) -> _Pairs:
        kept = [d != one for d in self.drawn]
        rest = tuple(d for d in self.drawn if d != one)
        return _Pairs(self.clean[:, kept], self.treated[:, kept], self.runs, rest)

    @property
    def can_lose_one(self) -> bool:
        """Whether every run has something left, whatever is left out."""
        return len(self.runs) > 1 and bool((np.isfinite(self.clean).sum(axis=1) > 1).all())


def _left_out(results: Results, planned: Estimate) -> Iterator[VariationGroup]:
    """One run, then one prompt, then one held-out work left out, each in turn and wherever it was drawn."""
    names = tuple(dict.fromkeys((planned.condition, *primary_of_arm(results.plan, planned.condition))))
    by_prompt = {c: _pairs(results, c, by_work=False) for c in names}
    own = by_prompt[planned.condition]

    def group(id: str, every: dict[str, _Pairs], ways: list[tuple[Said, Callable[[_Pairs], _Pairs]]]) -> VariationGroup:
        made = (
            _recomputed(results, said, planned, {c: cut(pairs) for c, pairs in every.items()}) for said, cut in ways
        )
        return _group(say(id, ways=len(ways)), tuple(made))

    def run_out(run: int) -> Callable[[_Pairs], _Pairs]:
        return lambda pairs: pairs.without_run(run)

    def out(one: int | str) -> Callable[[_Pairs], _Pairs]:
        return lambda pairs: pairs.without(one)

    if len(own.runs) >= FEWEST_RUNS:
        runs = [(say("variation.run", run=run), run_out(run)) for run in own.runs]
        yield group("variation.runs", by_prompt, runs)
    if own.can_lose_one:
        texts = dict(enumerate(results.plan.prompts))
        prompts = [(say("variation.prompt", prompt=texts[p]), out(p)) for p in texts if p in own.drawn]
        yield group("variation.prompts", by_prompt, prompts)
    by_work = {c: _pairs(results, c, by_work=True) for c in names}
    if all(pairs.can_lose_one for pairs in by_work.values()):
        known = {work.id: work.name for work in results.plan.works}
        works = [(say("variation.work", work=known[w]), out(w)) for w in known if w in by_work[planned.condition].drawn]
        yield group("variation.works", by_work, works)


def _recomputed(results: Results, said: Said, planned: Estimate, pairs: dict[str, _Pairs]) -> Variation:
    """The planned index from other gains: those of its condition, and of the primary ones for the family."""
    means = {c: (np.nanmean(p.clean, axis=1), np.nanmean(p.treated, axis=1)) for c, p in pairs.items()}
    clean, treated = means[planned.condition]
    found = ratio_interval(clean - treated, clean, level=planned.level)
    estimate = planned.model_copy(update={"value": found.value, "low": found.low, "high": found.high, "n": found.n})
    margin = results.plan.margins.did_not_hold
    family = primary_of_arm(results.plan, planned.condition)
    chances = {c: chance_index_at_least(*means[c], margin=margin).value for c in family}
    return _answered(results, said, estimate, p=_adjusted(chances, planned.condition))


def _pairs(results: Results, condition: str, *, by_work: bool) -> _Pairs:
    found, clean = gains(results, results.plan.primary_metric), clean_name(results)
    runs = found.replicates(clean, condition)
    table, drawn = (found.by_work, found.works) if by_work else (found.by_prompt, found.prompts)
    return _Pairs(table(clean, runs), table(condition, runs), tuple(runs), drawn)
