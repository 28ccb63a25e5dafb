"""Every label, every override, the worst of several, and the wording."""

import re

import pytest

from audit import records as r
from audit.base.messages import as_written, catalogue, render, say
from audit.judge import judge, with_margins
from audit.judge.estimates import find
from audit.judge.verdict import index_label, labels
from audit.plan.waves import part_without
from audit.records import Estimate, Margins, VerdictLabel
from tests.builders import make_plan, make_results
from tests.judge.audits import CLEAN, CLEAN_JPEG, JPEG, NULL, PGD, PLACEBO, audit, by_one_metric

BANNED = re.compile(
    r"infring|copied|\bstole|theft|substantially similar|\bprove|100 ?%|impossible|certified|court-admissible"
    r"|protects? against|guarantee|always|never",
    re.IGNORECASE,
)


def index(low: float | None, high: float | None) -> Estimate:
    return Estimate(
        name="protection_index", condition="protected", metric="m", value=0.3, low=low, high=high,
        level=0.95, n=6, unit="share", how=as_written(""),
    )  # fmt: skip


def test_a_first_report_gives_no_word_whatever_its_scores_say() -> None:
    whole = audit(PLACEBO, NULL, protection={PGD.name: 0.9}, seed=1)
    assert verdict(whole).label in ("held", "held-plain")
    first = judge(without(whole, PLACEBO.name, NULL.name))
    assert first.verdict is not None
    assert {first.verdict.label, *(c.label for c in first.verdict.per_condition.values())} == {"exploratory"}
    assert "not yet controlled" in first.verdict.sentence
    assert first.deviations == ()


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.51, 0.9, "held"),
        (0.5, 0.9, "partly-held"),
        (0.01, 0.6, "partly-held"),
        (0.01, 0.2, "partly-held"),
        (0.01, 0.19, "did-not-hold"),
        (-0.3, 0.19, "did-not-hold"),
        (-0.3, -0.1, "did-not-hold"),
        (0.0, 0.2, "inconclusive"),
        (-0.1, 0.6, "inconclusive"),
        (None, None, "inconclusive"),
    ],
)
def test_the_label_rule(low: float | None, high: float | None, expected: VerdictLabel) -> None:
    assert index_label(index(low, high), Margins(level=0.95)) == expected


def test_the_margins_of_the_plan_decide() -> None:
    assert index_label(index(0.3, 0.5), Margins(level=0.95, held=0.25)) == "held"
    assert index_label(index(0.3, 0.5), Margins(level=0.95, did_not_hold=0.6)) == "did-not-hold"
    assert index_label(index(0.05, 0.5), Margins(level=0.95, partly=0.1)) == "inconclusive"


def without(results: r.Results, *pending: str) -> r.Results:
    """The first report of an audit: without the models of some conditions."""
    return results.model_copy(
        update={
            "plan": part_without(results.plan, pending),
            "pending": pending,
            "cells": tuple(c for c in results.cells if c.condition not in pending),
            "visibility": tuple(v for v in results.visibility if v.condition not in pending),
        }
    )


def verdict(results: r.Results) -> r.Verdict:
    found = judge(results).verdict
    assert found is not None
    return found


SEEN: list[tuple[float, float, VerdictLabel, str]] = [
    (0.9, 0.01, "held", " held. The model learned about 90 % less"),
    (0.35, 0.01, "partly-held", " held only in part. The model learned about "),
    (0.0, 0.01, "did-not-hold", " did not hold. The model learned about"),
    (0.3, 0.12, "inconclusive", "too small or too noisy to tell if"),
]


@pytest.mark.parametrize(("truth", "run_sd", "expected", "words"), SEEN)
def test_labels_of_whole_audits(truth: float, run_sd: float, expected: VerdictLabel, words: str) -> None:
    found = verdict(audit(protection={PGD.name: truth}, run_sd=run_sd))
    assert found.label == expected
    assert found.condition == PGD.name
    assert words in found.sentence
    assert "the reference protection encoder-pgd at strength 16 of 255" in found.sentence
    assert found.per_condition[PGD.name].label == expected


def test_the_worst_primary_condition_decides_and_is_named() -> None:
    found = verdict(audit(JPEG, PLACEBO, CLEAN_JPEG, NULL, protection={PGD.name: 0.9, JPEG.name: 0.0}, tried=False))
    assert (found.label, found.condition) == ("did-not-hold", JPEG.name)
    assert found.sentence.startswith("The weakest of 2 results counts: on this test ")
    assert "after JPEG compression at quality 50" in found.sentence
    assert {name: v.label for name, v in found.per_condition.items()} == {
        PGD.name: "held-plain",
        JPEG.name: "did-not-hold",
    }


def test_one_of_several_that_just_fails_alone_is_not_enough_for_the_family() -> None:
    # Upper bound just below the margin by itself, not by Holm's p over two primary conditions.
    for seed in range(300):
        results = by_one_metric(audit(JPEG, protection={PGD.name: 0.9, JPEG.name: 0.12}, seed=seed))
        judged = judge(results)
        alone = find(judged, "protection_index", JPEG.name, "channel_stats")
        p = find(judged, "p_index_at_least_margin", JPEG.name, "channel_stats").value
        adjusted = find(judged, "p_index_at_least_margin_holm", JPEG.name, "channel_stats").value
        assert p is not None
        assert adjusted is not None
        assert adjusted == pytest.approx(min(1.0, 2 * p))
        if p < 0.025 < adjusted:
            assert index_label(alone, judged.plan.margins) == "did-not-hold"
            assert judged.verdict is not None
            assert judged.verdict.label == "inconclusive"
            secondary = JPEG.model_copy(update={"primary": False})
            plan = results.plan.model_copy(update={"conditions": (CLEAN, PGD, secondary)})
            assert labels(judge(results.model_copy(update={"plan": plan})))[JPEG.name] == "did-not-hold"
            return
    raise AssertionError("no seed gave such a condition")


