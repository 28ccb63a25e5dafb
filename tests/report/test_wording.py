"""Languages: English says what the judge says, every translation is whole, numbers and dates follow the locale."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from audit.base.errors import BadInput
from audit.base.messages import as_written, catalogue, say, words
from audit.judge.scored import judge_score
from audit.records import ScoreMargins
from audit.report import render
from audit.report.lint import banned_claims, visible_text
from audit.report.locale import Spoken, languages, report_locale
from scripts.messages import collect
from tests import score_scenes
from tests.report import golden, scenes
from tests.report.conftest import Rendered
from tests.report.soup import taste

TRANSLATIONS = [code for code in languages() if code != "en"]


def test_a_finished_sentence_of_an_older_file_stays_english_and_is_marked(pages: dict[str, Rendered]) -> None:
    results = pages["held"].results
    assert results.verdict is not None
    verdict = results.verdict.model_copy(update={"said": as_written("Something new. And more.")})
    html = render(results.model_copy(update={"verdict": verdict}), images=Path("nowhere"), lang="de")
    (heading,) = taste(html).all("h1")
    assert heading["lang"] == "en"
    assert "Something new." in html


@pytest.mark.parametrize("code", TRANSLATIONS)
def test_translation_is_whole(code: str) -> None:
    path = Path(__file__).parents[2] / "templates" / "locale" / f"{code}.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    messages = collect()
    used = {message if isinstance(message, str) else message[0] for message in messages}
    kept = {m.id if isinstance(m.id, str) else m.id[0] for m in catalogue if m.id}
    assert kept <= used, "run python -m scripts.messages, which drops what nothing says any more"
    for message in messages:
        forms = [message] if isinstance(message, str) else list(message)
        known = catalogue.get(forms[0])
        assert known is not None, f"{forms[0]!r}: run python -m scripts.messages and translate it"
        texts = [known.string] if isinstance(known.string, str) else list(known.string)
        assert all(texts), forms[0]
        for form, text in zip(forms, texts, strict=True):
            assert places(text) == places(form), text


def places(text: str) -> set[str]:
    """What a text leaves open; a count's noun is each language's own."""
    return {re.sub(r":.*\|.*}", "}", place) for place in re.findall(r"{[^}]+}", text)}


@pytest.mark.parametrize("code", TRANSLATIONS)
@pytest.mark.parametrize("label", list(scenes.states()))
def test_translated_pages_leave_no_english_unmarked_and_claim_nothing(
    pages: dict[str, Rendered], code: str, label: str
) -> None:
    rendered = pages[label]
    html = render(rendered.results, images=rendered.folder / "images", lang=code)
    soup = taste(html)
    assert soup.all("html") == [{"lang": code, "dir": "ltr"}]
    text = visible_text(re.sub(r'<span lang="en">.*?</span>', "", html, flags=re.DOTALL))
    assert re.findall(r"\b(the|were|with|your|between|from|which)\b", text) == []
    assert banned_claims(visible_text(html)) == []


def test_numbers_and_dates_follow_the_language() -> None:
    german = report_locale("de")
    assert german.number(-0.25) == "\u22120,250"
    assert german.percent(0.004) == "0,4\xa0%"
    assert german.p_value(0.0001) == "unter 0,001"
    assert german.minute("2026-11-22T03:05:00Z").replace("\xa0", " ") == "22. November 2026, 03:05 UTC"
    assert german.many(1, "{n} hour", "{n} hours") == "1\xa0Stunde"
    assert german.duration(7800).replace("\xa0", " ") == "2 Stunden 10 Minuten"


def test_values_cannot_break_out_of_a_message() -> None:
    assert report_locale().markup("Works by {artist}", artist="<b>{x}\u202e") == "Works by &lt;b&gt;{x}\ufffd"


def test_unknown_language_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        report_locale("xx")
    assert caught.value.slug == "language-unknown"
    assert "en, de" in caught.value.sentence


def test_a_pseudonym_is_never_translated() -> None:
    """Even one that is a message of the catalogue."""
    html = render(golden.fixed("held", artist="random noise"), images=Path("nowhere"), lang="de")
    assert "<bdi>random noise</bdi>" in html


def test_a_message_with_an_untranslated_part_is_marked() -> None:
    german = report_locale("de")
    whole = say("label.held")
    assert german.spoken(whole) == Spoken("Gehalten", foreign=False)
    assert german.spoken(words("{one}: {two}", one="x", two=whole)) == Spoken("x: Gehalten", foreign=False)
    assert german.spoken(words("{one}: {two}", one=whole, two=words("quite new"))).foreign
    assert german.spoken(as_written("Held")) == Spoken("Gehalten", foreign=False)


def test_every_estimate_and_setting_has_a_name(pages: dict[str, Rendered]) -> None:
    scored = judge_score(score_scenes.scene(other_name=0.3))
    estimates = [*(e for page in pages.values() for e in page.results.estimates), *scored.estimates]
    plan = pages["held"].results.plan
    fixed = (plan.margins, plan.exclusion, plan.stopping, plan.training, plan.sampling, ScoreMargins())
    names = {f"quantity.{e.name}" for e in estimates} | {f"setting.{name}" for of in fixed for name, _ in of}
    assert sorted(names - catalogue().keys()) == []
