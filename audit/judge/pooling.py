"""One number from several artists' audits: a random-effects mean, with how far artists lie apart.

Artists are the units. Their true indices are taken as drawn from a normal distribution of variance tau^2, which is
estimated after Paule and Mandel (1982); the mean has Student's t interval with as many degrees as there are artists,
less one (Hartung & Knapp, 2001; Sidik & Jonkman, 2002), never narrower than that of the plain random-effects mean
(Jackson et al., 2017). With Paule and Mandel's tau^2 above 0 both are the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from audit.judge.intervals import Array, t_quantile

SMALLEST = 1e-18
"""Square of the least standard error that counts: a billionth of an index."""
LEAST = 2
"""Artists without whom nothing is pooled."""


@dataclass(frozen=True)
class PooledMean:
    """The mean over artists.

    Attributes:
        value, low, high: of the mean, in the unit of what was pooled.
        p: two-sided, of a mean of 0, 0..1.
        tau: standard deviation between artists, 0 and up; tau_low, tau_high: its range (Viechtbauer, 2007).
        new_low, new_high: where the index of one more artist is expected (Higgins et al., 2009); None with two artists.
        n: artists.
    """

    value: float
    low: float
    high: float
    p: float
    tau: float
    tau_low: float
    tau_high: float
    new_low: float | None
    new_high: float | None
    n: int


def pool(values: Array, errors: Array, *, level: float) -> PooledMean | None:
    """Random-effects mean of one value per artist; None with fewer than `LEAST`.

    Args:
        values: one per artist, (n,), finite.
        errors: their standard errors, (n,), above 0.
        level: two-sided confidence, 0..1.
    """
    n = len(values)
    if n < LEAST:
        return None
    # A range of nearly no width, as a strange results file may state, must not divide by zero.
    squared = np.maximum(np.square(errors), SMALLEST)
    spread = _between(values, squared, wanted=float(n - 1))
    weights = 1 / (squared + spread)
    total = float(weights.sum())
    mean = float(weights @ values) / total
    scale = max(1.0, float(weights @ np.square(values - mean)) / (n - 1))
    error = math.sqrt(scale / total)
    half = t_quantile(n - 1, level=level) * error
    new = t_quantile(n - 2, level=level) * math.sqrt(spread + error**2) if n > 2 else None
    tails = [float(scipy.stats.chi2.ppf(share, n - 1)) for share in ((1 + level) / 2, (1 - level) / 2)]
    low, high = (math.sqrt(_between(values, squared, wanted=tail)) for tail in tails)
    return PooledMean(
        value=mean,
        low=mean - half,
        high=mean + half,
        p=2 * float(scipy.special.stdtr(n - 1, -abs(mean) / error)),
        tau=math.sqrt(spread),
        tau_low=low,
        tau_high=high,
        new_low=None if new is None else mean - new,
        new_high=None if new is None else mean + new,
        n=n,
    )


def steadied(errors: Array) -> Array:
    """Standard errors that weigh artists, (n,): each variance averaged with the mean of all.

    One from six runs is itself so uncertain that weighing by it favours artists whose runs agreed by chance: of 30
    artists without spread the bare ones' ranges covered 91 % in simulations, these 96 % (`scripts.simulate_pooling`).
    """
    squared = np.square(errors)
    return np.sqrt((squared + squared.mean()) / 2) if len(errors) else errors


def standard_error(low: float, high: float, *, n: int, level: float) -> float | None:
    """Standard error behind a Student's interval over `n` runs; None where its bounds tell none.

    A Fieller interval is not quite even around its value; half of its width stands for it.
    """
    if n < 2 or not high > low:
        return None
    return (high - low) / 2 / t_quantile(n - 1, level=level)


def _between(values: Array, squared: Array, *, wanted: float) -> float:
    """The variance between artists at which their weighted squared distances from the mean sum to `wanted`; 0 at least.

    The sum falls as the variance grows.
    """

    def lacking(spread: float) -> float:
        weights = 1 / (squared + spread)
        mean = float(weights @ values) / float(weights.sum())
        return float(weights @ np.square(values - mean)) - wanted

    if lacking(0.0) <= 0:
        return 0.0
    upper = float(np.ptp(values)) ** 2 + float(squared.max())
    while lacking(upper) > 0:
        upper *= 4
    return float(scipy.optimize.brentq(lacking, 0.0, upper, xtol=1e-15, rtol=1e-12))
