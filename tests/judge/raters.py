"""Made-up panels: raters who choose clean's picture with a given chance, or by a rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from audit import records as r
from audit.judge.people import make_sheet

Rule = Callable[[r.RatedItem, int], r.Choice]
"""An item and a rater's number -> that rater's choice."""


def honest(chance: float, *, seed: int = 0) -> Rule:
    """A rater who passes every catch pair and chooses clean's picture with this chance, else the other one."""
    draw = np.random.default_rng(seed)

    def choose(item: r.RatedItem, _: int) -> r.Choice:
        if item.kind in ("told", "same"):
            return "clean" if item.kind == "told" else "none"
        return "clean" if draw.random() < (chance if item.kind == "pair" else 0.5) else "other"

    return choose


def rated(
    results: r.Results, rule: Rule, *, condition: str = "encoder-pgd:16", raters: int = 7, items: int = 6
) -> r.Results:
    """Results with the answers of a panel; quality is answered like style."""
    sheet = make_sheet(results, condition=condition, raters=raters, items=items)
    rows = []
    for number in range(1, raters + 1):
        chosen = tuple(rule(item, number) for item in sheet.items)
        rows.append(r.Rater(rater=number, sha256=f"{number:064x}", style=chosen, quality=chosen, seconds=300.0))
    return results.model_copy(update={"ratings": r.Ratings(sheet=sheet, raters=tuple(rows))})
