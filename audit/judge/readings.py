"""What a reader is shown beside estimates, checks and verdict, so that a report computes nothing."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator

import numpy as np

from audit.base.messages import Said, say
from audit.judge import subjects
from audit.judge.estimates import SEQUENTIAL, find, hardest_placebo, metric_names
from audit.judge.exclusion import broken
from audit.judge.gains import BASE, clean_name, finite, gains
from audit.judge.significance import smallest_chance
from audit.judge.variations import variations
from audit.judge.verdict import deciding_index, is_claim, softened
from audit.judge.words import change, shown, spread
from audit.records import (
    BaseRecognised,
    Cell,
    ConceptReading,
    Condition,
    ConditionReading,
    IndexWords,
    ModelScores,
    Reached,
    ReachedGoal,
    Readings,
    Results,
    SeenChange,
    SignFlips,
)

FLIPS_EXACT_UP_TO = 14
"""Runs up to which every pattern of signs is counted."""
BINS = 25
EYE = ((40.0, "eye.hard"), (32.0, "eye.slight"), (24.0, "eye.easy"))
"""PSNR in dB from which a change is told in these words, by a rule of thumb."""


def readings(results: Results) -> Readings:
    """Everything of a run whose `estimates`, `checks` and `verdict` are filled."""
    headline = _headline(results)
    lost = {c.name: lost_shares(results, c.name) for c in results.plan.conditions}
    return Readings(
        headline=headline,
        placebo=hardest_placebo(results),
        conditions=tuple(_condition(results, c, lost[c.name]) for c in results.plan.conditions),
        index_words=tuple(_index_words(results)),
        reached=tuple(_reached(results)),
        models=tuple(_models(results)),
        real_means={m.name: float(finite(m.real).mean()) for m in results.metrics if len(finite(m.real))},
        variations=variations(results, headline),
        chance=_chance(headline, lost[headline]) if headline is not None else None,
        concepts=tuple(_concepts(results)),
        base_recognised=tuple(_base_recognised(results)),
        subjects_blind=_subjects_blind(results),
    )


def lost_shares(results: Results, condition: str) -> dict[int, float]:
    """Replicate -> what a condition took away from clean, as a share of the mean gain of clean over complete pairs."""
    clean, found = clean_name(results), gains(results, results.plan.primary_metric)
    if condition == clean:
        return {}
    of_clean, of_treated = found.paired(clean, condition)
    if not len(of_clean) or not of_clean.mean() > 0:
        return {}
    shares = (of_clean - of_treated) / of_clean.mean()
    return dict(zip(found.replicates(clean, condition), shares.tolist(), strict=True))


def _headline(results: Results) -> str | None:
    assert results.verdict is not None
    if results.verdict.condition is not None:
        return results.verdict.condition
    tested = [c for c in results.plan.conditions if c.role != "clean"]
    first = [*(c for c in tested if c.primary), *(c for c in tested if c.role == "protected")]
    return first[0].name if first else None


def _condition(results: Results, condition: Condition, lost: dict[int, float]) -> ConditionReading:
    name, claim = condition.name, is_claim(results.plan, condition)
    pairs = next((e.n for e in results.estimates if (e.name, e.condition) == ("p_sign_flip", name)), 0)
    return ConditionReading(
        condition=name,
        claim=claim,
        index=deciding_index(results, name).name,
        softened=claim and softened(results, name),
        lost_shares=lost,
        least_p=smallest_chance(pairs) if pairs > 1 else None,
        losses=_losses(results, name),
        seen=_seen(results, name),
    )


def _losses(results: Results, condition: str) -> tuple[float | None, ...]:
    runs = [c.adapter.losses for c in results.cells if c.condition == condition and c.adapter is not None]
    curve: list[float | None] = []
    for span in range(min((len(run) for run in runs), default=0)):
        known = [loss for run in runs if (loss := run[span]) is not None and math.isfinite(loss)]
        curve.append(math.fsum(known) / len(known) if known else None)
    return tuple(curve)


def _index_words(results: Results) -> Iterator[IndexWords]:
    for e in results.estimates:
        value = shown(e)
        if e.name in ("protection_index", SEQUENTIAL) and value is not None:
            bounds = None if e.low is None or e.high is None else spread(e.low, e.high)
            yield IndexWords(name=e.name, condition=e.condition, metric=e.metric, change=change(value), range=bounds)


def _reached(results: Results) -> Iterator[ReachedGoal]:
    made: dict[tuple[str, str, str], list[Reached]] = {}
    for row in results.reached:
        made.setdefault((row.condition, row.step, row.objective.said.canonical()), []).append(row)
    for (condition, step, _), rows in sorted(made.items()):
        yield ReachedGoal(
            condition=condition,
            step=step,
            said=rows[0].objective.said,
            first=statistics.median(row.first for row in rows),
            last=statistics.median(row.last for row in rows),
            works=len(rows),
        )


def _seen(results: Results, condition: str) -> SeenChange | None:
    rows = [row for row in results.visibility if row.condition == condition]
    if not rows:
        return None
    psnr, lpips = [r.psnr for r in rows if r.psnr is not None], [r.lpips for r in rows if r.lpips is not None]
    middle = statistics.median(psnr) if psnr else None
    return SeenChange(
        works=len(rows),
        linf=max(row.linf for row in rows),
        rms=statistics.median(row.rms for row in rows),
        psnr=middle,
        lpips=statistics.median(lpips) if lpips else None,
        eye=_eye(middle),
    )


def _eye(psnr: float | None) -> Said:
    """A rule of thumb; pages call it that and show the pictures beside it."""
    if psnr is None:
        return say("eye.same")
    return next((say(id) for least, id in EYE if psnr >= least), say("eye.strong"))


def _models(results: Results) -> Iterator[ModelScores]:
    cells = {(c.condition, c.replicate): c for c in results.cells}
    runs = range(1, results.replicates + 1)
    order = [(BASE, 0), *((c.name, run) for c in results.plan.conditions for run in runs)]
    for metric in metric_names(results):
        base = _scores(cells.get((BASE, 0)), metric)
        for condition, replicate in order:
            cell = cells.get((condition, replicate))
            own = _scores(cell, metric)
            whole = cell is not None and bool(base) and base.keys() <= own.keys()
            sound = whole and cell is not None and not broken(cell, results.plan.exclusion)
            yield ModelScores(
                condition=condition,
                replicate=replicate,
                metric=metric,
                mean=math.fsum(own[at] for at in base) / len(base) if sound else None,
                quartiles=_quartiles(list(own.values())) if own else None,
                pictures=len(own),
            )


def _quartiles(values: list[float]) -> tuple[float, float, float, float, float]:
    low, first, middle, third, high = (float(q) for q in np.quantile(values, (0, 0.25, 0.5, 0.75, 1)))
    return low, first, middle, third, high


def _scores(cell: Cell | None, metric: str) -> dict[tuple[int, int], float]:
    scores = cell.scores if cell is not None else ()
    values = ((s.prompt, s.noise, s.value) for s in scores if s.metric == metric)
    return {(prompt, noise): v for prompt, noise, v in values if v is not None and math.isfinite(v)}


def _chance(condition: str, lost: dict[int, float]) -> SignFlips | None:
    if len(lost) < 2:
        return None
    shares = np.array(list(lost.values()))
    n = len(shares)
    if n <= FLIPS_EXACT_UP_TO:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    else:
        signs = np.random.default_rng(0).choice((1.0, -1.0), size=(2**FLIPS_EXACT_UP_TO, n))
    flips, observed = signs @ shares / n, float(shares.mean())
    counts, edges = np.histogram(flips, bins=BINS)
    return SignFlips(
        condition=condition,
        observed=observed,
        patterns=len(flips),
        as_far=int(np.sum(np.abs(flips) >= abs(observed) * (1 - 1e-9))),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
    )


def _concepts(results: Results) -> Iterator[ConceptReading]:
    for name in subjects.read_conditions(results):
        if name in (BASE, clean_name(results)):
            continue
        for row in subjects.by_concept(results, name):
            shift = row.shift
            yield ConceptReading(
                condition=name,
                concept=row.name,
                clean=row.clean,
                treated=row.treated,
                shift=shift.value,
                low=shift.low,
                high=shift.high,
                n=shift.n,
            )


def _subjects_blind(results: Results) -> Said | None:
    found = find(results, "subject_found", clean_name(results), subjects.METRIC)
    if found.value is None:
        return None
    # The program chooses one of these for every picture.
    chance = 1 / len({*results.plan.concepts, *results.plan.prompts})
    if (found.value if found.low is None else found.low) > chance:
        return None
    return say("subjects-blind", share=found.value, chance=chance)


def _base_recognised(results: Results) -> Iterator[BaseRecognised]:
    cell = next((c for c in results.cells if c.condition == BASE), None)
    for known in results.recognition:
        taken = [i for i in cell.nearest.get(known.metric, ()) if i >= 0] if cell is not None else []
        yield BaseRecognised(metric=known.metric, taken=sum(i == 0 for i in taken), pictures=len(taken))
