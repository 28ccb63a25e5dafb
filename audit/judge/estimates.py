"""The estimates of a run: every number of the table, for every condition and metric that it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeVar

import numpy as np

from audit.base.messages import Said, say
from audit.judge import subjects
from audit.judge.arms import protection_of
from audit.judge.at_best import CHANCE_AT_BEST, at_best_rows
from audit.judge.at_large import AT_LARGE, Drawn
from audit.judge.claims import is_claim
from audit.judge.coherence import METRIC as OF_PICTURES
from audit.judge.coherence import coherence_rows
from audit.judge.estimate_rows import as_estimate, generator
from audit.judge.gains import (
    Gains,
    ScoredModels,
    at_equal_noise,
    at_equal_tone,
    clean_name,
    finite,
    gains,
    noise_levels,
    real_mean,
    recognised,
)
from audit.judge.intervals import Interval, ratio_interval
from audit.judge.people import people_rows
from audit.judge.quantities import (
    COMPARISONS,
    EQUAL_NOISE,
    EQUAL_TONE,
    EQUAL_TREATMENT,
    GAIN,
    METRIC_FACTS,
    NOISE_EXCESS,
    OVER_PROMPTS,
    PICTURE_NOISE,
    PLACEBO_EXCESS,
    RECOGNISED,
    TONE_PLACEBO_EXCESS,
    Comparison,
    Excess,
    Gained,
    MetricInputs,
    Noise,
    Paired,
    Quantity,
    how_of,
)
from audit.judge.sequential import METHOD, sequential_index
from audit.judge.significance import holm
from audit.records import BASE, Condition, Estimate, Results
from audit.records.versions import PAST

T = TypeVar("T")

SEQUENTIAL = "protection_index_sequential"
"""The index that the verdict reads of a plan with an interim analysis after each replicate."""
NOT_ESTIMATED = say("why.not-estimated")
PIXELS = "pixels"
"""Stands where rows about the pictures' noise have the name of their metric."""
PlaceboKind = Literal["noise", "tone"]
EXCESSES: dict[PlaceboKind, Quantity[Excess]] = {"noise": PLACEBO_EXCESS, "tone": TONE_PLACEBO_EXCESS}
"""What a protection adds to a placebo of each kind."""
FAMILY = tuple(
    (name, "p_holm" if name == "p_sign_flip" else f"{name}_holm")
    for name in ("p_sign_flip", "p_index_at_least_margin", CHANCE_AT_BEST)
)
"""Rows that are adjusted over the primary conditions, with the names of the adjusted rows."""


def estimate(results: Results) -> tuple[Estimate, ...]:
    """All estimates of a run, from its plan, cells and metric facts.

    For each metric (the primary first) and condition: `gain`; for conditions other than clean also the rows of
    `COMPARISONS` and `index_at_large` (`index_over_prompts` in plans that draw once), for protections
    `placebo_excess`, for protections under a countermeasure `index_at_equal_treatment`; for each metric the rows of
    `METRIC_FACTS` (`learned_share` under clean, `base_position` under base, `auc` under no condition, ''); and the
    rows of `FAMILY` for the primary conditions by the primary metric. Where the plan's grid has more than the default,
    those of `at_best_rows`. Numbers that cannot be worked out are None with
    a reason.
    """
    rows = [row for metric in metric_names(results) for row in _by_metric(results, metric)]
    rows += [row for metric in metric_names(results) for row in _recognised_rows(results, metric)]
    rows += [row for metric in metric_names(results) for row in _at_best_rows(results, metric)]
    rows += _noise_rows(results)
    rows += _tone_rows(results)
    rows += [_row(results, r.name, r.condition, OF_PICTURES, r.unit, r.how, r.found) for r in coherence_rows(results)]
    rows += _subject_rows(results)
    rows += people_rows(results)
    if results.plan.stopping.rule == "until-decided":
        rows += _sequential_rows(results)
    return (*rows, *(row for source, name in FAMILY for row in _holm_rows(results, rows, source=source, name=name)))


def find(results: Results, name: str, condition: str, metric: str) -> Estimate:
    """The estimate with that name, condition and metric; one without a value when there is none."""
    for row in results.estimates:
        if (row.name, row.condition, row.metric) == (name, condition, metric):
            return row
    return _row(results, name, condition, metric, "", NOT_ESTIMATED, Interval(None, None, None, 0, NOT_ESTIMATED))


def index_interval(results: Results, condition: str, metric: str, *, level: float) -> Interval:
    """The protection index of a condition at another level than the plan's."""
    of_clean, of_treated = gains(results, metric).paired(clean_name(results), condition)
    return ratio_interval(of_clean - of_treated, of_clean, level=level)


def metric_names(results: ScoredModels) -> tuple[str, ...]:
    """The plan's metrics without repetition, the primary first."""
    return tuple(dict.fromkeys((results.plan.primary_metric, *results.plan.metrics)))


