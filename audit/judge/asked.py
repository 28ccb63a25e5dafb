"""What an audit reads of pictures beside their scores: at equal tone, how they look, and with noise added."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from audit.judge.claims import is_claim
from audit.records import BASE, Cell, Condition, Generations, Plan


def read_beside(plan: Plan) -> frozenset[str]:
    """Conditions whose pictures are scored at equal tone and looked at: base, clean, every claim, every placebo."""
    return frozenset({BASE, plan.clean, *(c.name for c in plan.conditions if c.role == "placebo" or is_claim(plan, c))})


def changed(plan: Plan) -> tuple[Condition, ...]:
    """Conditions whose pictures are measured against their originals: all that may differ from them."""
    return tuple(c for c in plan.conditions if c.source != "other-artist" and (c.steps or c.source != "originals"))


def noise_asked(plan: Plan, cells: Sequence[Cell]) -> list[tuple[Generations, Generations]]:
    """Whose noise, and whose pictures it is added to: for each, base's and clean's of its replicate.

    Asked of each primary condition whose pictures are noisier than clean's by more than the plan's `noise_matched`
    on average.
    """
    by_cell = {(cell.condition, cell.replicate): cell.generations for cell in cells}
    clean = plan.clean
    primary = {c.name for c in plan.conditions if c.primary and c.name != clean}
    pairs = [
        (made, by_cell[clean, replicate])
        for (name, replicate), made in by_cell.items()
        if name in primary and made.noise and (clean, replicate) in by_cell
    ]
    excess: dict[str, list[float]] = {}
    for made, unprotected in pairs:
        excess.setdefault(made.condition, []).append(mean(made.noise) - mean(unprotected.noise))
    noisy = {name for name, levels in excess.items() if mean(levels) > plan.margins.noise_matched}
    return [
        (made, of)
        for made, own in pairs
        if made.condition in noisy
        for of in (by_cell[BASE, plan.base_of(made.replicate)], own)
    ]
