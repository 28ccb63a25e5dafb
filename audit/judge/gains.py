"""Scores of pictures to gains of training runs, paired by prompt and noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from audit.base.messages import Said, as_written, say
from audit.judge.exclusion import broken
from audit.judge.intervals import Array
from audit.records import Cell, Plan, Results, Score

BASE = "base"

Picture = tuple[int, int]
"""Prompt index, noise index."""


class ScoredModels(Protocol):
    """What gains are worked out from: results, whole or of the replicates so far."""

    @property
    def plan(self) -> Plan: ...

    @property
    def cells(self) -> Sequence[Cell]: ...


@dataclass(frozen=True)
class Gains:
    """Gains of every complete cell by one metric.

    Attributes:
        base: score of each of base's pictures; the pictures that every cell is compared on.
        by_picture: condition -> replicate -> score of each picture minus base's, in the order of
            base's sorted pictures. A broken cell, or one that lacks a picture, is not in it.
        by_condition: the same, averaged over pictures.
    """

    base: Mapping[Picture, float]
    by_picture: Mapping[str, Mapping[int, Array]]

    @cached_property
    def by_condition(self) -> Mapping[str, Mapping[int, float]]:
        return {
            name: {replicate: float(values.mean()) for replicate, values in cells.items()}
            for name, cells in self.by_picture.items()
        }

    def of(self, condition: str) -> Array:
        """Gains of a condition, (n,), by replicate."""
        found = self.by_condition.get(condition, {})
        return np.array([found[r] for r in sorted(found)], dtype=np.float64)

    def paired(self, *conditions: str) -> tuple[Array, ...]:
        """Gains of each condition, all (n,), for the replicates that all of them have."""
        both = self.replicates(*conditions)
        return tuple(np.array([self.by_condition[name][r] for r in both], dtype=np.float64) for name in conditions)

    def replicates(self, *conditions: str) -> list[int]:
        """The replicates that all of these conditions have."""
        known = [set(self.by_condition.get(name, {})) for name in conditions]
        return sorted(set.intersection(*known))

    def lost_by_prompt(self, first: str, second: str) -> Array:
        """Score that `second` lost against `first`, (replicates of both, prompts), averaged over noises."""
        both = self.replicates(first, second)
        return self.by_prompt(first, both) - self.by_prompt(second, both)

    def by_prompt(self, condition: str, replicates: Sequence[int]) -> Array:
        """Gains of a condition, (replicates, prompts), averaged over noises."""
        prompts = np.array([prompt for prompt, _ in sorted(self.base)])
        rows = [self.by_picture[condition][r] for r in replicates]
        table = [[row[prompts == p].mean() for p in np.unique(prompts)] for row in rows]
        return np.array(table, dtype=np.float64).reshape(len(rows), len(np.unique(prompts)))

    def base_by_prompt(self) -> Array:
        """Mean score of base's pictures of each prompt, (prompts with a score,)."""
        prompts = sorted({prompt for prompt, _ in self.base})
        return np.array(
            [np.mean([v for (p, _), v in sorted(self.base.items()) if p == prompt]) for prompt in prompts],
            dtype=np.float64,
        )


def trigger_shift(results: Results, metric: str) -> tuple[Array, float | None]:
    """Base with the style word minus base without it, by prompt, (n,), and the way from there to real works."""
    plain = {(s.prompt, s.noise): s.value for s in results.untriggered if s.metric == metric and s.value is not None}
    base = gains(results, metric).base
    shared = sorted(picture for picture in base if picture in plain)
    prompts = np.array([prompt for prompt, _ in shared])
    apart = np.array([base[p] - plain[p] for p in shared], dtype=np.float64)
    facts = next((m for m in results.metrics if m.name == metric), None)
    real = finite(facts.real if facts else ())
    way = float(real.mean() - np.mean([plain[p] for p in shared])) if shared and len(real) else None
    return np.array([apart[prompts == p].mean() for p in np.unique(prompts)], dtype=np.float64), way


def noise_levels(results: Results, condition: str) -> dict[int, float]:
    """Mean noise of the pictures of each sound model of a condition, levels of 255, by replicate."""
    return {
        cell.replicate: float(np.mean(cell.generations.noise))
        for cell in results.cells
        if cell.condition == condition and cell.generations.noise and not broken(cell, results.plan.exclusion)
    }


