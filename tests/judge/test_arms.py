"""One protection's word is not bought, or spoilt, by what else was put into the plan."""

from __future__ import annotations

from itertools import product

import pytest

from audit import records as r
from audit.judge import judge
from tests.builders import make_plan, make_results
from tests.judge.audits import CLEAN, PGD
from tests.made_conditions import condition

OTHER = condition("encoder-pgd:4")


def both(first: float, second: float, *, linf: float = 16.0, run_sd: float = 0.03, seed: int = 0) -> r.Results:
    """An audit of two protections with these true indices; the second one's files differ by `linf`."""
    plan = make_plan(conditions=(CLEAN, PGD, OTHER))
    made = make_results(plan=plan, protection={PGD.name: first, OTHER.name: second}, run_sd=run_sd, seed=seed)
    seen = tuple(v.model_copy(update={"linf": linf}) if v.condition == OTHER.name else v for v in made.visibility)
    return made.model_copy(update={"visibility": seen})


def without(results: r.Results, name: str) -> r.Results:
    """The same run, had that protection never been planned."""
    plan = results.plan.model_copy(update={"conditions": tuple(c for c in results.plan.conditions if c.name != name)})
    return results.model_copy(
        update={
            "plan": plan,
            "cells": tuple(c for c in results.cells if c.condition != name),
            "visibility": tuple(v for v in results.visibility if v.condition != name),
            "provenance": results.provenance.model_copy(update={"plan_sha256": plan.digest()}),
        }
    )


def word(results: r.Results, name: str = PGD.name) -> str:
    verdict = judge(results).verdict
    assert verdict is not None
    return verdict.per_condition[name].label


WORLDS = [(a, b, n) for n, (a, b) in enumerate(product((0.0, 0.15, 0.3, 0.8), (0.0, 0.5, 0.9)))]


@pytest.mark.parametrize(("first", "second", "seed"), WORLDS)
def test_another_protection_never_changes_a_word(first, second, seed):
    for linf in (16.0, 0.0):
        results = both(first, second, linf=linf, seed=seed)
        assert word(results) == word(without(results, OTHER.name))


def test_files_that_equal_the_originals_withhold_their_own_word_alone():
    results = both(0.8, 0.0, linf=0.0)
    judged, alone = judge(results), judge(without(results, OTHER.name))
    assert judged.verdict is not None
    assert alone.verdict is not None
    (red,) = [c for c in judged.checks if c.passed is False]
    assert (red.slug, red.of) == ("protection-differs", (OTHER.name,))
    assert judged.verdict.per_condition[OTHER.name].label == "not-valid"
    assert judged.verdict.label == judged.verdict.per_condition[PGD.name].label == alone.verdict.label
    assert judged.verdict.condition == PGD.name
    assert f"Not judged: {OTHER.label.values['name']}. " in judged.verdict.sentence


def test_where_every_protection_fails_the_run_gives_no_answer():
    results = both(0.8, 0.0)
    flat = tuple(v.model_copy(update={"linf": 0.0}) for v in results.visibility)
    judged = judge(results.model_copy(update={"visibility": flat}))
    assert judged.verdict is not None
    assert judged.verdict.label == "not-valid"
    assert {v.label for v in judged.verdict.per_condition.values()} == {"not-valid"}


def lacking(results: r.Results, name: str, *, kept: int) -> r.Results:
    """The same run, with the models of one condition after the first `kept` gone."""
    cells = tuple(c for c in results.cells if c.condition != name or c.replicate <= kept)
    return results.model_copy(update={"cells": cells})


@pytest.mark.parametrize(("kept", "slug", "label"), [(1, "cells-complete", "not-valid"), (5, None, "exploratory")])
def test_models_that_one_protection_lacks_withhold_its_word_alone(kept, slug, label):
    results = both(0.8, 0.8)
    judged, alone = judge(lacking(results, OTHER.name, kept=kept)), judge(without(results, OTHER.name))
    assert judged.verdict is not None
    assert alone.verdict is not None
    red = {c.slug: c.of for c in judged.checks if c.passed is False}
    assert red[slug or "enough-replicates"] == (OTHER.name,)
    assert judged.verdict.per_condition[OTHER.name].label == label
    assert judged.verdict.label == judged.verdict.per_condition[PGD.name].label == alone.verdict.label


def test_models_that_clean_lacks_withhold_every_word():
    judged = judge(lacking(both(0.8, 0.8), CLEAN.name, kept=1))
    assert judged.verdict is not None
    assert judged.verdict.label == "not-valid"


def test_arms_that_each_failed_another_check_leave_no_answer():
    results = lacking(both(0.8, 0.8, linf=0.0), PGD.name, kept=5)
    judged = judge(results)
    assert judged.verdict is not None
    found = {name: claim.label for name, claim in judged.verdict.per_condition.items()}
    assert found == {PGD.name: "exploratory", OTHER.name: "not-valid"}
    assert judged.verdict.label == "not-valid"


def test_noise_that_explains_one_protection_withholds_its_word_alone():
    placebo = condition("placebo")
    plan = make_plan(conditions=(CLEAN, PGD, OTHER, placebo))
    shares = {PGD.name: 0.9, OTHER.name: 0.45, placebo.name: 0.45}
    judged = judge(make_results(plan=plan, protection=shares, run_sd=0.01))
    assert judged.verdict is not None
    assert {c.slug: c.of for c in judged.checks if c.passed is False} == {"placebo-weaker": (OTHER.name,)}
    assert judged.verdict.per_condition[OTHER.name].label == "not-valid"
    assert judged.verdict.per_condition[PGD.name].label == "held-plain"


def test_a_failure_is_not_hidden_by_protections_that_work_beside_it():
    results = both(0.12, 0.9, run_sd=0.03, seed=3)
    assert word(without(results, OTHER.name)) == word(results) == "did-not-hold"
    verdict = judge(results).verdict
    assert verdict is not None
    # What is sure of one may be chance of the worst of two.
    assert verdict.label == "inconclusive"
    assert "can come out so by chance. By itself: on this test" in verdict.sentence
