"""Scores of pictures to gains of training runs, paired by prompt and noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from audit.judge.intervals import Array
from audit.records import Cell, Results

BASE = "base"

Picture = tuple[int, int]
"""Prompt index, noise index."""


@dataclass(frozen=True)
class Gains:
    """Gains of every complete cell by one metric.

    Attributes:
        base: score of each of base's pictures; the pictures that every cell is compared on.
        by_condition: condition -> replicate -> mean score of the cell minus that of base. A cell
            that lacks one of base's pictures is not in it.
    """

    base: Mapping[Picture, float]
    by_condition: Mapping[str, Mapping[int, float]]

    def of(self, condition: str) -> Array:
        """Gains of a condition, (n,), by replicate."""
        found = self.by_condition.get(condition, {})
        return np.array([found[r] for r in sorted(found)], dtype=np.float64)

    def paired(self, first: str, second: str) -> tuple[Array, Array]:
        """Gains of two conditions, both (n,), for the replicates that both have."""
        a, b = self.by_condition.get(first, {}), self.by_condition.get(second, {})
        both = sorted(a.keys() & b.keys())
        return (
            np.array([a[r] for r in both], dtype=np.float64),
            np.array([b[r] for r in both], dtype=np.float64),
        )

    def base_by_prompt(self) -> Array:
        """Mean score of base's pictures of each prompt, (prompts with a score,)."""
        prompts = sorted({prompt for prompt, _ in self.base})
        return np.array(
            [np.mean([v for (p, _), v in sorted(self.base.items()) if p == prompt]) for prompt in prompts],
            dtype=np.float64,
        )


def clean_name(results: Results) -> str:
    """Name of the condition that was trained on the originals."""
    return next((c.name for c in results.plan.conditions if c.role == "clean"), "clean")


def gains(results: Results, metric: str) -> Gains:
    """Gains by `metric` of every cell that has a score for each picture that base has one for."""
    base: dict[Picture, float] = {}
    for cell in results.cells:
        if cell.condition == BASE:
            base = _values(results, cell, metric)
    pictures = sorted(base)
    found: dict[str, dict[int, float]] = {}
    for cell in results.cells:
        values = _values(results, cell, metric)
        if cell.condition == BASE or not pictures or any(p not in values for p in pictures):
            continue
        paired = np.array([values[p] - base[p] for p in pictures], dtype=np.float64)
        found.setdefault(cell.condition, {})[cell.replicate] = float(paired.mean())
    return Gains(base=base, by_condition=found)


def missing_cells(results: Results, metric: str) -> dict[tuple[str, int], str]:
    """Planned cells (condition, replicate) that have no gain by `metric`, each with the reason."""
    known = gains(results, metric)
    cells = {(cell.condition, cell.replicate): cell for cell in results.cells}
    gone: dict[tuple[str, int], str] = {}
    if not known.base:
        gone[(BASE, 0)] = _reason(cells.get((BASE, 0)), metric)
    for condition in results.plan.conditions:
        for replicate in range(1, results.plan.replicates + 1):
            key = (condition.name, replicate)
            if replicate not in known.by_condition.get(condition.name, {}):
                gone[key] = _reason(cells.get(key), metric)
    return gone


def finite(values: tuple[float, ...]) -> Array:
    """The finite ones of `values`, (n,)."""
    return np.array([v for v in values if math.isfinite(v)], dtype=np.float64)


def _values(results: Results, cell: Cell, metric: str) -> dict[Picture, float]:
    prompts, noises = range(len(results.plan.prompts)), range(results.plan.sampling.per_prompt)
    return {
        (score.prompt, score.noise): score.value
        for score in cell.scores
        if score.metric == metric
        and score.value is not None
        and math.isfinite(score.value)
        and score.prompt in prompts
        and score.noise in noises
    }


def _reason(cell: Cell | None, metric: str) -> str:
    if cell is None:
        return "no record of it"
    given = next((s.missing for s in cell.scores if s.metric == metric and s.missing), "")
    return given or "some pictures have no score"
