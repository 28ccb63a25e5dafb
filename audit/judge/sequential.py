"""Looking after each replicate without spending the error rate: a betting confidence sequence.

The bounded quantity is what a replicate's model lost, 1 - gain / gain of clean, cut to 0..1. Cutting
draws its mean toward the middle, where no margin is passed, so with symmetric noise a decision by
margins on either side of 1/2 stays valid for the uncut mean. Betting cannot decide much before 7
replicates, and hardly ever says that something surely is small; so half of the error rate is kept
for one last look at the end of the budget with the usual Fieller interval. The sum of both is at
most the plan's rate (Boole), however often one looked.
"""

from __future__ import annotations

import math

import numpy as np

from audit.judge.intervals import NO_GAIN, NO_RUNS, Array, Interval, ratio_interval

GRID = 1001
"""Candidate means in 0..1; bounds are widened by one grid step, so that the grid costs no coverage."""
CAP = 0.9
"""Greatest share of the capital that one replicate can lose. Half is the authors' choice for long
series; these are short, and the least number of replicates for a decision falls with it."""

METHOD = (
    "mean of 1 - gain / gain of clean by replicate, cut to 0..1; betting confidence sequence (Waudby-Smith & "
    "Ramdas, 2024) at half of the error rate, and at the end of the budget the Fieller interval at the other "
    "half; an upper bound that one primary condition can decide with is Bonferroni-adjusted over them"
)


def betting_bounds(values: Array, *, level: float) -> tuple[float, float]:
    """Bounds of the mean of bounded values that hold at every look at once (hedged capital).

    Waudby-Smith & Ramdas (2024), theorem 3, with predictable plug-in bets and equal hedge: a mean m
    is excluded for good once a bettor against it has made 1 / (1 - level) of his stake.

    Args:
        values: in 0..1, in the order in which they were looked at, (n,).
        level: chance that the bounds hold at all looks, for instance 0.95.
    """
    means = np.linspace(0.0, 1.0, GRID)
    with np.errstate(divide="ignore"):
        most_up, most_down = CAP / means, CAP / (1 - means)
    up, down, alive = np.zeros(GRID), np.zeros(GRID), np.ones(GRID, dtype=bool)
    threshold = math.log(2 / (1 - level))
    total, squares, variance = 0.0, 0.0, 0.25
    for index, value in enumerate(values.tolist(), start=1):
        bet = math.sqrt(2 * threshold / (variance * index * math.log1p(index)))
        up += np.log1p(np.minimum(bet, most_up) * (value - means))
        down += np.log1p(-np.minimum(bet, most_down) * (value - means))
        alive &= np.maximum(up, down) < threshold
        total += value
        squares += (value - (0.5 + total) / (index + 1)) ** 2
        variance = (0.25 + squares) / (index + 1)
    kept = np.flatnonzero(alive)
    if not len(kept):
        # Every candidate was excluded, at different looks: the data fit no fixed mean.
        kept = np.array([int(np.argmin(np.maximum(up, down)))])
    return float(means[max(kept[0] - 1, 0)]), float(means[min(kept[-1] + 1, GRID - 1)])


def sequential_index(clean: Array, treated: Array, *, level: float, family: int, last: bool) -> Interval:
    """The protection index with bounds that hold under optional stopping.

    Args:
        clean, treated: gains paired by replicate, in their order, both (n,).
        level: of the plan.
        family: primary conditions, any one of which can make the whole `did-not-hold`.
        last: whether the budget is used up, so that this is the last look.
    """
    n = len(clean)
    if n == 0:
        return Interval(None, None, None, 0, NO_RUNS)
    if not (clean > 0).all():
        return Interval(None, None, None, n, NO_GAIN)
    shares = np.clip(1 - treated / clean, 0.0, 1.0)
    half = 1 - (1 - level) / 2
    upper_level = 1 - (1 - half) / family
    low, high = betting_bounds(shares, level=half)[0], betting_bounds(shares, level=upper_level)[1]
    if last:
        lower, upper = (ratio_interval(clean - treated, clean, level=each) for each in (half, upper_level))
        low = low if lower.low is None else max(low, lower.low)
        high = high if upper.high is None else min(high, upper.high)
    # Bounds of two kinds can cross by a hair.
    low, high = min(low, high), max(low, high)
    return Interval(float(np.clip(shares.mean(), low, high)), low, high, n)
