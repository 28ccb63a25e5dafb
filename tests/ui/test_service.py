"""Pictures of a closed service: the form, what it asks the command, and a real one to its report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from audit.collect.sheet import read_sheet
from audit.ui.jobs import AUDITS
from audit.ui.past import run_id
from tests.ui.commands import said, standing, until
from tests.ui.test_folders import home, put_in  # noqa: F401
from tests.ui.test_start_page import listed
from tests.works import WORDS, work


def begun(served) -> str:
    status, headers, _ = served.post("/audits", {"kind": "service"})
    assert status == 303
    return headers["location"]


@pytest.fixture
def folders(home: Path) -> dict[str, str]:  # noqa: F811
    for seed, word in enumerate(WORDS[:4]):
        for name in ("named", "plain"):
            put_in(home / name, f"{word}.png", work(seed + (40 if name == "named" else 60)))
    return {"originals": str(home / "Art" / "originals"), "generated": str(home / "named"), "controls": ""}


def test_a_service_is_asked_about_in_a_private_file(served, folders):
    with standing(served) as commands:
        address = begun(served)
        assert "Pictures made with your name" in served.ask(address)[2]
        more = {"artist": "Ada <b>", "service": "Draw \u202e it", "other-name": f"'{folders['generated']}'"}
        audit = address.removesuffix("/service")
        status, headers, _ = served.post(address, folders | more)
        assert (status, headers["location"]) == (303, audit)
        (job,) = commands.waiting(AUDITS)
        assert (job.words[0], job.words[3]) == ("score", "--out")
        assert not any("named" in word or "Ada" in word for word in job.words if word != job.out)
        spec = Path(job.words[2])
        assert spec.stat().st_mode & 0o077 == 0
        assert json.loads(spec.read_text()) == {
            "originals": folders["originals"],
            "generated": folders["generated"],
            "other_name": folders["generated"],
            "artist": "Ada <b>",
            "service": "Draw \N{REPLACEMENT CHARACTER} it",
        }
        assert served.post(address, folders)[1]["location"] == audit  # twice is once
        assert len(commands.jobs.all(AUDITS)) == 1
        text = served.ask(audit)[2]
        assert ("Pictures from a service" in text, "/plan" in text, "<b>" in text.partition("<h1>")[2][:40]) == (
            True,
            False,
            False,
        )
        commands.ends(job, {"error": said("ui-folders-missing")}, code=2)
        assert "Back to the folders" in served.ask(audit)[2]
        assert served.post(audit, {"action": "drop"})[1]["location"] == address
        for page in (audit, f"{audit}/plan"):
            assert served.ask(page)[1]["location"] == address
        assert served.post(f"{audit}/plan", {"action": "begin", "preset": "quick"})[1]["location"] == address
        assert commands.jobs.all(AUDITS) == []
        assert f'href="{address}"' in served.ask("/")[2]
        text = served.ask(address)[2]
        assert 'value="~/named"' in text
        assert str(Path(folders["generated"]).parent) not in text
        assert served.post(address, {"originals": "~/Art/originals", "generated": "~/named"})[1]["location"] == audit


@pytest.mark.parametrize(
    "wrong",
    [{"originals": ""}, {"generated": "  "}, {"generated": "/no/such"}, {"controls": "named"}, {"other-name": "a\0"}],
)
def test_what_is_no_folder_is_refused_and_stays_typed(served, folders, wrong):
    with standing(served) as commands:
        address = begun(served)
        status, _, text = served.post(address, folders | wrong | {"service": "<i>Mine"})
        assert (status, 'role="alert"' in text) == (400, True)
        assert "&lt;i&gt;Mine" in text
        assert commands.jobs.all() == []


def test_other_tests_have_no_such_form(served, folders):
    with standing(served):
        own = served.post("/audits", {"kind": "own"})[1]["location"].replace("folders", "service")
        assert served.ask(own)[0] == served.post(own, folders)[0] == 404
        assert served.ask(begun(served).replace("service", "folders"))[0] == 404


@pytest.mark.slow
def test_a_real_one_comes_to_its_report(served, folders, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOAKCHECK_STORE", str(tmp_path / "store"))
    address = begun(served)
    folders["controls"] = folders["generated"].replace("named", "plain")
    audit = served.post(address, folders)[1]["location"]
    until(lambda: "s-running" not in (text := served.ask(audit)[2]) and "s-waiting" not in text)
    text = served.ask(audit)[2]
    assert "/report.html" in text, text
    (run,) = (path for path in served.reports.iterdir() if path.is_dir())
    assert f"/runs/{run_id(run)}" in text
    assert run.name in listed(served)


def test_folders_and_clips_are_picked_and_have_prompts(served, folders, home: Path):  # noqa: F811
    with standing(served) as commands:
        address = begun(served)
        (home / "film").mkdir()
        for name in ("castle_1.mp4", "clip <b>.mp4"):
            (home / "film" / name).write_bytes(b"x")
        status, headers, _ = served.post(address, {"action": "pick-generated", "artist": "Ada", "clip-times": "0.5,x"})
        assert (status, headers["location"]) == (303, f"{address}?for=generated#picker")
        text = served.ask(f"{address}?for=generated&root=0&at=film")[2]
        assert ("2 pictures" in text, 'value="film/castle_1.mp4"' in text, 'value="Ada"' in text) == (True, True, True)
        place = {"action": "take", "root": "0"}
        for wanted, at in (("generated", "film"), ("originals", "Art/originals"), ("controls", "plain")):
            assert served.post(address, {**place, "for": wanted, "at": at})[0] == 303
        assert served.post(address, {**place, "for": "controls", "at": "../x"})[0] == 400
        taken = {**place, "for": "other-name", "at": "film", "file": "film/castle_1.mp4"}
        assert served.post(address, taken)[0] == 303
        text = served.ask(address)[2]
        fields = dict(re.findall(r'name="(prompt-named-\w+)" value="([^"]*)"', text))
        assert sorted(fields.values()) == ["castle", "clip &lt;b&gt;"]
        form = {
            "originals": str(home / "Art" / "originals"),
            "generated": str(home / "film"),
            "controls": str(home / "plain"),
            "other-name": str(home / "film" / "castle_1.mp4"),
            "artist": "Ada",
        }
        status, _, text = served.post(address, {**form, "action": "begin", "clip-times": "0.5,x"})
        assert (status, "0.5,x" in text, commands.jobs.all()) == (400, True, [])
        field = next(name for name, value in fields.items() if value != "castle")
        form |= {field: "A <castle> by Ada", "clip-times": "2,0.5"}
        assert served.post(address, {**form, "action": "save"})[0] == 303
        assert 'value="A &lt;castle&gt; by Ada"' in served.ask(address)[2]
        assert served.post(address, {**form, "action": "begin"})[0] == 303
        (job,) = commands.waiting(AUDITS)
        spec = json.loads(Path(job.words[2]).read_text())
        assert spec["clip_times"] == [0.5, 2.0]
        sheet = read_sheet(Path(spec["sheet"]))
        assert sheet["named", "clip <b>.mp4"].prompt == "A <castle> by Ada"
        assert sheet["named", "castle_1.mp4"].prompt == sheet["other-name", "castle_1.mp4"].prompt == "castle"
        assert len(sheet) == 3 + 4
        from audit.commands.score import ScoreSpec
        from audit.plan.spec import validated

        validated(ScoreSpec, spec, unfit="spec-invalid.score")
