"""A stored result put in another one's place: the same model, or the same pictures, in two conditions."""

from __future__ import annotations

import pytest

from audit import records as r
from audit.judge import judge
from audit.plan.conditions import arm_condition
from tests.builders import digest, make_plan, make_results
from tests.judge.audits import CLEAN, PGD
from tests.made_conditions import condition

OTHER = condition("encoder-pgd:4")
AROUND = PGD.model_copy(
    update={"name": "encoder-pgd:16+resize", "role": "counter", "of": PGD.name, "treated_by": ("resize",)}
)


def made(*conditions: r.Condition) -> r.Results:
    plan = make_plan(conditions=(CLEAN, *conditions))
    return make_results(plan=plan, protection={PGD.name: 0.8, OTHER.name: 0.8}, run_sd=0.01)


def put(results: r.Results, name: str, source: str, *, what: str, share: float = 1.0) -> r.Results:
    """Every model of a condition with the adapters, or so many of the pictures, of another one's same replicate."""
    of = {c.replicate: c for c in results.cells if c.condition == source}
    cells = []
    for cell in results.cells:
        if cell.condition == name and what == "adapter":
            adapter = cell.adapter.model_copy(update={"sha256": of[cell.replicate].adapter.sha256})
            cell = cell.model_copy(update={"adapter": adapter})
        elif cell.condition == name:
            pixels = list(cell.generations.pixels)
            count = round(share * len(pixels))
            pixels[:count] = of[cell.replicate].generations.pixels[:count]
            cell = cell.model_copy(
                update={"generations": cell.generations.model_copy(update={"pixels": tuple(pixels)})}
            )
        cells.append(cell)
    return results.model_copy(update={"cells": tuple(cells)})


def answer(results: r.Results) -> r.Check | None:
    return next((c for c in judge(results).checks if c.slug == "models-apart"), None)


def test_nothing_is_said_where_all_differ():
    assert answer(made(PGD, OTHER)) is None


@pytest.mark.parametrize(("what", "share"), [("adapter", 1), ("pictures", 1), ("pictures", 0.5)])
def test_a_protections_word_is_withheld_and_no_other_one(what, share):
    results = made(PGD, OTHER)
    judged = judge(put(results, PGD.name, "clean", what=what, share=share))
    found = next(c for c in judged.checks if c.slug == "models-apart")
    assert (found.passed, found.of) == (False, (PGD.name,))
    assert judged.verdict.per_condition[PGD.name].label == "not-valid"
    assert judged.verdict.per_condition[OTHER.name] == judge(results).verdict.per_condition[OTHER.name]


def test_two_protections_with_one_model_withhold_both():
    judged = judge(put(made(PGD, OTHER), PGD.name, OTHER.name, what="adapter"))
    assert judged.verdict.label == "not-valid"


@pytest.mark.parametrize(("last", "passed"), [("same", None), ("other", False)])
def test_two_sets_of_the_very_same_files_share_their_models_by_rights(last, passed):
    """A folder given twice: both are judged, and nothing tells them apart. One picture that differs, and it is odd."""
    arms = tuple(arm_condition(name) for name in ("low", "high"))
    plan = make_plan(conditions=(CLEAN, *arms))
    files = tuple(
        r.ProtectedFile(arm=arm.name, work=work.id, name=f"{arm.name} {work.name}", sha256=digest(f"{arm.name} {n}"),
                        pixels=digest(f"{arm.name if n == 0 and last == 'other' else ''} {n}"), width=256, height=256,
                        matched_by="name")
        for arm in arms for n, work in enumerate(plan.works)
    )  # fmt: skip
    plan = plan.model_copy(update={"protected": files})
    results = put(
        make_results(plan=plan, protection=dict.fromkeys(("low", "high"), 0.6)), "low", "high", what="adapter"
    )
    results = put(results, "low", "high", what="pictures")
    scores = {c.replicate: c.scores for c in results.cells if c.condition == "high"}
    cells = [c.model_copy(update={"scores": scores[c.replicate]}) if c.condition == "low" else c for c in results.cells]
    judged = judge(results.model_copy(update={"cells": tuple(cells)}))
    check = next((c for c in judged.checks if c.slug == "models-apart"), None)
    assert (check and check.passed) is passed
    (pair,) = judged.readings.contrasts
    same = passed is None
    assert (pair.value, pair.low, pair.high, pair.sure) == (0, 0, 0, False)
    assert pair.said.id == ("contrast.same" if same else "contrast.withheld")
    assert (judged.verdict.label == "not-valid") != same


def test_identity_is_clean_by_construction_and_null_is_not():
    for name, found in (("identity", None), ("null", False)):
        results = put(made(PGD, condition(name)), name, "clean", what="adapter")
        results = put(results, name, "clean", what="pictures")
        check = answer(results)
        assert (check and check.passed) is found


def test_models_that_draw_nothing_are_anothers_question():
    results = make_results(plan=make_plan(conditions=(CLEAN, PGD)), changed_share=0.0)
    assert answer(put(results, PGD.name, "clean", what="pictures")) is None


@pytest.mark.parametrize(("linf", "passed"), [(16.0, True), (15.0, False)])
def test_a_way_around_that_changed_nothing_is_told_and_withholds_nothing(linf, passed):
    results = put(made(PGD, AROUND), AROUND.name, PGD.name, what="adapter")
    seen = [v for v in results.visibility if v.condition == PGD.name]
    around = [v.model_copy(update={"condition": AROUND.name, "linf": linf}) for v in seen]
    kept = [v for v in results.visibility if v.condition != AROUND.name]
    check = answer(results.model_copy(update={"visibility": (*kept, *around)}))
    assert check.passed is passed
    assert ("left the pictures as they were" in check.sentence) is passed
