"""`models PATH` says how long a standard audit takes, once `plan` or `run` has measured it with these files."""

from __future__ import annotations

import json
import os

from typer.testing import CliRunner

from audit.cli import app
from audit.cli.models import _show
from audit.commands.models import look
from audit.runfolder.forecasts import find_forecast, keep_forecast
from tests.builders import make_plan


def looked(path):
    return json.loads(CliRunner().invoke(app, ["models", str(path), "--json"]).stdout)


def test_the_time_of_a_standard_audit_is_remembered_for_these_files_alone(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOAKCHECK_STORE", str(tmp_path / "store"))
    assert looked(tiny_model)["standard_seconds"] is None
    assert "cloakcheck plan" in CliRunner().invoke(app, ["models", str(tiny_model)]).stdout
    plan = make_plan().model_copy(update={"preset": "standard"})
    for preset, seconds in (("quick", 60.0), ("standard", 4000.0)):
        told = plan.model_copy(update={"preset": preset})
        keep_forecast(tmp_path / "store", str(tiny_model), told, seconds=seconds, device="cpu, bf16")
    assert looked(tiny_model)["standard_seconds"] == 4000
    shown = CliRunner().invoke(app, ["models", str(tiny_model)]).stdout
    assert "1 h 6 min" in shown
    assert f"{len(plan.works)} works" in shown
    assert "cpu, bf16" in shown
    file = tiny_model / "unet" / "diffusion_pytorch_model.safetensors"
    before = file.stat()
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert looked(tiny_model)["standard_seconds"] is None
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert find_forecast(tmp_path / "store", str(tmp_path), "standard") is None


def test_a_checkpoint_tells_no_side_and_is_described_all_the_same(tiny_model, capsys):
    """What a single file draws at stands in no header."""
    found = look(str(tiny_model))
    for resolution, told in ((found.resolution, f", {found.resolution} px, "), (None, "), ")):
        _show(found.model_copy(update={"resolution": resolution}), str(tiny_model))
        first = capsys.readouterr().out.splitlines()[0]
        assert told in first
        assert ("px" in first) == (resolution is not None)
