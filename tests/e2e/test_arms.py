"""Several sets of protected copies in one audit, from the command line to a bundle that verifies and runs again."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from audit.cli import app
from audit.records import Results
from tests.e2e.folders import drawing, write_spec


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.slow
def test_arms_are_tested_compared_bundled_and_reproduced(tiny_model, tmp_path):
    write_spec(tmp_path / "audit.toml")
    for name, shift in (("art", 0), ("low", 6), ("high", 24), ("same", 24)):
        (tmp_path / name).mkdir()
        for index in range(12):
            if (name, index) != ("low", 3):
                picture = drawing(index).astype(int)
                picture[::2, ::2] += shift
                Image.fromarray(picture.clip(0, 255).astype("uint8")).save(tmp_path / name / f"red house {index}.png")
    arms = [word for name in ("low", "high", "same") for word in ("--protected", f"{name}={tmp_path / name}")]
    shared = ["--model", tiny_model, "--store", tmp_path / "store", "--device", "cpu"]
    done = invoke("run", "--spec", tmp_path / "audit.toml", *shared, "--originals", tmp_path / "art", *arms,
                  "--against", "jpeg:50", "--preset", "quick", "--declare", "--out", tmp_path / "out")  # fmt: skip
    assert done.exit_code in (0, 3), done.stderr
    results = Results.model_validate(json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8")))
    plan = results.plan
    assert [c.name for c in plan.conditions] == [
        "clean", "low", "high", "same", "low+jpeg:50", "high+jpeg:50", "same+jpeg:50", "clean+jpeg:50",
    ]  # fmt: skip
    assert len(plan.works) == 11
    assert [len(plan.copies(arm)) for arm in plan.arms] == [11, 11, 11]
    assert results.readings is not None
    found = {frozenset((c.more, c.less)): c for c in results.readings.contrasts}
    assert len(found) == 3
    # The same files, so the same models: nothing tells them apart, whatever the tiny model learned.
    assert (found[frozenset(("high", "same"))].p, found[frozenset(("high", "same"))].sure) == (1, False)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Which protection kept more away?" in page
    files = ["--profile", "full", "--originals", tmp_path / "art", *arms, "--store", tmp_path / "store"]
    sealed = invoke("bundle", tmp_path / "out", *files, "--key", tmp_path / "key.pem", "--out", tmp_path / "sealed")
    assert sealed.exit_code == 0, sealed.stderr
    data = tmp_path / "sealed" / "bag" / "data"
    assert sorted(p.name for p in (data / "protected").iterdir()) == ["high", "low", "same"]
    verified = invoke("verify", tmp_path / "sealed")
    assert verified.exit_code == 0, verified.stdout
    again = invoke("reproduce", tmp_path / "sealed", *shared, "--declare", "--out", tmp_path / "again")
    assert again.exit_code in (0, 3), again.stderr
