"""Two audits side by side: every difference, and nothing else."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from audit.cli import app
from audit.judge import judge
from audit.judge.audit_comparison import audit_differences
from tests.builders import make_plan, make_results, make_work

CLOAK = "encoder-pgd:16"


def test_a_run_differs_in_nothing_from_itself_and_in_what_was_changed_from_another(tmp_path):
    first = judge(make_results(protection={CLOAK: 0.6}))
    assert audit_differences(first, first) == ()
    plan = first.plan
    works = (*plan.works[1:], make_work(99, split="reference"))
    changed = plan.model_copy(
        update={"works": works, "training": plan.training.model_copy(update={"steps": 300}), "seed": 7}
    )
    device = first.provenance.model_copy(update={"device": "cuda"})
    second = first.model_copy(update={"plan": changed, "provenance": device})
    found = {(row.chapter, row.what): (row.first, row.second) for row in audit_differences(first, second)}
    assert found == {
        ("plan", "training.steps"): (150, 300),
        ("plan", "seed"): (0, 7),
        ("inputs", f"works.{plan.works[0].pixels[:12]}"): ("subject 0", None),
        ("inputs", f"works.{works[-1].pixels[:12]}"): (None, "subject 99"),
        ("environment", "device"): ("cpu", "cuda"),
    }
    other = judge(make_results(plan=make_plan(), protection={CLOAK: 0.05}, run_sd=0.005))
    told = {row.what: (row.first, row.second) for row in audit_differences(first, other) if row.chapter == "result"}
    assert told["verdict"][0] != told["verdict"][1]
    for name, results in (("a", first), ("b", other)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(results.model_dump_json(), encoding="utf-8")
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"])
    assert done.exit_code == 0, done.output
    assert {row["what"] for row in json.loads(done.stdout)} >= set(told)
    shown = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "a")])
    assert shown.stdout.startswith("0 differences")
