"""Intervals of means and ratios over training runs: plain arrays in, `Interval` out.

One number per training run goes in. Pictures of one run share a model and are no independent
units, so they are averaged before anything here is called.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # loads stats, 0.6 s, when it is first used: a report that is only shown again does without
from numpy.typing import NDArray

from audit.base.messages import Said, say

Array = NDArray[np.float64]

BOOTSTRAP_RESAMPLES = 10_000

NO_RUNS = say("why.no-runs")
ONE_RUN = say("why.one-run")
ONE_PROMPT = say("why.one-prompt")
NO_GAIN = say("why.no-gain")
SAME_RATE = say("why.same-rate")
WEAK_RESAMPLES = say("why.weak-resamples")


@dataclass(frozen=True)
class Interval:
    """A number with its bounds; what is missing is None and `why` says for what reason. `n` counts the units."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: Said | None = None


def mean_interval(values: Array, *, level: float) -> Interval:
    """Student's t interval of a mean.

    Args:
        values: one number per training run, (n,).
        level: two-sided confidence, for instance 0.95.
    """
    n = len(values)
    if n == 0:
        return Interval(None, None, None, 0, NO_RUNS)
    mean = float(values.mean())
    if n == 1:
        return Interval(mean, None, None, 1, ONE_RUN)
    half = t_quantile(n - 1, level=level) * float(values.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def rate_interval(rates: Array, *, level: float) -> Interval:
    """Student's t interval of a mean of rates, one per training run, cut to 0..1.

    Runs that all have the same rate have no bounds: no spread is no certainty.
    """
    found = spread_only(mean_interval(rates, level=level))
    if found.low is None or found.high is None:
        return found
    return Interval(found.value, max(found.low, 0.0), min(found.high, 1.0), found.n)


def spread_only(found: Interval) -> Interval:
    """The interval, or none around it where all units agree: of rates, ties are ordinary and no certainty."""
    tied = found.low is not None and found.low == found.high
    return Interval(found.value, None, None, found.n, SAME_RATE) if tied else found


@lru_cache(maxsize=1024)
def t_quantile(degrees: float, *, level: float) -> float:
    """How many standard errors a two-sided t interval reaches from its mean."""
    return float(scipy.stats.t.ppf((1 + level) / 2, degrees))


@dataclass(frozen=True)
class Moments:
    """Two means and the variances and covariance *of these means* (already divided by n)."""

    numerator: float
    denominator: float
    var_numerator: float
    var_denominator: float
    covariance: float


@dataclass(frozen=True)
class Fieller:
    """The ratios that fit: `inside` [low, high], or all outside ]low, high[, or (no bounds) all of them."""

    inside: bool
    low: float = -math.inf
    high: float = math.inf

    def unbounded(self) -> Said:
        """Why there are no bounds, and what an unbounded set rules out."""
        if not math.isfinite(self.low + self.high):
            return say("why.unbounded", set=say("why.any-index"))
        return say("why.unbounded", set=say("why.ruled-out", low=self.low, high=self.high))


def fieller(moments: Moments, *, quantile: float) -> Fieller:
    """Confidence set of numerator / denominator (Fieller, 1954).

    The ratios p for which |numerator - p denominator| is within `quantile` standard errors of 0: the
    solutions of a p^2 - 2 b p + c <= 0. They are a bounded interval exactly if the denominator lies
    further than that from 0 (a > 0), else two rays or the whole line.
    """
    m, q2 = moments, quantile * quantile
    a = m.denominator**2 - q2 * m.var_denominator
    b = m.numerator * m.denominator - q2 * m.covariance
    c = m.numerator**2 - q2 * m.var_numerator
    inner = b * b - a * c
    if not a > 0 and (a == 0 or not inner > 0):
        return Fieller(inside=False)
    # Not negative when a > 0; only rounding can make it so.
    root = math.sqrt(max(inner, 0.0))
    low, high = sorted(((b - root) / a, (b + root) / a))
    return Fieller(inside=a > 0, low=low, high=high)


def ratio_interval(numerators: Array, denominators: Array, *, level: float, quantile: float | None = None) -> Interval:
    """Ratio of two paired means with its Fieller interval.

    Args:
        numerators, denominators: paired by training run, both (n,).
        level: two-sided confidence.
        quantile: how many standard errors to reach, instead of Student's at that level.

    A mean denominator of 0 or less gives no value: the ratio would have no meaning as a share.
    """
    n = len(numerators)
    if n == 0:
        return Interval(None, None, None, 0, NO_RUNS)
    top, bottom = float(numerators.mean()), float(denominators.mean())
    if not bottom > 0:
        return Interval(None, None, None, n, NO_GAIN)
    value = top / bottom
    if n == 1:
        return Interval(value, None, None, 1, ONE_RUN)
    off_top, off_bottom = numerators - top, denominators - bottom
    scale = n * (n - 1)
    moments = Moments(
        numerator=top,
        denominator=bottom,
        var_numerator=float(off_top @ off_top) / scale,
        var_denominator=float(off_bottom @ off_bottom) / scale,
        covariance=float(off_top @ off_bottom) / scale,
    )
    fit = fieller(moments, quantile=t_quantile(n - 1, level=level) if quantile is None else quantile)
    if not fit.inside:
        return Interval(value, None, None, n, fit.unbounded())
    return Interval(value, fit.low, fit.high, n)


def ratio_over_prompts(numerators: Array, denominators: Array, *, level: float) -> Interval:
    """Ratio of two paired means with its Fieller interval, runs and prompts both taken as drawn at random.

    The variance of a mean over runs and prompts is that between runs, as `ratio_interval` has it, plus that between
    prompts beyond the noise of single pictures (two-way random effects; Searle et al., 1992). As many degrees of
    freedom as the smaller of the two has (Cameron & Miller, 2015).

    Args:
        numerators, denominators: (runs, prompts), paired.
        level: two-sided confidence.
    """
    n, prompts = numerators.shape
    plain = ratio_interval(numerators.mean(axis=1), denominators.mean(axis=1), level=level) if prompts else None
    if plain is None or plain.value is None or n < 2:
        return plain or Interval(None, None, None, n, NO_RUNS)
    if prompts < 2:
        return Interval(plain.value, None, None, n, ONE_PROMPT)
    both = np.stack([numerators, denominators])
    means, by_run, by_prompt = both.mean(axis=(1, 2)), both.mean(axis=2), both.mean(axis=1)
    rest = (both - by_run[:, :, None] - by_prompt[:, None, :] + means[:, None, None]).reshape(2, -1)
    noise = rest @ rest.T / ((n - 1) * (prompts - 1))
    between = (np.cov(by_prompt) - noise / n) / prompts
    # Chance can make the part between prompts come out below nothing in some direction.
    values, directions = np.linalg.eigh(between)
    total = np.cov(by_run) / n + (directions * values.clip(min=0.0)) @ directions.T
    moments = Moments(
        numerator=float(means[0]),
        denominator=float(means[1]),
        var_numerator=float(total[0, 0]),
        var_denominator=float(total[1, 1]),
        covariance=float(total[0, 1]),
    )
    fit = fieller(moments, quantile=t_quantile(min(n, prompts) - 1, level=level))
    if not fit.inside:
        return Interval(plain.value, None, None, n, fit.unbounded())
    return Interval(plain.value, fit.low, fit.high, n)


def ratio_bootstrap(
    numerators: Array, denominators: Array, *, level: float, rng: np.random.Generator, least: int = 2
) -> Interval:
    """Ratio of two paired means with the percentile bootstrap over whole training runs.

    A sensitivity analysis: with fewer than about 20 runs it covers less than it promises.

    Args:
        least: runs; fewer have too few resamples that differ, and get no bounds.
    """
    n = len(numerators)
    exact = ratio_interval(numerators, denominators, level=level)
    if exact.value is None or n < 2:
        return exact
    if n < least:
        return Interval(exact.value, None, None, n, say("why.few-resamples", least=least))
    drawn = rng.integers(0, n, size=(BOOTSTRAP_RESAMPLES, n))
    bottoms = denominators[drawn].mean(axis=1)
    if not bottoms.min() > 0:
        return Interval(exact.value, None, None, n, WEAK_RESAMPLES)
    ratios = numerators[drawn].mean(axis=1) / bottoms
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return Interval(exact.value, float(low), float(high), n)


def divided(interval: Interval, by: float) -> Interval:
    """The interval of a multiple 1 / `by` (> 0, taken as known) of the same number."""
    value, low, high = (None if x is None else x / by for x in (interval.value, interval.low, interval.high))
    return Interval(value, low, high, interval.n, interval.why)
