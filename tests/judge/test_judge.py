"""The whole of judge on any plausible records."""

import subprocess
import sys

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import records as r
from audit.judge import judge
from audit.judge.checks import CHECKS
from audit.judge.rejudged import first_difference
from tests.builders import make_plan, make_results
from tests.judge.audits import AGAIN, CLEAN, CLEAN_JPEG, IDENTITY, JPEG, NULL, OTHER, PGD, PLACEBO, audit


def test_judging_fills_its_own_fields_and_changes_nothing_else() -> None:
    results = audit(PLACEBO)
    judged = judge(results)
    assert results.estimates == ()
    assert results.verdict is None
    elsewhere = ("attack-worked", "seed-not-chosen", "court-calibrated", "models-apart", "run-finished")
    assert [c.slug for c in judged.checks] == [g.slug for g in CHECKS if g.slug not in elsewhere]
    assert judged.verdict is not None
    assert judged.estimates
    judged_fields = {"estimates", "checks", "verdict", "readings"}
    assert judged.model_dump(exclude=judged_fields) == results.model_dump(exclude=judged_fields)


def test_judging_again_gives_the_same_and_survives_json() -> None:
    judged = judge(audit(PLACEBO, NULL))
    assert judge(judged) == judged
    assert judge(r.Results.model_validate_json(judged.model_dump_json())) == judged


def test_judge_needs_no_torch() -> None:
    code = "import sys; import audit.judge; sys.exit('torch' in sys.modules or 'diffusers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@st.composite
def plausible(draw: st.DrawFn) -> r.Results:
    optional = (PGD, JPEG, CLEAN_JPEG, PLACEBO, NULL, IDENTITY, AGAIN, OTHER)
    conditions = (CLEAN, *draw(st.lists(st.sampled_from(optional), unique_by=lambda c: c.name, max_size=3)))
    replicates = draw(st.integers(1, 7))
    names = [("base", 0), *((c.name, i) for c in conditions for i in range(1, replicates + 1))]
    shares = st.sampled_from([0.0, 0.3, 0.5, 1.0])
    results = make_results(
        plan=make_plan(conditions=conditions, replicates=replicates).model_copy(
            update={"seed": draw(st.integers(-5, 5))}
        ),
        protection={c.name: draw(st.floats(-2, 2)) for c in conditions[1:]},
        base=draw(st.floats(-1, 1)),
        clean_gain=draw(st.sampled_from([-0.5, 0.0, 1e-12, 0.02, 0.3])),
        run_sd=draw(st.sampled_from([0.0, 1e-9, 0.02, 1.0])),
        picture_sd=draw(st.sampled_from([0.0, 0.05])),
        adapter_norm=draw(st.sampled_from([0.0, 1.0])),
        changed_share=draw(shares),
        blank_share=draw(shares),
        finite=draw(st.booleans()),
        linf=draw(st.sampled_from([0.0, 16.0])),
        missing=frozenset(draw(st.lists(st.sampled_from(names), max_size=4))),
        seed=draw(st.integers(0, 99)),
    )
    kept = tuple(c for c in results.cells if draw(st.integers(0, 9)))
    facts = tuple(
        m.model_copy(
            update={
                "real": m.real[: draw(st.integers(0, 4))],
                "others": m.others[: draw(st.integers(0, 4))],
                "others_artists": draw(st.integers(0, 3)),
            }
        )
        for m in results.metrics[: draw(st.integers(0, 2))]
    )
    return results.model_copy(update={"cells": kept, "metrics": facts})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plausible())
def test_no_plausible_record_raises_or_gives_a_number_that_json_lacks(results: r.Results) -> None:
    judged = judge(results)
    # canonical() refuses NaN and infinity.
    assert r.Results.model_validate_json(judged.canonical()) == judged
    assert judged.verdict is not None
    for row in judged.estimates:
        if row.low is not None and row.high is not None and row.value is not None:
            # Percentile bootstraps need not hold the value; all else must, but for rounding.
            slack = 1e-6 * (1 + abs(row.low) + abs(row.high))
            assert row.name.endswith("bootstrap") or row.low - slack <= row.value <= row.high + slack
        if row.value is None:
            assert row.note
    primary = {c.name for c in results.plan.conditions if c.primary}
    assert primary <= set(judged.verdict.per_condition)
    if judged.verdict.label not in ("not-valid", "exploratory"):
        assert all(c.passed is not False for c in judged.checks if c.slug not in ("metrics-agree", "calibrated"))


def test_a_better_wording_is_no_other_answer() -> None:
    """A page renders the message; the English beside it is for readers without the tool."""
    results = judge(audit())
    assert results.verdict is not None
    first, *others = results.estimates
    worded = results.model_copy(update={"estimates": (first.model_copy(update={"method": "said otherwise"}), *others)})
    assert first_difference(worded, results) is None
    assert first_difference(worded, results, english=True) == "estimates.0.method"
    other = results.model_copy(update={"verdict": results.verdict.model_copy(update={"label": "inconclusive"})})
    assert first_difference(other, results) == "verdict.label"
