"""Replicates that each draw works and prompts of their own: each is compared with its own base, on its own draw."""

from __future__ import annotations

import numpy as np
import pytest

from audit import records as r
from audit.judge import judge
from audit.judge.estimates import find
from audit.judge.gains import gains, missing_cells
from audit.judge.intervals import ratio_interval
from audit.judge.variance_components import Components, components
from tests.judge.audits import PGD
from tests.judge.drawn import drawn_audit

METRIC = "channel_stats"


def scores(results: r.Results, condition: str, replicate: int) -> dict[int, float]:
    cell = next(c for c in results.cells if (c.condition, c.replicate) == (condition, replicate))
    return {s.prompt: s.value for s in cell.scores if s.metric == METRIC and s.value is not None}


def test_a_gain_is_over_the_base_of_its_own_replicate() -> None:
    results = drawn_audit(protection={PGD.name: 0.4}, by_work=0.05, by_prompt=0.05)
    found = gains(results, METRIC)
    for replicate in range(1, 7):
        own, base = (scores(results, name, replicate) for name in ("clean", "base"))
        assert own.keys() == base.keys() == set(results.plan.draws[replicate - 1].prompts)
        expected = np.mean([own[p] - base[p] for p in own])
        assert found.by_condition["clean"][replicate] == pytest.approx(expected)


def test_tables_by_prompt_and_by_work_average_to_the_gains_and_know_what_was_not_drawn() -> None:
    results = drawn_audit(protection={PGD.name: 0.4}, by_work=0.05, by_prompt=0.05, length=0.6)
    found, runs = gains(results, METRIC), list(range(1, 7))
    for name in ("clean", PGD.name):
        prompts, works = found.by_prompt(name, runs), found.by_work(name, runs)
        assert np.nanmean(prompts, axis=1) == pytest.approx(found.of(name))
        assert np.nanmean(works, axis=1) == pytest.approx(found.of(name))
        assert np.isfinite(prompts).sum(axis=1).tolist() == [5] * 6
        assert np.isfinite(works).sum(axis=1).tolist() == [4] * 6


def test_a_score_for_a_prompt_that_was_not_drawn_counts_nowhere() -> None:
    results = drawn_audit()
    draw = results.plan.draws[0]
    other = next(p for p in range(10) if p not in draw.prompts)
    stray = r.Score(metric=METRIC, prompt=other, noise=0, value=0.9)
    cells = tuple(c.model_copy(update={"scores": (*c.scores, stray)}) if c.replicate == 1 else c for c in results.cells)
    stained = results.model_copy(update={"cells": cells})
    assert gains(stained, METRIC).by_condition == gains(results, METRIC).by_condition


def test_a_replicate_without_its_base_is_left_out_and_named() -> None:
    results = drawn_audit(PGD.model_copy(update={"name": "encoder-pgd:32"}))
    cells = tuple(c for c in results.cells if (c.condition, c.replicate) != ("base", 2))
    gone = missing_cells(results.model_copy(update={"cells": cells}), METRIC)
    assert {key for key in gone} == {("base", 2), ("clean", 2), (PGD.name, 2), ("encoder-pgd:32", 2)}
    assert gone["clean", 2].id == "left-out.no-base"


def test_one_broken_base_does_not_make_the_run_invalid_and_two_do() -> None:
    def verdict(*broken: int) -> str:
        results = drawn_audit(protection={PGD.name: 0.8})
        cells = tuple(
            c.model_copy(update={"generations": c.generations.model_copy(update={"blank_share": 1.0})})
            if c.condition == "base" and c.replicate in broken
            else c
            for c in results.cells
        )
        judged = judge(results.model_copy(update={"cells": cells}))
        assert judged.verdict is not None
        return judged.verdict.label

    assert verdict(1) != "not-valid"
    assert verdict(1, 2) == "not-valid"


def test_the_share_learned_is_measured_on_each_replicates_own_way() -> None:
    results = judge(drawn_audit(by_work=0.0))
    clean = gains(results, METRIC)
    real = results.metrics[0].real_means
    ways = np.array([real[k - 1] - np.mean(list(scores(results, "base", k).values())) for k in range(1, 7)])
    expected = ratio_interval(clean.of("clean"), ways, level=0.95)
    found = find(results, "learned_share", "clean", METRIC)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_one_prompt_and_one_work_are_left_out_wherever_they_were_drawn() -> None:
    results = judge(drawn_audit(protection={PGD.name: 0.4}, by_work=0.05, by_prompt=0.05))
    assert results.readings is not None
    found = {v.label: v for group in results.readings.variations for v in group.variations}
    known = gains(results, METRIC)
    known_prompts = {f"without the prompt “{results.plan.prompts[p]}”": p for p in known.prompts}
    known_works = {f"without the held-out work “{w.name}”": w.id for w in results.plan.works if w.id in known.works}
    prompts, works = (
        [table(n, range(1, 7)) for n in ("clean", PGD.name)] for table in (known.by_prompt, known.by_work)
    )
    cases = (
        *((said, prompts, known.prompts.index(p)) for said, p in known_prompts.items()),
        *((said, works, known.works.index(w)) for said, w in known_works.items()),
    )
    for said, tables, column in cases:
        of_clean, of_treated = (np.nanmean(np.delete(t, column, axis=1), axis=1) for t in tables)
        expected = ratio_interval(of_clean - of_treated, of_clean, level=0.95)
        assert (found[said].value, found[said].low) == pytest.approx((expected.value, expected.low))
    assert len(known_works) > 9


def test_planted_components_are_found_where_runs_ask_other_prompts() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(600):
        prompts = rng.normal(0, 0.4, 12)
        lost = np.full((8, 12), np.nan)
        for run in range(8):
            asked = rng.permutation(12)[:6]
            lost[run, asked] = rng.normal(0, 0.3) + prompts[asked] + rng.normal(0, 0.5, 6)
        one = components(lost)
        assert isinstance(one, Components)
        assert one.of_a_run() >= np.nanmean(lost, axis=1).var(ddof=1) - 1e-12
        found.append(one)
    assert np.mean([c.prompt for c in found]) == pytest.approx(0.16, rel=0.1)
    assert np.mean([c.noise for c in found]) == pytest.approx(0.25, rel=0.05)
    assert np.mean([c.replicate for c in found]) == pytest.approx(0.09, rel=0.1)


def test_a_plan_that_draws_says_so_where_it_says_how_a_number_came_about() -> None:
    index = find(judge(drawn_audit()), "protection_index", PGD.name, METRIC)
    assert index.how.id == "how.protection-index-drawn"
    assert not any(e.name == "index_over_prompts" for e in judge(drawn_audit()).estimates)
