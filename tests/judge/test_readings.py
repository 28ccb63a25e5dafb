"""What readers are told beside the estimates: how visible a change is, and whether the subjects' reading is blind."""

from __future__ import annotations

import pytest

from audit.base.messages import render
from audit.judge import judge
from tests.builders import make_results
from tests.judge.test_subjects import results as with_subjects


@pytest.mark.parametrize(
    ("psnr", "words"),
    [
        (None, "no change"),
        (40.0, "hard to notice"),
        (39.9, "a slight change"),
        (31.9, "easy to see"),
        (23.9, "a strong change"),
    ],
)
def test_how_visible_a_change_is_in_words(psnr, words):
    made = make_results()
    rows = tuple(row.model_copy(update={"psnr": psnr}) for row in made.visibility)
    judged = judge(made.model_copy(update={"visibility": rows}))
    assert judged.readings is not None
    told = [c.seen.eye for c in judged.readings.conditions if c.seen is not None]
    assert told
    assert {render(said) for said in told if said is not None} == {words}


def test_a_reading_of_subjects_no_better_than_chance_says_little():
    sound = with_subjects(lost=0.5)
    none = tuple(s.model_copy(update={"found": tuple(4 for _ in s.found)}) for s in sound.subjects)
    found, blind = judge(sound).readings, judge(sound.model_copy(update={"subjects": none})).readings
    assert found is not None
    assert blind is not None
    assert found.subjects_blind is None
    assert blind.subjects_blind is not None
    assert render(blind.subjects_blind).startswith("The program finds the subject in 0 % of")
