"""Tables of what a reader is shown beside estimates, checks and verdict, so that a report computes nothing."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from audit.base.messages import Said, say
from audit.judge import subjects
from audit.judge.arms import protection_of
from audit.judge.at_best import AT_BEST, Option, chosen_settings
from audit.judge.claim_labels import deciding_index
from audit.judge.claims import is_claim, ways_around
from audit.judge.contrasts import contrasts
from audit.judge.estimates import SEQUENTIAL, find, hardest_placebo, metric_names
from audit.judge.exclusion import broken
from audit.judge.gains import clean_name, finite, gains
from audit.judge.people import people_reading
from audit.judge.reach import can_tell
from audit.judge.scope import scope, scope_details
from audit.judge.significance import smallest_chance
from audit.judge.variations import variations
from audit.judge.words import change, spread
from audit.records import (
    BASE,
    BaseRecognised,
    Cell,
    ChosenSetting,
    ConceptReading,
    Condition,
    ConditionReading,
    ExtremePair,
    IndexWords,
    ModelScores,
    Reached,
    ReachedGoal,
    Readings,
    Results,
    SeenChange,
    SignFlips,
)
from audit.records.rounding import shown

FLIPS_EXACT_UP_TO = 14
"""Runs up to which every pattern of signs is counted."""
BINS = 25
EYE = ((40.0, "eye.hard"), (32.0, "eye.slight"), (24.0, "eye.easy"))
"""PSNR in dB from which a change is told in these words, by a rule of thumb."""


def tables(results: Results) -> Readings:
    """Everything of a run whose `estimates`, `checks` and `verdict` are filled."""
    headline = _headline(results)
    of = results.plan.condition(headline) if headline is not None else None
    protection = protection_of(of) if of is not None and is_claim(results.plan, of) else None
    lost = {c.name: lost_shares(results, c.name) for c in results.plan.conditions}
    return Readings(
        headline=headline,
        placebo=hardest_placebo(results, protection),
        conditions=tuple(_condition(results, c, lost[c.name]) for c in results.plan.conditions),
        index_words=tuple(_index_words(results)),
        reached=tuple(_reached(results)),
        models=tuple(_models(results)),
        real_means={m.name: float(finite(m.real).mean()) for m in results.metrics if len(finite(m.real))},
        variations=variations(results, headline),
        ranges_meet=_ranges_meet(results, headline),
        extremes=_extremes(results, headline) if headline is not None else (),
        chance=_chance(headline, lost[headline]) if headline is not None else None,
        concepts=tuple(_concepts(results)),
        base_recognised=tuple(_base_recognised(results)),
        subjects_blind=_subjects_blind(results),
        people=people_reading(results),
        scope=scope(results.plan),
        scope_details=scope_details(results.plan),
        contrasts=contrasts(results),
        can_tell=can_tell(results.plan),
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
    best = chosen_settings(results, name) if claim else None
    pairs = next((e.n for e in results.estimates if (e.name, e.condition) == ("p_sign_flip", name)), 0)
    least, family = smallest_chance(pairs) if pairs > 1 else None, len(results.plan.hypotheses)
    return ConditionReading(
        condition=name,
        claim=claim,
        index=deciding_index(results, name).name,
        lost_shares=lost,
        least_p=least,
        least_holm=min(1.0, family * least) if least is not None and family > 1 else None,
        chosen=_choices(best.treated_choices) if best else (),
        chosen_clean=_choices(best.clean_choices) if best else (),
        ways_around=len(ways_around(results.plan, name)) - 1 if claim else 0,
        losses=_losses(results, name),
        seen=_seen(results, name),
    )


def _choices(options: Sequence[Option]) -> tuple[ChosenSetting, ...]:
    return tuple(ChosenSetting(way=way, setting=setting) for way, setting in options)


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
        if e.name in ("protection_index", SEQUENTIAL, AT_BEST) and value is not None:
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
        kept=statistics.median(kept) if (kept := [r.kept for r in rows if r.kept is not None]) else None,
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
    for metric in metric_names(results):
        found = gains(results, metric)
        base = [cell for (name, _), cell in sorted(cells.items()) if name == BASE]
        of_base = [_scores(cell, metric) for cell in base]
        sound = [cell for cell in base if not broken(cell, results.plan.exclusion)]
        yield ModelScores(
            condition=BASE,
            replicate=0,
            metric=metric,
            mean=found.base_mean if sound else None,
            quartiles=_quartiles([v for own in of_base for v in own.values()]) if any(of_base) else None,
            pictures=sum(len(own) for own in of_base),
        )
        # Where base drew once for all replicates, that is the row above.
        names = [*([BASE] if results.plan.draws else []), *(c.name for c in results.plan.conditions)]
        for condition, replicate in ((name, run) for name in names for run in runs):
            cell = cells.get((condition, replicate))
            own = _scores(cell, metric)
            pictures = found.base_of(replicate)
            whole = bool(pictures) and pictures.keys() <= own.keys()
            used = whole and cell is not None and not broken(cell, results.plan.exclusion)
            yield ModelScores(
                condition=condition,
                replicate=replicate,
                metric=metric,
                mean=math.fsum(own[at] for at in pictures) / len(pictures) if used else None,
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


def _ranges_meet(results: Results, headline: str | None) -> bool | None:
    ranges = [
        (e.low, e.high)
        for e in results.estimates
        if (e.name, e.condition) == ("protection_index", headline)
        and e.value is not None
        and e.low is not None
        and e.high is not None
    ]
    return max(low for low, _ in ranges) <= min(high for _, high in ranges) if len(ranges) > 1 else None


def _extremes(results: Results, headline: str) -> tuple[ExtremePair, ...]:
    """Ranked by what the protection took, then by place, so that the choice is fixed."""
    cells = {(c.condition, c.replicate): c for c in results.cells}
    metric, clean = results.plan.primary_metric, clean_name(results)
    pairs = []
    for replicate in range(1, results.replicates + 1):
        of_clean, of_treated = (_scores(cells.get((name, replicate)), metric) for name in (clean, headline))
        asked = set(results.plan.asked(replicate))
        pairs += [
            (of_clean[at] - of_treated[at], replicate, at, of_clean[at], of_treated[at])
            for at in of_clean.keys() & of_treated.keys()
            if at[0] in asked
        ]
    ranked = sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))
    if len(ranked) < 3:
        return ()
    places: tuple[tuple[Literal["best", "middle", "worst"], int], ...] = (
        ("best", 0), ("middle", len(ranked) // 2), ("worst", -1),
    )  # fmt: skip
    return tuple(
        ExtremePair(place=place, replicate=replicate, prompt=at[0], noise=at[1], clean=clean, treated=treated)
        for place, (_, replicate, at, clean, treated) in ((place, ranked[rank]) for place, rank in places)
    )


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
    for known in results.recognition:
        of_base = [c.nearest.get(known.metric, ()) for c in results.cells if c.condition == BASE]
        taken = [i for nearest in of_base for i in nearest if i >= 0]
        yield BaseRecognised(metric=known.metric, taken=sum(i == 0 for i in taken), pictures=len(taken))
