"""`identity` trains on the very same pixels and draws, so anything but a difference of 0 is a fault."""

from __future__ import annotations

import pytest

from audit import records as r
from audit.judge import judge
from tests.builders import make_plan, make_results


@pytest.mark.parametrize(("equal", "passed"), [(True, True), (False, False)])
def test_identity_must_equal_clean_exactly(equal, passed):
    conditions = (
        *make_plan().conditions,
        r.Condition(name="identity", role="control", steps=("identity",)),
    )
    results = make_results(plan=make_plan(conditions=conditions), run_sd=0.001)
    clean = {c.replicate: c for c in results.cells if c.condition == "clean"}
    cells = []
    for cell in results.cells:
        if cell.condition == "identity":
            scores = clean[cell.replicate].scores
            if not equal:
                # One score of one run moves by next to nothing: no interval could tell, the gate must.
                moved = scores[0].model_copy(update={"value": scores[0].value + 1e-6})
                scores = (moved, *scores[1:]) if cell.replicate == 1 else scores
            cell = cell.model_copy(update={"scores": scores})
        cells.append(cell)
    judged = judge(results.model_copy(update={"cells": tuple(cells)}))
    (check,) = [c for c in judged.checks if c.slug == "no-false-alarm"]
    assert check.passed is passed
    assert (judged.verdict.label == "not-valid") is not passed
