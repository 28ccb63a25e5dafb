"""Every check green, red and without an answer."""

from collections.abc import Callable

import pytest
from scipy import stats

from audit import records as r
from audit.base.messages import render, say
from audit.judge import judge
from audit.judge.calibration import make_card
from audit.judge.checks import CHECKS, override
from audit.judge.estimates import find, index_interval
from audit.judge.gains import gains, missing_cells
from tests.builders import digest, make_plan, make_results
from tests.judge.audits import (
    AGAIN,
    CLEAN,
    IDENTITY,
    JPEG,
    NULL,
    OTHER,
    PGD,
    PLACEBO,
    audit,
    by_one_metric,
    same_scores,
    with_adapter,
    with_generations,
    with_noise,
    with_reached,
    with_untriggered,
    without_cells,
)
from tests.judge.test_shared_models import put
from tests.made_conditions import condition


def check(results: r.Results, slug: str) -> r.Check:
    return next(c for c in judge(results).checks if c.slug == slug)


def of_preset(results: r.Results, preset: str, source: str) -> r.Results:
    """The same under another preset, with a seed from there."""
    plan = results.plan.model_copy(update={"preset": preset, "seed_source": source})
    return results.model_copy(update={"plan": plan})


def test_a_fair_audit_passes_every_check() -> None:
    results = audit(PLACEBO, NULL, OTHER, protection={PGD.name: 0.6, OTHER.name: 1.0}, seed=1)
    results = with_reached(with_untriggered(results, shift=0.0), PGD.name, 0.5, 0.9, 1.1)
    results = of_preset(results, "court", "plan")
    judged = judge(results.model_copy(update={"calibration": make_card([judge(results)], created="now")}))
    asked = {row.slug: True for row in CHECKS if row.slug not in ("models-apart", "run-finished")}
    assert {c.slug: c.passed for c in judged.checks} == asked
    assert override(judged) is None


def for_court(results: r.Results) -> r.Results:
    return results.model_copy(update={"plan": results.plan.model_copy(update={"preset": "court"})})


def learned_by_first_metric_only() -> r.Results:
    results = audit(protection={PGD.name: 0.7})
    return results.model_copy(
        update={
            "cells": tuple(
                c.model_copy(
                    update={
                        "scores": tuple(
                            s.model_copy(update={"value": 0.5})
                            if s.metric == "openclip" and c.condition == PGD.name
                            else s
                            for s in c.scores
                        )
                    }
                )
                for c in results.cells
            )
        }
    )


def badly_calibrated() -> r.Results:
    results = audit(NULL)
    card = make_card([judge(results)], created="now")
    truths = tuple(t.model_copy(update={"audits": 9, "wrong": 5}) for t in card.truths)
    return results.model_copy(update={"calibration": card.model_copy(update={"truths": truths})})


NAN = float("nan")


def twice(spoil: Callable[[r.Results, int], r.Results]) -> r.Results:
    """Two of six cells spoilt: over the fifth that may be left out."""
    return spoil(spoil(audit(), 1), 2)


def one_picture(results: r.Results, replicate: int) -> r.Results:
    return with_generations(results, "clean", replicate, pixels=(digest("same"),) * 4)


