"""The numbers of `score`: pictures asked for with the artist's name, beside controls, counted by prompt.

Pictures of one prompt share its words and often its seed, so they are averaged first, and before them the frames of one
clip. What is counted
is the prompt, or prompt and session where the user says that each of these is a draw of its own;
never the picture. Real works are counted one by one, other artists as one unit each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy

from audit.base.messages import Said, say
from audit.judge.estimate_rows import as_estimate, generator
from audit.judge.gains import finite
from audit.judge.intervals import (
    NO_RUNS,
    ONE_RUN,
    SAME_RATE,
    Array,
    Interval,
    Moments,
    fieller,
    mean_interval,
    spread_only,
    t_quantile,
)
from audit.judge.separation import auc
from audit.judge.significance import sign_flip
from audit.records import Estimate, ScoreGroup, ScoreResults, ServicePicture

NO_UNITS = say("why.no-units")
ONE_UNIT = say("why.one-unit")
NOT_NEARER = say("why.not-nearer")
UNBOUNDED = say("why.way-unbounded")

Unit = tuple[str, str]
"""Prompt and session; the session is '' where prompts are counted."""


@dataclass(frozen=True)
class Both:
    """Means of the units of two groups; paired when both hold the same prompts, in one order."""

    named: Array
    other: Array
    paired: bool

    def units(self) -> int:
        """Units of the smaller group."""
        return min(len(self.named), len(self.other))


def estimate_scores(results: ScoreResults) -> tuple[Estimate, ...]:
    """All estimates, metric by metric, the primary first.

    `style_score` and `recognised_rate` of each group; for each group of controls `score_difference`,
    `closeness_share`, `recognised_difference` and, where prompts are paired, `p_sign_flip`; `auc` under no group.
    """
    metrics = dict.fromkeys((results.plan.primary_metric, *results.plan.metrics))
    return tuple(row for metric in metrics for row in _by_metric(results, metric))


def find_score(results: ScoreResults, name: str, group: str, *, metric: str | None = None) -> Estimate | None:
    """The estimate of a group by the primary metric, or the one named."""
    wanted = (name, group, metric or results.plan.primary_metric)
    return next((e for e in results.estimates if (e.name, e.condition, e.metric) == wanted), None)


def groups(results: ScoreResults) -> tuple[ScoreGroup, ...]:
    """The groups that have pictures, the named one first."""
    found = dict.fromkeys(p.group for p in results.plan.pictures)
    return tuple(g for g in ("named", "control", "other-name") if g in found)


def unit_means(results: ScoreResults, group: ScoreGroup, values: tuple[float | None, ...]) -> Mapping[Unit, float]:
    """Mean over the pictures of each unit that has a value, in the order of prompts; a clip counts as one picture."""
    found: dict[Unit, dict[str, list[float]]] = {}
    for picture, value in zip(results.plan.pictures, values, strict=False):
        if picture.group == group and value is not None and math.isfinite(value):
            session = picture.session if results.plan.unit == "prompt-session" else ""
            found.setdefault((picture.prompt, session), {}).setdefault(delivery(picture), []).append(value)
    # Means of means of one are the mean itself, to the last bit: scores without clips stay what they were.
    return {unit: float(np.mean([np.mean(of) for of in found[unit].values()])) for unit in sorted(found)}


def delivery(picture: ServicePicture) -> str:
    """What a picture came in: the clip's digest for a frame, its own id for a picture."""
    return picture.id if picture.clip is None else picture.sha256


def brought_together(named: Mapping[Unit, float], other: Mapping[Unit, float]) -> Both:
    """The units that both groups have, paired; where there is none, both groups as they are."""
    shared = [unit for unit in named if unit in other]
    if shared:
        return Both(np.array([named[u] for u in shared]), np.array([other[u] for u in shared]), paired=True)
    return Both(np.array(list(named.values())), np.array(list(other.values())), paired=False)


def difference_interval(both: Both, *, level: float) -> Interval:
    """Mean of `named` minus mean of `other`: paired t interval, else Welch's (1947)."""
    if both.paired:
        return spread_only(_renamed(mean_interval(both.named - both.other, level=level)))
    n = both.units()
    if n == 0:
        return Interval(None, None, None, 0, NO_UNITS)
    value = float(both.named.mean() - both.other.mean())
    if n == 1:
        return Interval(value, None, None, 1, ONE_UNIT)
    parts = [float(x.var(ddof=1)) / len(x) for x in (both.named, both.other)]
    if sum(parts) == 0:
        return Interval(value, None, None, n, SAME_RATE)
    lower = sum(part**2 / (len(x) - 1) for part, x in zip(parts, (both.named, both.other), strict=True))
    half = float(scipy.stats.t.ppf((1 + level) / 2, sum(parts) ** 2 / lower)) * math.sqrt(sum(parts))
    return Interval(value, value - half, value + half, n)


