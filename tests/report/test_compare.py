"""Several protections on one page: what tells them apart, what each costs, and nothing of it with one alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from audit.judge import judge
from audit.report import render
from tests.made_conditions import conditions as made
from tests.report.scenes import run

STRONG, ALIKE, WEAK = "encoder-pgd:16", "denoiser-pgd:16", "encoder-pgd:8"
ARMS = made("clean", STRONG, ALIKE, WEAK, "placebo:16", "null")
TITLE = "Which protection kept more away?"


def text_of(page: str) -> str:
    section = page[page.index('id="compare"') :]
    section = section[: section.index("</section>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section)).replace("\N{NO-BREAK SPACE}", " ")


def compared():
    return run(conditions=ARMS, protection={STRONG: 0.7, ALIKE: 0.7, WEAK: 0.2}, run_sd=0.03)


def test_each_pair_is_told_the_sure_ones_first_and_all_are_in_a_table():
    results = compared()
    text = text_of(render(results, images=Path("nowhere")))
    sure = [c for c in results.readings.contrasts if c.sure]
    assert {(c.more, c.less) for c in sure} == {(STRONG, WEAK), (ALIKE, WEAK)}
    assert text.count("kept more away than") == 2
    told = re.findall(r"the difference is (\d+ %)", text)
    assert sorted(told) == sorted(re.findall(r"(\d+ %) \([^)]*\) below 0.001", text)), (
        "sentence and table say one figure"
    )
    assert text.index("kept more away than") < text.index("This test cannot tell")
    assert "over all 3 pairs" in text
    assert "Protections side by side" in text
    assert "LPIPS" in text


def test_one_protection_has_no_such_section():
    page = render(run(protection={STRONG: 0.7}), images=Path("nowhere"))
    assert 'id="compare"' not in page
    assert TITLE not in page


def test_of_many_protections_only_what_is_told_apart_has_a_sentence():
    arms = made("clean", *(f"encoder-pgd:{i}" for i in range(1, 6)), "placebo:16", "null")
    results = run(conditions=arms, protection={f"encoder-pgd:{i}": 0.1 * i for i in range(1, 6)}, run_sd=0.03)
    found = results.readings.contrasts
    text = text_of(render(results, images=Path("nowhere")))
    assert len(found) == 10
    assert text.count("kept more away than") == sum(c.sure for c in found) < 10
    assert "This test cannot tell" not in text
    assert f"{sum(not c.sure for c in found)} other pair" in text


def test_where_no_pair_of_many_is_told_apart_the_page_says_so():
    arms = made("clean", *(f"encoder-pgd:{i}" for i in range(1, 6)), "placebo:16", "null")
    text = text_of(render(run(conditions=arms, run_sd=0.2), images=Path("nowhere")))
    assert "None of the 10 pairs is told apart." in text
    assert "other pair" not in text


def test_a_protection_that_failed_a_check_has_no_number_beside_its_word():
    results = compared()
    flat = [v.model_copy(update={"linf": 0.0} if v.condition == ALIKE else {}) for v in results.visibility]
    judged = judge(results.model_copy(update={"visibility": tuple(flat)}))
    page = render(judged, images=Path("nowhere"))
    rows = re.findall(r"<tr>.*?</tr>", page[page.index("Protections side by side") :], re.DOTALL)
    (row,) = [text for row in rows[:4] if ALIKE in (text := re.sub(r"<[^>]+>", " ", row))]
    assert "Test not valid" in row
    assert "no number" in row
    assert "%" not in row
    first = re.sub(r"<[^>]+>", "", page).replace("\N{NO-BREAK SPACE}", " ")
    assert f"Not judged: {ALIKE}." in first


def test_it_speaks_german():
    text = text_of(render(compared(), images=Path("nowhere"), lang="de"))
    assert "hielt mehr fern als" in text
    assert "kept more" not in text


@pytest.mark.parametrize("lang", ["en", "de"])
def test_what_each_keeps_away_stands_over_how_visible_it_is(lang):
    """One mark for each protection whose visibility was measured, and the same figures as a table."""
    results = compared()
    lpips = {STRONG: 0.3, ALIKE: 0.2, WEAK: 0.1}
    seen = [v.model_copy(update={"lpips": lpips.get(v.condition)}) for v in results.visibility]
    page = render(judge(results.model_copy(update={"visibility": tuple(seen)})), images=Path("nowhere"), lang=lang)
    title, number = {"en": ("Protection and visibility", "0.3"), "de": ("Schutz und Sichtbarkeit", "0,3")}[lang]
    assert title not in render(results, images=Path("nowhere"), lang=lang)
    figure = page[page.index(title) :]
    drawn = figure[: figure.index("</svg>")]
    assert "LPIPS" in drawn
    assert number in text_of(page)[text_of(page).index(title) :]
