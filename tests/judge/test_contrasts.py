"""Protections against each other: planted orders are found, equal ones are not told apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from audit import records as r
from audit.base.messages import render
from audit.judge import judge
from audit.judge.contrasts import contrasts
from audit.judge.gains import gains
from tests.judge.audits import audit
from tests.made_conditions import condition

STRONG, WEAK = "encoder-pgd:16", "denoiser-pgd:16"


def two(strong: float, weak: float, *, seed: int = 0, **changes: object) -> r.Results:
    return judge(audit(condition(WEAK), protection={STRONG: strong, WEAK: weak}, seed=seed, **changes))


def pair(results: r.Results) -> r.Contrast:
    assert results.readings is not None
    (found,) = results.readings.contrasts
    return found


def test_a_planted_order_is_found_whichever_stands_first() -> None:
    for strong, weak, first in ((0.7, 0.3, STRONG), (0.3, 0.7, WEAK)):
        found = pair(two(strong, weak))
        assert (found.more, found.sure, found.n) == (first, True, 6)
        assert found.low is not None
        assert found.high is not None
        assert found.low <= 0.4 <= found.high
        assert "kept more away than" in render(found.said)


def test_the_figures_are_those_of_scipy() -> None:
    results = two(0.6, 0.5, run_sd=0.02)
    found, of = pair(results), gains(results, results.plan.primary_metric).by_condition
    runs = range(1, 7)
    clean, strong, weak = (np.array([of[name][r] for r in runs]) for name in ("clean", found.more, found.less))
    assert found.value == pytest.approx((weak - strong).mean() / clean.mean())
    assert found.p == pytest.approx(stats.ttest_rel(strong, weak).pvalue)
    assert found.p_holm == pytest.approx(found.p)


def test_equal_protections_are_rarely_told_apart_and_their_range_covers_0() -> None:
    found = [pair(two(0.5, 0.5, seed=seed, run_sd=0.03)) for seed in range(40)]
    covered = sum((c.low or 0) <= 0 for c in found)
    assert covered >= 34
    assert sum(c.sure for c in found) <= 6
    unsure = next(c for c in found if not c.sure)
    assert render(unsure.said).startswith("This test cannot tell")


def test_holm_spans_every_pair() -> None:
    others = [condition(WEAK), condition("encoder-pgd:8")]
    results = judge(audit(*others, protection={STRONG: 0.7, WEAK: 0.5, "encoder-pgd:8": 0.3}, run_sd=0.03))
    assert results.readings is not None
    found = results.readings.contrasts
    assert {frozenset((c.more, c.less)) for c in found} == {
        frozenset(pair) for pair in itertools.combinations((STRONG, WEAK, "encoder-pgd:8"), 2)
    }
    ordered = sorted(c.p for c in found if c.p is not None)
    # Holm is no part of scipy: by its definition, step by step.
    expected, running = [], 0.0
    for rank, p in enumerate(ordered):
        running = max(running, min(1.0, (3 - rank) * p))
        expected.append(running)
    assert sorted(c.p_holm for c in found if c.p_holm is not None) == pytest.approx(expected)


def test_with_few_runs_or_in_a_run_that_failed_nothing_is_told() -> None:
    few = pair(two(0.9, 0.1, replicates=3))
    assert not few.sure
    assert "too few runs" in render(few.said)
    assert contrasts(judge(audit())) == ()
    broken = two(0.9, 0.1, clean_gain=-0.2)
    assert broken.verdict is not None
    assert broken.verdict.label == "not-valid"
    assert not pair(broken).sure
    assert "not compared" in render(pair(broken).said)


def test_a_difference_from_models_that_broke_says_so() -> None:
    results = two(0.9, 0.1, collapsed=frozenset((STRONG, run) for run in range(1, 7)))
    assert results.verdict is not None
    assert results.verdict.per_condition[STRONG].label == "models-broke"
    found = pair(results)
    assert found.more == STRONG
    assert "drew broken pictures" in render(found.said)


def test_arms_that_came_out_the_same_are_not_said_to_differ_by_up_to_nothing() -> None:
    results = audit(condition(WEAK), protection={STRONG: 0.5, WEAK: 0.5})
    scores = {c.replicate: c.scores for c in results.cells if c.condition == STRONG}
    cells = [c.model_copy(update={"scores": scores[c.replicate]}) if c.condition == WEAK else c for c in results.cells]
    found = pair(judge(results.model_copy(update={"cells": tuple(cells)})))
    assert (found.low, found.high, found.sure) == (0, 0, False)
    assert "came out the same" in render(found.said)
