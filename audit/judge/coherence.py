"""Prompt adherence, and whether pictures look like pictures: what tells style that was lost from a model that broke."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from audit.base.messages import Said, say
from audit.judge.exclusion import broken
from audit.judge.gains import clean_name
from audit.judge.intervals import Interval, mean_interval, ratio_interval
from audit.records import BASE, PictureCoherence, Results

METRIC = "pictures"
"""Stands where style readings have the name of their metric."""
ADHERENCE, ADHERENCE_LOST = "prompt_adherence", "prompt_adherence_lost"
AMONG_REAL, AMONG_REAL_LOST = "among_real", "among_real_lost"
BROKE_FROM = 0.5
"""Share of adherence, or of all pictures, that must surely be lost against clean for a model to count as broken."""


class CoherenceRow(NamedTuple):
    """A number of the table, before it becomes an estimate."""

    name: str
    condition: str
    unit: str
    how: Said
    found: Interval


def coherence_rows(results: Results) -> Iterator[CoherenceRow]:
    """`prompt_adherence` and `among_real` of base and every condition that was read, and what each lost."""
    names = tuple(dict.fromkeys(seen.condition for seen in results.looks))
    clean, level = clean_name(results), results.plan.margins.level
    for name, lost, unit, read in (
        (ADHERENCE, ADHERENCE_LOST, "cosine", _adherence),
        (AMONG_REAL, AMONG_REAL_LOST, "share", _among_real),
    ):
        table = {condition: _by_run(results, condition, read) for condition in names}
        id = name.replace("_", "-")
        for condition in names if any(table.values()) else ():
            own = table[condition]
            values = np.array([own[r] for r in sorted(own)])
            yield CoherenceRow(name, condition, unit, say(f"how.{id}"), mean_interval(values, level=level))
            if condition in (BASE, clean):
                continue
            both = sorted(own.keys() & table.get(clean, {}).keys())
            of_clean, of_treated = (np.array([found[r] for r in both]) for found in (table.get(clean, {}), own))
            apart = of_clean - of_treated
            # Adherence has no unit of its own, so what was lost of it is told as a share of clean's.
            share = ratio_interval(apart, of_clean, level=level) if name == ADHERENCE else None
            found = share or mean_interval(apart, level=level)
            yield CoherenceRow(lost, condition, "share", say(f"how.{id}-lost"), found)


def _by_run(results: Results, condition: str, read: Callable[[PictureCoherence], float | None]) -> Mapping[int, float]:
    """Mean of each sound model's pictures, by replicate."""
    rules = results.plan.exclusion
    sound = {(c.condition, c.replicate) for c in results.cells if not broken(c, rules)}
    found = {seen.replicate: read(seen) for seen in results.looks if seen.condition == condition}
    return {r: value for r, value in found.items() if value is not None and (condition, r) in sound}


def _adherence(seen: PictureCoherence) -> float | None:
    return float(np.mean(seen.adherence)) if seen.adherence else None


def _among_real(seen: PictureCoherence) -> float | None:
    return float(np.mean(seen.among_real)) if seen.among_real else None