def at_equal_noise(results: Results, condition: str, metric: str) -> tuple[Array, Array]:
    """Gains of clean and of a condition over base, all with the condition's noise, both (n,), by replicate."""
    treated = {
        cell.replicate: _values(results, cell.scores, metric)
        for cell in results.cells
        if cell.condition == condition and not broken(cell, results.plan.exclusion)
    }
    noisy = {
        (control.of, control.replicate): _values(results, control.scores, metric)
        for control in results.noise_controls
        if control.condition == condition
    }
    clean, found, rows = clean_name(results), gains(results, metric), []
    sound, pictures = found.by_condition.get(clean, {}), set(found.base)
    for replicate in sorted(treated):
        three = (noisy.get((BASE, replicate), {}), noisy.get((clean, replicate), {}), treated[replicate])
        if pictures and replicate in sound and all(pictures <= set(values) for values in three):
            base, of_clean, of_treated = (float(np.mean([values[p] for p in pictures])) for values in three)
            rows.append((of_clean - base, of_treated - base))
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 2)
    return table[:, 0], table[:, 1]


def clean_name(results: ScoredModels) -> str:
    """Name of the condition that was trained on the originals."""
    return next((c.name for c in results.plan.conditions if c.role == "clean"), "clean")


def gains(results: ScoredModels, metric: str) -> Gains:
    """Gains by `metric` of every sound cell that has a score for each picture that base has one for."""
    base: dict[Picture, float] = {}
    for cell in results.cells:
        if cell.condition == BASE:
            base = _values(results, cell.scores, metric)
    pictures = sorted(base)
    found: dict[str, dict[int, Array]] = {}
    for cell in results.cells:
        values = _values(results, cell.scores, metric)
        lacking = not pictures or any(p not in values for p in pictures)
        if cell.condition == BASE or lacking or broken(cell, results.plan.exclusion):
            continue
        paired = np.array([values[p] - base[p] for p in pictures], dtype=np.float64)
        found.setdefault(cell.condition, {})[cell.replicate] = paired
    return Gains(base=base, by_picture=found)


def recognised(results: ScoredModels, metric: str) -> dict[tuple[str, int], float]:
    """Share of pictures recognised as this artist's, by sound model (condition, replicate), base included."""
    return {
        (cell.condition, cell.replicate): float(np.mean([index == 0 for index in cell.nearest[metric] if index >= 0]))
        for cell in results.cells
        if any(index >= 0 for index in cell.nearest.get(metric, ())) and not broken(cell, results.plan.exclusion)
    }


def missing_cells(results: Results, metric: str) -> dict[tuple[str, int], Said]:
    """Planned cells (condition, replicate) that have no gain by `metric`, each with the reason."""
    known = gains(results, metric)
    cells = {(cell.condition, cell.replicate): cell for cell in results.cells}
    gone: dict[tuple[str, int], Said] = {}
    # A picture that base lacks is compared for no model.
    if len(known.base) < len(results.plan.prompts) * results.plan.sampling.per_prompt:
        gone[(BASE, 0)] = _reason(cells.get((BASE, 0)), metric, results)
    for condition in results.plan.conditions:
        for replicate in range(1, results.replicates + 1):
            key = (condition.name, replicate)
            if replicate not in known.by_condition.get(condition.name, {}):
                gone[key] = _reason(cells.get(key), metric, results)
    return gone


def named_cells(cells: Mapping[tuple[str, int], Said | None]) -> tuple[Said, ...]:
    """Cells (condition, replicate) by name, each with what is said of it."""
    return tuple(
        say("figures.cell", name=name, replicate=replicate)
        if why is None
        else say("figures.cell-why", name=name, replicate=replicate, why=why)
        for (name, replicate), why in cells.items()
    )


def finite(values: tuple[float, ...]) -> Array:
    """The finite ones of `values`, (n,)."""
    return np.array([v for v in values if math.isfinite(v)], dtype=np.float64)


def _values(results: ScoredModels, scores: Iterable[Score], metric: str) -> dict[Picture, float]:
    prompts, noises = range(len(results.plan.prompts)), range(results.plan.sampling.per_prompt)
    return {
        (score.prompt, score.noise): score.value
        for score in scores
        if score.metric == metric
        and score.value is not None
        and math.isfinite(score.value)
        and score.prompt in prompts
        and score.noise in noises
    }


def _reason(cell: Cell | None, metric: str, results: Results) -> Said:
    if cell is None:
        return say("left-out.no-record")
    fault = broken(cell, results.plan.exclusion)
    if fault is not None and cell.condition != BASE:
        return say(f"left-out.{fault}")
    given = next((s.missing for s in cell.scores if s.metric == metric and s.missing), "")
    return as_written(given) if given else say("left-out.no-scores")
