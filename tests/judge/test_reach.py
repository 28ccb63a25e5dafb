"""What a test of some size can tell, told beforehand: the formula, the simulation and the table in reports/ agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audit.base.messages import render
from audit.judge import judge
from audit.judge.reach import Size, can_tell, reach, size_of
from audit.judge.scope import scope
from scripts.simulate_draws import HEAD, WORLDS, World, audit, half_width
from tests.builders import make_plan
from tests.judge.drawn import drawn_audit, drawn_plan

TABLE = Path(__file__).resolve().parents[2] / "reports" / "lab" / "draws-simulation.md"


@pytest.mark.parametrize(
    "world", [World("20 works", works=20), World("12 prompts, 12 runs", asked=12, runs=12)], ids=lambda w: w.name
)
def test_the_formula_is_what_simulated_audits_have(world: World) -> None:
    rng = np.random.default_rng(0)
    made = [audit(world, rng) for _ in range(300)]
    here, large = (100 * x for x in reach(world.size, level=0.95))
    assert half_width([a.these for a in made]) == pytest.approx(here, rel=0.1)
    assert half_width([a.large for a in made]) == pytest.approx(large, rel=0.12)


def test_the_table_in_reports_is_of_todays_worlds_and_todays_formula() -> None:
    rows = [line.strip("| ").split(" | ") for line in TABLE.read_text(encoding="utf-8").splitlines() if " % |" in line]
    assert [row[0] for row in rows] == [world.name for world in WORLDS]
    for row, world in zip(rows, WORLDS, strict=True):
        assert len(row) == len(HEAD)
        told = [cell.partition("(")[2].rstrip(")") for cell in (row[2], row[5])]
        assert told == [f"{100 * x:.1f}" for x in reach(world.size, level=0.95)]


@pytest.mark.parametrize("what", ["works", "prompts", "runs"])
def test_more_of_anything_tells_more(what: str) -> None:
    size = Size(works=20, held_out=7, prompts=60, asked=24, runs=6)
    now, twice = (reach(s, level=0.95) for s in (size, size.twice(what)))
    assert all(more < less for more, less in zip(twice, now, strict=True))


def test_a_plan_that_draws_says_what_it_can_tell_and_an_older_one_does_not() -> None:
    plan = drawn_plan(works=20, prompts=30, asked=12)
    size = size_of(plan)
    assert size == Size(works=20, held_out=6, prompts=30, asked=12, runs=6)
    points = round(100 * reach(size, level=0.95)[0])
    assert render(can_tell(plan)[0]).startswith(
        "With 20 works, 12 prompts a run and 6 runs, the range of the protection index should reach "
        f"about {points} points"
    )
    assert can_tell(make_plan()) == ()
    assert scope(make_plan()) is None


def test_the_reader_is_told_what_the_verdict_speaks_of() -> None:
    judged = judge(drawn_audit())
    assert judged.readings is not None
    assert judged.readings.scope is not None
    assert "these 12 works, this list of 10 prompts (5 drawn for each run)" in render(judged.readings.scope)
    assert len(judged.readings.can_tell) == 4
