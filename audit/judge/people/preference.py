"""How often raters choose clean's picture, with raters and training runs both taken as drawn by chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.base.messages import say
from audit.judge.intervals import Interval, t_quantile

Array = NDArray[np.float64]

NO_ANSWERS = say("why.no-answers")
ONE_RATER = say("why.one-rater")
WHOLLY_AGREED = say("why.wholly-agreed")


def preference(chosen: Array, runs: NDArray[np.integer[Any]], *, level: float) -> Interval:
    """Share of choices for clean's picture, every run counted alike.

    Pairs of one run show the same two models, so the run is the unit and not the pair. The table of raters by runs is
    taken as crossed random effects without repetition; the variance of its mean is that of raters plus that of runs
    less what both hold twice, and no less than either alone (Satterthwaite 1946 for the degrees of freedom). Where all
    rows and columns are the same no spread can be seen: Wilson's interval (1927) then, over as many choices as there
    are pairs, however many raters there were.

    Args:
        chosen: (raters, pairs): 1 for clean's picture, 0 for the other one, 0.5 for no difference.
        runs: (pairs,), the training run of each.
        level: two-sided confidence.

    Returns:
        0..1; `n` counts runs.
    """
    known = np.unique(runs)
    if not chosen.size:
        return Interval(None, None, None, 0, NO_ANSWERS)
    table = np.stack([chosen[:, runs == run].mean(axis=1) for run in known], axis=1)
    raters, columns = table.shape
    mean = float(table.mean())
    if raters < 2 or columns < 2:
        return Interval(mean, None, None, columns, ONE_RATER)
    by_rater, by_run = table.mean(axis=1), table.mean(axis=0)
    rest = table - by_rater[:, None] - by_run[None] + mean
    squares = np.array(
        [
            columns * ((by_rater - mean) ** 2).sum() / (raters - 1),
            raters * ((by_run - mean) ** 2).sum() / (columns - 1),
            (rest**2).sum() / ((raters - 1) * (columns - 1)),
        ]
    )
    of_mean = max(squares[0] + squares[1] - squares[2], squares[0], squares[1])
    if not of_mean > 1e-12:
        return _wilson(chosen, columns, level=level)
    freedom = np.array([raters - 1, columns - 1, (raters - 1) * (columns - 1)])
    degrees = max(of_mean**2 / float((squares**2 / freedom).sum()), min(raters, columns) - 1)
    half = t_quantile(degrees, level=level) * math.sqrt(of_mean / (raters * columns))
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half), columns)


def _wilson(chosen: Array, runs: int, *, level: float) -> Interval:
    share, pairs, z = float(chosen.mean()), chosen.shape[1], t_quantile(1e9, level=level)
    if bool((chosen == 0.5).all()):
        # No choice in as many pairs: the bound is that of a choice, which moves the share by half.
        half = z**2 / (pairs + z**2) / 2
        return Interval(share, share - half, share + half, runs, WHOLLY_AGREED)
    middle = (share + z**2 / (2 * pairs)) / (1 + z**2 / pairs)
    half = z * math.sqrt(share * (1 - share) / pairs + z**2 / (4 * pairs**2)) / (1 + z**2 / pairs)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half), runs, WHOLLY_AGREED)
