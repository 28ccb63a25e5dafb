"""The mimic's grid from the command line to results.json."""

from __future__ import annotations

import json

from audit.records import Results
from audit.store import Store
from tests.e2e.folders import write_originals, write_spec
from tests.e2e.test_run import arguments, invoke


def test_other_settings_are_trained_drawn_and_scored_beside_the_default(tiny_model, tmp_path):
    write_originals(tmp_path / "mixed")
    write_spec(tmp_path / "audit.toml", text="grid_prompts = 2")
    out = tmp_path / "out"
    asked = ["--originals", tmp_path / "mixed", "--protect", "encoder-pgd:12", "--against", "jpeg:60"]
    settings = ["--grid", "steps:0.5", "--grid", "steps:2", "--grid", "rank:2"]
    args = arguments(
        tmp_path, tiny_model, out, tmp_path / "store", *asked, *settings, "--replicates", 2, "--no-battery"
    )
    done = invoke(args)
    assert done.exit_code in (0, 3), done.stderr
    results = Results.model_validate_json((out / "results.json").read_text())
    plan = results.plan
    assert [s.name for s in plan.grid.settings] == ["default", "steps:0.5", "steps:2", "rank:2"]
    assert [s.setting for s in results.settings] == ["steps:0.5", "steps:2", "rank:2"]
    usual = {(c.condition, c.replicate): c for c in results.cells}
    for found in results.settings:
        claims = ["clean", "encoder-pgd:12", "encoder-pgd:12+jpeg:60"]
        assert sorted((c.condition, c.replicate) for c in found.cells) == [(n, r) for n in claims for r in (1, 2)]
        for cell in found.cells:
            default = usual[cell.condition, cell.replicate]
            assert cell.adapter.works == default.adapter.works
            assert cell.adapter.sha256 != default.adapter.sha256
            assert sorted({s.prompt for s in cell.scores}) == list(plan.asked(cell.replicate)[:2])
            assert len(cell.generations.pixels) == 2
            assert not set(cell.generations.files) & {path.name for path in (out / "images").iterdir()}
            assert all(Store(tmp_path / "store").blob_path(digest).exists() for digest in cell.generations.pixels)
    again = invoke(args)
    assert again.exit_code == done.exit_code, again.stderr
    assert json.loads((out / "results.json").read_text())["provenance"]["steps_run"] == 0
