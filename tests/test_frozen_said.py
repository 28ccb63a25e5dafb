"""Sentences of earlier files are messages again, and so in every language, where today's judge says the very same."""

from __future__ import annotations

import html
import json
import re
import shutil

import pytest

from audit import records as r
from audit import report
from audit.base.messages import render
from audit.judge import judge, with_readings
from audit.judge.scored import with_score_readings
from audit.records.versions import read_record
from tests.test_frozen import FROZEN, RUNS, answer, command, frozen_results, read_again, told


@pytest.fixture
def run_folder(tmp_path):
    return shutil.copytree(FROZEN / RUNS["bundle-redacted"], tmp_path / "run")


def read_score() -> r.ScoreResults:
    return read_record(r.ScoreResults, (FROZEN / "score/score.json").read_bytes(), name="score.json")


@pytest.mark.parametrize("name", RUNS)
def test_sentences_of_then_are_messages_again_and_say_the_same(name):
    before = frozen_results(name)
    now = with_readings(before)
    assert now.canonical() == before.canonical()
    assert now.verdict is not None
    assert before.verdict is not None
    # A word that today's judge is more careful with stays the sentence of then.
    today = judge(before).verdict.per_condition
    claims = [v for name, v in now.verdict.per_condition.items() if today[name].label == v.label]
    assert claims
    assert not any(v.said.finished for v in (now.verdict, *claims, *now.deviations))
    assert [render(c.said) for c in now.checks] == [c.sentence for c in before.checks]
    assert [render(c.figures) for c in now.checks] == [c.detail for c in before.checks]
    assert not any(c.said.finished or c.figures.finished for c in now.checks)
    for e in now.estimates:
        assert (render(e.how), "" if e.why is None else render(e.why)) == (e.method, e.note)


def test_a_score_is_in_messages_again_and_says_the_same():
    before = read_score()
    now = with_score_readings(before)
    assert now.canonical() == before.canonical()
    assert now.verdict is not None
    assert not any(row.said.finished for row in (now.verdict, *now.checks))


def test_what_judging_again_would_say_otherwise_stays_as_written():
    values = json.loads((FROZEN / RUNS["sample"] / "results.json").read_bytes())
    values["checks"][0]["sentence"] = values["estimates"][0]["method"] = values["verdict"]["sentence"] = "Otherwise."
    now = with_readings(read_again(values))
    assert now.verdict is not None
    for said in (now.checks[0].said, now.estimates[0].how, now.verdict.said):
        assert (said.finished, render(said)) == (True, "Otherwise.")
    assert not now.checks[0].figures.finished


def test_a_note_that_the_plan_tells_is_a_message_again():
    (note,) = frozen_results("sample").notes
    assert (note.said.id, note.said.finished) == ("reference-protection", False)
    values = json.loads((FROZEN / RUNS["sample"] / "results.json").read_bytes())
    values["notes"][0]["sentence"] = "Otherwise."
    assert read_again(values).notes[0].said.finished


def test_the_german_page_of_a_run_of_then_is_german(run_folder):
    command("report", run_folder, "--lang", "de")
    assert '<html lang="en"' in (run_folder / "report.html").read_text(encoding="utf-8")
    german = run_folder / "report-de.html"
    page = german.read_text(encoding="utf-8")
    assert answer(german).startswith("Das schwächste von 3 Ergebnissen zählt")
    english = {html.unescape(text) for text in re.findall(r'<span lang="en">([^<]*)</span>', page)}
    then = told("bundle-redacted")
    judged = [*then["checks"], *then["deviations"], *then["verdict"]["per_condition"].values(), then["verdict"]]
    assert not english & {row[key] for row in judged for key in ("sentence", "detail") if row.get(key)}


def test_a_sentence_that_stays_english_is_marked_in_a_table(run_folder):
    values = json.loads((run_folder / "results.json").read_bytes())
    row = next(e for e in values["estimates"] if e["name"] == "placebo_excess")
    row["method"], row["note"] = "Worked out otherwise.", "Seen otherwise."
    # Rendered as it stands: `cloakcheck report` would work the estimates out again.
    page = report.render(with_readings(r.Results.model_validate(values)), images=run_folder / "images", lang="de")
    assert '<span lang="en">Worked out otherwise.</span>' in page
    assert '<span lang="en">Seen otherwise.</span>' in page
