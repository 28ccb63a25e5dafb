"""The index at the mimic's best: what a protection leaves to a mimic who keeps the settings that pay best.

Whoever chooses by the very runs that he is judged by finds the luckiest settings, not the best, and the more there
are to choose from, the luckier. So each half of the replicates is judged with what the other half would choose
(cross-fitting; Chernozhukov et al., 2018). A protection is also held against its countermeasures: the mimic takes the
best of all ways around it (Hönig et al., 2024).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audit.base.messages import Said, say
from audit.judge.claims import is_claim, ways_around
from audit.judge.gains import Gains, gains
from audit.judge.intervals import NO_GAIN, NO_RUNS, Array, Interval, mean_interval, ratio_interval
from audit.judge.significance import chance_index_at_least
from audit.records import BASE, DEFAULT, Cell, Plan, Results

AT_BEST = "index_at_best"
CHANCE_AT_BEST = "p_best_at_least_margin"
RUNS_KEPT = 3
"""Of how many runs a mimic keeps the best, for `index_best_of_runs`."""
FEW_RUNS = say("why.few-runs-to-keep", runs=RUNS_KEPT)
NO_RANGE = say("why.best-of-runs-no-range")

Option = tuple[str, str]
"""Condition and setting."""
Table = Mapping[str, Mapping[str, Mapping[int, float]]]
"""Setting -> condition -> replicate -> gain."""


@dataclass(frozen=True)
class AtBest:
    """Gains of mimics who chose their settings by the other half of the runs, both (n,), paired by replicate.

    Attributes:
        runs: the replicates, in order.
        clean_choices, treated_choices: what the runs of each half were trained with.
    """

    runs: tuple[int, ...]
    clean: Array
    treated: Array
    clean_choices: tuple[Option, ...]
    treated_choices: tuple[Option, ...]


@dataclass(frozen=True)
class SettingRow:
    """A number of the table, before it becomes an estimate."""

    name: str
    condition: str
    setting: str
    unit: str
    how: Said
    found: Interval


def at_best_rows(results: Results, metric: str) -> Iterator[SettingRow]:
    """All rows of a metric: by setting `gain_at_setting` and `index_at_setting`, and for each claim `index_at_best`,
    its p, and `index_best_of_runs`; nothing where the default is the only setting."""
    plan, level = results.plan, results.plan.margins.level
    if not plan.grid.others:
        return
    table, clean = gains_by_setting(results, metric), plan.clean
    claims = [c.name for c in plan.conditions if is_claim(plan, c)]
    for setting in plan.grid.settings:
        found = table[setting.name]
        for name in (clean, *claims):
            own = found.get(name, {})
            of_runs = mean_interval(np.array([own[r] for r in sorted(own)]), level=level)
            yield SettingRow("gain_at_setting", name, setting.name, "score", say("how.gain-at-setting"), of_runs)
        for name in claims:
            both = sorted(found.get(clean, {}).keys() & found.get(name, {}).keys())
            of_clean, of_treated = (np.array([found[c][r] for r in both]) for c in (clean, name))
            index = ratio_interval(of_clean - of_treated, of_clean, level=level)
            yield SettingRow("index_at_setting", name, setting.name, "share", say("how.index-at-setting"), index)
    for name in claims:
        best = at_best(plan, table, name)
        of_clean, of_treated = widened(best.clean), widened(best.treated)
        index = ratio_interval(of_clean - of_treated, of_clean, level=level)
        yield SettingRow(AT_BEST, name, "", "share", say("how.index-at-best"), index)
        p = chance_index_at_least(of_clean, of_treated, margin=plan.margins.did_not_hold)
        yield SettingRow(CHANCE_AT_BEST, name, "", "probability", say("how.p-best-at-least-margin"), p)
        kept = best_of_runs(*_paired(table[DEFAULT.name], clean, name), runs=RUNS_KEPT)
        yield SettingRow("index_best_of_runs", name, "", "share", say("how.index-best-of-runs", runs=RUNS_KEPT), kept)


def chosen_settings(results: Results, claim: str) -> AtBest | None:
    """What a mimic chose against a claim, by the primary metric; None where the default is the only setting."""
    if not results.plan.grid.others:
        return None
    return at_best(results.plan, gains_by_setting(results, results.plan.primary_metric), claim)


def gains_by_setting(results: Results, metric: str) -> Table:
    """Gains with each setting of the plan's grid.

    Where other settings are asked for fewer prompts, a gain is the default's over all of a replicate's prompts and what
    the setting adds to it on those that both were asked for.
    """
    plan = results.plan
    usual = gains(results, metric)
    table: dict[str, Mapping[str, Mapping[int, float]]] = {DEFAULT.name: usual.by_condition}
    base = tuple(cell for cell in results.cells if cell.condition == BASE)
    fewer = plan.thinned()
    shared = usual if fewer is plan else gains(_Models(fewer, results.cells), metric)
    for setting in plan.grid.others:
        cells = tuple(cell for found in results.settings if found.setting == setting.name for cell in found.cells)
        own = gains(_Models(fewer, (*base, *cells)), metric)
        table[setting.name] = {name: _in_all(usual, shared, own, name) for name in own.by_condition}
    return table


@dataclass(frozen=True)
class _Models:
    plan: Plan
    cells: Sequence[Cell]


def _in_all(usual: Gains, shared: Gains, own: Gains, condition: str) -> dict[int, float]:
    whole, first = (g.by_condition.get(condition, {}) for g in (usual, shared))
    found = own.by_condition[condition]
    return {r: whole[r] + found[r] - first[r] for r in found if r in whole and r in first}


def at_best(plan: Plan, table: Table, claim: str) -> AtBest:
    """What is left of a claim where the mimic chooses: its gains under the settings and ways that the other half of the
    runs would choose, beside those of clean under the settings that its other half would.

    A setting of which a run is lacking is not chosen. Ties go to what stands first, the default and the plain claim.
    """
    settings = [setting.name for setting in plan.grid.settings]
    of_clean = [(plan.clean, setting) for setting in settings]
    of_claim = [(way, setting) for way in ways_around(plan, claim) for setting in settings]
    usual = table[DEFAULT.name]
    both = sorted(usual.get(plan.clean, {}).keys() & usual.get(claim, {}).keys())
    clean, clean_choices = _chosen(table, of_clean, both)
    treated, treated_choices = _chosen(table, of_claim, both)
    return AtBest(tuple(both), clean, treated, clean_choices, treated_choices)


def _chosen(table: Table, options: Sequence[Option], runs: Sequence[int]) -> tuple[Array, tuple[Option, ...]]:
    whole = [(way, s) for way, s in options if all(r in table[s].get(way, {}) for r in runs)]
    columns = np.array([[table[s][way][r] for way, s in whole] for r in runs]).reshape(len(runs), len(whole))
    values, chosen = cross_fitted(columns)
    return values, tuple(whole[i] for i in chosen)


def cross_fitted(gained: Array) -> tuple[Array, tuple[int, ...]]:
    """Gains of each run with the option that pays best in the other half of the runs.

    Args:
        gained: (runs, options), the first option being the usual one.

    Returns:
        Gains, (runs,), and the option of each half; runs take turns between the halves. A single run, which has no
        other half, keeps the first option.
    """
    half = np.arange(len(gained)) % 2
    if len(gained) < 2:
        return gained[:, 0] if gained.size else np.zeros(0), (0,) * len(gained)
    chosen = [int(np.argmax(gained[half != h].mean(axis=0))) for h in (0, 1)]
    return gained[np.arange(len(gained)), np.array(chosen)[half]], tuple(chosen)


def widened(gained: Array) -> Array:
    """Cross-fitted gains, (n,), with the same mean and the spread that makes standard errors those of n - 1 runs.

    Halves that choose for each other are not independent, so that plain intervals cover 92 to 94 % in place of 95;
    these cover 93 to 96 % (reports/lab/grid-simulation.md).
    """
    n = len(gained)
    return gained if n < 2 else gained.mean() + (gained - gained.mean()) * math.sqrt(n / (n - 1))


def best_of_runs(clean: Array, treated: Array, *, runs: int) -> Interval:
    """1 - best gain of `runs` protected trainings / best of as many unprotected ones; both (n,).

    The mean over all choices of so many of the trainings that there are, by their ranks. The best of few is a lucky
    one by design, so there is no range.
    """
    n = len(clean)
    if n < runs:
        return Interval(None, None, None, n, FEW_RUNS if n else NO_RUNS)
    weights = np.array([math.comb(rank, runs - 1) for rank in range(n)]) / math.comb(n, runs)
    of_clean, of_treated = (float(np.sort(x) @ weights) for x in (clean, treated))
    if not of_clean > 0:
        return Interval(None, None, None, n, NO_GAIN)
    return Interval(1 - of_treated / of_clean, None, None, n, NO_RANGE)


def _paired(found: Mapping[str, Mapping[int, float]], *conditions: str) -> tuple[Array, ...]:
    both = sorted(set.intersection(*(set(found.get(name, {})) for name in conditions)))
    return tuple(np.array([found[name][r] for r in both], dtype=np.float64) for name in conditions)
