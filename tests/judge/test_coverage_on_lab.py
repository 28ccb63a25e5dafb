"""Coverage counted over audits under other seeds, on made-up results with a planted index."""

from __future__ import annotations

import pytest

from audit import records as r
from audit.judge import judge
from scripts.coverage_on_lab import coverage, markdown
from tests.judge.audits import PGD
from tests.judge.drawn import drawn_audit


def audits(count: int, *, index: float = 0.4) -> list[r.Results]:
    """Audits of the same works with effects of runs alone, so that all have the same truth."""
    made = [drawn_audit(protection={PGD.name: index}, run_sd=0.02, seed=seed) for seed in range(count)]
    return [judge(m.model_copy(update={"plan": m.plan.model_copy(update={"seed": s})})) for s, m in enumerate(made)]


def test_audits_of_one_truth_hold_each_other_about_as_often_as_they_say() -> None:
    found = coverage(audits(12), name="protection_index", condition=PGD.name, metric="channel_stats")
    assert found is not None
    assert found.audits == 12
    # Fewer has a chance of 1 in 1000 where each holds with 93 %, as against a mean that is uncertain itself.
    assert found.held >= 8
    assert found.mean == pytest.approx(0.4, abs=0.05)


def test_one_audit_that_says_another_thing_is_missed() -> None:
    mixed = audits(6)
    other = judge(drawn_audit(protection={PGD.name: 0.9}, run_sd=0.001))
    mixed[0] = other
    found = coverage(mixed, name="protection_index", condition=PGD.name, metric="channel_stats")
    assert found is not None
    assert found.held < 6


def test_audits_that_cannot_be_held_against_each_other_are_refused() -> None:
    one, two, *_ = audits(3)
    with pytest.raises(ValueError, match="same seed"):
        coverage([one, two, one], name="protection_index", condition=PGD.name, metric="channel_stats")
    other = judge(drawn_audit(works=15, seed=9))
    with pytest.raises(ValueError, match="other works"):
        coverage([one, two, other], name="protection_index", condition=PGD.name, metric="channel_stats")


def test_the_table_has_both_ranges() -> None:
    text = markdown(audits(3))
    assert text.count("| protection_index |") == text.count("| index_at_large |") == 2
