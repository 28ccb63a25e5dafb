"""Checks on the comparison: metric, base model, protected files, placebo, false alarms."""

from __future__ import annotations

import numpy as np

from audit.base.messages import say
from audit.judge.arms import arms_where, protections
from audit.judge.estimates import PIXELS, find, hardest_placebo, index_interval, metric_names, primary_conditions
from audit.judge.gains import clean_name, gains, trigger_shift
from audit.judge.intervals import Interval, divided, mean_interval
from audit.judge.limits import by_one_metric
from audit.judge.limits.equal_noise import LIMIT as EQUAL_NOISE
from audit.judge.limits.equal_noise import equal_noise
from audit.judge.limits.other_metrics import CHANCE, fit
from audit.judge.questions import Finding, clauses, estimate_line, labels_by_metric
from audit.judge.significance import chance_of_alarms, rate_upper_bound
from audit.judge.verdict import answers, labels
from audit.records import BASE, CalibrationCard, Estimate, PlantedTruth, Results, Truth
from audit.records.versions import PAST

SAME_ART: tuple[Truth, ...] = ("same-pixels", "same-pictures", "same-works")
"""Planted truths that train on the originals, or on pictures next to equal to them."""


def metric_separates(results: Results) -> Finding:
    """Red if the primary metric cannot tell the artist's real works from others'."""
    row, least = find(results, "auc", "", results.plan.primary_metric), results.plan.margins.min_auc
    facts = next((m for m in results.metrics if m.name == row.metric), None)
    figures = clauses(
        estimate_line(row),
        say("figures.auc", least=least, chance=CHANCE),
        say("figures.other-artists", n=facts.others_artists if facts else 0),
    )
    if row.value is None or row.low is None:
        return Finding(None, figures)
    return Finding(fit(results, row.metric), figures)


def base_does_not_know(results: Results) -> Finding:
    """Red if base, untrained, may already stand too near to the artist."""
    row = find(results, "base_position", BASE, results.plan.primary_metric)
    limit = results.plan.margins.base_knows_share
    figures = clauses(estimate_line(row), say("figures.upper-below", limit=limit))
    if row.high is not None:
        return Finding(row.high < limit, figures)
    return Finding(False if row.value is not None and row.value >= limit else None, figures)


def trigger_neutral(results: Results) -> Finding:
    """Red if the style word alone surely moves base's pictures by more than the plan's `learned_share` of the way.

    Base with the word minus base without it, paired by prompt, as a share of the way from base without
    the word to the artist's real works. Shown, never a reason to withhold: every model is compared
    with base under the word, whatever the word means to it.
    """
    metric, limit = results.plan.primary_metric, results.plan.margins.learned_share
    apart, way = trigger_shift(results, metric)
    if way is None or not way > 0:
        return Finding(None, say("figures.no-trigger"))
    found = divided(mean_interval(apart, level=results.plan.margins.level), way)
    shift = say("figures.trigger", metric=metric, value=found.value, low=found.low, high=found.high, n=found.n)
    figures = clauses(shift, say("figures.neutral", limit=limit))
    if found.low is None or found.high is None:
        return Finding(None, figures)
    if -limit <= found.low and found.high <= limit:
        return Finding(True, figures)
    return Finding(False if found.low > limit or found.high < -limit else None, figures)


def protection_differs(results: Results) -> Finding:
    """Red if most files of a protection behind a primary condition equal the originals.

    A primary condition under a countermeasure is judged by the protection that it was made from.
    """
    step = results.plan.margins.visible_step
    changed: dict[str, list[bool]] = {name: [] for name in protections(results)}
    for row in results.visibility:
        if row.condition in changed:
            changed[row.condition].append(row.linf >= step)
    rows = [
        say("figures.differ", name=name, n=sum(flags), all=len(flags), step=step) for name, flags in changed.items()
    ]
    figures = clauses(*rows) if rows else say("figures.no-protection")
    measured = [flags for flags in changed.values() if flags]
    alike = tuple(name for name, flags in changed.items() if flags and 2 * sum(flags) <= len(flags))
    if alike:
        return Finding(False, figures, of=alike)
    whole = bool(changed) and len(measured) == len(changed)
    some = any(not all(flags) for flags in measured)
    return Finding(True if whole else None, figures, exceptions=some)