RED: list[tuple[str, Callable[[], r.Results], str]] = [
    (
        "cells-complete",
        lambda: audit(missing=frozenset((PGD.name, i) for i in range(2, 7))),
        "1 of 6 replicates",
    ),
    ("cells-complete", lambda: audit(missing=frozenset({(PGD.name, 1), ("clean", 2)})), "4 of 6 replicates paired"),
    ("cells-complete", lambda: audit(missing=frozenset({(PGD.name, 1)}), replicates=1), "0 of 1 replicates paired"),
    ("cells-complete", lambda: without_cells(audit(), ("base", 0)), "base r0 (no record of it)"),
    ("losses-finite", lambda: audit(finite=False), "clean r1"),
    ("losses-finite", lambda: twice(lambda x, i: with_adapter(x, PGD.name, i, losses=(1.0, None))), "-pgd:16 r2"),
    ("adapter-active", lambda: twice(lambda x, i: with_adapter(x, "clean", i, norm=0.0)), "clean r2"),
    ("adapter-active", lambda: twice(lambda x, i: with_generations(x, PGD.name, i, changed_share=0.5)), "-pgd:16 r2"),
    ("adapter-active", lambda: twice(lambda x, i: with_generations(x, "clean", i, changed_share=NAN)), "clean r2"),
    ("pictures-not-blank", lambda: twice(lambda x, i: with_generations(x, "clean", i, blank_share=0.6)), "clean r2"),
    ("pictures-not-blank", lambda: twice(one_picture), "clean r1"),
    ("pictures-not-blank", lambda: with_generations(audit(), "base", 0, blank_share=0.6), "base r0 (0.6 blank)"),
    ("metric-separates", lambda: audit(other=0.69), "auc"),
    ("base-does-not-know", lambda: audit(base=0.5, clean_gain=0.19), "base_position"),
    ("trigger-neutral", lambda: with_untriggered(audit(), shift=0.2), "share of the way"),
    ("model-learned-style", lambda: audit(clean_gain=0.01), "gain of clean"),
    ("model-learned-style", lambda: audit(clean_gain=0.03, run_sd=0.001, picture_sd=0.001), "learned_share"),
    ("protection-differs", lambda: audit(linf=0.0), "0 of 12 works"),
    ("seed-not-chosen", lambda: of_preset(audit(), "court", "given"), "seed 0, source: given"),
    ("attack-worked", lambda: with_reached(audit(), PGD.name, 0.9, 1.0, 1.2, 1.3), "goal on 1 of 4 works"),
    ("attack-worked", lambda: with_reached(audit(), PGD.name, 0.9, 0.8, 1.2, way="up"), "goal on 1 of 3 works"),
    ("placebo-weaker", lambda: audit(PLACEBO, protection={PLACEBO.name: 0.6, PGD.name: 0.6}), "0.2"),
    ("noise-not-style", lambda: with_noise(audit(), PGD.name, level=14.0), "noise_excess of encoder-pgd:16"),
    (
        "models-apart",
        lambda: put(audit(), PGD.name, "clean", what="adapter"),
        "alike 6 times",
    ),
    ("no-false-alarm", lambda: audit(NULL, protection={NULL.name: 0.5}), "1 of 1 A/A"),
    ("no-false-alarm", lambda: audit(AGAIN, protection={AGAIN.name: 0.5}), "1 of 1 A/A"),
    ("planted-success-found", lambda: audit(OTHER, protection={OTHER.name: 0.3}), "0.5"),
    ("run-finished", lambda: audit().model_copy(update={"pending": (PLACEBO.name,)}), "still to come: placebo"),
    ("enough-replicates", lambda: audit(replicates=5), "5 paired"),
    ("enough-replicates", lambda: audit(missing=frozenset({("clean", 2)})), "5 paired"),
    ("court-calibrated", lambda: for_court(audit()), "card"),
    ("court-calibrated", lambda: for_court(badly_calibrated()), "null wrong in 5 of 9"),
    ("calibrated", badly_calibrated, "null wrong in 5 of 9"),
    ("metrics-agree", learned_by_first_metric_only, "held by channel_stats, "),
]


@pytest.mark.parametrize(("slug", "make", "detail"), RED)
def test_a_check_goes_red(slug: str, make: Callable[[], r.Results], detail: str) -> None:
    judged = judge(make())
    found = next(c for c in judged.checks if c.slug == slug)
    row = next(g for g in CHECKS if g.slug == slug)
    assert found.passed is False
    assert found.said == say(f"{slug}.no")
    assert detail in found.detail
    assert judged.verdict is not None
    if row.red == "not-valid":
        assert judged.verdict.label == "not-valid"


