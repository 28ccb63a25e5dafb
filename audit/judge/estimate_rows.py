"""A worked-out number as a row of the record, and the random stream of a row; for audits, scores and releases alike."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from audit.base.messages import Said, say
from audit.judge.intervals import Interval
from audit.records import Estimate


def as_estimate(
    found: Interval, *, name: str, condition: str, metric: str, level: float, unit: str, how: Said
) -> Estimate:
    """The row of an interval; a number that is not finite becomes None with a reason, never a value.

    Args:
        condition: a condition, group or case; '' for what concerns none.
        level: of the interval, 0..1.
    """
    parts = (found.value, found.low, found.high)
    value, low, high = (x if x is not None and math.isfinite(x) else None for x in parts)
    overflow = None if (value, low, high) == parts else say("why.not-finite")
    return Estimate(
        name=name,
        condition=condition,
        metric=metric,
        value=value,
        low=low,
        high=high,
        level=level,
        n=found.n,
        unit=unit,
        how=how,
        why=found.why or overflow,
    )


def generator(*parts: object) -> np.random.Generator:
    """A generator of its own for each row, so that one row's draws never depend on another's.

    Of 128 bits, where `audit.base.rng.rng` has 63: another seed would move every interval ever judged.
    """
    text = "\x1f".join(str(part) for part in parts)
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:16], "big"))
