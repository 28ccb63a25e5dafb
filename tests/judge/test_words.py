"""Words for conditions and shares."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.judge.words import LABEL_WORDS, change_words, condition_words, learned_words, range_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("encoder-pgd:16", "the reference protection encoder-pgd at strength 16 of 255"),
        ("style-cloak:0.2", "the reference protection style-cloak at distance 0.2"),
        ("encoder-pgd", "the reference protection encoder-pgd"),
        ("encoder-pgd:cat", "the reference protection encoder-pgd (cat)"),
        ("protected", "your protected files"),
        ("protected+jpeg:50", "your protected files after JPEG compression at quality 50"),
        (
            "protected+noise:8+jpeg",
            "your protected files after added noise at strength 8 of 255 and then JPEG compression",
        ),
        ("clean", "your unprotected originals"),
        ("clean+jpeg:50", "your unprotected originals after JPEG compression at quality 50"),
        ("placebo:16", "random noise at strength 16 of 255"),
        ("mixed:0.25", "a mix with a share of 0.25 left unprotected"),
        ("protected+odd:3", "your protected files after the treatment odd (3)"),
    ],
)
def test_condition_words(name: str, words: str) -> None:
    assert condition_words(name) == words


@given(st.text())
def test_condition_words_take_any_name(name: str) -> None:
    assert not [c for c in condition_words(name) if unicodedata.category(c)[0] == "C"]


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
    assert change_words(index) == words


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
    assert range_words(low, high) == words


def test_a_wide_interval_rounds_the_figure_to_five() -> None:
    assert "about 40 % less" in learned_words(0.377, 0.21, 0.53)
    assert "about 38 % less" in learned_words(0.377, 0.32, 0.43)
    assert "likely" not in learned_words(0.377, None, None)
    assert "about as much of the style as" in learned_words(0.001, -0.01, 0.01)
    assert learned_words(0.02, -0.45, 0.48).startswith("no clear difference showed")


@given(st.floats(-1e6, 1e6), st.floats(0, 10), st.floats(0, 10))
def test_no_wording_is_absolute(index: float, below: float, above: float) -> None:
    text = learned_words(index, index - below, index + above)
    assert not re.search(r"\b100 ?%|\b0 %|-\d|nan|inf\b", text)


def test_every_label_has_words() -> None:
    assert set(LABEL_WORDS) == {
        "held", "partly-held", "did-not-hold", "inconclusive", "not-valid", "exploratory",
    }  # fmt: skip
