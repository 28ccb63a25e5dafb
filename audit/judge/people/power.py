"""How often a panel surely tells a preference from chance: figures of reports/lab/raters.md, by simulation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PanelPower:
    """A size of panel, and of 100 simulated ones how many surely found a true share of 65 % and of 80 %."""

    raters: int
    pairs: int
    middle: int
    strong: int


POWER: tuple[PanelPower, ...] = (
    PanelPower(5, 18, 35, 94),
    PanelPower(5, 36, 46, 98),
    PanelPower(7, 18, 41, 98),
    PanelPower(7, 36, 50, 100),
    PanelPower(10, 18, 47, 98),
    PanelPower(10, 36, 61, 100),
)


def nearest(*, raters: int, pairs: int) -> PanelPower:
    """The largest size of the table that is no larger in either way; the smallest for a panel below all of them."""
    fit = [row for row in POWER if row.raters <= raters and row.pairs <= pairs]
    return max(fit, key=lambda row: (row.raters, row.pairs)) if fit else POWER[0]
