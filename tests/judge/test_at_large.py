"""The index of the artist at large: jackknives against plain leaving out, and what simulated audits cover."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from audit.judge import judge
from audit.judge.at_large import jackknife, ratio_at_large
from audit.judge.estimates import find
from scripts.simulate_draws import World, audit, inside
from tests.judge.audits import PGD
from tests.judge.drawn import drawn_audit

Table = NDArray[np.float64]


def drawn_table(rng: np.random.Generator, *, runs: int, columns: int, drawn: int) -> Table:
    table = np.full((2, runs, columns), np.nan)
    for run in range(runs):
        table[:, run, rng.permutation(columns)[:drawn]] = rng.normal(1, 0.3, (2, drawn))
    return table


def test_the_jackknife_is_what_leaving_each_column_out_of_every_run_gives() -> None:
    table = drawn_table(np.random.default_rng(0), runs=6, columns=9, drawn=4)
    whole = np.nanmean(table, axis=2).mean(axis=1)
    left = [np.nanmean(np.delete(table, c, axis=2), axis=2).mean(axis=1) for c in range(9)]
    moved = np.array(left).T - whole[:, None]
    assert jackknife(table) == pytest.approx(8 / 9 * moved @ moved.T)


def test_with_every_column_in_every_run_it_is_the_textbook_jackknife_of_the_mean() -> None:
    table = np.random.default_rng(1).normal(1, 0.3, (2, 5, 12))
    assert jackknife(table) == pytest.approx(np.cov(table.mean(axis=1)) / 12)


def test_it_is_wider_than_the_range_for_these_works_about_the_same_value() -> None:
    results = judge(drawn_audit(protection={PGD.name: 0.4}, by_work=0.05, by_prompt=0.05))
    metric = results.plan.primary_metric
    here, large = (find(results, name, PGD.name, metric) for name in ("protection_index", "index_at_large"))
    assert here.value == pytest.approx(large.value)
    assert here.low is not None
    assert here.high is not None
    assert large.low is not None
    assert large.high is not None
    assert large.low < here.low < here.high < large.high


def test_without_scores_by_work_there_is_a_value_and_a_reason() -> None:
    results = drawn_audit(protection={PGD.name: 0.4})
    bare = tuple(c.model_copy(update={"by_work": {}}) for c in results.cells)
    found = find(judge(results.model_copy(update={"cells": bare})), "index_at_large", PGD.name, "channel_stats")
    assert (found.low, found.high) == (None, None)
    assert found.value is not None
    assert found.note == "no scores by held-out work"


@pytest.mark.parametrize("empty", [(2, 0, 4), (2, 6, 0)])
def test_nothing_gives_nothing(empty: tuple[int, int, int]) -> None:
    assert ratio_at_large(np.empty(empty), np.empty(empty), level=0.95).value is None


@pytest.mark.parametrize("world", [World("20 works", works=20), World("12 runs", runs=12)], ids=lambda w: w.name)
def test_both_ranges_cover_what_they_speak_of(world: World) -> None:
    rng, audits = np.random.default_rng(4), 400
    made = [audit(world, rng) for _ in range(audits)]
    here = sum(inside(a.these, a.truth_here) for a in made)
    large = sum(inside(a.large, a.truth_large) for a in made)
    low, high = stats.binom.ppf([0.0005, 0.9995], audits, 0.95)
    assert low <= here <= high
    assert large >= low
    # The range for these works makes no promise for others.
    assert sum(inside(a.these, a.truth_large) for a in made) < low
