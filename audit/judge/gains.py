"""Scores of pictures to gains of training runs, paired by prompt and noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from audit.base.messages import Said, say
from audit.judge.exclusion import broken
from audit.judge.intervals import Array
from audit.records import BASE, Cell, Plan, Results, Score

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
        base: replicate -> score of each of base's pictures; the pictures that the replicate's cells are compared on.
            One entry, 0, for all replicates in plans that draw prompts and works once.
        by_picture: condition -> replicate -> score of each picture minus base's, in the order of
            base's sorted pictures. A broken cell, or one that lacks a picture, is not in it.
        by_condition: the same, averaged over pictures.
        of_works: condition -> replicate -> gain against each held-out work, in the scale of the score; only where
            the cells and base have scores by work.
    """

    base: Mapping[int, Mapping[Picture, float]]
    by_picture: Mapping[str, Mapping[int, Array]]
    of_works: Mapping[str, Mapping[int, Mapping[str, float]]]

    @cached_property
    def by_condition(self) -> Mapping[str, Mapping[int, float]]:
        return {
            name: {replicate: float(values.mean()) for replicate, values in cells.items()}
            for name, cells in self.by_picture.items()
        }

    @cached_property
    def prompts(self) -> tuple[int, ...]:
        """Every prompt that base has a score for."""
        return tuple(sorted({prompt for pictures in self.base.values() for prompt, _ in pictures}))

    @cached_property
    def works(self) -> tuple[str, ...]:
        """Every work that some cell has a gain against."""
        of_cells = (by_work for cells in self.of_works.values() for by_work in cells.values())
        return tuple(sorted({work for by_work in of_cells for work in by_work}))

    @property
    def base_mean(self) -> float | None:
        """Mean score of base's pictures, every replicate counting the same; None without any."""
        means = [np.mean(list(pictures.values())) for pictures in self.base.values() if pictures]
        return float(np.mean(means)) if means else None

    def base_of(self, replicate: int) -> Mapping[Picture, float]:
        """Base's pictures that the models of a replicate are compared with."""
        return self.base.get(replicate, self.base.get(0, {}))

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
        """Score that `second` lost against `first`, (replicates of both, `prompts`), averaged over noises."""
        both = self.replicates(first, second)
        return self.by_prompt(first, both) - self.by_prompt(second, both)

    def by_prompt(self, condition: str, replicates: Sequence[int]) -> Array:
        """Gains of a condition, (replicates, `prompts`), averaged over noises; NaN where a prompt was not asked."""
        table = np.full((len(replicates), len(self.prompts)), np.nan)
        for row, replicate in enumerate(replicates):
            of = np.array([prompt for prompt, _ in sorted(self.base_of(replicate))])
            values = self.by_picture[condition][replicate]
            for column, prompt in enumerate(self.prompts):
                if np.any(of == prompt):
                    table[row, column] = values[of == prompt].mean()
        return table

    def by_work(self, condition: str, replicates: Sequence[int]) -> Array:
        """Gains of a condition, (replicates, `works`); NaN where a work was not held out or has no score."""
        known = self.of_works.get(condition, {})
        rows = [[known.get(r, {}).get(work, np.nan) for work in self.works] for r in replicates]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.works))

    def base_by_prompt(self) -> Array:
        """Mean score of base's pictures of each prompt, over the replicates that asked for it, (prompts,)."""
        pictures = [(prompt, v) for own in self.base.values() for (prompt, _), v in sorted(own.items())]
        return np.array([np.mean([v for p, v in pictures if p == prompt]) for prompt in self.prompts], dtype=np.float64)


def trigger_shift(results: Results, metric: str) -> tuple[Array, float | None]:
    """Base with the style word minus base without it, by prompt, (n,), and the way from there to real works.

    Where prompts are drawn anew for every replicate, the pictures without the word are those of the first.
    """
    plain = {(s.prompt, s.noise): s.value for s in results.untriggered if s.metric == metric and s.value is not None}
    base = gains(results, metric).base_of(1)
    shared = sorted(picture for picture in base if picture in plain)
    prompts = np.array([prompt for prompt, _ in shared])
    apart = np.array([base[p] - plain[p] for p in shared], dtype=np.float64)
    real = real_mean(results, metric, 1)
    way = None if real is None or not shared else real - float(np.mean([plain[p] for p in shared]))
    return np.array([apart[prompts == p].mean() for p in np.unique(prompts)], dtype=np.float64), way


def real_mean(results: Results, metric: str, replicate: int) -> float | None:
    """Mean score of the artist's real works against the works that a replicate held out; None where not known."""
    facts = next((m for m in results.metrics if m.name == metric), None)
    if facts is None:
        return None
    if results.plan.draws:
        known = finite(facts.real_means[replicate - 1 : replicate])
        return float(known[0]) if len(known) else None
    real = finite(facts.real)
    return float(real.mean()) if len(real) else None


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
        cell.replicate: _values(results.plan, cell.scores, metric)
        for cell in results.cells
        if cell.condition == condition and not broken(cell, results.plan.exclusion)
    }
    noisy = {
        (control.of, control.replicate): _values(results.plan, control.scores, metric)
        for control in results.noise_controls
        if control.condition == condition
    }
    clean, found, rows = clean_name(results), gains(results, metric), []
    sound = found.by_condition.get(clean, {})
    for replicate in sorted(treated):
        pictures = set(found.base_of(replicate))
        three = (noisy.get((BASE, replicate), {}), noisy.get((clean, replicate), {}), treated[replicate])
        if pictures and replicate in sound and all(pictures <= set(values) for values in three):
            base, of_clean, of_treated = (float(np.mean([values[p] for p in pictures])) for values in three)
            rows.append((of_clean - base, of_treated - base))
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 2)
    return table[:, 0], table[:, 1]


