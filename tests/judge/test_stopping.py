"""Audits that stop when their answer is clear, in worlds whose truth is known, works and prompts drawn anew."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.simulate_draws import World
from scripts.simulate_stopping import BUDGET, WORLDS, audit, inside, markdown, row


@pytest.mark.parametrize(("index", "wrong"), [(0.5, "held"), (0.2, "did-not-hold")])
def test_on_a_margin_a_clear_word_is_rarely_wrong_however_often_it_was_looked(index, wrong):
    world, generator = World(f"on {index}", index=index, runs=BUDGET), np.random.default_rng(5)
    made = [audit(world, generator) for _ in range(400)]
    assert np.mean([inside(a.found, a.truth) for a in made]) >= 0.95
    side = [a for a in made if (a.truth <= 0.5 if wrong == "held" else a.truth >= 0.2)]
    assert len(side) > 100
    assert np.mean([a.word == wrong for a in side]) <= 0.025


def test_clear_answers_stop_early():
    generator = np.random.default_rng(6)
    runs = [audit(World("clear", index=0.8, runs=BUDGET), generator).runs for _ in range(60)]
    assert np.mean(runs) < 8


def test_the_table_has_a_row_for_each_world():
    lines = markdown([row(WORLDS[0], 20)], 20).splitlines()
    assert lines[-1].startswith(f"| {WORLDS[0].name} | ")
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
