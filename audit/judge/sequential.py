"""Interim analyses after each replicate, without spending the error rate more than once.

Three kinds of bounds share the plan's error rate, so that together they are wrong at most that often
(Boole), however many interim analyses there were:
- a quarter: a betting confidence sequence, which trusts nothing but that shares are bounded;
- a quarter: a normal mixture t confidence sequence, which trusts normal runs as the t interval does;
- a half: the usual Fieller interval, asked once, when the budget is used up.
The bounded share is what a replicate's model lost, 1 - gain / gain of clean, cut to 0..1. Cutting draws its
mean toward 1/2. So with symmetric noise a bound of the cut mean holds for the uncut one, too, where it lies
beyond 1/2 as seen from the mean: a lower bound of at least 1/2, an upper bound of at most 1/2. Between, the cut
mean tells nothing: noise alone lifts it above 0 where nothing is lost.
"""

from __future__ import annotations

import math

import numpy as np

from audit.base.messages import say
from audit.judge.intervals import NO_GAIN, NO_RUNS, Array, Interval, ratio_interval

MIDDLE = 0.5
GRID = 1001
"""Candidate means in 0..1; bounds are widened by one grid step, so that the grid costs no coverage."""
CAP = 0.9
"""Greatest share of the capital that one replicate can lose. Half is the authors' choice for long
series; these are short, and the least number of replicates for a decision falls with it."""
EFFECT_VARIANCE = 10.0
"""Of the mixture over true effects, in squared standard deviations of one replicate: effects that a
few replicates can show are several deviations large."""

TOO_EARLY = say("why.too-early")

METHOD = say("how.sequential")


def betting_bounds(values: Array, *, level: float) -> tuple[float, float]:
    """Bounds of the mean of bounded values that hold at every interim analysis at once (hedged capital).

    Waudby-Smith & Ramdas (2024), theorem 3, with predictable plug-in bets and equal hedge: a mean m
    is excluded for good once a bettor against it has made 1 / (1 - level) of his stake.

    Args:
        values: in 0..1, in the order of their replicates, (n,).
        level: chance that the bounds hold at all interim analyses, for instance 0.95.
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
        # Every candidate was excluded, at different interim analyses: the data fit no fixed mean.
        kept = np.array([int(np.argmin(np.maximum(up, down)))])
    return float(means[max(kept[0] - 1, 0)]), float(means[min(kept[-1] + 1, GRID - 1)])


def mixture_quantile(n: int, *, level: float) -> float:
    """How many standard errors a mean must lie from 0 to be told from it at any interim analysis; inf for few runs.

    Inverts the t likelihood ratio of effects mixed over N(0, `EFFECT_VARIANCE`) against none (Lai,
    1976; in this form Wang & Ramdas, 2025), which exceeds 1 / (1 - level) at any time with
    probability 1 - level at most.

    Args:
        n: pairs of training runs so far.
    """
    if n < 2:
        return math.inf
    inflated = 1 + n * EFFECT_VARIANCE
    ratio = (math.sqrt(inflated) / (1 - level)) ** (2 / n)
    if ratio >= inflated:
        return math.inf
    return math.sqrt((n - 1) * (ratio - 1) / (1 - ratio / inflated))


def mixture_bounds(numerators: Array, denominators: Array, *, level: float) -> tuple[float, float]:
    """Bounds of a ratio of paired means that hold at every interim analysis at once: Fieller sets, intersected.

    Args:
        numerators, denominators: paired by run, in the order of their replicates, (n,).
    """
    low, high = -math.inf, math.inf
    for n in range(2, len(numerators) + 1):
        reach = mixture_quantile(n, level=level)
        if math.isfinite(reach):
            found = ratio_interval(numerators[:n], denominators[:n], level=level, quantile=reach)
            if found.low is not None and found.high is not None:
                low, high = max(low, found.low), min(high, found.high)
    return low, high


def sequential_index(clean: Array, treated: Array, *, level: float, family: int, last: bool) -> Interval:
    """The protection index with bounds that hold under optional stopping.

    Args:
        clean, treated: gains paired by replicate, in their order, both (n,).
        level: of the plan.
        family: primary conditions, any one of which can make the whole `did-not-hold`.
        last: whether the budget is used up, so that this is the last analysis.
    """
    n, lost = len(clean), clean - treated
    if n == 0:
        return Interval(None, None, None, 0, NO_RUNS)
    if not (clean > 0).all():
        return Interval(None, None, None, n, NO_GAIN)
    shares = np.clip(lost / clean, 0.0, 1.0)

    def bounds(error: float) -> list[tuple[float, float]]:
        early, late = 1 - error / 4, 1 - error / 2
        low, high = betting_bounds(shares, level=early)
        betting = (low if low >= MIDDLE else -math.inf, high if high <= MIDDLE else math.inf)
        found = [betting, mixture_bounds(lost, clean, level=early)]
        at_end = ratio_interval(lost, clean, level=late)
        if last and at_end.low is not None and at_end.high is not None:
            found.append((at_end.low, at_end.high))
        return found

    low = max(each[0] for each in bounds(1 - level))
    high = min(each[1] for each in bounds((1 - level) / family))
    if not math.isfinite(low + high):
        return Interval(float(lost.mean() / clean.mean()), None, None, n, TOO_EARLY)
    # Bounds of several kinds can cross by a hair.
    low, high = min(low, high), max(low, high)
    return Interval(float(np.clip(lost.mean() / clean.mean(), low, high)), low, high, n)