def primary_conditions(results: ScoredModels) -> tuple[str, ...]:
    """Names of the conditions that the overall verdict counts."""
    return tuple(c.name for c in results.plan.conditions if c.primary and c.role != "clean")


def hardest_placebo(results: Results, protection: str | None = None) -> str | None:
    """The placebo of noise of the greatest budget, or None without one: chosen by the plan, never by its result.

    Args:
        protection: as of `placebos`.
    """
    return placebos(results, protection).get("noise")


def placebos(results: Results, protection: str | None = None) -> dict[PlaceboKind, str]:
    """The hardest placebo of each kind that the plan has: of noise the one of the greatest budget, and one of tone.

    Args:
        protection: of those made as strong as this one, and those that stand beside all; None for all there are.
    """
    toned = {recipe.step for recipe in results.plan.recipes if recipe.kind == "placebo" and recipe.way == "tone"}
    found: dict[PlaceboKind, list[Condition]] = {"noise": [], "tone": []}
    for condition in results.plan.conditions:
        if condition.role == "placebo" and (protection is None or protection in (condition.matches or (protection,))):
            found["tone" if toned & set(condition.steps) else "noise"].append(condition)
    return {kind: max(of, key=lambda c: c.budget or 0.0).name for kind, of in found.items() if of}


def _by_metric(results: Results, metric: str) -> Iterator[Estimate]:
    found, clean, level = gains(results, metric), clean_name(results), results.plan.margins.level
    for condition in results.plan.conditions:
        hardest = placebos(results, protection_of(condition) if is_claim(results.plan, condition) else None)
        yield _worked_out(results, GAIN, condition.name, metric, Gained(found.of(condition.name), level))
        if condition.name == clean:
            continue
        of_clean, of_treated = found.paired(clean, condition.name)
        for comparison in COMPARISONS:
            rng = generator("cloakcheck judge", results.plan.seed, comparison.name, condition.name, metric)
            of_both = Comparison(
                clean=of_clean,
                treated=of_treated,
                by_prompt=found.lost_by_prompt(clean, condition.name),
                level=level,
                margin=results.plan.margins.did_not_hold,
                rng=rng,
                least_resampled=2 if results.plan.schema_version in PAST else results.plan.margins.min_replicates,
            )
            yield _worked_out(results, comparison, condition.name, metric, of_both)
        both = found.replicates(clean, condition.name)
        of_prompts = Paired(found.by_prompt(clean, both), found.by_prompt(condition.name, both), level)
        if results.plan.draws:
            of_works = Paired(found.by_work(clean, both), found.by_work(condition.name, both), level)
            yield _worked_out(results, AT_LARGE, condition.name, metric, Drawn(of_works, of_prompts))
        else:
            yield _worked_out(results, OVER_PROMPTS, condition.name, metric, of_prompts)
        for kind, placebo in hardest.items() if condition.role == "protected" else ():
            of_clean, of_placebo, of_treated = found.paired(clean, placebo, condition.name)
            of_all = Excess(clean=of_clean, placebo=of_placebo, treated=of_treated, level=level)
            yield _worked_out(results, EXCESSES[kind], condition.name, metric, of_all)
        if condition.twin is not None and condition.twin in [c.name for c in results.plan.conditions]:
            of_twin, of_treated = found.paired(condition.twin, condition.name)
            yield _worked_out(results, EQUAL_TREATMENT, condition.name, metric, Paired(of_twin, of_treated, level))
    facts = _facts(results, metric, found, clean)
    for subject, fact in METRIC_FACTS:
        yield _worked_out(results, fact, clean if subject == "clean" else subject, metric, facts)


def _facts(results: Results, metric: str, found: Gains, clean: str) -> MetricInputs:
    known = next((m for m in results.metrics if m.name == metric), None)
    others = finite(known.others if known else ())
    artists = known.others_artists if known else 0
    ways = [_way(results, metric, found, r) for r in found.replicates(clean)]
    return MetricInputs(
        clean=found.of(clean),
        base_by_prompt=found.base_by_prompt(),
        ways=np.array([np.nan if way is None else way for way in ways], dtype=np.float64),
        drawn=bool(results.plan.draws),
        real=finite(known.real if known else ()),
        others=others,
        others_units=min(artists, len(others)) if artists > 0 else len(others),
        level=results.plan.margins.level,
    )


def _way(results: Results, metric: str, found: Gains, replicate: int) -> float | None:
    """From base to the artist's real works, as a replicate scores both; None where one is not known."""
    real, base = real_mean(results, metric, replicate), list(found.base_of(replicate).values())
    return None if real is None or not base else real - float(np.mean(base))


def _at_best_rows(results: Results, metric: str) -> Iterator[Estimate]:
    """Where the plan lets a mimic choose: its rows by setting, and those of what he gets."""
    for row in at_best_rows(results, metric):
        made = _row(results, row.name, row.condition, metric, row.unit, row.how, row.found)
        yield made.model_copy(update={"setting": row.setting})