def test_a_planted_success_may_be_found_in_part() -> None:
    """Between the margins it neither withholds the verdict nor passes in silence."""
    wide = check(audit(OTHER, protection={OTHER.name: 0.52}, run_sd=0.02), "planted-success-found")
    estimate = next(e for e in judge(audit(OTHER, protection={OTHER.name: 0.52}, run_sd=0.02)).estimates
                    if (e.name, e.condition) == ("protection_index", OTHER.name))  # fmt: skip
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0.2 < estimate.low < 0.5 < estimate.high
    assert wide.passed is True
    assert "in part" in wide.sentence
    low = check(audit(OTHER, protection={OTHER.name: 0.45}, run_sd=0.15), "planted-success-found")
    assert low.passed is False, "not told from a failure"


def test_every_check_has_a_red_case() -> None:
    assert {slug for slug, _, _ in RED} == {row.slug for row in CHECKS}


@pytest.mark.parametrize(
    ("slug", "make"),
    [
        ("placebo-weaker", lambda: audit(tried=False)),
        ("placebo-weaker", lambda: audit(PLACEBO, replicates=1)),
        ("no-false-alarm", lambda: audit(PLACEBO)),
        ("noise-not-style", lambda: with_generations(audit(replicates=1), PGD.name, 1, noise=())),
        ("planted-success-found", lambda: audit(PLACEBO)),
        ("calibrated", lambda: audit()),
        ("planted-success-found", lambda: audit(OTHER, replicates=1, protection={OTHER.name: 1.0})),
        ("no-false-alarm", lambda: audit(NULL, replicates=1)),
        ("metric-separates", lambda: audit().model_copy(update={"metrics": ()})),
        ("base-does-not-know", lambda: audit().model_copy(update={"metrics": ()})),
        ("model-learned-style", lambda: audit(replicates=1)),
        ("model-learned-style", lambda: audit().model_copy(update={"metrics": ()})),
        ("protection-differs", lambda: audit().model_copy(update={"visibility": ()})),
        ("protection-differs", lambda: make_results(plan=make_plan(conditions=(CLEAN,)))),
        ("adapter-active", lambda: audit().model_copy(update={"cells": ()})),
        ("losses-finite", lambda: audit().model_copy(update={"cells": ()})),
        ("pictures-not-blank", lambda: audit().model_copy(update={"cells": ()})),
        ("metrics-agree", lambda: make_results(plan=make_plan(metrics=("channel_stats",)))),
    ],
)
def test_a_check_with_nothing_to_check_says_so_and_does_not_fail(slug: str, make: Callable[[], r.Results]) -> None:
    found = check(make(), slug)
    assert found.passed is None
    assert found.said == say(f"{slug}.unknown")
    assert found.detail


def test_no_court_word_without_a_card() -> None:
    """Other presets give their word, and say that they were not calibrated."""
    held = audit(PLACEBO, NULL, protection={PGD.name: 0.9})
    uncalibrated = judge(for_court(held)).verdict
    assert uncalibrated is not None
    assert uncalibrated.label == "exploratory"
    assert uncalibrated.sentence.startswith("This is no verdict: the test was not calibrated on this model.")
    card = make_card([judge(for_court(held))], created="now")
    calibrated = judge(for_court(held).model_copy(update={"calibration": card})).verdict
    assert calibrated is not None
    assert calibrated.label == "held"
    plain = judge(held)
    assert plain.verdict is not None
    assert plain.verdict.label == "held"
    assert next(c for c in plain.checks if c.slug == "calibrated").passed is None


def test_one_planned_replicate_is_complete_and_a_first_look() -> None:
    judged = judge(audit(replicates=1))
    red = [c.slug for c in judged.checks if c.passed is False]
    assert red == ["enough-replicates"]
    assert judged.verdict is not None
    assert judged.verdict.label == "exploratory"


def test_too_few_runs_to_be_sure_of_learning_is_no_failure() -> None:
    # Two runs with a large mean gain but a t interval that reaches below zero.
    found = check(audit(replicates=2, run_sd=0.1, seed=3), "model-learned-style")
    assert found.passed is None


def test_a_fallen_gain_fails_even_with_few_runs() -> None:
    assert check(audit(replicates=2, clean_gain=-0.1), "model-learned-style").passed is False


