"""How well a metric tells the artist's real works from others', and where the base model stands."""

from __future__ import annotations

import numpy as np
import scipy

from audit.base.messages import say
from audit.judge.intervals import Array, Interval, Moments, fieller, t_quantile

NO_WORKS = say("why.no-works")
NOT_ABOVE = say("why.not-above")
TOO_FEW = say("why.too-few-works")


def auc(real: Array, others: Array, *, others_units: int, level: float) -> Interval:
    """Area under the ROC curve: the chance that a real work outscores another artist's work.

    The value is the Mann-Whitney statistic, ties counting a half. The interval inverts the score
    test (Newcombe, 2006) with the variance of Hanley & McNeil (1982), so that it keeps a width even
    when the two groups do not overlap at all.

    Args:
        real: scores of the artist's works, (m,).
        others: scores of other artists' works, (k,).
        others_units: independent units among the others. Works by one artist resemble each other,
            so the number of artists is the careful choice.
        level: two-sided confidence.
    """
    m, k = len(real), len(others)
    if m == 0 or k == 0:
        return Interval(None, None, None, m, NO_WORKS)
    ranks = scipy.stats.rankdata(np.concatenate([real, others]))
    value = (float(ranks[:m].sum()) - m * (m + 1) / 2) / (m * k)
    z = float(scipy.stats.norm.ppf((1 + level) / 2))

    def outside(area: float) -> float:
        return (area - value) ** 2 - z * z * auc_variance(area, real=m, others=others_units)

    # At 0 and 1 the variance is 0 too; start just inside, where the sign is known.
    near = 1e-9
    low = float(scipy.optimize.brentq(outside, 0.0, min(value, 1 - near))) if value > near else 0.0
    high = float(scipy.optimize.brentq(outside, max(value, near), 1.0)) if value < 1 - near else 1.0
    return Interval(value, low, high, m)


def auc_variance(area: float, *, real: int, others: int) -> float:
    """Variance of the area under the ROC curve for exponential scores (Hanley & McNeil, 1982)."""
    q_real = area / (2 - area)
    q_others = 2 * area * area / (1 + area)
    spread = area * (1 - area)
    spread += (real - 1) * (q_real - area * area) + (others - 1) * (q_others - area * area)
    return spread / (real * others)


def base_position(base: Array, real: Array, others: Array, *, others_units: int, level: float) -> Interval:
    """Where base stands between other artists (0) and the artist's real works (1), with Fieller bounds.

    Args:
        base: mean score of base's pictures per prompt, (p,).
        real, others: scores of real works.
        others_units: independent units among the others, as in `auc`.
        level: two-sided confidence; t with the degrees of freedom of the smallest group.
    """
    sizes = (len(base), len(real), min(others_units, len(others)))
    if min(sizes) == 0:
        return Interval(None, None, None, len(base), NO_WORKS)
    top, bottom = float(base.mean() - others.mean()), float(real.mean() - others.mean())
    if not bottom > 0:
        return Interval(None, None, None, len(base), NOT_ABOVE)
    if min(sizes) < 2:
        return Interval(top / bottom, None, None, len(base), TOO_FEW)
    of_base, of_real, of_others = (
        float(x.var(ddof=1)) / size for x, size in zip((base, real, others), sizes, strict=True)
    )
    moments = Moments(
        numerator=top,
        denominator=bottom,
        var_numerator=of_base + of_others,
        var_denominator=of_real + of_others,
        covariance=of_others,
    )
    fit = fieller(moments, quantile=t_quantile(min(sizes) - 1, level=level))
    if not fit.inside:
        return Interval(top / bottom, None, None, len(base), NOT_ABOVE)
    return Interval(top / bottom, fit.low, fit.high, len(base))
