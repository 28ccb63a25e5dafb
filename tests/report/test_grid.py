"""What the page says where a mimic could choose his settings."""

from __future__ import annotations

import re
from pathlib import Path

from audit.judge import judge
from audit.report import render
from tests.judge.audits import CLEAN, CLEAN_JPEG, JPEG, PGD
from tests.judge.test_at_best import with_grid


def shown(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\N{NO-BREAK SPACE}", " ")


def test_the_first_number_is_the_one_that_decides_and_the_usual_one_stands_beside():
    results = judge(with_grid({PGD.name: 0.8}, others={"steps:0.5": ({}, 0.1), "steps:2": ({PGD.name: 0.3}, 0.3)}))
    best = next(e for e in results.estimates if e.name == "index_at_best")
    page = render(results, images=Path("nowhere"))
    assert f'value="{best.value}"' in page
    text = shown(page)
    assert "That is for a mimic who picks the best of 3 settings . With the usual setting it is" in text.replace(
        "settings.", "settings ."
    )
    assert "Here he could choose between 3 ways to train" in text
    assert "0.5 × the steps" in text
    assert "by 2 halves: protected" in text or "by 2 halves: " in text
    assert "The protection index with its range after each length of training" in text


def test_ways_around_are_named():
    shares = {PGD.name: 0.8, JPEG.name: 0.6}
    made = with_grid(shares, others={"steps:0.5": (shares, 0.2)}, conditions=(CLEAN, PGD, JPEG, CLEAN_JPEG))
    text = shown(render(judge(made), images=Path("nowhere")))
    assert "best of 2 settings" in text
    assert "What counts is the index at the mimic's best" in text.replace("&#39;", "'")


def test_a_single_setting_is_said_to_be_one():
    made = with_grid({PGD.name: 0.8}, others={})
    text = shown(render(judge(made), images=Path("nowhere")))
    assert "All models were trained with one setting" in text
    assert "mimic who picks" not in text
