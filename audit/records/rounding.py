"""How far a figure is told: the one rule that the judge's sentences and every part of a page keep."""

from __future__ import annotations

from typing import Protocol

TELLS_NOTHING = 0.4
"""Width of an index's range from which "about as much" would claim a likeness that nobody saw."""
WIDE = 0.2
"""Width of a range from which the middle figure is rounded to 5 %."""


class Ranged(Protocol):
    """A figure and its range, as estimates, intervals and variations have them; each may be missing."""

    @property
    def value(self) -> float | None: ...

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...


def shown(index: Ranged) -> float | None:
    """The index as a sentence gives it: to 5 % where its range is wide; None for a missing one.

    The bounds keep whole per cents, so that they stay on their side of the margins that the verdict words stand for.
    """
    if index.value is None:
        return None
    return round(index.value * 20) / 20 if _width(index) >= WIDE else index.value


def wide(index: Ranged) -> bool:
    """Whether a range is so wide that its middle figure says next to nothing."""
    return _width(index) >= TELLS_NOTHING


def _width(index: Ranged) -> float:
    return 0.0 if index.low is None or index.high is None else index.high - index.low
