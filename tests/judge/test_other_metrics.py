"""Two metrics that disagree: the word is what both allow, whichever of them was picked to decide."""

from __future__ import annotations

import itertools

import pytest

from audit import records as r
from audit.judge import judge
from tests.judge.audits import PGD, audit, with_scores

LOST = {"held": 0.8, "partly-held": 0.35, "did-not-hold": 0.05}
FIRST, SECOND = "channel_stats", "openclip"


def two(first: float, second: float) -> r.Results:
    results = audit(run_sd=0.003, picture_sd=0.003)
    return with_scores(with_scores(results, FIRST, PGD.name, lost=first), SECOND, PGD.name, lost=second)


def swapped(results: r.Results) -> r.Results:
    return results.model_copy(update={"plan": results.plan.model_copy(update={"primary_metric": SECOND})})


def verdict(results: r.Results) -> r.Verdict:
    found = judge(results).verdict
    assert found is not None
    return found


@pytest.mark.parametrize(("one", "other"), [*itertools.product(LOST, LOST)])
def test_whoever_picks_the_primary_metric_does_not_pick_the_word(one: str, other: str) -> None:
    results = two(LOST[one], LOST[other])
    found, turned = verdict(results), verdict(swapped(results))
    assert found.label == turned.label
    both = {one, other}
    expected = one if one == other else "partly-held" if both == {"held", "partly-held"} else "inconclusive"
    assert found.label == expected


def test_the_headline_names_the_disagreement_and_both_figures() -> None:
    found = verdict(two(0.8, 0.05))
    assert found.sentence.startswith("This test cannot tell if the reference protection")
    assert "two ways of measuring disagree" in found.sentence
    assert "too small or too noisy" not in found.sentence
    (limit,) = found.per_condition[PGD.name].limited
    assert limit.slug == "other-metrics"
    assert limit.sentence.count("%") == 6
    assert "by channel_stats" in limit.sentence
    assert "by openclip" in limit.sentence
    # A test that is unclear by itself says so, as before.
    assert "too small or too noisy" in verdict(audit(protection={PGD.name: 0.3}, run_sd=0.12)).sentence


def test_no_second_opinion_is_one_of_the_same_features_or_one_that_cannot_tell_artists() -> None:
    results = two(0.8, 0.05)
    first, second = results.metrics
    alike = results.model_copy(update={"metrics": (first, second.model_copy(update={"said": first.said}))})
    assert verdict(alike).label == "held"
    blind = results.model_copy(update={"metrics": (first, second.model_copy(update={"others": second.real}))})
    assert verdict(blind).label == "held"
    assert verdict(swapped(blind)).label == "not-valid"
