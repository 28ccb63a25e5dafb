"""From folders to a bundle by the real commands, over HTTP: what the browser's test walks where a browser is.

It takes half a minute, since it is the only one that begins, stops and goes on with a real audit where none is.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.ui.jobs import AUDITS, Jobs
from audit.ui.past import run_id
from tests.e2e.folders import write_protected, write_spec
from tests.ui.commands import until
from tests.ui.test_folders import name_fields
from tests.ui.test_run_pages import file_of

pytestmark = pytest.mark.slow


def test_a_real_audit_stops_goes_on_and_becomes_a_bundle(served, tiny_model, tmp_path, monkeypatch):
    home = tmp_path / "home"
    write_protected(home / "Art")
    spec = write_spec(home / "audit.toml")
    for name, value in (("HOME", home), ("USERPROFILE", home), ("CLOAKCHECK_STORE", tmp_path / "store")):
        monkeypatch.setenv(name, str(value))
    folders = served.post("/audits", {"kind": "own"})[1]["location"]
    audit = folders.removesuffix("/folders")
    for wanted, at in (("originals", "Art/originals"), ("arm", "Art/glazed")):
        served.post(folders, {"action": "take", "for": wanted, "root": "0", "at": at})
    (name,) = name_fields(served, folders)
    served.post(folders, {"action": "save", "declare": "yes", "artist": "Ada", name: "glaze"})
    fields = {"action": "settings", "model-path": str(tiny_model), "settings": str(spec), "replicates": "2"}
    assert served.post(f"{audit}/plan", fields)[0] == 303
    # Its plans are stopped as it begins: nobody waits for them any more.
    assert served.post(f"{audit}/plan", {"action": "begin", "preset": "quick"})[1]["location"] == audit
    jobs = Jobs(served.door, cwd=served.reports)
    (job,) = jobs.all(AUDITS)
    until(lambda: '<ol class="done">' in served.ask(audit)[2])
    served.post(audit, {"action": "stop"})
    until(lambda: jobs.state(job) != "running")
    assert jobs.state(job) == "stopped"
    served.post(audit, {"action": "go-on"})
    until(lambda: jobs.state(job) not in ("waiting", "running"))
    assert jobs.state(job) == "done", job.text("log")[-2000:].decode()
    run = Path(job.out)
    assert json.loads((run / "results.json").read_text())["plan"]["artist"] == "Ada"
    page = f"/runs/{run_id(run)}"
    assert page in served.ask(audit)[2]
    _, bundle = file_of(served, page, {"action": "bundle"})
    assert any(name.endswith("results.json") for name in bundle.namelist())
    until(lambda: not jobs.kept(AUDITS))
