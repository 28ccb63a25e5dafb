"""Tone and placebos: what the verdict word may be where a click, or mere noise, does as much."""

from __future__ import annotations

import pytest

from audit import records as r
from audit.base.messages import words
from audit.judge import judge
from tests.judge.audits import PGD, PLACEBO, RECIPES, TRIED, audit, with_tone


def verdict(results: r.Results) -> r.ConditionVerdict:
    found = judge(results).verdict
    assert found is not None
    return found.per_condition[PGD.name]


def slugs(results: r.Results) -> list[str]:
    return [limit.slug for limit in verdict(results).limited]


def test_what_a_click_takes_away_is_no_protection() -> None:
    """A veil: 60 % by the score as it is, nothing at equal tone."""
    veil = with_tone(audit(protection={PGD.name: 0.6}), **{PGD.name: 0.0})
    assert verdict(veil).label == "inconclusive"
    assert "equal-tone" in slugs(veil)
    assert "a click takes away" in verdict(veil).limited[0].sentence
    estimate = next(e for e in judge(veil).estimates if e.name == "index_at_equal_tone" and e.condition == PGD.name)
    assert estimate.value == pytest.approx(0.0, abs=0.01)


def test_a_protection_that_is_no_tone_keeps_its_word() -> None:
    plain = audit(protection={PGD.name: 0.8})
    kept = with_tone(plain, **{PGD.name: 0.8})
    assert verdict(kept).label == verdict(plain).label
    assert "equal-tone" not in slugs(kept)


def test_held_needs_every_kind_of_way_around_it() -> None:
    whole = audit(protection={PGD.name: 0.9})
    assert verdict(whole).label == "held"
    for left_out in RECIPES:
        rest = tuple(recipe for recipe in RECIPES if recipe is not left_out)
        some = whole.model_copy(update={"plan": whole.plan.model_copy(update={"recipes": rest})})
        found = verdict(some)
        assert (found.label, slugs(some)) == ("held-plain", ["battery"])
        assert "not every usual way around it was tried" in found.sentence
    none = audit(PLACEBO, protection={PGD.name: 0.9}, tried=False)
    assert "held against plain training; no way around it was tried" in verdict(none).sentence


def test_a_protection_under_a_way_around_it_needs_no_other() -> None:
    assert judge(audit(protection={PGD.name: 0.9, TRIED.name: 0.9})).verdict.per_condition[TRIED.name].label == "held"


@pytest.mark.parametrize(
    ("placebo", "cloak", "expected"),
    [
        (0.0, 0.9, "held"),
        (0.6, 1.2, "held"),  # noise took away much, the protection surely more
        (0.8, 0.87, "partly-held"),  # no more than noise by a margin
    ],
)
def test_what_noise_does_as_well_is_no_protection(placebo: float, cloak: float, expected: r.VerdictLabel) -> None:
    results = audit(PLACEBO, protection={PLACEBO.name: placebo, PGD.name: cloak}, run_sd=0.001, picture_sd=0.005)
    found = verdict(results)
    assert found.label == expected
    assert ("placebo" in slugs(results)) is (expected != "held")
    if found.limited:
        assert "Random noise in place of a protection took away" in found.limited[0].sentence


def test_a_change_of_tone_that_does_as_much_caps_the_word_too() -> None:
    tone = r.Condition(name="placebo-tone", role="placebo", steps=("placebo-tone:0",))
    recipe = r.Recipe(step="placebo-tone:0", kind="placebo", follows=words("made up"), way="tone")
    results = audit(PLACEBO, tone, protection={tone.name: 0.85, PGD.name: 0.9}, run_sd=0.005)
    with_recipe = results.model_copy(
        update={"plan": results.plan.model_copy(update={"recipes": (*results.plan.recipes, recipe)})}
    )
    assert verdict(with_recipe).label == "partly-held"
    rows = {e.name: e.value for e in judge(with_recipe).estimates if e.condition == PGD.name}
    assert rows["tone_placebo_excess"] < 0.1 < rows["placebo_excess"]


def test_without_a_placebo_nothing_is_held() -> None:
    whole = audit(protection={PGD.name: 0.9})
    gone = tuple(c for c in whole.plan.conditions if c.role != "placebo")
    bare = whole.model_copy(update={"plan": whole.plan.model_copy(update={"conditions": gone})})
    assert (verdict(bare).label, slugs(bare)) == ("held-plain", ["placebo"])
    assert "no placebo was tried beside it" in verdict(bare).sentence
