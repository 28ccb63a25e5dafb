"""`held` must stand had one run in six failed, three at most: a few runs can all have missed a failure."""

from __future__ import annotations

import numpy as np
import pytest

from audit import records as r
from audit.judge import judge
from scripts.simulate_draws import MARGINS, audit, fails
from tests.judge import audits
from tests.judge.audits import PGD
from tests.judge.drawn import drawn_audit


def claim(results: r.Results) -> r.ConditionVerdict:
    verdict = judge(results).verdict
    assert verdict is not None
    return verdict.per_condition[PGD.name]


@pytest.mark.parametrize(("index", "label"), [(0.58, "partly-held"), (0.62, "held"), (0.9, "held")])
def test_a_success_near_the_line_is_not_called_one(index: float, label: str) -> None:
    found = claim(drawn_audit(tried=True, protection={PGD.name: index}, run_sd=0.001, noise=0.001))
    assert found.label == label
    assert ("failed-runs" in [limit.slug for limit in found.limited]) == (label == "partly-held")


def test_the_sentence_says_what_would_be_left() -> None:
    found = claim(drawn_audit(protection={PGD.name: 0.58}, run_sd=0.001, noise=0.001))
    assert "may not have failed in 6 trainings" in found.limited[0].sentence
    assert "48 %, not above 50 %" in found.limited[0].sentence


def test_the_more_runs_held_the_less_is_asked() -> None:
    found = claim(drawn_audit(tried=True, protection={PGD.name: 0.59}, run_sd=0.001, noise=0.001, replicates=24))
    assert (found.label, found.limited) == ("held", ())
    near = claim(drawn_audit(protection={PGD.name: 0.55}, run_sd=0.001, noise=0.001, replicates=24))
    assert "Had 3 more kept nothing away, the protection index would be 49 %" in near.limited[0].sentence


def test_it_takes_back_no_failure_and_asks_nothing_of_older_plans() -> None:
    assert claim(drawn_audit(protection={PGD.name: 0.05}, run_sd=0.001, noise=0.001)).label == "did-not-hold"
    assert claim(audits.audit(protection={PGD.name: 0.58}, run_sd=0.001, picture_sd=0.001)).label == "held"


@pytest.mark.parametrize("runs", [6, 12])
def test_a_protection_that_fails_in_1_run_of_10_is_seldom_called_held(runs: int) -> None:
    rng = np.random.default_rng(0)
    made = [audit(fails("10", 0.1, runs), rng) for _ in range(500)]
    wrong = [a for a in made if a.truth_here <= MARGINS.held]
    assert np.mean([a.word == "held" for a in wrong]) <= 0.025
    assert np.mean([a.plain == "held" for a in wrong]) > 0.025
