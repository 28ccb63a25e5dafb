"""Models that came out broken are an outcome of their own, where clean's did not."""

from __future__ import annotations

import pytest

from audit import records as r
from audit.judge import judge
from audit.judge.verdict import WORST_FIRST
from tests.judge.audits import CLEAN, JPEG, PGD, audit, with_generations


def collapsed(results: r.Results, condition: str, count: int) -> r.Results:
    for replicate in range(1, count + 1):
        results = with_generations(results, condition, replicate, blank_share=0.9)
    return results


def verdict(results: r.Results) -> r.Verdict:
    found = judge(results).verdict
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("count", "index", "label"),
    [
        (1, 0.9, "exploratory"),  # five pairs are left, as with any model that is left out
        (2, 0.9, "not-valid"),  # 2 of 6 against none may be chance, and too few pairs are left
        (5, 0.9, "not-valid"),  # 2 ** -5 is 3 %, above 2.5
        (6, 0.9, "models-broke"),
        (2, 0.0, "not-valid"),
    ],
)
def test_a_collapse_under_the_protection_alone_is_the_outcome(count: int, index: float, label: str) -> None:
    found = verdict(collapsed(audit(protection={PGD.name: index}, run_sd=0.003), PGD.name, count))
    assert found.label == label
    if label == "models-broke":
        limit = found.per_condition[PGD.name].limited[-1]
        assert limit.sentence.startswith(f"Of 6 models trained on the protected works, {count} drew")
        assert "drew broken pictures" in found.sentence


def test_where_clean_collapses_too_the_test_is_not_valid() -> None:
    both = collapsed(collapsed(audit(protection={PGD.name: 0.9}), PGD.name, 3), "clean", 2)
    assert verdict(both).label == "not-valid"


def test_a_broken_model_is_no_success_and_worse_than_part_of_one() -> None:
    assert WORST_FIRST.index("inconclusive") < WORST_FIRST.index("models-broke") < WORST_FIRST.index("partly-held")
    found = verdict(collapsed(audit(JPEG, protection={PGD.name: 0.9, JPEG.name: 0.9}), JPEG.name, 6))
    assert (found.label, found.condition) == ("models-broke", JPEG.name)
    assert found.per_condition[PGD.name].label == "held"


def looked_at(results: r.Results, *, adherence: float, unlike: float) -> r.Results:
    """Models of the protection show their subjects so well, where clean's have 0.2, and draw so many odd pictures."""
    seen = []
    for replicate in range(1, 7):
        for name, shown, odd in ((CLEAN.name, 0.2, 0.0), (PGD.name, adherence, unlike)):
            shown += 0.002 * replicate
            real = tuple(n >= round(20 * odd) for n in range(20))
            given = (shown,) * 20
            seen.append(r.PictureCoherence(condition=name, replicate=replicate, adherence=given, among_real=real))
    return results.model_copy(update={"looks": tuple(seen)})


@pytest.mark.parametrize(
    ("adherence", "unlike", "label", "says"),
    [
        (0.2, 0.0, "held", ""),
        (0.13, 0.4, "held", ""),
        (0.05, 0.0, "models-broke", "no longer draw what they are asked for"),
        (0.2, 0.8, "models-broke", "look like no real work by anyone"),
    ],
)
def test_style_that_was_lost_is_told_from_models_that_broke(adherence, unlike, label, says) -> None:
    results = judge(looked_at(audit(protection={PGD.name: 0.9}, run_sd=0.003), adherence=adherence, unlike=unlike))
    assert results.verdict is not None
    claim = results.verdict.per_condition[PGD.name]
    assert claim.label == label
    assert says in (claim.limited[-1].sentence if claim.limited else "")
    lost = {e.name: e.value for e in results.estimates if e.condition == PGD.name and e.metric == "pictures"}
    assert lost["prompt_adherence_lost"] == pytest.approx(1 - (adherence + 0.007) / 0.207)
    assert lost["among_real_lost"] == pytest.approx(unlike)


def test_a_protection_that_failed_is_not_called_broken() -> None:
    found = judge(looked_at(audit(protection={PGD.name: 0.0}, run_sd=0.003), adherence=0.01, unlike=0.9))
    assert found.verdict is not None
    assert found.verdict.per_condition[PGD.name].label == "did-not-hold"
