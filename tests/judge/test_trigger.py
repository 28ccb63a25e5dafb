"""The style word alone: neutral, moving, or not sure; counted by prompt, and nothing is withheld for it."""

from __future__ import annotations

import numpy as np
import pytest

from audit import records as r
from audit.judge import judge
from tests.builders import make_plan, make_results

PROMPTS = tuple(f"subject {i}" for i in range(12))


def checked(shift: float, *, sd: float = 0.01) -> tuple[r.Check, r.Results]:
    """Base under the word scores `shift` above base without it; the way to real works is 0.5."""
    results = make_results(plan=make_plan(prompts=PROMPTS), base=0.2, real=0.7, picture_sd=0.0)
    rng = np.random.default_rng(0)
    plain = tuple(
        r.Score(metric=m, prompt=p, noise=0, value=float(0.2 - shift + rng.normal(0, sd)))
        for m in results.plan.metrics
        for p in range(len(PROMPTS))
    )
    judged = judge(results.model_copy(update={"untriggered": plain}))
    return next(c for c in judged.checks if c.slug == "trigger-neutral"), judged


@pytest.mark.parametrize(
    ("shift", "sd", "passed"), [(0.0, 0.01, True), (0.2, 0.01, False), (-0.2, 0.01, False), (0.05, 0.1, None)]
)
def test_a_word_is_neutral_moving_or_not_sure(shift, sd, passed):
    check, judged = checked(shift, sd=sd)
    assert check.passed is passed, check.detail
    assert "12 prompts" in check.detail
    assert judged.verdict is not None
    assert judged.verdict.label != "not-valid"


def test_without_the_pictures_it_is_not_known():
    judged = judge(make_results())
    assert next(c for c in judged.checks if c.slug == "trigger-neutral").passed is None