def sequential_intervals(results: ScoredModels, metric: str, *, last: bool) -> dict[str, Interval]:
    """The index of every condition by one metric, with bounds that hold under optional stopping.

    Args:
        last: whether the plan's budget is used up.
    """
    plan, clean, primary = results.plan, clean_name(results), primary_conditions(results)
    found = gains(results, metric)
    intervals = {}
    for condition in plan.conditions:
        if condition.name != clean:
            of_clean, of_treated = found.paired(clean, condition.name)
            family = len(primary) if condition.name in primary else 1
            intervals[condition.name] = sequential_index(
                of_clean, of_treated, level=plan.margins.level, family=family, last=last
            )
    return intervals


def _recognised_rows(results: Results, metric: str) -> Iterator[Estimate]:
    """`recognised_rate` of base and every condition, where the pictures were looked at for it."""
    rates = recognised(results, metric)
    for name in (BASE, *(c.name for c in results.plan.conditions)) if rates else ():
        of_runs = Gained(np.array([rates[k] for k in sorted(rates) if k[0] == name]), results.plan.margins.level)
        yield _worked_out(results, RECOGNISED, name, metric, of_runs)


def _noise_rows(results: Results) -> Iterator[Estimate]:
    """`picture_noise` of base and every condition, `noise_excess` over clean, `index_at_equal_noise` where scored."""
    level, clean = results.plan.margins.level, clean_name(results)
    levels = {name: noise_levels(results, name) for name in (BASE, *(c.name for c in results.plan.conditions))}
    if not any(levels.values()):
        return
    for name, own in levels.items():
        both = sorted(own.keys() & levels[clean].keys())
        noise = Noise(
            own=np.array([own[r] for r in sorted(own)], dtype=np.float64),
            clean=np.array([levels[clean][r] for r in both], dtype=np.float64),
            treated=np.array([own[r] for r in both], dtype=np.float64),
            level=level,
        )
        yield _worked_out(results, PICTURE_NOISE, name, PIXELS, noise)
        if name not in (BASE, clean):
            yield _worked_out(results, NOISE_EXCESS, name, PIXELS, noise)
    for name in dict.fromkeys(control.condition for control in results.noise_controls):
        for metric in metric_names(results):
            of_clean, of_treated = at_equal_noise(results, name, metric)
            yield _worked_out(results, EQUAL_NOISE, name, metric, Paired(of_clean, of_treated, level))


def _tone_rows(results: Results) -> Iterator[Estimate]:
    """`index_at_equal_tone` of every claim and placebo that was scored so."""
    clean, even = clean_name(results), at_equal_tone(results)
    names = dict.fromkeys(control.condition for control in results.tone_controls)
    asked = [name for name in names if name not in (BASE, clean)]
    for metric in metric_names(results) if asked else ():
        found = gains(even, metric)
        for name in asked:
            of_clean, of_treated = found.paired(clean, name)
            of_both = Paired(of_clean, of_treated, results.plan.margins.level)
            yield _worked_out(results, EQUAL_TONE, name, metric, of_both)


def _subject_rows(results: Results) -> Iterator[Estimate]:
    """`subject_found` of base and every condition, and `subject_shift` against clean, where subjects were read."""
    for name in subjects.read_conditions(results):
        found = subjects.found_interval(results, name)
        yield _row(results, "subject_found", name, subjects.METRIC, "share", say("how.subject-found"), found)
        if name not in (BASE, clean_name(results)):
            shift = subjects.shift_interval(results, name)
            yield _row(results, "subject_shift", name, subjects.METRIC, "share", say("how.subject-shift"), shift)


def _sequential_rows(results: Results) -> Iterator[Estimate]:
    last = results.replicates >= results.plan.replicates
    for metric in metric_names(results):
        for condition, interval in sequential_intervals(results, metric, last=last).items():
            yield _row(results, SEQUENTIAL, condition, metric, "share", METHOD, interval)


def _holm_rows(results: Results, rows: list[Estimate], *, source: str, name: str) -> Iterator[Estimate]:
    family, metric = primary_conditions(results), results.plan.primary_metric
    p = {r.condition: r for r in rows if r.name == source and r.metric == metric}
    family = tuple(condition for condition in family if condition in p)
    how = say("how.holm", name=source, n=len(family))
    adjusted = holm([p[condition].value for condition in family])
    for condition, value in zip(family, adjusted, strict=True):
        interval = Interval(value, None, None, p[condition].n, p[condition].why)
        yield _row(results, name, condition, metric, "probability", how, interval)


def _worked_out(results: Results, quantity: Quantity[T], condition: str, metric: str, data: T) -> Estimate:
    q, how = quantity, how_of(quantity, drawn=bool(results.plan.draws))
    return _row(results, q.name, condition, metric, q.unit, how, q.compute(data))


def _row(
    results: Results, name: str, condition: str, metric: str, unit: str, how: Said, interval: Interval
) -> Estimate:
    return as_estimate(
        interval,
        name=name,
        condition=condition,
        metric=metric,
        level=results.plan.margins.level,
        unit=unit,
        how=how,
    )