def attack_worked(results: Results) -> Finding | None:
    """Red if a reference protection missed its own goal on most works; not asked where none was made here.

    What is measured comes from the recorded goal of each work, on the delivered file, with draws that the attack never
    saw. A failed attack says nothing about the method that it follows.
    """
    names = protections(results)
    rows: dict[tuple[str, str], list[bool]] = {}
    for row in results.reached:
        if row.condition in names:
            down = row.objective.direction == "down"
            rows.setdefault((row.condition, row.step), []).append(
                (row.last < row.first) is down and row.last != row.first
            )
    if not rows:
        return None
    figures = clauses(*(say("figures.goal", name=step, n=sum(of), all=len(of)) for (_, step), of in rows.items()))
    missed = tuple(dict.fromkeys(name for (name, _), of in rows.items() if 2 * sum(of) <= len(of)))
    return Finding(not missed, figures, of=missed)


def placebo_weaker(results: Results) -> Finding:
    """Red if noise alone can explain an effect: it surely kept style away, and the protection not surely more.

    Asked of every primary protection that would be called held or partly held, against the placebo
    of its own budget. What the placebo must surely keep away is what the label claims at the least: the plan's
    margin of partly-held for that one, of did-not-hold for held. "More" is judged run by run; where it is not
    sure, but the placebo's own effect neither, the question stays open.
    """
    metric, margins = results.plan.primary_metric, results.plan.margins
    if hardest_placebo(results) is None:
        return Finding(None, say("figures.no-placebo"))
    protections = [c.name for c in results.plan.conditions if c.primary and c.role == "protected"]
    beside = {p: hardest_placebo(results, p) for p in protections}
    names = list(dict.fromkeys(beside.values())) or [hardest_placebo(results)]
    indices = {name: find(results, "protection_index", name, metric) for name in names if name is not None}
    noise = {p: indices[name] for p, name in beside.items() if name is not None}
    given = labels(results)
    effective = [p for p in protections if given[p] in ("held", "held-plain", "partly-held")]
    excess = {p: find(results, "placebo_excess", p, metric) for p in protections}
    rows = [*indices.values(), *(find(results, "protection_index", p, metric) for p in protections), *excess.values()]
    rule = say("figures.placebo-rule", limit=margins.did_not_hold, least=margins.partly)
    figures = clauses(rule, *(estimate_line(row) for row in rows))
    least = {"held": margins.did_not_hold, "held-plain": margins.did_not_hold, "partly-held": margins.partly}
    unlike = [p for p in effective if not _surely_above(excess[p], 0.0)]
    lows = {p: row.low for p, row in noise.items()}
    if not all(row.low is not None for row in indices.values()) or not unlike:
        return Finding(True if all(row.low is not None for row in indices.values()) else None, figures)
    explained = tuple(p for p in unlike if (low := lows.get(p)) is not None and low > least[given[p]])
    return Finding(False if explained else None, figures, of=explained)


def noise_not_style(results: Results) -> Finding:
    """Red if a primary condition's pictures are so noisy that a style score says little about them.

    A score can take noise for the style, or for its absence. So a label is what stands where base and clean have as
    much noise, too (`audit.judge.limits`), and beyond the plan's `noise_step` nothing but `held` is believed. Passed
    in part where equal noise made a label more careful.
    """
    metric, margins, given = results.plan.primary_metric, results.plan.margins, answers(results)
    names = primary_conditions(results)
    excess = {name: find(results, "noise_excess", name, PIXELS) for name in names}
    equal = {name: row for name in names if (row := equal_noise(results, name, metric)) is not None}
    rules = say("figures.equal-noise"), say("figures.speckle", limit=margins.noise_step)
    figures = clauses(*rules, *(estimate_line(row) for row in (*excess.values(), *equal.values())))
    speckled = [name for name in names if _surely_above(excess[name], margins.noise_step)]
    unsure = [name for name in speckled if given[name][0] in ("partly-held", "did-not-hold")]
    if unsure:
        return Finding(False, figures, of=arms_where(results, lambda arm: any(name in unsure for name in arm)))
    if not names or any(row.value is None for row in excess.values()):
        return Finding(None, figures)
    softened = any(limit.slug == EQUAL_NOISE.slug for name in equal for limit in given[name][1])
    return Finding(True, figures, exceptions=softened)


