"""People as an instrument: who counts, the figures against published and simulated ones, what a verdict makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from audit import records as r
from audit.base.errors import BadInput
from audit.judge import judge
from audit.judge.estimates import find
from audit.judge.people import make_sheet, pictures_of, resolved, shown_to
from audit.judge.people.agreement import krippendorff_alpha
from audit.judge.people.preference import preference
from tests.builders import make_plan, make_results
from tests.judge.raters import honest, rated
from tests.made_conditions import conditions

RATED = "encoder-pgd:16"
N = np.nan


def held(**changes: object) -> r.Results:
    """A run whose protection holds by machine score, with pictures enough for a panel."""
    plan = make_plan(
        conditions=conditions("clean", RATED, "clean-again"), prompts=tuple(f"thing {i}" for i in range(8))
    )
    return make_results(plan=plan, protection={RATED: 0.9}, run_sd=0.01, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_alpha_is_that_of_the_published_example(scale, alpha):
    """Krippendorff 2011, example C: four observers, twelve units, values missing."""
    values = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
            [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
        ]
    )
    assert krippendorff_alpha(values, scale=scale) == pytest.approx(alpha, abs=5e-4)


def test_alpha_of_answers_that_never_differ_is_not_known():
    assert krippendorff_alpha(np.ones((3, 4)), scale="ordinal") is None


def test_the_interval_counts_runs_and_raters_and_not_pairs():
    """Three hundred answers that differ only between two runs are two answers."""
    runs = np.repeat([1, 2], 30)
    chosen = np.tile(np.where(runs == 1, 0.4, 0.9), (5, 1))
    found = preference(chosen, runs, level=0.95)
    assert found.n == 2
    assert found.value == pytest.approx(0.65)
    assert (found.low, found.high) == (0.0, 1.0)


def test_full_agreement_is_not_certainty():
    """Wilson's lower bound for 30 of 30 pairs is 0.886 (Wilson 1927), whether 7 raters say so or 70."""
    runs = np.repeat(np.arange(6), 5)
    for raters in (7, 70):
        found = preference(np.ones((raters, 30)), runs, level=0.95)
        assert found.low == pytest.approx(30 / (30 + 1.959964**2), abs=1e-6)
        assert found.high == 1.0
    tied = preference(np.full((7, 30), 0.5), runs, level=0.95)
    assert (tied.low, tied.high) == pytest.approx((0.5 - 0.0568, 0.5 + 0.0568), abs=1e-4)


def test_the_interval_covers_where_runs_and_raters_differ():
    """400 panels of 7 raters, 6 runs of 6 pairs: 95 % by design; intervals that take pairs as units cover 89 %."""
    draw, inside = np.random.default_rng(5), 0
    runs = np.repeat(np.arange(6), 6)
    for _ in range(400):
        taste = draw.normal(0, 0.1, (7, 1)) + draw.normal(0, 0.12, 6)[runs]
        chosen = (draw.random((7, 36)) < np.clip(0.6 + taste, 0, 1)).astype(float)
        found = preference(chosen, runs, level=0.95)
        inside += found.low <= 0.6 <= found.high
    assert 0.93 <= inside / 400 <= 0.985


def test_a_sheet_is_the_plans_and_shows_no_picture_twice():
    results = held()
    sheet = make_sheet(results, condition=RATED, raters=3, items=12)
    assert make_sheet(results, condition=RATED, raters=3, items=12) == sheet
    runs = [i.replicate for i in sheet.items if i.kind == "pair"]
    assert sorted(runs) == sorted([*range(1, 7)] * 2)
    shown = [(i.replicate, i.picture) for i in sheet.items]
    assert len(set(shown)) == len(shown) == 12 + 6 + 3 + 6
    reference = {w.id for w in results.plan.works if w.split == "reference"}
    assert all(len(i.works) == 4 and set(i.works) <= reference for i in sheet.items)


def test_sides_and_order_are_each_raters_own_and_clean_is_as_often_left_as_right():
    sheet = make_sheet(held(), condition=RATED, raters=3, items=12)
    first, second = shown_to(sheet, 1), shown_to(sheet, 2)
    assert first != second
    left = [pair.clean_left for pair in first if sheet.items[pair.item].kind == "pair"]
    assert sum(left) == 6
    answers = resolved(sheet, 1, ["left"] * len(sheet.items))
    assert all((answers[p.item] == "clean") == p.clean_left for p in first)


