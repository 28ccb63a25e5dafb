"""The report of a score: inert, self-contained, whole in German, and it says what the results say."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

from audit.base.errors import BadResults
from audit.base.messages import as_written
from audit.judge.scored import judge_score
from audit.report.lint import banned_claims, visible_text
from audit.report.score import render_score
from tests.report.readability import grade, open_sentences
from tests.report.soup import taste
from tests.score_scenes import STATES as SCENES
from tests.score_scenes import scene


@pytest.fixture(scope="module")
def judged():
    return {label: judge_score(scene(**changes)) for label, changes in SCENES.items()}


@pytest.mark.parametrize("label", SCENES)
def test_page_is_inert_and_says_the_verdict(judged, label, tmp_path):
    results = judged[label]
    html = render_score(results, images=tmp_path)
    soup = taste(html)
    assert results.verdict.label == label
    assert soup.text("h1")[0].replace("\xa0", " ") == results.verdict.sentence
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    assert banned_claims(visible_text(html)) == []
    assert len(re.findall("<script>", html)) == 1
    assert "default-src 'none'" in unescape(html)
    numbers = [float(value) for value, _ in soup.data]
    shown = {e.value for e in results.estimates if e.name == "closeness_share" and e.metric == "channel_stats"}
    assert set(numbers) <= shown
    assert bool(numbers) == (label not in ("described", "not-valid"))
    assert grade(open_sentences(html)) < 9.5


@pytest.mark.parametrize("label", SCENES)
def test_german_page_leaves_no_english_unmarked(judged, label, tmp_path):
    html = render_score(judged[label], images=tmp_path, lang="de")
    # Names of prompts and files, and methods in the table for experts, are shown as they are.
    text = re.sub(r"<table.*?</table>|<bdi>.*?</bdi>", "", html, flags=re.DOTALL)
    text = visible_text(re.sub(r'<span lang="en">.*?</span>', "", text, flags=re.DOTALL))
    assert re.findall(r"\b(the|were|with|your|between|from|which)\b", text) == []
    assert banned_claims(visible_text(html)) == []
    assert 'h1 id="answer" class="long" lang="en"' not in html


def test_a_finished_sentence_of_an_older_file_stays_english_and_is_marked(judged):
    verdict = judged["closer"].verdict.model_copy(update={"said": as_written("Something new. And more.")})
    html = render_score(judged["closer"].model_copy(update={"verdict": verdict}), images=Path("nowhere"), lang="de")
    assert taste(html).all("h1")[0]["lang"] == "en"


def test_hostile_words_are_inert(tmp_path):
    nasty = "<script>alert(1)</script>\u202e{{ 7*7 }}"
    html = render_score(judge_score(scene(artist=nasty, service=nasty, words=nasty + " x {}".replace("{}", "a"))),
                        images=tmp_path)  # fmt: skip
    assert html.count("<script") == 1
    assert "\u202e" not in html
    assert "{{ 7*7 }}" in visible_text(html, names=True)


def test_a_service_may_be_named_by_the_user_and_the_report_claims_nothing(tmp_path):
    html = render_score(judge_score(scene(service="Midjourney")), images=tmp_path)
    assert "<bdi>Midjourney</bdi>" in html
    assert banned_claims(visible_text(html)) == []
    assert banned_claims(visible_text(html, names=True)) != []


def test_results_without_verdict_are_refused(tmp_path):
    with pytest.raises(BadResults, match="no verdict"):
        render_score(scene(), images=tmp_path)


@pytest.mark.parametrize("label", SCENES)
def test_a_share_stands_large_only_where_an_answer_rests_on_it(judged, label, tmp_path):
    html = render_score(judged[label], images=tmp_path)
    assert ('class="big"' in html) == (label in ("closer", "not-closer"))
    assert f'class="opening v-{label}"' in html
    listed = re.findall(r'<a href="#([^"]+)">', html.split('<nav class="contents"')[1].split("</nav>")[0])
    assert listed == ["see", "limits", "sure", "fair", "method", "integrity"]


def test_pictures_come_first_and_the_rest_is_a_click_away(judged, tmp_path):
    """On the first screen three prompts with a work and one picture of each kind; then three more; then all of them."""
    results = judged["closer"]
    named = {p.id: f"{p.id}.png" for p in results.plan.pictures} | {w.id: f"{w.id}.png" for w in results.plan.works}
    for name in named.values():
        Image.new("RGB", (8, 8), (200, 30, 30)).save(tmp_path / name)
    html = render_score(results.model_copy(update={"images": named}), images=tmp_path)
    first, see = html.split('<section id="see"')[0], html.split('<section id="see"')[1].split("</section>")[0]
    assert first.count("<img") == 3 * 3
    assert [f">prompt 0{n}<" in first for n in range(4)] == [True, True, True, False]
    opened = see.split("<details")[0]
    assert opened.count("<img") == 3 * 3
    assert ">prompt 03<" in opened
    everything = see.split('class="strips"')[1]
    assert everything.count("<img") == len(results.plan.pictures)