def no_false_alarm(results: Results) -> Finding:
    """Red if training on (next to) equal pictures gave a difference: an A/A comparison raised an alarm.

    An alarm is an interval of the index that excludes 0 and reaches further from it than the plan's
    `no_alarm_within`. Several controls share one error rate (Bonferroni), so that a sound instrument
    is withheld from at most 1 - level of all runs. Identity trains on the very same pixels and draws, and is not
    counted in "0 of n": a model that differs from clean's by more than `no_alarm_within` of the gain is a fault in
    the plumbing. Less is rounding, where the two were trained in packs of different sizes or by kernels that add
    up in another order each time; other draws would differ by more in one replicate or another.
    """
    metric, margins = results.plan.primary_metric, results.plan.margins
    truths = {c.name: c.truth for c in results.plan.conditions if c.truth in SAME_ART}
    rows = [find(results, "gain_difference", name, metric) for name in truths]
    tested = [row for row in rows if row.low is not None and row.high is not None]
    if not tested:
        return Finding(None, say("figures.no-control"))
    apart = [r.condition for r in tested if not r.value == r.low == r.high == 0]
    odd = [name for name in apart if truths[name] == "same-pixels"]
    broken = [name for name in odd if not _rounding(results, name, metric)]
    counted = [name for name in apart if truths[name] != "same-pixels"]
    level = 1 - (1 - margins.level) / max(1, len(counted))
    found = {name: index_interval(results, name, metric, level=level) for name in counted}
    alarms = [name for name in counted if _raised(results, name, metric, found[name], level)]
    most = rate_upper_bound(len(alarms), len(counted), level=margins.level)
    counts = {"n": len(alarms), "all": len(counted), "most": round(100 * most), "level": 100 * margins.level}
    rate = say("figures.alarms", **counts) if counted else say("figures.exactly-equal")
    rule = say("figures.alarm-rule", limit=margins.no_alarm_within)
    intervals = [
        say("figures.index-at-level", name=name, low=i.low, high=i.high, level=level) for name, i in found.items()
    ]
    figures = clauses(rate, rule, *intervals, *(estimate_line(row) for row in rows))
    return Finding(not alarms and not broken, figures, exceptions=bool(odd))


def _rounding(results: Results, name: str, metric: str) -> bool:
    """Whether no single model differs from clean's by more than the alarm's tolerance, as a share of clean's gain."""
    clean, treated = gains(results, metric).paired(clean_name(results), name)
    return len(clean) > 0 and bool(
        np.all(np.abs(clean - treated) <= results.plan.margins.no_alarm_within * clean.mean())
    )


def _raised(results: Results, name: str, metric: str, index: Interval, level: float) -> bool:
    """Whether an A/A control raised an alarm; where clean's gain bounds no index, the plain difference decides."""
    if index.low is not None and index.high is not None:
        return is_alarm(index, results.plan.margins.no_alarm_within)
    clean, treated = gains(results, metric).paired(clean_name(results), name)
    apart = mean_interval(clean - treated, level=level)
    return apart.low is not None and apart.high is not None and not apart.low <= 0 <= apart.high


def planted_success_found(results: Results) -> Finding:
    """Red if training on another artist's works, a success by construction, is missed.

    Missed: its index is surely not above the margin of held, or not surely above that of did-not-hold. In
    between it is found in part: a model that learns from any artist's works can come somewhat closer
    than base, so that the index of a success by construction lies below 1 where two artists are alike.
    """
    metric, margins = results.plan.primary_metric, results.plan.margins
    names = [c.name for c in results.plan.conditions if c.truth == "other-works"]
    rows = [find(results, "protection_index", name, metric) for name in names]
    if not rows:
        return Finding(None, say("figures.no-planted"))
    rule = say("figures.wanted", limit=margins.held, least=margins.did_not_hold)
    figures = clauses(rule, *(estimate_line(row) for row in rows))
    if all(_surely_above(row, margins.held) for row in rows):
        return Finding(True, figures)
    may_hold = all(row.high is not None and row.high > margins.held for row in rows)
    if may_hold and all(_surely_above(row, margins.did_not_hold) for row in rows):
        return Finding(True, figures, exceptions=True)
    # With few runs a wide interval says nothing against the instrument.
    few = all(row.n < margins.min_replicates for row in rows)
    missed = any(row.high is not None and row.high <= margins.held for row in rows)
    return Finding(None if few and not missed else False, figures)


