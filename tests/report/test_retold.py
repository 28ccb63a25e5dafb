"""Sentences of other stages in another language: every one that the stages write is known and keeps its values."""

from __future__ import annotations

import ast
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.base.messages import render as english
from audit.judge.scored import judge_score
from audit.plan.spec import DECLARATION, Spec
from audit.records import Results
from audit.report import render
from audit.report.locale import voice
from audit.report.retold import messages, retold
from audit.report.scored import render_score
from audit.report.sentences import FIXED, MESSAGES
from audit.style import ENCODERS, METRICS
from tests.report import scenes
from tests.report.conftest import Rendered
from tests.score_scenes import scene

ROOT = Path(__file__).parents[2]
GERMAN = voice("de")
SAMPLE = ROOT / "reports" / "sample" / "results.json"
MADE_UP = '<span lang="en">made up for tests</span>'
QUOTED = re.compile(r'<th scope="col">Einstellungen hier</th>.*?</table>', re.DOTALL)
"""The table that quotes the plan's own words on treatments."""
VALUES = {
    **{"name": "gain", "condition": "encoder-pgd:16+jpeg:50", "metric": "openclip", "digest": "0a1b", "unit": "prompt"},
    **{"label": "held", "role": "originals", "over": "prompts", "how": "not paired", "kind": "paired t"},
    **{"family": "sd2", "title": "A Study (2024)", "reason": "no complete training run"},
    "row": "null wrong in 1 of 60, alarms 0, at most 7.7 %",
    "list": "held by openclip, partly-held by csd",
    "changes": "thread count and package versions",
    "cells": "clean r1 (no record of it), null r2 (a training loss was not finite) and 3 more",
    "names": "'a; b, 3.5.png', 'the the.png' and 12 more",
    "pairs": "'a.png' and 'b.png'",
    "parts": "a style score in place of people's votes; DPM-Solver++ 2M without Karras' noise levels",
}
"""What the places of messages hold; figures elsewhere."""


def filled(message: str, figures: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda place: VALUES.get(place[1], figures), message)


@pytest.mark.parametrize("message", messages())
@pytest.mark.parametrize("figures", ["0.125", "-0.004", "7", "1.2e-05", "not known", "inf"])
def test_every_message_is_found_again_with_its_values(message: str, figures: str) -> None:
    if message.startswith(" "):
        return
    said = retold(GERMAN, filled(message, figures))
    assert not said.foreign
    if "{" not in message:
        return
    german = "nicht bekannt" if figures == "not known" else figures.replace(".", ",")
    places = set(re.findall(r"\{(\w+)\}", message))
    if places - VALUES.keys():
        assert german in said.text
    for name in places & {"condition", "metric", "digest", "unit", "family", "title"}:
        assert VALUES[name] in said.text
    if "names" in places:
        assert "'a; b, 3.5.png', 'the the.png' und 12 weitere" in said.text
    if "cells" in places:
        assert "null r2 (ein Trainingsverlust war keine endliche Zahl) und 3 weitere" in said.text
    assert re.search(r"\b(the|of|with|were|was not|which|and)\b", said.text.replace("'the the.png'", "")) is None


@given(st.text(max_size=300))
def test_what_no_message_fits_stays_as_it_is_and_is_marked(text: str) -> None:
    text = f"Unheard of {text}"
    said = retold(GERMAN, text)
    assert said.foreign
    assert said.text == text
    assert not retold(voice(), text).foreign


def test_a_hostile_sentence_is_not_read_for_long() -> None:
    begun = time.monotonic()
    for text in (
        "a of b by " * 2_000,
        "x: " * 5_000,
        "held by a, " * 3_000 + ".",
        "; ".join(["gain of a by b: 1"] * 500),
    ):
        assert retold(GERMAN, text).text
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("label", list(scenes.states()))
def test_a_german_page_holds_no_english_sentence(pages: dict[str, Rendered], label: str) -> None:
    html = render(pages[label].results, images=Path("nowhere"), lang="de")
    assert 'lang="en"' not in QUOTED.sub("", html).replace(MADE_UP, "")


def test_the_sample_report_in_german_holds_no_english_sentence() -> None:
    html = render(Results.model_validate_json(SAMPLE.read_text(encoding="utf-8")), images=Path("nowhere"), lang="de")
    assert 'lang="en"' not in QUOTED.sub("", html)
    assert 'lang="en"' in html, "the plan's own words on treatments are marked"


@pytest.mark.parametrize("other", [None, 0.1, 0.5])
def test_the_german_report_of_score_holds_no_english_sentence(other: float | None) -> None:
    results = judge_score(scene(named=0.5, other_name=other, sessions=2, unit="prompt-session"))
    assert 'lang="en"' not in render_score(results, images=Path("nowhere"), lang="de")


def test_words_of_layers_that_the_report_may_not_import_are_the_same() -> None:
    lineages = {english(m.lineage) for m in (*METRICS.values(), *ENCODERS.values())}
    assert {DECLARATION, Spec.model_fields["artist"].default, *lineages} <= set(FIXED)


@pytest.mark.parametrize(("files", "pattern"), [
    ("conditions/**/*.py", r'"([^"]+, pushed (?:up|down))"'),
    ("*.py", r'progress\.stage\("([^"]+)"'),
])  # fmt: skip
def test_goals_and_stages_are_all_known(files: str, pattern: str) -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "audit").glob(files))
    found = set(re.findall(pattern, code))
    assert found
    assert found <= set(FIXED)


SOURCES = (
    *("collect/__init__.py", "collect/folders.py", "collect/generated.py", "collect/notes.py", "run.py"),
    *("conditions/caveats.py", "judge/deviations.py"),
)


@pytest.mark.parametrize("source", SOURCES)
def test_notes_and_deviations_of_the_stages_are_all_known(source: str) -> None:
    """Read from the code, so that a new sentence without a message is found."""
    known = {re.sub(r"\{\w+\}", "{}", message) for message in (*MESSAGES, *FIXED)}
    found = list(sentences(ast.parse((ROOT / "audit" / source).read_text(encoding="utf-8"))))
    assert found
    unknown = [text for text in found if text not in known and text.count("{}") < len(text) / 6]
    assert not unknown


def sentences(tree: ast.AST) -> list[str]:
    """Texts given to `sentence`, with their values as {}, and the beginnings of notes on files."""
    values = [k.value for k in ast.walk(tree) if isinstance(k, ast.keyword) and k.arg == "sentence"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and [getattr(t, "id", "") for t in node.targets] == ["sentence"]:
            values.append(node.value)
    return [skeleton(v) for v in values if isinstance(v, ast.JoinedStr | ast.Constant)]


def skeleton(value: ast.JoinedStr | ast.Constant) -> str:
    parts = value.values if isinstance(value, ast.JoinedStr) else [value]
    return "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)
