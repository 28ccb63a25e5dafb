"""Permutation and one-sided p values, Holm's adjustment, the smallest detectable effect, and a bound on alarms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy

from audit.judge.intervals import NO_RUNS, ONE_RUN, Array, Interval, t_quantile

EXACT_UP_TO = 16
"""Greatest number of pairs for which every one of the 2^n sign patterns is looked at."""
RESAMPLES = 2**EXACT_UP_TO


def sign_flip(differences: Array, *, rng: np.random.Generator) -> Interval:
    """Two-sided sign-flip permutation p of the mean of paired differences (Fisher, 1935).

    Args:
        differences: one number per pair of training runs, (n,).
        rng: drawn from only with more than 16 pairs; with fewer the p is exact.
    """
    n = len(differences)
    if n < 2:
        return Interval(None, None, None, n, ONE_RUN if n else NO_RUNS)
    found = scipy.stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=RESAMPLES // 8,
        alternative="two-sided",
        rng=rng,
    )
    return Interval(float(found.pvalue), None, None, n)


def smallest_chance(n: int) -> float:
    """The least p that `sign_flip` can find with n pairs, n >= 2: all differences on one side."""
    return 2.0 ** (1 - n) if 2**n <= RESAMPLES else 2 / (RESAMPLES + 1)


def chance_of_mean(values: Array, *, above: bool) -> Interval:
    """One-sided p of Student's t test that the mean is 0 or on the other side.

    Args:
        values: one number per pair of training runs, (n,).
        above: whether a mean above 0 speaks against the hypothesis (else one below).
    """
    n = len(values)
    if n < 2:
        return Interval(None, None, None, n, ONE_RUN if n else NO_RUNS)
    mean = float(values.mean()) if above else -float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(n)
    if error == 0:
        return Interval(0.0 if mean > 0 else 1.0, None, None, n)
    return Interval(float(scipy.special.stdtr(n - 1, -mean / error)), None, None, n)


def chance_index_at_least(clean: Array, treated: Array, *, margin: float) -> Interval:
    """One-sided p of a protection index of `margin` or more: small when the index is surely less.

    Tests treated - (1 - margin) clean, paired by run, both (n,). Where the gain of clean is surely
    above 0 this is the test behind the upper Fieller bound.
    """
    return chance_of_mean(treated - (1 - margin) * clean, above=True)


def chance_not_equivalent(clean: Array, treated: Array, *, margin: float) -> Interval:
    """p of two one-sided tests (Schuirmann, 1987) that the index lies outside -margin..margin."""
    upper = chance_index_at_least(clean, treated, margin=margin)
    lower = chance_of_mean(treated - (1 + margin) * clean, above=False)
    if upper.value is None or lower.value is None:
        return upper
    return Interval(max(upper.value, lower.value), None, None, upper.n)


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Holm's (1979) adjusted p values, in the order given.

    A missing p counts as 1 in the family, whose size was fixed before the run, and stays missing.
    """
    size = len(p_values)
    filled = [1.0 if p is None else p for p in p_values]
    order = sorted(range(size), key=lambda i: filled[i])
    adjusted = [1.0] * size
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (size - rank) * filled[i]))
        adjusted[i] = running
    return tuple(None if p is None else adjusted[i] for i, p in enumerate(p_values))


def detectable_effect(*, deviation: float, n: int, level: float, power: float) -> float:
    """Smallest true mean that a two-sided t test would tell from 0 with probability `power`.

    Args:
        deviation: standard deviation of one paired difference.
        n: pairs, 2 at least.
        level: confidence of the test's interval, for instance 0.95.

    The noncentral t is averaged over 2,000 quantiles of the chi distribution, because scipy's own
    returns NaN in places.
    """
    degrees = n - 1
    reach = t_quantile(degrees, level=level)
    shares = (np.arange(2000) + 0.5) / 2000
    spread = reach * np.sqrt(scipy.stats.chi2.ppf(shares, degrees) / degrees)

    def lacking(shift: float) -> float:
        found = scipy.stats.norm.sf(spread - shift) + scipy.stats.norm.cdf(-spread - shift)
        return float(found.mean()) - power

    upper = reach + 1.0
    while lacking(upper) < 0:
        upper *= 2
    shift = float(scipy.optimize.brentq(lacking, 0.0, upper)) if lacking(0.0) < 0 else 0.0
    return shift * deviation / math.sqrt(n)


def chance_of_alarms(alarms: int, trials: int, *, rate: float) -> float:
    """Chance of at least so many alarms where each trial raises one with probability `rate`."""
    return float(scipy.stats.binom.sf(alarms - 1, trials, rate))


def rate_upper_bound(alarms: int, trials: int, *, level: float) -> float:
    """One-sided upper bound of a rate (Clopper & Pearson, 1934); 1 without trials."""
    if alarms >= trials:
        return 1.0
    return float(scipy.stats.beta.ppf(level, alarms + 1, trials - alarms))
