"""A whole calibration on the tiny model: it resumes, refuses other options, and is cited by later runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.judge.calibration import setup_digest
from audit.models.cards import LAB
from audit.models.loader import describe
from audit.records import CalibrationCard, Results, canonical_json
from audit.runfolder import CALIBRATIONS
from tests.e2e.folders import write_originals, write_spec

ROOT = Path(__file__).resolve().parents[2]


def invoke(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.mark.slow
def test_calibration_resumes_and_is_cited(tiny_model, tmp_path):
    originals = write_originals(tmp_path / "art")
    write_spec(tmp_path / "audit.toml")
    shared = ["--model", tiny_model, "--spec", tmp_path / "audit.toml", "--preset", "quick", "--originals", originals,
              "--store", tmp_path / "store", "--device", "cpu"]  # fmt: skip
    args = ["calibrate", *shared, "--out", tmp_path / "cal"]
    first = invoke(*args, "--audits", 1)
    assert first.exit_code == 0, first.stderr
    done = invoke(*args, "--audits", 2)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("Plan ") == 1
    path = tmp_path / "cal" / "calibration.json"
    assert done.stdout.splitlines()[-1] == str(path)
    card = CalibrationCard.model_validate_json(path.read_bytes())
    assert f"card, canonical digest {card.digest()}" in done.stdout
    assert (card.audits, card.preset, card.replicates) == (2, "quick", 2)
    assert {t.condition for t in card.truths} == {
        "identity",
        "null",
        "clean-again",
        "diluted:0.25",
        "diluted:0.5",
        "other-artist",
    }
    assert str(tmp_path) not in path.read_text() + (tmp_path / "cal" / "request.json").read_text()
    plans = [json.loads(next((tmp_path / "cal").glob(f"*/audit-00{i}/plan.json")).read_text()) for i in (1, 2)]
    assert [p["seed"] for p in plans] == [0, 1]
    assert [c["name"] for c in plans[0]["conditions"] if not c["primary"]] == ["clean"]
    folders = [p.name for p in (tmp_path / "cal").iterdir() if p.is_dir()]
    assert folders == ["identity+null+clean-again+diluted-0.25+diluted-0.5+other-artist"]
    more = invoke(*args, "--audits", 3, "--control", "null")
    assert more.exit_code == 0, more.stderr
    assert more.stderr.count("done before") == 2
    card = CalibrationCard.model_validate_json(path.read_bytes())
    assert (card.audits, len(card.plans)) == (3, 3)
    assert [p.name for p in (tmp_path / "cal" / "null").iterdir()] == ["audit-003"]
    other = invoke(*args, "--audits", 2, "--replicates", 3)
    assert other.exit_code == 2
    assert "[out-other-run]" in other.stderr
    run = invoke("run", *shared, "--protect", "encoder-pgd:12", "--out", tmp_path / "run")
    assert run.exit_code in (0, 3), run.stderr
    results = Results.model_validate_json((tmp_path / "run" / "results.json").read_bytes())
    assert results.calibration == card
    detail = next(c.detail for c in results.checks if c.slug == "calibrated")
    assert card.digest() in detail
    elsewhere = ["calibrate", *shared, "--control", "null", "--audits", 1, "--add", path]
    together = invoke(*elsewhere, "--seed", 7, "--out", tmp_path / "elsewhere")
    assert together.exit_code == 0, together.stderr
    pooled = CalibrationCard.model_validate_json((tmp_path / "elsewhere" / "calibration.json").read_bytes())
    assert (pooled.audits, pooled.plans[1:]) == (4, card.plans)
    again = invoke(*elsewhere, "--seed", 0, "--out", tmp_path / "again")
    assert again.exit_code == 2
    assert "[cards-differ]" in again.stderr
    torn = invoke(*elsewhere, "--add", tmp_path / "audit.toml", "--out", tmp_path / "torn")
    assert torn.exit_code == 2
    assert "[card-unreadable]" in torn.stderr
    assert not (tmp_path / "torn").exists()


def test_shipped_cards_are_of_the_shipped_model_and_the_sample_report_cites_the_one_that_fits():
    shipped = {path.stem: CalibrationCard.model_validate_json(path.read_bytes())
               for path in (LAB / CALIBRATIONS).glob("*.json")}  # fmt: skip
    assert shipped
    for setup, card in shipped.items():
        assert card.setup == setup
        assert card.model_sha256 == describe("lab").sha256
    sample = Results.model_validate_json((ROOT / "reports" / "sample" / "results.json").read_bytes())
    # None until a card is made of audits whose replicates draw works and prompts anew.
    assert sample.calibration == shipped.get(setup_digest(sample.plan))


def test_the_digest_of_the_sample_is_that_of_its_file():
    text = (ROOT / "reports" / "sample" / "results.json").read_text(encoding="utf-8")
    results = Results.model_validate_json(text)
    assert results.canonical() == canonical_json(json.loads(text))
