"""An index in words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.base.messages import render
from audit.judge.intervals import Interval
from audit.judge.words import change, learned, spread


def learned_words(index: float, low: float | None, high: float | None) -> str:
    return render(learned(Interval(index, low, high, 6)))


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (0.354, "35 % less"),
        (-0.05, "5 % more"),
        (0.0, "the same amount"),
        (-0.004, "the same amount"),
        (1.0, "over 95 % less"),
        (1.3, "over 95 % less"),
        (-1.0, "over 95 % more"),
    ],
)
def test_change_words(index: float, words: str) -> None:
    assert render(change(index)) == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.1, 0.6, "between 10 % and 60 % less"),
        (-0.05, 0.3, "between 5 % more and 30 % less"),
        (-0.4, -0.1, "between 10 % and 40 % more"),
        (0.0, 0.3, "between the same amount and 30 % less"),
        (0.8, 1.2, "between 80 % and over 95 % less"),
        (0.0, 0.0, "near the same amount"),
        (0.97, 1.2, "over 95 % less"),
    ],
)
def test_range_words(low: float, high: float, words: str) -> None:
    assert render(spread(low, high)) == words


def test_a_wide_interval_rounds_the_figure_to_five() -> None:
    assert "about 40 % less" in learned_words(0.377, 0.21, 0.53)
    assert "about 38 % less" in learned_words(0.377, 0.32, 0.43)
    assert "likely" not in learned_words(0.377, None, None)
    assert "about as much of the style as" in learned_words(0.001, -0.01, 0.01)
    assert learned_words(0.02, -0.45, 0.48).startswith("no clear difference showed")


def test_the_middle_of_a_range_that_tells_nothing_is_not_said() -> None:
    index = Interval(0.4, -6.35, 1.47, 6)
    assert "is likely between over 95 % more and over 95 % less" in render(learned(index))
    assert "about 40 % less" in render(learned(index, of_version_1=True))


@given(st.floats(-1e6, 1e6), st.floats(0, 10), st.floats(0, 10))
def test_no_wording_is_absolute(index: float, below: float, above: float) -> None:
    text = learned_words(index, index - below, index + above)
    assert not re.search(r"\b100 ?%|\b0 %|-\d|nan|inf\b", text)
