"""Records to estimates: pairing, missing cells, planted truths."""

import numpy as np
import pytest
from scipy import stats

from audit import records as r
from audit.base.messages import as_written, say
from audit.judge import judge
from audit.judge.estimates import estimate, find
from audit.judge.gains import gains, missing_cells
from tests.builders import make_plan, make_results
from tests.judge.audits import CLEAN, CLEAN_JPEG, IDENTITY, JPEG, OTHER, PGD, audit, same_scores, without_cells

METRIC = "channel_stats"


def values(results: r.Results, condition: str, replicate: int) -> list[float]:
    cell = next(c for c in results.cells if (c.condition, c.replicate) == (condition, replicate))
    return [s.value for s in cell.scores if s.metric == METRIC and s.value is not None]


def test_a_gain_is_the_mean_over_pictures_minus_bases() -> None:
    results = audit()
    found = gains(results, METRIC)
    expected = np.mean(values(results, "clean", 3)) - np.mean(values(results, "base", 0))
    assert found.by_condition["clean"][3] == pytest.approx(expected)
    assert len(found.of("clean")) == 6
    assert "base" not in found.by_condition


def test_scores_are_paired_by_prompt_and_noise_not_by_order() -> None:
    results = audit()
    turned = results.model_copy(
        update={"cells": tuple(c.model_copy(update={"scores": c.scores[::-1]}) for c in results.cells[::-1])}
    )
    assert estimate(turned) == estimate(results)


def test_a_picture_that_base_lacks_is_left_out_of_every_cell() -> None:
    results = audit()
    base = results.cells[0]
    lacking = tuple(
        s.model_copy(update={"value": None, "why": as_written("unreadable")}) if s.prompt == 1 else s
        for s in base.scores
    )
    found = gains(
        results.model_copy(update={"cells": (base.model_copy(update={"scores": lacking}), *results.cells[1:])}),
        METRIC,
    )
    keep = [0, 2, 3]
    expected = np.mean(np.array(values(results, "clean", 1))[keep] - np.array(values(results, "base", 0))[keep])
    assert found.by_condition["clean"][1] == pytest.approx(expected)


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
def test_a_cell_that_lacks_one_score_is_left_out_and_counted(bad: float | None) -> None:
    results = audit()
    cells = tuple(
        c.model_copy(
            update={
                "scores": (c.scores[0].model_copy(update={"value": bad, "why": as_written("crash")}), *c.scores[1:])
            }
        )
        if (c.condition, c.replicate) == ("clean", 2)
        else c
        for c in results.cells
    )
    broken = results.model_copy(update={"cells": cells})
    judged = judge(broken)
    assert find(judged, "gain", "clean", METRIC).n == 5
    assert find(judged, "gain", PGD.name, METRIC).n == 6
    assert find(judged, "protection_index", PGD.name, METRIC).n == 5
    assert find(judged, "gain", "clean", "openclip").n == 6
    assert missing_cells(broken, METRIC) == {("clean", 2): as_written("crash")}


def test_missing_cells_are_named_with_their_reason() -> None:
    results = without_cells(audit(missing=frozenset({(PGD.name, 3)})), ("clean", 1), ("base", 0))
    gone = missing_cells(results, METRIC)
    assert gone[("base", 0)] == say("left-out.no-record")
    assert gone[(PGD.name, 3)] == as_written("the cell was not trained")
    assert gone[("clean", 1)] == say("left-out.no-record")


def test_known_effects_are_found() -> None:
    # Little spread between pictures: base's mean is one draw that all cells share.
    truths = {PGD.name: 0.6, JPEG.name: 0.1, OTHER.name: 1.0}
    judged = judge(audit(JPEG, OTHER, protection=truths, replicates=12, picture_sd=0.002))
    for name, truth in truths.items():
        for metric in judged.plan.metrics:
            row = find(judged, "protection_index", name, metric)
            assert row.value == pytest.approx(truth, abs=0.06)
            assert row.low is not None
            assert row.high is not None
            assert row.low < truth < row.high
    gain = find(judged, "gain", "clean", METRIC)
    assert gain.value == pytest.approx(0.3, abs=0.03)
    share = find(judged, "learned_share", "clean", METRIC)
    assert share.value == pytest.approx(0.3 / 0.5, abs=0.08)
    assert find(judged, "base_position", "base", METRIC).value == pytest.approx(0.2 / 0.7, abs=0.08)
    assert find(judged, "auc", "", METRIC).value == pytest.approx(1.0, abs=0.01)


def test_index_difference_and_p_belong_together() -> None:
    judged = judge(audit(protection={PGD.name: 0.3}))
    index, difference, gain = (
        find(judged, name, condition, METRIC)
        for name, condition in (
            ("protection_index", PGD.name),
            ("gain_difference", PGD.name),
            ("gain", "clean"),
        )
    )
    assert index.value is not None
    assert difference.value is not None
    assert gain.value is not None
    assert index.value == pytest.approx(difference.value / gain.value)
    # The Fieller interval excludes 0 exactly if the t interval of the difference does.
    assert index.low is not None
    assert difference.low is not None
    assert (index.low > 0) == (difference.low > 0)
    assert find(judged, "p_sign_flip", PGD.name, METRIC).value == pytest.approx(2 / 64)
    smallest = find(judged, "mde_protection_index", PGD.name, METRIC)
    assert smallest.value is not None
    assert 0 < smallest.value < 0.3
    boot = find(judged, "protection_index_bootstrap", PGD.name, METRIC)
    assert boot.value == index.value
    assert boot.low is not None
    assert index.low is not None
    assert boot.low > index.low


