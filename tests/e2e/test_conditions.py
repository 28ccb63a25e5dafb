"""A whole audit with the conditions that reach across stages: another artist, a surrogate, platforms, chains."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from audit.cli import app
from audit.records import Results
from tests.e2e.folders import write_originals, write_spec
from tests.tiny import write_tiny_model


def test_conditions_that_reach_across_stages(tiny_model, tmp_path):
    write_originals(tmp_path / "art")
    write_spec(tmp_path / "audit.toml")
    with (tmp_path / "audit.toml").open("a", encoding="utf-8") as spec:
        spec.write("\n[protection]\nsteps = 2\ncounter_steps = 1\n")
    surrogate = write_tiny_model(tmp_path / "other", prediction="v_prediction")
    words = ["run", "--spec", tmp_path / "audit.toml", "--model", tiny_model, "--surrogate", surrogate]
    words += ["--originals", tmp_path / "art", "--protect", "denoiser-pgd:12", "--against", "noise:13+vae"]
    words += ["--against", "as-published:pixiv", "--control", "other-artist", "--control", "mixed:0.5"]
    words += ["--control", "placebo-lpips", "--preset", "quick", "--replicates", 1]
    words += ["--out", tmp_path / "out", "--store", tmp_path / "store", "--device", "cpu"]
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exit_code in (0, 3), done.stderr
    text = (tmp_path / "out" / "results.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    results = Results.model_validate(json.loads(text))
    plan = results.plan
    assert [c.name for c in plan.conditions] == [
        "clean",
        "denoiser-pgd:12",
        "denoiser-pgd:12+noise:13+vae",
        "clean+noise:13+vae",
        "denoiser-pgd:12+as-published:pixiv",
        "clean+as-published:pixiv",
        "other-artist",
        "mixed:0.5",
        "placebo-lpips",
    ]
    assert plan.surrogate is not None
    assert plan.surrogate.sha256 != plan.model.sha256
    assert {r.step for r in plan.recipes} >= {"denoiser-pgd:12", "noise:13", "vae", "mixed:0.5", "placebo-lpips:0"}
    pool = {w.id for w in plan.works}
    reached = [r for r in results.reached if r.condition == "denoiser-pgd:12"]
    assert {r.work for r in reached} == pool
    # Pictures made once for several conditions tell what they reached in each of them.
    assert {r.condition for r in results.reached} >= {"denoiser-pgd:12+noise:13+vae", "mixed:0.5"}
    seen = {c.name: [v for v in results.visibility if v.condition == c.name] for c in plan.conditions}
    assert not seen["other-artist"]
    assert not seen["clean"]
    assert sum(v.linf == 0 for v in seen["mixed:0.5"]) >= len(pool) // 2
    placebo, protected = ({v.work: v.lpips for v in seen[name]} for name in ("placebo-lpips", "denoiser-pgd:12"))
    assert all(placebo[work] <= protected[work] + 1e-6 for work in pool)
    assert {"reference-protection", "platform-approximate"} <= {n.slug for n in results.notes}
    others = next(c for c in results.cells if c.condition == "other-artist")
    assert others.adapter is not None
    assert len(plan.other_works) >= 10
