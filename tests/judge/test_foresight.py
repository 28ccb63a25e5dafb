"""What is told before training: whether this audit can give a word at all."""

from __future__ import annotations

import pytest

from audit.base.messages import render
from audit.judge.foresight import foresee
from audit.records import CalibrationCard, MetricFacts, Plan
from tests.builders import make_plan, make_results
from tests.judge.drawn import drawn_plan


def metrics(plan: Plan, *, apart: bool = True) -> tuple[MetricFacts, ...]:
    facts = make_results(plan=make_plan()).metrics
    return facts if apart else tuple(f.model_copy(update={"real": f.others[: len(f.real)]}) for f in facts)


def told(plan: Plan, *, apart: bool = True, card: CalibrationCard | None = None) -> str:
    (said,) = foresee(plan, metrics(plan, apart=apart), card)
    return render(said)


def test_where_nothing_is_in_the_way_the_width_of_the_answer_is_told() -> None:
    sentence = told(drawn_plan(works=20, prompts=30, asked=12))
    assert sentence.startswith("Nothing seen so far stands in the way of an answer, to about ")


@pytest.mark.parametrize(
    ("change", "apart", "why"),
    [
        ({"replicates": 2}, True, "a word needs 6 runs, and this has 2"),
        ({}, False, "the style score channel_stats does not tell these works from those of other artists"),
        ({"preset": "court"}, True, "needs a calibration card"),
        ({"preset": "court", "seed_source": "given"}, True, "its seed was chosen by hand"),
    ],
    ids=["runs", "metric", "card", "seed"],
)
def test_what_is_in_the_way_is_told_with_what_to_do(change: dict[str, object], apart: bool, why: str) -> None:
    sentence = told(make_plan().model_copy(update=change), apart=apart)
    assert sentence.startswith("This audit will give no verdict word: ")
    assert why in sentence
