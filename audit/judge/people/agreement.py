"""How far raters agree: Krippendorff's alpha (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def krippendorff_alpha(values: Array, *, scale: Literal["nominal", "ordinal"]) -> float | None:
    """1 for perfect agreement, 0 for what chance alone gives, below 0 for less than that.

    Args:
        values: (raters, units), nan where a rater gave none; ordered numbers for `ordinal`.

    Returns:
        None where there is nothing to compare: no unit with two values, or one and the same value throughout.
    """
    levels = np.unique(values[~np.isnan(values)])
    counts = (values[None] == levels[:, None, None]).sum(axis=1).astype(float)  # (levels, units)
    pairable = counts[:, counts.sum(axis=0) >= 2]
    per_unit = pairable.sum(axis=0)
    seen = (pairable[:, None] * pairable[None] / (per_unit - 1)).sum(axis=2)
    seen -= np.diag((pairable / (per_unit - 1)).sum(axis=1))
    total = pairable.sum(axis=1)
    distance = _distance(total, scale=scale)
    expected = float((np.outer(total, total) * distance).sum())
    if not expected > 0:
        return None
    return 1 - (float(total.sum()) - 1) * float((seen * distance).sum()) / expected


def _distance(total: Array, *, scale: Literal["nominal", "ordinal"]) -> Array:
    if scale == "nominal":
        return 1 - np.eye(len(total))
    # The count of values from one level to the other, half of either end.
    middle = np.cumsum(total) - total / 2
    return np.asarray((middle[:, None] - middle[None]) ** 2)
