"""The simulation draws what it says and judges as `judge` does."""

import numpy as np
import pytest

from audit import records as r
from audit.judge import judge
from audit.judge.estimates import find
from audit.judge.intervals import ratio_interval
from audit.judge.verdict import labels
from scripts.simulate_judge import MARGINS, World, changed_by_order, markdown, one_protection, verdict_of
from tests.judge.audits import JPEG, PGD, audit

PLAIN: dict[r.VerdictLabel, r.VerdictLabel] = {"held": "held-plain"}


def with_gains(gains: dict[str, np.ndarray]) -> r.Results:
    """An audit in which every picture of a cell scores its gain above base."""
    results = audit(JPEG, replicates=len(gains["clean"]), base=0.2, picture_sd=0.0, tried=False)
    cells = []
    for cell in results.cells:
        if cell.condition != "base":
            value = 0.2 + float(gains[cell.condition][cell.replicate - 1])
            scores = tuple(s.model_copy(update={"value": value}) for s in cell.scores)
            cell = cell.model_copy(update={"scores": scores})
        cells.append(cell)
    return results.model_copy(update={"cells": tuple(cells)})


@pytest.mark.parametrize("replicates", [6, 8])
def test_simulated_verdicts_are_those_of_judge(replicates: int) -> None:
    rng = np.random.default_rng(replicates)
    seen = set()
    for _ in range(8):
        clean, treated = World(0.1, 24, replicates).draw(rng, tuple(rng.choice([0.05, 0.15, 0.4, 0.8], 2)))
        judged = judge(with_gains({"clean": clean, PGD.name: treated[0], JPEG.name: treated[1]}))
        found, overall = verdict_of(clean, treated, MARGINS)
        # Nobody tried the battery in these audits.
        assert labels(judged) == {PGD.name: PLAIN.get(found[0], found[0]), JPEG.name: found[1]}
        assert judged.verdict is not None
        assert judged.verdict.label == PLAIN.get(overall, overall)
        row = find(judged, "protection_index", PGD.name, judged.plan.primary_metric)
        interval = ratio_interval(clean - treated[0], clean, level=0.95)
        assert (row.value, row.low, row.high) == pytest.approx((interval.value, interval.low, interval.high))
        seen.add(overall)
    assert len(seen) > 1


@pytest.mark.parametrize("shape", ["normal", "heavy-tailed", "skewed"])
def test_the_world_has_the_truth_and_spread_it_names(shape: str) -> None:
    clean, treated = World(0.2, 25, 40_000, shape).draw(np.random.default_rng(0), (0.3, 1.0))
    assert clean.mean() == pytest.approx(1.0, abs=0.01)
    assert 1 - treated.mean(axis=1) / clean.mean() == pytest.approx([0.3, 1.0], abs=0.01)
    # Own part and pictures; what clean shares with a condition that learns nothing is in clean alone.
    assert treated[1].std() == pytest.approx((0.2**2 + 0.2**2 / 25) ** 0.5, rel=0.03)
    assert (treated[0] - 0.7 * clean).std() == pytest.approx((0.0416 * (1 + 0.49)) ** 0.5, rel=0.03)


def test_rates_are_shares_of_all_audits() -> None:
    row = one_protection(World(0.02, 24, 6), 1.0, 50, np.random.default_rng(1))
    assert row["said held"] == 1.0
    assert row["coverage"] > 0.8
    assert sum(row[f"said {word}"] for word in ("held", "partly-held", "inconclusive", "did-not-hold")) == 1.0


def test_names_and_order_change_no_verdict() -> None:
    assert changed_by_order(6, np.random.default_rng(0)) == 0


def test_the_tables_have_a_row_for_every_setting() -> None:
    rng = np.random.default_rng(2)
    one = [one_protection(World(s, 12, k), t, 2, rng) for s in (0.02, 0.1, 0.3) for k in (6, 8, 12) for t in (0.0, 0.5)]
    text = markdown({"one protection": one, "family": [], "until decided": [], "turned": 1, "changed by order": 0})
    assert text.count("\n| 6 |") == text.count("\n| 12 |") == 3
    assert "changed by new names and order: 0 of 1" in text
