"""Links from running text to the glossary."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from audit.report import render
from audit.report.locale import report_locale
from audit.report.sections.glossary import terms
from audit.report.terms import linked
from tests.report.conftest import Rendered

TERMS = {"Placebo": "word-1", "Base model": "word-2", "Style score": "word-3", "score": "word-4"}
LINK = '<a class="term" href="#word-1">placebo</a>'


def plain(markup: str) -> str:
    return re.sub(r"<[^>]*>", "", markup)


def test_the_first_use_in_running_text_is_a_link() -> None:
    found = linked(Markup("<h2>Placebo</h2><p>A placebo. No placebo.</p><p>placebo</p>"), TERMS)
    assert found == f"<h2>Placebo</h2><p>A {LINK}. No placebo.</p><p>placebo</p>"


def test_longer_terms_come_first_and_endings_are_taken_along() -> None:
    found = linked(Markup("<p>Style scores of base models; scored; a score</p>"), TERMS)
    assert re.findall(r'#(word-\d)">([^<]*)<', found) == [
        ("word-3", "Style scores"),
        ("word-2", "base models"),
        ("word-4", "score"),
    ]


def test_links_names_tables_and_the_glossary_stay_as_they_are() -> None:
    for kept in (
        "<p><a href='#x'>placebo</a> <bdi>Placebo</bdi> <code>placebo</code></p>",
        "<table><tr><td><p>placebo</p></td></tr></table>",
        '<dl><dt id="word-1">Placebo</dt><dd>A placebo.</dd></dl>',
        "<span>placebo</span>",
        '<p title="placebo">antiplacebo placebo-tone</p>',
    ):
        assert linked(Markup(kept), TERMS) == kept


@given(st.lists(st.tuples(st.sampled_from(["p", "li", "a", "bdi", "table"]), st.text(max_size=30)), max_size=8))
def test_no_letter_of_the_text_changes(parts: list[tuple[str, str]]) -> None:
    section = Markup("").join(Markup("<{0}>{1} placebo</{0}>").format(Markup(tag), escape(text)) for tag, text in parts)
    assert plain(linked(section, TERMS)) == plain(section)


def test_every_link_of_the_page_leads_to_a_word(pages: dict[str, Rendered]) -> None:
    seen = pages["partly-held"]
    for lang in ("en", "de"):
        page = render(seen.results, images=seen.folder / "images", lang=lang)
        to = set(re.findall(r'class="term" href="#([^"]*)"', page))
        assert len(to) >= 6
        assert to <= set(terms(report_locale(lang)).values()) <= set(re.findall(r'<dt id="([^"]*)"', page))