def test_a_countermeasure_is_judged_by_the_protection_behind_it() -> None:
    primary_counter = (PGD.model_copy(update={"primary": False}), JPEG)
    plan = make_plan(conditions=(CLEAN, *primary_counter))
    assert check(make_results(plan=plan), "protection-differs").passed is True
    assert check(make_results(plan=plan, linf=0.5), "protection-differs").passed is False


def test_half_of_the_files_unchanged_is_not_most_changed() -> None:
    results = audit()
    half = tuple(
        v.model_copy(update={"linf": 0.0, "psnr": None}) if i % 2 else v for i, v in enumerate(results.visibility)
    )
    assert check(results.model_copy(update={"visibility": half}), "protection-differs").passed is False
    assert check(results.model_copy(update={"visibility": (*half, results.visibility[0])}), "protection-differs").passed


def test_a_weak_placebo_effect_is_allowed() -> None:
    results = audit(PLACEBO, protection={PLACEBO.name: 0.1, PGD.name: 0.6}, run_sd=0.002)
    assert check(results, "placebo-weaker").passed is True


@pytest.mark.parametrize(
    ("placebo", "cloak", "run_sd", "passed"),
    [
        (0.15, 0.15, 0.006, False),  # "held in part" by no more than noise does
        (0.35, 0.6, 0.06, False),
        (0.2, 0.5, 0.06, None),  # neither the placebo's effect nor the excess over it is sure
        (0.1, 0.0, 0.0005, True),  # not held: nothing is claimed
    ],
)
def test_what_a_label_claims_must_be_more_than_a_placebo_surely_does(
    placebo: float, cloak: float, run_sd: float, passed: bool | None
) -> None:
    results = by_one_metric(audit(PLACEBO, protection={PLACEBO.name: placebo, PGD.name: cloak}, run_sd=run_sd))
    assert check(results, "placebo-weaker").passed is passed


def test_false_alarms_are_bounded_and_plumbing_is_not_counted() -> None:
    equal = same_scores(audit(IDENTITY), source="clean", target="identity")
    found = check(equal, "no-false-alarm")
    assert found.passed is True
    assert "of 0" not in found.detail
    assert "exactly equal" in found.detail
    both = same_scores(audit(IDENTITY, NULL, seed=1), source="clean", target="identity")
    assert "0 of 1 A/A comparisons raised an alarm, rate at most 95 %" in check(both, "no-false-alarm").detail


@pytest.mark.parametrize(("apart", "passed"), [(1e-6, True), (0.03, False)])
def test_identity_may_differ_by_rounding_and_by_no_more(apart: float, passed: bool) -> None:
    results = same_scores(audit(IDENTITY), source="clean", target="identity")
    cells = tuple(
        c.model_copy(
            update={
                "scores": tuple(
                    s.model_copy(update={"value": (s.value or 0.0) + apart * c.replicate}) for s in c.scores
                )
            }
        )
        if c.condition == "identity"
        else c
        for c in results.cells
    )
    found = check(results.model_copy(update={"cells": cells}), "no-false-alarm")
    assert found.passed is passed
    assert ("rounding" in found.sentence) is passed


def test_not_valid_comes_before_exploratory_and_disagreement_withholds_nothing_as_invalid() -> None:
    few_and_dead = judge(audit(replicates=3, adapter_norm=0.0, linf=0.0))
    found = override(few_and_dead)
    assert found is not None
    assert (found.label, found.check.slug) == ("not-valid", "adapter-active")
    disagreeing = judge(learned_by_first_metric_only())
    assert override(disagreeing) is None
    assert disagreeing.verdict is not None
    assert disagreeing.verdict.label == "inconclusive"


def test_one_sentence_per_answer_and_no_slug_twice() -> None:
    assert len({g.slug for g in CHECKS}) == len(CHECKS)
    for row in CHECKS:
        for answer in ("yes", "no", "unknown"):
            sentence = render(say(f"{row.slug}.{answer}"))
            assert sentence.endswith(".")
            assert sentence.count(".") == 1


