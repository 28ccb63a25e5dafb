"""What the report says of people: who the word rests on, their answer, who counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit import records as r
from audit.judge import judge
from audit.report.lint import banned_claims, visible_text
from audit.report.page import render
from tests.judge.raters import rated
from tests.made_conditions import conditions
from tests.report import scenes


def run() -> r.Results:
    tried = conditions("clean", scenes.CLOAK, "placebo:16")
    return scenes.run(protection={scenes.CLOAK: 0.9}, conditions=tried, battery=True)


def text(results: r.Results, lang: str = "en") -> str:
    html = render(results, images=Path("nowhere"), lang=lang)
    return " ".join(visible_text(html).replace("\N{NO-BREAK SPACE}", " ").split())


def test_without_people_the_word_is_by_machine_score():
    assert "Held by machine score" in text(run())
    assert "nach Messwert" in text(run(), "de")
    assert "What people saw" not in text(run())


@pytest.mark.parametrize("raters", [7, 3], ids=["apart", "few"])
@pytest.mark.parametrize("lang", ["en", "de"])
def test_people_are_told_of_with_their_number_and_those_left_out(raters, lang):
    def choose(item: r.RatedItem, number: int) -> r.Choice:
        # Number 1 says "clean" even where both pictures are one.
        return "clean" if number == 1 or item.kind != "same" else "none"

    judged = judge(rated(run(), choose, condition=scenes.CLOAK, raters=raters, items=12))
    shown = text(judged, lang)
    assert judged.readings is not None
    assert judged.readings.people is not None
    assert judged.readings.people.dropped == (1,)
    assert banned_claims(shown) == []
    by = {"en": "by machine score and by people", "de": "nach Messwert und nach Menschen"}[lang]
    assert (by in shown) == (raters == 7)
    told = {"en": f"{raters} of {raters} raters", "de": f"{raters} von {raters} geplanten Befragten"}[lang]
    assert told in shown


def test_a_word_that_people_took_back_says_so_once_on_the_first_screen():
    def no_difference(item: r.RatedItem, _: int) -> r.Choice:
        return "clean" if item.kind == "told" else "none"

    judged = judge(rated(run(), no_difference, condition=scenes.CLOAK, raters=10, items=18))
    shown = text(judged)
    assert judged.verdict is not None
    assert judged.verdict.label == "inconclusive"
    first = shown.partition("Everything that was tested")[0]
    assert first.count("no help to the eye") == 1
