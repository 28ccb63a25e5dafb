"""Which trained models are left out, and why: rules that stand in the plan, read from records alone.

A broken model is dropped together with its replicate's partner, never scored as zero. The rules look
at how a training went, not at its score. Too many dropped ones make the run not valid (`checks`).
"""

from __future__ import annotations

from typing import Literal

from audit.records import Cell, Exclusion, Results

Fault = Literal["not-finite", "inactive", "collapsed"]
"""A loss that was not finite, pictures left as they were, blank or repeated pictures: `left-out.*` says so."""


def broken(cell: Cell, rules: Exclusion) -> Fault | None:
    """Why a cell is left out; None when it is sound. Base can only collapse."""
    adapter, pictures = cell.adapter, cell.generations
    if adapter is not None:
        if not adapter.finite or None in adapter.losses:
            return "not-finite"
        if not adapter.norm > 0:
            return "inactive"
    if pictures.changed_share is not None and not pictures.changed_share > rules.changed_share:
        return "inactive"
    return "collapsed" if collapsed(cell, rules) else None


def collapsed(cell: Cell, rules: Exclusion) -> bool:
    """Whether most pictures of a model are blank, or the same picture again."""
    pictures = cell.generations
    count = len(pictures.pixels)
    repeated = count > 2 and not len(set(pictures.pixels)) > rules.distinct_share * count
    return repeated or not pictures.blank_share <= rules.blank_share


def broken_cells(results: Results, fault: Fault) -> dict[tuple[str, int], Cell]:
    """The cells that are left out for `fault`, base included."""
    return {(c.condition, c.replicate): c for c in results.cells if broken(c, results.plan.exclusion) == fault}