def share_interval(both: Both, real: Array, *, level: float) -> Interval:
    """How much of the way from `other` to the artist's real works `named` covers, with Fieller's (1954) interval.

    (named - other) / (real - other), ratio of means over units and works; t with the degrees of
    freedom of the smallest group.
    """
    n, m = both.units(), len(real)
    if n == 0 or m == 0:
        return Interval(None, None, None, n, NO_UNITS)
    top, bottom = float(both.named.mean() - both.other.mean()), float(real.mean() - both.other.mean())
    if not bottom > 0:
        return Interval(None, None, None, n, NOT_NEARER)
    if min(n, m) < 2:
        return Interval(top / bottom, None, None, n, ONE_UNIT)
    of_named, of_other = (float(x.var(ddof=1)) / len(x) for x in (both.named, both.other))
    together = float(np.cov(both.named, both.other)[0, 1]) / n if both.paired else 0.0
    moments = Moments(
        numerator=top,
        denominator=bottom,
        var_numerator=of_named + of_other - 2 * together,
        var_denominator=float(real.var(ddof=1)) / m + of_other,
        covariance=of_other - together,
    )
    fit = fieller(moments, quantile=t_quantile(min(n, m) - 1, level=level))
    if not fit.inside:
        return Interval(top / bottom, None, None, n, UNBOUNDED)
    return Interval(top / bottom, fit.low, fit.high, n)


def rate_over_units(rates: Array, *, level: float) -> Interval:
    """Mean of the units' rates: t interval cut to 0..1; where all are 0 or all are 1, an exact bound.

    A mean rate is at most the chance that a unit's rate is above 0, and none of n units above 0 leaves
    at most 1 - ((1 - level) / 2)^(1 / n) for that chance; the same turned round for all of them at 1.
    """
    found = _renamed(mean_interval(rates, level=level))
    if found.low is None or found.high is None:
        return found
    edge = ((1 - level) / 2) ** (1 / found.n)
    if not rates.any():
        return Interval(0.0, 0.0, 1 - edge, found.n)
    if (rates == 1).all():
        return Interval(1.0, edge, 1.0, found.n)
    if found.low == found.high:
        return spread_only(found)
    return replace(found, low=max(found.low, 0.0), high=min(found.high, 1.0))


def _by_metric(results: ScoreResults, metric: str) -> list[Estimate]:
    scored = next((s for s in results.scores if s.metric == metric), None)
    if scored is None:
        return []
    level, present = results.plan.margins.level, groups(results)
    known = next((m for m in results.metrics if m.name == metric), None)
    real = finite(known.real if known else ())
    others = finite(known.others if known else ())
    hits = tuple(None if nearest < 0 else float(nearest == 0) for nearest in scored.nearest)
    by_score = {g: unit_means(results, g, scored.values) for g in present}
    by_rate = {g: unit_means(results, g, hits) for g in present}
    kind = "prompts" if results.plan.unit == "prompt" else "sessions"
    over = say(f"how-score.{kind}")
    rows = []

    def row(name: str, group: str, unit: str, how: Said, interval: Interval) -> None:
        rows.append(_row(results, name, group, metric, unit, how, interval))

    for group in present:
        means, rates = (np.array(list(found[group].values())) for found in (by_score, by_rate))
        of_group = _renamed(mean_interval(means, level=level))
        row("style_score", group, "score", say("how-score.style-score", over=over), of_group)
        of_group = rate_over_units(rates, level=level)
        row("recognised_rate", group, "share", say("how-score.rate", over=over), of_group)
    for group in present[1:]:
        both = brought_together(by_score["named"], by_score[group])
        role, pairs = say(f"group.{group}"), say(f"how-score.paired-{kind}" if both.paired else "how-score.unpaired")
        test = say("how-score.paired-t" if both.paired else "how-score.welch")
        how = say("how-score.difference", role=role, how=pairs, kind=test, over=over)
        row("score_difference", group, "score", how, difference_interval(both, level=level))
        how = say("how-score.closeness", role=role, how=pairs, over=over)
        row("closeness_share", group, "share", how, share_interval(both, real, level=level))
        how = say("how-score.rate-difference", role=role, kind=test, over=over)
        rates_of_both = brought_together(by_rate["named"], by_rate[group])
        row("recognised_difference", group, "share", how, difference_interval(rates_of_both, level=level))
        if both.paired:
            rng = generator("cloakcheck score", results.plan.seed, metric, group)
            p = _renamed(sign_flip(both.named - both.other, rng=rng))
            row("p_sign_flip", group, "probability", say("how-score.sign-flip", over=over), p)
    units = min(known.others_artists, len(others)) if known and known.others_artists > 0 else len(others)
    row("auc", "", "probability", say("how-score.auc"), auc(real, others, others_units=units, level=level))
    return rows


def _row(
    results: ScoreResults, name: str, group: str, metric: str, unit: str, how: Said, interval: Interval
) -> Estimate:
    return as_estimate(
        interval,
        name=name,
        condition=group,
        metric=metric,
        level=results.plan.margins.level,
        unit=unit,
        how=how,
    )


def _renamed(found: Interval) -> Interval:
    """The same with a reason that speaks of prompts."""
    of_prompts = {NO_RUNS.id: NO_UNITS, ONE_RUN.id: ONE_UNIT}
    return found if found.why is None else replace(found, why=of_prompts.get(found.why.id, found.why))
