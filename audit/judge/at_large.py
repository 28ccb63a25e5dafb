"""The protection index of the artist at large: works and prompts, too, taken as drawn at random from others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from audit.base.messages import say
from audit.judge.intervals import NO_RUNS, ONE_PROMPT, Array, Interval, Moments, fieller, ratio_interval
from audit.judge.quantities import Paired, Quantity

FEWEST = 2
"""Works, or prompts, below which leaving one out says nothing."""


@dataclass(frozen=True)
class Drawn:
    """Gains of a condition beside those of clean, by held-out work and by prompt; NaN where one was not drawn."""

    of_works: Paired
    of_prompts: Paired


def ratio_at_large(works: Array, prompts: Array, *, level: float) -> Interval:
    """Ratio of two paired means over runs with works, prompts and runs all taken as drawn at random; Fieller bounds.

    The variance of a mean is the sum of what a jackknife over works gives, one over prompts (each work or prompt left
    out of every run that drew it; Efron & Stein, 1981), and that between runs. The last already holds what runs
    differ by because they drew other works and prompts, so the sum is on the careful side. Degrees of freedom by
    Satterthwaite (1946), from those of each part.

    Args:
        works: (2, runs, works), numerators and denominators; NaN where a run did not draw a work.
        prompts: the same by prompt, (2, runs, prompts); the mean of a run is that over its prompts.
        level: two-sided confidence.
    """
    runs = prompts.shape[1]
    if not runs or not prompts.shape[2]:
        return Interval(None, None, None, runs, NO_RUNS)
    means = np.nanmean(prompts, axis=2)
    plain = ratio_interval(means[0], means[1], level=level)
    # What is not known of these works is not known of the artist at large.
    if plain.value is None or plain.low is None or plain.high is None:
        return plain
    drawn = [np.isfinite(table[0]) for table in (works, prompts)]
    if not drawn[0].any(axis=1).all():
        return Interval(plain.value, None, None, runs, say("why.no-scores-by-work"))
    for each, why in zip(drawn, (say("why.one-work"), ONE_PROMPT), strict=True):
        if int(each.sum(axis=1).min()) < FEWEST:
            return Interval(plain.value, None, None, runs, why)
    parts = [
        (np.cov(means) / runs, runs - 1),
        *(
            (jackknife(table), int(each.any(axis=0).sum()) - 1)
            for table, each in zip((works, prompts), drawn, strict=True)
        ),
    ]
    total = sum((variance for variance, _ in parts), np.zeros((2, 2)))
    moments = Moments(
        numerator=float(means[0].mean()),
        denominator=float(means[1].mean()),
        var_numerator=float(total[0, 0]),
        var_denominator=float(total[1, 1]),
        covariance=float(total[0, 1]),
    )
    # Of the difference that Fieller's bounds are made from, at the ratio that was found.
    along = np.array([1.0, -plain.value])
    spreads = [(float(along @ variance @ along), degrees) for variance, degrees in parts]
    whole, rest = sum(s for s, _ in spreads), sum(s * s / degrees for s, degrees in spreads)
    degrees = whole * whole / rest if rest > 0 else runs - 1
    fit = fieller(moments, quantile=float(scipy.stats.t.ppf((1 + level) / 2, degrees)))
    if not fit.inside:
        return Interval(plain.value, None, None, runs, fit.unbounded())
    # With few runs the shared degrees of freedom can make it narrower than these works' own, which it contains.
    return Interval(plain.value, min(fit.low, plain.low), max(fit.high, plain.high), runs)


def jackknife(table: Array) -> Array:
    """Covariance, (2, 2), of two means over runs, from leaving out each column wherever it was drawn.

    Args:
        table: (2, runs, columns), NaN where a run did not draw a column; each run drew two at least.
    """
    drawn = np.isfinite(table)
    counts = drawn.sum(axis=2, keepdims=True)
    apart = np.where(drawn, table - np.nanmean(table, axis=2, keepdims=True), 0.0) / (counts - 1)
    # What the mean over runs moves by, against its value with all of them.
    moved = apart.sum(axis=1) / table.shape[1]
    columns = int(drawn[0].any(axis=0).sum())
    found: Array = (columns - 1) / columns * (moved @ moved.T)
    return found


def _tables(paired: Paired) -> Array:
    return np.stack([paired.clean - paired.treated, paired.clean])


AT_LARGE: Quantity[Drawn] = Quantity(
    "index_at_large",
    "share",
    say("how.index-at-large"),
    lambda x: ratio_at_large(_tables(x.of_works), _tables(x.of_prompts), level=x.of_works.level),
)