def at_equal_tone(results: Results) -> Results:
    """The same models, each with the scores of its pictures at equal tone; those that were not scored so have none."""
    even = {(control.condition, control.replicate): control.scores for control in results.tone_controls}
    cells = tuple(
        cell.model_copy(update={"scores": even.get((cell.condition, cell.replicate), ())}) for cell in results.cells
    )
    return results.model_copy(update={"cells": cells})


def clean_name(results: ScoredModels) -> str:
    """Name of the condition that was trained on the originals."""
    return results.plan.clean


def gains(results: ScoredModels, metric: str) -> Gains:
    """Gains by `metric` of every sound cell that has a score for each picture that base has one for."""
    base: dict[int, dict[Picture, float]] = {}
    for cell in results.cells:
        # Base drawn once is compared with however it came out; of one a replicate, a broken one drops its replicate.
        if cell.condition == BASE and not (cell.replicate and broken(cell, results.plan.exclusion)):
            base[cell.replicate] = _asked(results.plan, cell, metric)
    by_picture: dict[str, dict[int, Array]] = {}
    for cell in results.cells:
        own = base.get(cell.replicate if results.plan.draws else 0, {})
        values = _values(results.plan, cell.scores, metric)
        lacking = not own or any(p not in values for p in own)
        if cell.condition == BASE or lacking or broken(cell, results.plan.exclusion):
            continue
        paired = np.array([values[p] - own[p] for p in sorted(own)], dtype=np.float64)
        by_picture.setdefault(cell.condition, {})[cell.replicate] = paired
    return Gains(base=base, by_picture=by_picture, of_works=_of_works(results, metric, by_picture))


def _asked(plan: Plan, cell: Cell, metric: str) -> dict[Picture, float]:
    draw = plan.draw(cell.replicate)
    values = _values(plan, cell.scores, metric)
    return values if draw is None else {picture: v for picture, v in values.items() if picture[0] in draw.prompts}


def _of_works(
    results: ScoredModels, metric: str, by_picture: Mapping[str, Mapping[int, Array]]
) -> dict[str, dict[int, dict[str, float]]]:
    """Gains against each held-out work.

    A score is the cosine to the mean direction of the held-out works. So it is the mean of the cosines to each, but
    for a factor, the length of the mean of their directions: one factor for all cells of a replicate, taken from them.
    """
    found: dict[str, dict[int, dict[str, float]]] = {}
    for draw in results.plan.draws:
        cells = {c.condition: c for c in results.cells if c.replicate == draw.replicate}
        rows = {name: np.array(c.by_work.get(metric, ())) for name, c in cells.items()}
        rows = {name: row for name, row in rows.items() if len(row) == len(draw.held_out) > 0}
        scored = {name: list(_values(results.plan, cells[name].scores, metric).values()) for name in rows}
        means = np.array([(row.mean(), np.mean(scored[name])) for name, row in rows.items() if scored[name]])
        if BASE not in rows or not len(means) or not np.any(means[:, 0]):
            continue
        factor = float(means[:, 0] @ means[:, 1] / (means[:, 0] @ means[:, 0]))
        for name, row in rows.items():
            if draw.replicate in by_picture.get(name, {}):
                apart = factor * (row - rows[BASE])
                found.setdefault(name, {})[draw.replicate] = dict(zip(draw.held_out, apart.tolist(), strict=True))
    return found


def recognised(results: ScoredModels, metric: str) -> dict[tuple[str, int], float]:
    """Share of pictures recognised as this artist's, by sound model (condition, replicate), base included."""
    return {
        (cell.condition, cell.replicate): float(np.mean([index == 0 for index in cell.nearest[metric] if index >= 0]))
        for cell in results.cells
        if any(index >= 0 for index in cell.nearest.get(metric, ())) and not broken(cell, results.plan.exclusion)
    }


def missing_cells(results: Results, metric: str) -> dict[tuple[str, int], Said]:
    """Planned cells (condition, replicate) that have no gain by `metric`, each with the reason."""
    known, plan = gains(results, metric), results.plan
    cells = {(cell.condition, cell.replicate): cell for cell in results.cells}
    gone: dict[tuple[str, int], Said] = {}
    # A picture that base lacks is compared for no model.
    for replicate in range(1, results.replicates + 1) if plan.draws else (0,):
        draw = plan.draw(replicate)
        asked = plan.prompts if draw is None else draw.prompts
        if len(known.base_of(replicate)) < len(asked) * plan.sampling.per_prompt:
            gone[(BASE, replicate)] = _reason(cells.get((BASE, replicate)), metric, results)
    for condition in plan.conditions:
        for replicate in range(1, results.replicates + 1):
            key = (condition.name, replicate)
            if replicate not in known.by_condition.get(condition.name, {}):
                without = bool(plan.draws) and not known.base_of(replicate)
                gone[key] = say("left-out.no-base") if without else _reason(cells.get(key), metric, results)
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


def _values(plan: Plan, scores: Iterable[Score], metric: str) -> dict[Picture, float]:
    prompts, noises = range(len(plan.prompts)), range(plan.sampling.per_prompt)
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
    given = next((s.why for s in cell.scores if s.metric == metric and s.why is not None), None)
    return given or say("left-out.no-scores")