def seed_not_chosen(results: Results) -> Finding | None:
    """Red if whoever ran a court audit chose its seed: draws can then be picked for their outcome.

    Not asked of other presets, whose page says it, and of plans of before, which do not tell.
    """
    plan = results.plan
    if plan.preset != "court" or not plan.seed_source:
        return None
    return Finding(plan.seed_source != "given", say("figures.seed", source=plan.seed_source, seed=str(plan.seed)))


def calibrated(results: Results) -> Finding:
    """What the calibration card of this setup says. Shown, never a reason to withhold.

    Red if alarms on planted truths are more than the plan's level explains (exact binomial, 5 %), or
    `identity` was ever anything but 0.
    """
    card = results.calibration
    if card is None:
        return Finding(None, say("figures.no-card"))
    rows = [t for t in deciding_rows(card) if t.audits]
    rates = [
        say("figures.truth", name=t.condition, n=t.wrong, all=t.audits, far=t.alarms, most=100 * t.rate_at_most)
        for t in rows
    ]
    # Plans of version 1 keep the words of their time, by which their sentences are known again.
    worded = "figures.card" if results.plan.schema_version in PAST else "figures.card.canonical"
    figures = say(worded, digest=card.digest(), n=card.audits, row=clauses(*rates))
    by_chance = {t.condition: 1 - card.level for t in rows if t.planted in ("same-pictures", "same-works")}
    too_many = [
        t.condition
        for t in rows
        if (t.condition in by_chance and chance_of_alarms(t.wrong, t.audits, rate=by_chance[t.condition]) < 0.05)
        or (t.planted == "same-pixels" and t.wrong)
    ]
    return Finding(not too_many if rows else None, figures)


def deciding_rows(card: CalibrationCard) -> list[PlantedTruth]:
    """What a card says about the index that decides, by its primary metric."""
    # Labels stand with the index that decides; cards of before know one index and keep none.
    index = next((t.index for t in card.truths if t.words), "protection_index")
    return [t for t in card.truths if (t.metric, t.index) == (card.primary_metric, index)]


def court_calibrated(results: Results) -> Finding | None:
    """Red if a run of the preset court has no calibration card of its setup, or one that shows too many alarms.

    Asked of that preset alone: whoever brings a word before a court must have its error rates on this base model, with
    this preset and this metric, not those of theory.
    """
    if results.plan.preset != "court":
        return None
    found = calibrated(results)
    return Finding(found.passed is True, found.figures)


def metrics_agree(results: Results) -> Finding:
    """Whether every metric by itself gives each primary condition the same label.

    Shown: where those that may speak do not, the label is what all of them allow (`audit.judge.limits.other_metrics`).
    """
    metrics = metric_names(results)
    given = {name: {m: by_one_metric(results, name, m) for m in metrics} for name in primary_conditions(results)}
    if len(metrics) < 2 or not given:
        return Finding(None, say("figures.one-metric"))
    figures = clauses(
        *(say("figures.named", name=name, list=labels_by_metric(by_metric)) for name, by_metric in given.items())
    )
    return Finding(all(len(set(by_metric.values())) == 1 for by_metric in given.values()), figures)


def _surely_above(row: Estimate, bound: float) -> bool:
    return row.low is not None and row.low > bound


def is_alarm(interval: Interval, tolerance: float) -> bool:
    """Whether the index of an A/A control excludes 0 and reaches further from it than `tolerance`."""
    if interval.low is None or interval.high is None:
        return False
    return not interval.low <= 0 <= interval.high and not max(abs(interval.low), abs(interval.high)) <= tolerance
