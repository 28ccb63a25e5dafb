"""The index at the mimic's best: who chooses, by what, and what that does to the answer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from audit.judge import judge
from audit.judge.at_best import best_of_runs, cross_fitted, gains_by_setting, widened
from audit.judge.claim_labels import deciding_index
from audit.judge.estimates import find
from audit.judge.intervals import mean_interval, ratio_interval
from audit.judge.variations import variations
from audit.records import DEFAULT, AtSetting, MimicGrid, ReplicateDraw, Setting
from tests.builders import make_plan, make_results
from tests.judge.audits import CLEAN, CLEAN_JPEG, JPEG, PGD, by_one_metric
from tests.judge.simulate import simulated_gains

HALF = Setting(name="steps:0.5", steps=0.5)
LONG = Setting(name="steps:2", steps=2)


def with_grid(usual, *, others, replicates=6, gains=None, run_sd=0.004, conditions=(CLEAN, PGD), **planned):
    """An audit with other settings: setting -> (protection's share, gain of clean)."""
    settings = (DEFAULT, *(s for s in (HALF, LONG) if s.name in others))
    plan = make_plan(conditions=conditions, replicates=replicates)
    plan = plan.model_copy(update={"grid": MimicGrid(settings=settings), **planned})
    made = make_results(plan=plan, protection=usual, run_sd=run_sd, seed=1)
    found = []
    for number, (name, (protection, gain)) in enumerate(others.items()):
        other = make_results(plan=plan, protection=protection, clean_gain=gain, run_sd=run_sd, seed=2 + number)
        # Base is the default's: what it draws has no setting.
        found.append(AtSetting(setting=name, cells=tuple(c for c in other.cells if c.condition != "base")))
    return made.model_copy(update={"settings": tuple(found)})


def test_each_half_is_judged_with_what_the_other_would_choose():
    gained = np.array([[1.0, 0.0], [1.0, 3.0], [1.0, 0.0], [1.0, 3.0]])
    values, chosen = cross_fitted(gained)
    # The odd runs like the second option, so the even ones get it, and the other way round.
    assert chosen == (1, 0)
    assert values.tolist() == [0.0, 1.0, 0.0, 1.0]


def test_ties_and_single_runs_keep_the_usual_setting():
    assert cross_fitted(np.ones((4, 3)))[1] == (0, 0)
    assert cross_fitted(np.array([[1.0, 2.0]]))[0].tolist() == [1.0]
    assert cross_fitted(np.zeros((0, 2)))[0].tolist() == []


def test_widened_standard_errors_are_those_of_one_run_fewer():
    values = np.array([1.0, 2.0, 4.0, 5.0])
    wide, plain = (mean_interval(x, level=0.95) for x in (widened(values), values))
    assert wide.value == plain.value
    assert (wide.high - wide.low) / (plain.high - plain.low) == pytest.approx((4 / 3) ** 0.5)


def test_a_protection_that_only_the_usual_setting_respects_does_not_hold():
    name = PGD.name
    results = judge(with_grid({name: 0.8}, others={"steps:2": ({name: 0.0}, 0.3)}))
    assert find(results, "protection_index", name, "channel_stats").low > 0.5
    best = deciding_index(results, name)
    assert best.name == "index_at_best"
    assert best.high < 0.2
    assert results.verdict.label == "did-not-hold"
    reading = next(c for c in results.readings.conditions if c.condition == name)
    assert reading.index == "index_at_best"
    assert {(c.way, c.setting) for c in reading.chosen} == {(name, "steps:2")}


def test_clean_is_given_its_best_too():
    """A setting that suits both alike leaves the index where it is; one that suits clean alone raises it."""
    name = PGD.name
    alike = judge(with_grid({name: 0.6}, others={"steps:2": ({name: 0.6}, 0.45)}))
    assert deciding_index(alike, name).value == pytest.approx(0.6, abs=0.05)
    clean = judge(with_grid({name: 0.6}, others={"steps:2": ({name: 0.74}, 0.45)}))
    assert deciding_index(clean, name).value == pytest.approx(1 - 0.3 * 0.4 / 0.45, abs=0.05)


def test_the_best_way_around_counts_against_the_protection():
    shares = {PGD.name: 0.8, JPEG.name: 0.1}
    conditions = (CLEAN, PGD, JPEG, CLEAN_JPEG)
    results = judge(with_grid(shares, others={"steps:0.5": (shares, 0.2)}, conditions=conditions))
    assert deciding_index(results, PGD.name).high < 0.2
    assert deciding_index(results, JPEG.name).value == pytest.approx(deciding_index(results, PGD.name).value, abs=1e-12)


def test_a_setting_with_a_lacking_run_is_not_chosen():
    results = with_grid({PGD.name: 0.8}, others={"steps:2": ({PGD.name: 0.0}, 0.3)})
    (found,) = results.settings
    cells = tuple(c for c in found.cells if (c.condition, c.replicate) != (PGD.name, 3))
    gone = judge(results.model_copy(update={"settings": (found.model_copy(update={"cells": cells}),)}))
    assert deciding_index(gone, PGD.name).low > 0.5
    rows = [e for e in gone.estimates if (e.name, e.condition) == ("gain_at_setting", PGD.name)]
    assert {(e.setting, e.n) for e in rows} == {("default", 6), ("steps:2", 5)}


def test_without_any_of_the_planned_cells_only_the_default_is_left():
    results = with_grid({PGD.name: 0.8}, others={"steps:2": ({}, 0.3)}).model_copy(update={"settings": ()})
    best, usual = (find(judge(results), n, PGD.name, "channel_stats") for n in ("index_at_best", "protection_index"))
    assert best.value == pytest.approx(usual.value)
    assert best.high - best.low > usual.high - usual.low


def test_the_default_alone_decides_as_before():
    results = judge(make_results(plan=make_plan(conditions=(CLEAN, PGD)), protection={PGD.name: 0.8}))
    assert deciding_index(results, PGD.name).name == "protection_index"
    assert not [e for e in results.estimates if e.name in ("index_at_best", "gain_at_setting")]


def test_fewer_prompts_add_what_the_setting_changes_to_the_gain_over_all():
    draws = tuple(ReplicateDraw(replicate=r, held_out=(), trained=(), prompts=(0, 1, 2, 3)) for r in range(1, 7))
    results = with_grid({}, others={"steps:2": ({}, 0.5)}, draws=draws)
    base = next(c for c in results.cells if c.condition == "base")
    cells = tuple(base.model_copy(update={"replicate": r}) for r in range(1, 7))
    rest = tuple(c for c in results.cells if c.condition != "base")
    grid = results.plan.grid.model_copy(update={"prompts": 2})
    results = results.model_copy(
        update={"cells": (*cells, *rest), "plan": results.plan.model_copy(update={"grid": grid})}
    )
    table = gains_by_setting(results, "channel_stats")

    def mean(cells, condition, replicate, prompts):
        (cell,) = (c for c in cells if (c.condition, c.replicate) == (condition, replicate))
        values = [s.value for s in cell.scores if s.metric == "channel_stats" and s.prompt in prompts]
        floor = [s.value for s in base.scores if s.metric == "channel_stats" and s.prompt in prompts]
        return float(np.mean(values) - np.mean(floor))

    every, first = range(4), range(2)
    for name, r in itertools.product((CLEAN.name, PGD.name), range(1, 7)):
        added = mean(results.settings[0].cells, name, r, first) - mean(results.cells, name, r, first)
        wanted = mean(results.cells, name, r, every) + added
        assert table["steps:2"][name][r] == pytest.approx(wanted)


def test_the_best_of_so_many_runs_is_the_mean_over_all_choices_of_them():
    clean, treated = np.array([3.0, 1.0, 2.0, 5.0, 4.0]), np.array([1.0, 0.5, 2.0, 1.5, 0.1])
    bests = [np.mean([max(kept) for kept in itertools.combinations(x, 3)]) for x in (treated, clean)]
    assert best_of_runs(clean, treated, runs=3).value == pytest.approx(1 - bests[0] / bests[1])
    assert best_of_runs(clean[:2], treated[:2], runs=3).value is None


def test_choosing_among_equals_claims_nothing_and_covers():
    """Nothing is protected, eight settings, four ways: choosing by the same runs blames the protection for luck."""
    rng = np.random.default_rng(0)
    crossed, lucky = [], []
    for _ in range(1500):
        clean, _ = simulated_gains(rng, runs=6, index=0.0)
        options = clean[:, None] + rng.normal(0, 0.03, (6, 8))
        around = clean[:, None] + rng.normal(0, 0.03, (6, 32))
        c, t = (widened(cross_fitted(x)[0]) for x in (options, around))
        crossed.append(ratio_interval(c - t, c, level=0.95))
        c, t = (x[:, x.mean(axis=0).argmax()] for x in (options, around))
        lucky.append(ratio_interval(c - t, c, level=0.95).value)
    assert abs(np.mean([f.value for f in crossed])) < 0.005
    assert np.mean(lucky) < -0.015
    assert 0.93 <= np.mean([f.low <= 0 <= f.high for f in crossed]) <= 0.975
    assert np.mean([f.low > 0 for f in crossed]) <= 0.035


def test_the_ways_of_reworking_begin_with_the_one_that_counts():
    results = judge(by_one_metric(with_grid({PGD.name: 0.8}, others={"steps:2": ({PGD.name: 0.0}, 0.3)})))
    first, second, *_ = variations(results, PGD.name)
    assert first.as_planned
    assert first.variations[0].verdict == "did-not-hold"
    assert second.said.id == "variation.default-setting"
    # Nobody tried the battery here.
    assert second.variations[0].verdict == "held-plain"