def test_one_broken_cell_is_left_out_with_its_partner_and_counted() -> None:
    sound = audit(replicates=12, protection={PGD.name: 0.9})
    for spoil, fault in (
        (lambda x: with_adapter(x, PGD.name, 2, finite=False), "not-finite"),
        (lambda x: with_generations(x, "clean", 2, changed_share=0.0), "inactive"),
        (lambda x: with_generations(x, PGD.name, 2, blank_share=0.9), "collapsed"),
    ):
        judged = judge(spoil(sound))
        kept = tuple(c for c in sound.cells if c.replicate != 2)
        alone = judge(sound.model_copy(update={"cells": kept}))
        index = find(judged, "protection_index", PGD.name, "channel_stats")
        assert index.n == 11
        assert index == find(alone, "protection_index", PGD.name, "channel_stats")
        assert judged.verdict is not None
        assert judged.verdict.label == "held"
        complete = check(judged, "cells-complete")
        assert complete.passed is True
        assert complete.said == say("cells-complete.some")
        assert render(say(f"left-out.{fault}")) in complete.detail


def test_a_strong_placebo_does_not_void_a_protection_that_does_surely_more() -> None:
    results = audit(PLACEBO, protection={PLACEBO.name: 0.4, PGD.name: 0.8})
    noise = find(judge(results), "protection_index", PLACEBO.name, "channel_stats")
    assert noise.low is not None
    assert noise.low > 0.2
    assert check(results, "placebo-weaker").passed is True


def test_a_strong_placebo_does_not_void_a_protection_that_did_nothing() -> None:
    judged = judge(audit(PLACEBO, protection={PLACEBO.name: 0.4, PGD.name: 0.0}))
    assert check(judged, "placebo-weaker").passed is True
    assert judged.verdict is not None
    assert judged.verdict.label == "did-not-hold"


def test_the_placebo_of_the_greatest_budget_is_the_opponent() -> None:
    strong = condition("placebo:32")
    results = audit(PLACEBO, strong, protection={strong.name: 0.6, PGD.name: 0.6})
    assert check(results, "placebo-weaker").passed is False
    weak = audit(PLACEBO, strong, protection={PLACEBO.name: 0.6, PGD.name: 0.6})
    assert check(weak, "placebo-weaker").passed is True


def test_a_protection_stands_beside_the_noise_of_its_own_strength() -> None:
    """Strong noise says nothing about a weaker protection, in no check and in no picture of the page."""
    own, strong = condition("placebo:16", matches=(PGD.name,)), condition("placebo:64", matches=("encoder-pgd:64",))
    results = audit(own, strong, protection={own.name: 0.0, strong.name: 0.6, PGD.name: 0.55})
    assert check(results, "placebo-weaker").passed is True
    readings = judge(results).readings
    assert readings is not None
    assert (readings.headline, readings.placebo) == (PGD.name, own.name)


def test_a_difference_that_is_surely_tiny_is_no_alarm() -> None:
    tiny = audit(NULL, protection={NULL.name: 0.02}, run_sd=0.0004, picture_sd=0.0004)
    row = find(judge(tiny), "gain_difference", NULL.name, "channel_stats")
    assert row.low is not None
    assert row.low > 0
    assert check(tiny, "no-false-alarm").passed is True


def test_several_controls_share_one_error_rate() -> None:
    # A control just over the 5 % line on its own is none beside a second one.
    for seed in range(200):
        one = audit(NULL, seed=seed)
        p = stats.ttest_1samp(lost(one, NULL.name), 0).pvalue
        if 0.03 < p < 0.05:
            assert check(one, "no-false-alarm").passed is False
            both = same_differences(audit(NULL, AGAIN, seed=seed), one)
            assert check(both, "no-false-alarm").passed is True
            return
    raise AssertionError("no seed gave such a control")


def lost(results: r.Results, name: str) -> list[float]:
    found = gains(results, "channel_stats")
    clean, treated = found.paired("clean", name)
    return list(clean - treated)


