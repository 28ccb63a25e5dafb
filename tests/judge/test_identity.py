"""`identity` trains on the very same pixels and draws: a single model that differs by more than rounding is a fault."""

from __future__ import annotations

import pytest

from audit.judge import judge
from tests.builders import make_plan, make_results
from tests.made_conditions import condition


@pytest.mark.parametrize(("apart", "passed"), [(0.0, True), (1e-6, True), (0.1, False)])
def test_identity_must_equal_clean_in_every_replicate(apart, passed):
    conditions = (
        *make_plan().conditions,
        condition("identity"),
    )
    results = make_results(plan=make_plan(conditions=conditions), run_sd=0.001)
    clean = {c.replicate: c for c in results.cells if c.condition == "clean"}
    cells = []
    for cell in results.cells:
        if cell.condition == "identity":
            scores = clean[cell.replicate].scores
            if cell.replicate == 1:
                # One model only: no interval could tell, the check must.
                scores = tuple(s.model_copy(update={"value": s.value + apart}) for s in scores)
            cell = cell.model_copy(update={"scores": scores})
        cells.append(cell)
    judged = judge(results.model_copy(update={"cells": tuple(cells)}))
    (check,) = [c for c in judged.checks if c.slug == "no-false-alarm"]
    assert check.passed is passed
    assert ("rounding" in check.sentence) is (0 < apart < 0.01)
    assert (judged.verdict.label == "not-valid") is not passed
