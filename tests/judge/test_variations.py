"""Answers under variations are the judge's own, Holm's adjustment over the ways around the same protection included."""

from __future__ import annotations

import pytest

from audit import records as r
from audit.judge import judge
from audit.judge.intervals import Interval
from audit.judge.verdict import index_label, labels
from tests.judge.audits import by_one_metric
from tests.made_conditions import conditions
from tests.report import scenes

NAMES = ("encoder-pgd:8", *("encoder-pgd:8" + "+jpeg:50" * times for times in (1, 2, 3)))
CONDITIONS = conditions("clean", *NAMES)


@pytest.fixture(scope="module")
def results() -> r.Results:
    """A useless protection that works better under countermeasures: Holm allows `did-not-hold` for some ways of working
    it out and not for others."""
    shares = dict(zip(NAMES, (0.12, 0.13, 0.5, 0.6), strict=True))
    found = scenes.run(protection=shares, conditions=CONDITIONS, prompts=scenes.SUBJECTS[:5], run_sd=0.01, seed=9)
    return judge(by_one_metric(found))


def without(results: r.Results, *, run: int | None = None, prompt: int | None = None) -> r.Results:
    """The same audit as if a run or a prompt had never been."""
    cells = tuple(
        c.model_copy(update={"scores": tuple(s for s in c.scores if s.prompt != prompt)})
        for c in results.cells
        if c.replicate != run
    )
    return judge(results.model_copy(update={"cells": cells}))


def varied(results: r.Results) -> list[r.Variation]:
    assert results.readings is not None
    return [x for group in results.readings.variations for x in group.variations]


def test_every_answer_is_the_one_that_the_judge_would_give(results: r.Results) -> None:
    assert results.readings is not None
    assert results.readings.headline is not None
    name, found = results.readings.headline, {x.label: x for x in varied(results)}
    assert found["as planned"].verdict == labels(results)[name]
    for run in range(1, 7):
        assert found[f"without run {run}"].verdict == labels(without(results, run=run))[name], run
    for index, prompt in enumerate(results.plan.prompts):
        wanted = without(results, prompt=index)
        assert found[f"without the prompt “{prompt}”"].verdict == labels(wanted)[name], prompt


def test_the_adjustment_makes_a_difference_here(results: r.Results) -> None:
    """Otherwise the test above would pass without it."""
    plain = [index_label(Interval(x.value, x.low, x.high, x.n), results.plan.margins) for x in varied(results)]
    assert plain != [x.verdict for x in varied(results)]