def same_differences(both: r.Results, one: r.Results) -> r.Results:
    """`both` with the cells of `one` in it, and a second control that is clean with small sure noise."""
    known = {(c.condition, c.replicate): c for c in one.cells}
    clean = {c.replicate: c for c in one.cells if c.condition == "clean"}
    cells = []
    for cell in both.cells:
        if cell.condition == AGAIN.name:
            step = 0.001 * (-1) ** cell.replicate
            scores = tuple(
                s.model_copy(update={"value": (s.value or 0.0) + step}) for s in clean[cell.replicate].scores
            )
            cells.append(cell.model_copy(update={"scores": scores}))
        else:
            cells.append(known.get((cell.condition, cell.replicate), cell))
    return both.model_copy(update={"cells": tuple(cells)})


def test_an_alarm_is_heard_where_clean_bounds_no_index() -> None:
    """Two A/A controls share the level; there clean's gain is not surely above 0 any more: no bounds of the ratio."""
    results = audit(NULL, AGAIN, clean_gain=0.1, run_sd=0.0)
    base = {(s.metric, s.prompt, s.noise): s.value for c in results.cells if c.condition == "base" for s in c.scores}
    gain = {1: 0.3, 2: 0.12, 3: 0.2, 4: 0.05, 5: 0.26, 6: 0.03}
    cells = []
    for cell in results.cells:
        share = {"clean": 1.0, AGAIN.name: 1.0}.get(cell.condition)
        if cell.condition != "base":
            lost = 0.04 if cell.condition == NULL.name else 0.0
            more = gain[cell.replicate] * (1.0 if share else 0.9) - lost
            scores = tuple(
                s.model_copy(update={"value": base[s.metric, s.prompt, s.noise] + more}) for s in cell.scores
            )
            cell = cell.model_copy(update={"scores": scores})
        cells.append(cell)
    changed = results.model_copy(update={"cells": tuple(cells)})
    index = index_interval(judge(changed), NULL.name, "channel_stats", level=0.99)
    assert index.low is None
    assert check(changed, "no-false-alarm").passed is False


def test_base_that_lacks_a_picture_is_missing() -> None:
    results = audit()
    cells = tuple(c.model_copy(update={"scores": c.scores[:-1]}) if c.condition == "base" else c for c in results.cells)
    assert any(
        name == "base" for name, _ in missing_cells(results.model_copy(update={"cells": cells}), "openclip")
    ) or any(name == "base" for name, _ in missing_cells(results.model_copy(update={"cells": cells}), "channel_stats"))
    assert not any(name == "base" for name, _ in missing_cells(results, "channel_stats"))


def test_a_run_without_a_protection_of_its_own_is_not_asked_if_it_worked() -> None:
    assert "attack-worked" not in {c.slug for c in judge(audit()).checks}
    other = with_reached(audit(JPEG), JPEG.name, 2.0)
    assert "attack-worked" not in {c.slug for c in judge(other).checks}


def test_metrics_agree_by_the_labels_that_they_would_give() -> None:
    results = audit(protection={PGD.name: 0.7})
    assert check(results, "metrics-agree").passed is True
    noisy = with_noise(results, PGD.name, level=5.0)
    moved = noisy.model_copy(
        update={
            "noise_controls": tuple(
                c.model_copy(
                    update={
                        "scores": tuple(
                            s.model_copy(update={"value": s.value - 0.2})
                            if (c.of, s.metric) == ("clean", "openclip") and s.value is not None
                            else s
                            for s in c.scores
                        )
                    }
                )
                for c in noisy.noise_controls
            )
        }
    )
    found = check(moved, "metrics-agree")
    assert found.passed is False
    assert "held by channel_stats, " in found.detail


@pytest.mark.parametrize(
    ("preset", "source", "passed"),
    [("court", "given", False), ("court", "plan", True), ("court", "", None), ("standard", "given", None)],
)
def test_a_court_audit_does_not_choose_its_seed(preset, source, passed):
    results = of_preset(audit(), preset, source)
    found = [c for c in judge(results).checks if c.slug == "seed-not-chosen"]
    assert [c.passed for c in found] == ([] if passed is None else [passed])