def test_a_plan_that_draws_for_every_replicate_has_its_own_works_base_and_pictures():
    results = held()
    works = [w.id for w in results.plan.works]
    draws = tuple(
        r.ReplicateDraw(
            replicate=k, held_out=tuple(works[k : k + 4]), trained=tuple(works[10:]), prompts=tuple(range(6))
        )
        for k in range(1, 7)
    )
    base = next(c for c in results.cells if c.condition == "base")
    own = [
        base.model_copy(
            update={
                "replicate": k,
                "generations": base.generations.model_copy(
                    update={"files": tuple(f"base-r{k}-{i}.png" for i in range(8))}
                ),
            }
        )
        for k in range(1, 7)
    ]
    drawn = results.model_copy(
        update={
            "plan": results.plan.model_copy(update={"draws": draws}),
            "cells": (*own, *(c for c in results.cells if c.condition != "base")),
            "work_images": {w: f"work-{w}.png" for w in works},
        }
    )
    sheet = make_sheet(drawn, condition=RATED, raters=2, items=6)
    for item in sheet.items:
        assert set(item.works) == set(draws[item.replicate - 1].held_out)
        assert item.picture < 6
        if item.kind == "told":
            assert pictures_of(drawn, RATED, item)[1] == f"base-r{item.replicate}-{item.picture}.png"


def test_a_run_with_too_few_pictures_says_how_many_pairs_it_has():
    with pytest.raises(BadInput) as caught:
        make_sheet(held(), condition=RATED, raters=3, items=40)
    assert caught.value.slug == "rate-too-few"
    assert caught.value.said.values["there"] == 48 - 15


def test_a_rater_who_does_not_look_is_dropped():
    """Always the left picture: right on half of the pairs against base, wrong where both are one picture."""
    results = held()
    sheet = make_sheet(results, condition=RATED, raters=7, items=6)
    lazy = resolved(sheet, 7, ["left"] * len(sheet.items))
    told = honest(0.9)
    judged = judge(rated(results, lambda item, n: lazy[sheet.items.index(item)] if n == 7 else told(item, n)))
    assert judged.readings.people.dropped == (7,)
    assert judged.readings.people.given == 7


def test_people_who_see_it_too_support_the_word():
    judged = judge(rated(held(), honest(0.95), items=12))
    assert judged.readings.people.answer == "apart"
    assert judged.verdict.label == "held-plain"
    share = find(judged, "people_style", RATED, "people")
    assert share.n == 6
    assert 0.5 < share.low < share.value


def alternating(item: r.RatedItem, rater: int) -> r.Choice:
    """As close as can be: half of the raters one way, half the other, by turns over runs."""
    if item.kind in ("told", "same"):
        return "clean" if item.kind == "told" else "none"
    return "clean" if (item.replicate + item.picture + rater) % 2 else "other"


def test_people_who_surely_see_no_difference_take_back_held():
    results = judge(held())
    assert results.verdict.label == "held-plain"
    judged = judge(rated(results, alternating, items=24, raters=10))
    assert judged.readings.people.answer == "as-close"
    assert judged.verdict.label == "inconclusive"
    assert [limit.slug for limit in judged.verdict.per_condition[RATED].limited][-1] == "people"


def test_people_take_back_no_failure():
    failed = judge(make_results(plan=held().plan, protection={RATED: 0.0}, run_sd=0.005))
    assert failed.verdict.label == "did-not-hold"
    assert judge(rated(failed, alternating, items=24, raters=10)).verdict.label == "did-not-hold"


def test_too_few_raters_change_nothing_and_it_is_said():
    judged = judge(rated(held(), alternating, items=24, raters=4))
    assert judged.readings.people.answer == "few"
    assert judged.verdict.label == "held-plain"


def test_raters_who_tell_clean_from_clean_again_count_for_nothing():
    told = honest(0.5)
    judged = judge(rated(held(), lambda item, n: "clean" if item.kind == "again" else told(item, n), items=12))
    assert judged.readings.people.answer == "alarm"
    assert judged.verdict.label == "held-plain"


def test_answers_about_one_condition_limit_no_other():
    plan = make_plan(conditions=conditions("clean", RATED, f"{RATED}+jpeg:50"), prompts=tuple(map(str, range(8))))
    run = make_results(plan=plan, protection={RATED: 0.9, f"{RATED}+jpeg:50": 0.9}, run_sd=0.01)
    judged = judge(rated(run, lambda item, _: "clean" if item.kind == "told" else "none", items=18))
    assert [limit.slug for limit in judged.verdict.per_condition[RATED].limited][-1] == "people"
    assert {limit.slug for limit in judged.verdict.per_condition[f"{RATED}+jpeg:50"].limited} <= {"equal-noise"}


def test_margins_for_people_only_get_stricter():
    from audit.judge import with_margins

    with pytest.raises(BadInput, match="people_prefer"):
        with_margins(held(), {"people_prefer": "0.55"})
    assert with_margins(held(), {"people_prefer": "0.65"}).plan.margins.people_prefer == 0.65
