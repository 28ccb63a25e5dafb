"""The script that makes the table of conditions: which protection it takes on, and what a row says."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from audit.judge import judge
from tests.builders import make_plan, make_results
from tests.made_conditions import conditions

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "conditions_table"


@pytest.fixture(scope="module")
def script():
    loader = SourceFileLoader("conditions_table", str(SCRIPT))
    module = module_from_spec(spec_from_loader("conditions_table", loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def results():
    names = ("encoder-pgd:8", "encoder-pgd:16", "encoder-pgd:64", "style-cloak:0.2")
    plan = make_plan(conditions=conditions("clean", *names))
    effects = {"encoder-pgd:8": 0.1, "encoder-pgd:16": 0.4, "encoder-pgd:64": 0.9, "style-cloak:0.2": 0.2}
    return judge(make_results(plan=plan, protection=effects))


def test_the_best_protection_within_a_bearable_budget_is_taken(script, results):
    assert script.best(results, up_to=32) == "encoder-pgd:16"
    assert script.best(results, up_to=255) == "encoder-pgd:64"


def test_every_condition_has_a_row_with_figures_of_every_metric(script, results):
    heads, _, *rows = script.table(results, leave_out=("clean",))
    assert len(rows) == 4
    assert all(row.count("|") == heads.count("|") for row in rows)
    assert "index, openclip" in heads
    assert "%" in rows[0]
    assert "dB" in rows[0]


def test_budgets_of_lpips_protections_are_on_their_own_scale(script):
    asked = script.protections(["encoder-pgd", "style-cloak"], ["8", "16"])
    assert asked == ["encoder-pgd:8", "encoder-pgd:16", "style-cloak:0.025", "style-cloak:0.05"]