def test_identity_is_exactly_zero() -> None:
    judged = judge(same_scores(audit(IDENTITY), source="clean", target="identity"))
    for name in ("protection_index", "gain_difference"):
        row = find(judged, name, "identity", METRIC)
        assert (row.value, row.low, row.high) == (0.0, 0.0, 0.0)
    assert find(judged, "p_sign_flip", "identity", METRIC).value == 1.0
    assert find(judged, "mde_protection_index", "identity", METRIC).value is None


def test_holm_covers_the_primary_family_by_the_primary_metric_alone() -> None:
    judged = judge(audit(JPEG, IDENTITY, protection={PGD.name: 0.6, JPEG.name: 0.6}))
    rows = [e for e in judged.estimates if e.name == "p_holm"]
    assert [(e.condition, e.metric) for e in rows] == [(PGD.name, METRIC), (JPEG.name, METRIC)]
    assert all(e.value == pytest.approx(4 / 64) for e in rows)


def test_every_missing_number_has_a_reason() -> None:
    bare = make_results(plan=make_plan(replicates=1), missing=frozenset({("placebo", 1)}))
    bare = bare.model_copy(update={"metrics": ()})
    for row in estimate(bare):
        one_sided = row.name.startswith(("p_", "mde_"))
        if row.value is None or (row.low is None and not one_sided):
            assert row.note, row


def test_an_estimate_does_not_depend_on_which_others_there_are() -> None:
    plan = make_plan(conditions=(CLEAN, PGD))
    alone = judge(make_results(plan=plan))
    base_only = judge(alone.model_copy(update={"plan": plan.model_copy(update={"metrics": (METRIC,)})}))
    for name in ("protection_index", "protection_index_bootstrap"):
        assert find(alone, name, PGD.name, METRIC) == find(base_only, name, PGD.name, METRIC)


def test_the_plans_level_is_used() -> None:
    results = audit()
    margins = r.Margins(level=0.8)
    narrow = judge(results.model_copy(update={"plan": results.plan.model_copy(update={"margins": margins})}))
    wide = judge(results)
    rows = [find(j, "protection_index", PGD.name, METRIC) for j in (narrow, wide)]
    assert [row.level for row in rows] == [0.8, 0.95]
    assert rows[0].low is not None
    assert rows[1].low is not None
    assert rows[0].low > rows[1].low


def test_the_recognised_rate_is_by_run_with_base_beside_it() -> None:
    results = audit(protection={PGD.name: 0.5}, tried=False)
    nearest = {"clean": (0, 0, 0, 2), PGD.name: (1, 0, 3, 3), "base": (1, 1, 2, 0)}
    cells = tuple(
        c.model_copy(update={"nearest": {METRIC: nearest[c.condition] if c.replicate != 2 else (0, 0, 0, 0)}})
        for c in results.cells
    )
    judged = judge(results.model_copy(update={"cells": cells}))
    clean = find(judged, "recognised_rate", "clean", METRIC)
    rates = np.array([0.75, 1.0, 0.75, 0.75, 0.75, 0.75])
    expected = stats.ttest_1samp(rates, 0).confidence_interval(0.95)
    assert (clean.value, clean.low, clean.n) == (pytest.approx(rates.mean()), pytest.approx(expected.low), 6)
    assert clean.high == pytest.approx(min(1.0, expected.high))
    base = find(judged, "recognised_rate", "base", METRIC)
    assert (base.value, base.low) == (0.25, None)
    assert find(judged, "recognised_rate", "clean", "openclip").value is None
    same = find(judge(results.model_copy(update={"cells": tuple(
        c.model_copy(update={"nearest": {METRIC: (1, 1)}}) for c in results.cells
    )})), "recognised_rate", "clean", METRIC)  # fmt: skip
    assert (same.value, same.low) == (0.0, None)
    assert "same rate" in same.note


def test_a_countermeasure_is_also_read_against_unprotected_works_under_it() -> None:
    """Planted: clean gains 0.3, the protection under JPEG 0.15 of it, JPEG alone 0.9 of it."""
    results = judge(audit(JPEG, CLEAN_JPEG, protection={JPEG.name: 0.85, CLEAN_JPEG.name: 0.1}, run_sd=0.005))
    found = find(results, "index_at_equal_treatment", JPEG.name, METRIC)
    of_both = [np.array(list(gains(results, METRIC).by_condition[c.name].values())) for c in (CLEAN_JPEG, JPEG)]
    assert found.value == pytest.approx(1 - of_both[1].mean() / of_both[0].mean())
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1 - 0.15 / 0.9 < found.high
    assert {e.condition for e in results.estimates if e.name == "index_at_equal_treatment"} == {JPEG.name}


def test_without_its_twin_a_countermeasure_has_no_such_reading() -> None:
    assert find(judge(audit(JPEG)), "index_at_equal_treatment", JPEG.name, METRIC).note == "not estimated"
