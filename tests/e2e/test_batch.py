"""Many artists in one command: one of them broken, killed twice and run again, equal to single runs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner

from audit.cli import app
from audit.records import BatchStanding, Overview, Results
from tests.e2e.folders import SPEC, write_protected, write_spec

ROOT = Path(__file__).resolve().parents[2]
ALL = """
models = ["{model}"]
[defaults]
originals = "art/*/originals"
protected = {{ glazed = "art/*/glazed" }}
preset = "quick"
prompts = "prompts.txt"
primary_metric = "channel_stats"
grid = ["default"]
declare = true
"""


@pytest.fixture(scope="module")
def many(tiny_model, tmp_path_factory):
    """Three artists, the second of whom has too few works."""
    folder = tmp_path_factory.mktemp("many")
    for name in ("anna", "bo", "cy"):
        write_protected(folder / "art" / name)
    for picture in (folder / "art" / "cy").rglob("*.png"):
        ImageOps.mirror(Image.open(picture)).save(picture)
    for picture in sorted((folder / "art" / "bo" / "originals").iterdir())[3:]:
        picture.unlink()
    write_spec(folder / "audit.toml", text=f'model = "{tiny_model}"\npreset = "quick"\ndeclare = true')
    tables = SPEC.replace("[", "[defaults.")
    (folder / "many.toml").write_text(ALL.format(model=tiny_model) + tables, encoding="utf-8")
    return folder


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def files(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.mark.slow
def test_a_batch_killed_twice_goes_on_and_one_broken_artist_stops_nobody(many, tmp_path):
    out = tmp_path / "out"
    words = ["batch", many / "many.toml", "--out", out, "--store", tmp_path / "store", "--device", "cpu", "--yes"]
    # In the training of the first artist, then in the drawing of the third.
    for stage, count, done in (("adapter", 2, set()), ("pictures", 9, {"anna"})):
        killed = subprocess.run(
            [sys.executable, "-m", "tests.e2e.killed", stage, str(count), *map(str, words)],
            cwd=ROOT,
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        assert {p.parent.name for p in out.glob("*/results.json")} == done
        states = BatchStanding.model_validate_json((out / "batch.json").read_bytes()).audits
        assert [a.state for a in states if a.artist == "bo"] == ["failed"]
    ended = invoke(*words, "--json")
    assert ended.exit_code == 11, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["whole"], told["overview"]) == (2, str(out / "overview.html"))
    rows = {row["artist"]: row for row in told["audits"]}
    assert {name: row["state"] for name, row in rows.items()} == {"anna": "whole", "bo": "failed", "cy": "whole"}
    assert rows["bo"]["said"]["id"] == "too-few-works"
    assert rows["anna"]["seconds"] is None, "it was whole, so nothing was done"
    assert "in all" in ended.stderr
    overview = Overview.model_validate_json((out / "overview.json").read_bytes())
    assert [a.folder for a in overview.audits] == ["anna", "cy"]
    assert [(u.folder, u.said.id) for u in overview.unread] == [("bo", "too-few-works")]
    before = {name: files(out / name) for name in ("anna", "cy")}
    again = invoke(*words)
    assert again.exit_code == 11, again.stderr
    assert {name: files(out / name) for name in before} == before
    assert again.stdout.splitlines()[-2:] == ["whole 2 of 3", str(out / "overview.html")]
    alone = ["--originals", many / "art" / "cy" / "originals", "--protected", f"glazed={many / 'art/cy/glazed'}"]
    single = invoke("run", "--spec", many / "audit.toml", *alone, "--artist", "cy", "--device", "cpu",
                    "--out", tmp_path / "alone", "--store", tmp_path / "other")  # fmt: skip
    assert single.exit_code in (0, 3), single.stderr
    found = [Results.model_validate_json((f / "results.json").read_bytes()) for f in (out / "cy", tmp_path / "alone")]
    assert found[0].plan == found[1].plan
    assert [c.scores for c in found[0].cells] == [c.scores for c in found[1].cells]
    assert found[0].estimates == found[1].estimates


@pytest.mark.slow
def test_a_plan_of_the_whole_trains_nothing_and_a_foreign_folder_stays_as_it_is(many, tmp_path):
    words = ["batch", many / "many.toml", "--store", tmp_path / "store", "--device", "cpu"]
    planned = invoke(*words, "--out", tmp_path / "out", "--plan")
    assert planned.exit_code == 11, planned.stderr
    lines = planned.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[:4]] == ["anna", "bo", "cy", "audits 3"]
    assert "2 to run, 0 whole already, 1 failed" in lines[3]
    assert not list(tmp_path.glob("out/*/results.json"))
    assert not (tmp_path / "store" / "steps" / "adapter").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    refused = invoke(*words, "--out", tmp_path / "mine")
    assert refused.exit_code == 2
    assert "[out-not-empty]" in refused.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]