@pytest.mark.parametrize(
    ("margins", "label", "said"),
    [
        ({"held": 0.03}, "held", "held by a margin of 3 % (usual: 50 %) set by whoever ran this."),
        ({"partly": 0.1}, "partly-held", "held only in part by a margin of 10 % for “in part” (usual: 0 %) set by"),
        ({"did_not_hold": 0.6}, "did-not-hold", "did not hold by a margin of 60 % for “did not hold” (usual: 20 %)"),
        ({"level": 0.99}, "partly-held", "only in part by a level of 99 % (usual: 95 %) set by whoever ran this."),
        ({"held": 0.3, "level": 0.99}, "held", "a margin of 30 % (usual: 50 %) and a level of 99 % (usual: 95 %) set"),
        ({"min_auc": 0.9}, "partly-held", ""),
    ],
)
def test_margins_of_ones_own_are_said_wherever_a_verdict_is(margins: dict[str, float], label: str, said: str) -> None:
    found = verdict(with_margins(audit(protection={PGD.name: 0.4}, run_sd=0.002, picture_sd=0.002), margins))
    assert found.label == label
    assert found.own_margins == bool(said)
    assert said in found.sentence
    assert said in found.per_condition[PGD.name].sentence
    assert ("whoever ran this" in found.sentence) == bool(said)


def test_a_condition_that_is_not_primary_does_not_decide() -> None:
    found = verdict(audit(JPEG.model_copy(update={"primary": False}), protection={PGD.name: 0.9, JPEG.name: 0.0}))
    assert (found.label, found.condition) == ("held", PGD.name)
    assert found.per_condition[JPEG.name].label == "did-not-hold"


def test_among_equal_labels_the_lower_index_is_named() -> None:
    found = verdict(audit(JPEG, protection={PGD.name: 0.9, JPEG.name: 0.75}))
    assert (found.label, found.condition) == ("held", JPEG.name)


def test_too_few_runs_say_what_was_seen_as_a_first_look() -> None:
    found = verdict(audit(replicates=2, protection={PGD.name: 0.5}))
    assert found.label == "exploratory"
    assert found.condition == PGD.name
    assert found.sentence.startswith("This is a first look, not a verdict. With the reference protection")
    assert "% less of the style" in found.sentence
    assert found.per_condition[PGD.name].label == "exploratory"


def test_one_run_has_a_figure_and_no_interval() -> None:
    found = verdict(audit(replicates=1, protection={PGD.name: 0.5}))
    assert found.label == "exploratory"
    assert "% less" in found.sentence
    assert "likely" not in found.sentence


def test_a_red_check_withholds_every_label() -> None:
    found = verdict(audit(JPEG, adapter_norm=0.0, protection={PGD.name: 0.9}))
    assert found.label == "not-valid"
    assert found.condition is None
    assert found.sentence == ("This test gives no answer: too many trainings left the model's pictures as they were.")
    assert {v.label for v in found.per_condition.values()} == {"not-valid"}


def test_base_and_clean_alone_say_nothing_about_a_protection() -> None:
    for replicates, expected in ((6, "inconclusive"), (2, "exploratory")):
        found = verdict(make_results(plan=make_plan(conditions=(CLEAN,), replicates=replicates), run_sd=0.001))
        assert (found.label, found.said.id, found.condition) == (expected, "verdict.no-protection", None)
        assert found.per_condition == {}


def test_no_gain_has_no_figure_in_the_sentence() -> None:
    results = audit(replicates=2, clean_gain=0.001)
    results = results.model_copy(update={"metrics": ()})
    found = verdict(results)
    assert not re.search(r"\d\d\d+ %", found.sentence)


def all_sentences() -> list[str]:
    whole = [verdict(audit(protection={PGD.name: truth}, run_sd=sd)).sentence for truth, sd, _, _ in SEEN]
    whole += [verdict(audit(replicates=2, protection={PGD.name: p})).sentence for p in (-0.5, 0.0, 0.5, 1.0)]
    whole += [verdict(audit(protection={PGD.name: p}, run_sd=0.001)).sentence for p in (-1.0, 0.995, 1.05)]
    fixed = [m.id for m in catalogue().values() if m.severity == "check" and m.text] + ["verdict.no-protection"]
    return [*whole, *(render(say(id)) for id in fixed)]


def test_no_sentence_says_more_than_a_test_can() -> None:
    for sentence in all_sentences():
        assert not BANNED.search(sentence), sentence
        assert sentence.endswith(".")
        assert sentence.count(". ") <= 1


def grade(text: str) -> float:
    """Flesch-Kincaid grade (1975), with groups of vowels for syllables and without the condition's name."""
    plain = text.replace("the reference protection encoder-pgd at strength 16 of 255", "your protected files")
    words = re.findall(r"[A-Za-z']+|\d+", plain)
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e\b", "", w.lower())))) for w in words)
    sentences = len(re.findall(r"\.(?:\s|$)", plain))
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def test_sentences_read_at_ninth_grade_or_below() -> None:
    for sentence in all_sentences():
        # A single short sentence is too little text for the formula; two grades are its noise.
        assert grade(sentence) <= (9 if sentence.count(". ") else 11), sentence
