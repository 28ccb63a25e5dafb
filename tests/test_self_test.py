"""`doctor --model`: what it finds, what it writes, and that a report cites it."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from audit.cli import app
from audit.commands import self_test as tested
from audit.plan.devices import pick_precision
from audit.plan.machine import step_environment
from audit.records.self_test import SelfTest, SelfTestCited
from audit.report.results_view import ResultsView
from audit.report.sections.environment import build
from audit.runfolder.self_tests import find_self_test, keep_self_test
from tests.report.scenes import state

CPU = torch.device("cpu")


def doctor(tiny_model, tmp_path):
    out = tmp_path / "found.json"
    options = ["--model", str(tiny_model), "--device", "cpu", "--store", str(tmp_path / "store"), "--out", str(out)]
    done = CliRunner().invoke(app, ["doctor", *options])
    return done, SelfTest.model_validate_json(out.read_bytes()), out


def here():
    return step_environment(CPU, pick_precision(CPU))


def test_everything_is_tried_and_written_where_a_run_finds_it(tiny_model, tmp_path):
    done, found, out = doctor(tiny_model, tmp_path)
    assert done.exit_code == 0, done.stdout
    assert [step.name for step in found.steps] == ["self-test.load", *tested.STEPS]
    assert all(step.passed for step in found.steps), found.steps
    figures = {step.name: step.figures for step in found.steps}
    assert 0 < figures["self-test.parity"]["apart"] < tested.NEAR
    assert figures["self-test.packed"]["moved"] > 0
    assert figures["self-test.resume"]["apart"] == 0
    assert found.memory_bytes > 1e8
    assert str(tmp_path) not in out.read_text()
    cited = find_self_test(tmp_path / "store", found.model.sha256, here())
    assert (cited.passed, cited.steps, cited.failed) == (6, 6, ())
    assert find_self_test(tmp_path / "store", "f" * 64, here()) is None
    other = here().model_copy(update={"accelerator": "another card"})
    assert find_self_test(tmp_path / "store", found.model.sha256, other) is None


def test_a_fault_is_found_and_ends_no_other_step(tiny_model, tmp_path, monkeypatch):
    real = tested.train_one

    def otherwise(base, cell, settings):
        return {name: (a, b + 1e-3) for name, (a, b) in real(base, cell, settings).items()}

    def short(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(tested, "train_one", otherwise)
    monkeypatch.setattr(tested, "sample", short)
    done, found, _ = doctor(tiny_model, tmp_path)
    assert done.exit_code == 3
    assert {step.name: step.passed for step in found.steps} == {
        "self-test.load": True,
        "self-test.packed": True,
        "self-test.parity": False,
        "self-test.picture": None,
        "self-test.score": True,
        "self-test.resume": True,
    }
    assert "FAILED" in done.stdout
    cited = find_self_test(tmp_path / "store", found.model.sha256, here())
    assert (cited.passed, cited.failed) == (4, ("self-test.parity",))


def test_a_resume_that_is_not_exact_is_found(tiny_model, tmp_path, monkeypatch):
    real = tested.Checkpoint.load

    def spoiled(self):
        state = real(self)
        state.exp_avg[0].add_(1e-3)
        return state

    monkeypatch.setattr(tested.Checkpoint, "load", spoiled)
    _, found, _ = doctor(tiny_model, tmp_path)
    assert found.failed == ("self-test.resume",)


@pytest.mark.parametrize("spoiled", [b"", b"{}", b"\xff"])
def test_a_file_that_is_no_self_test_is_not_cited(tiny_model, tmp_path, spoiled):
    found = SelfTest.model_validate(
        {
            "made": "2026-11-29T10:00:00Z",
            "model": json.loads(
                '{"name": "m", "family": "sd1", "sha256": "%s", "resolution": 64, "prediction_type": "epsilon", '
                '"lab": false}' % ("a" * 64)
            ),
            "environment": here().model_dump(),
            "memory_bytes": 1.0,
            "steps": [],
        }
    )
    keep_self_test(tmp_path, found)
    assert find_self_test(tmp_path, "a" * 64, here()).steps == 0
    (file,) = (tmp_path / "self-tests").iterdir()
    file.write_bytes(spoiled)
    assert find_self_test(tmp_path, "a" * 64, here()) is None


def test_the_report_cites_it_where_there_is_one():
    results = state("held")
    assert not [row for row in build(ResultsView(results), None).table.rows if "Self-test" in row[0]]
    cited = SelfTestCited(made="2026-11-29T10:00:00Z", sha256="b" * 64, passed=5, steps=6, failed=("self-test.resume",))
    provenance = results.provenance.model_copy(update={"self_test": cited})
    rows = build(ResultsView(results.model_copy(update={"provenance": provenance})), None).table.rows
    (text,) = [value for name, value in rows if "Self-test" in name]
    assert "5 of 6" in text
    assert "b" * 64 in text
