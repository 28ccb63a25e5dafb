"""Base models in the page: what is here, a download that somebody pressed for, and a model of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.models.cards import cards, models_folder
from audit.ui.jobs import FETCHES
from tests.models.test_download import hub  # noqa: F401
from tests.ui.commands import said, standing, until
from tests.ui.test_folders import asked_for, begun, home, put_in  # noqa: F401
from tests.works import work

ACCEPTED = {"action": "get", "accept": "yes"}


@pytest.fixture
def models(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("CLOAKCHECK_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def planned(served, home: Path) -> str:  # noqa: F811
    """The address of the plan of an audit with its folders."""
    address = begun(served)
    for wanted, at in (("originals", "Art/originals"), ("arm", "Art/glazed")):
        served.post(address, {"action": "take", "for": wanted, "root": "0", "at": at})
    return address.replace("folders", "plan")


def test_the_plan_lists_every_model_with_size_licence_and_whether_it_is_here(served, home, models):  # noqa: F811
    with standing(served):
        plan = planned(served, home)
        listed = served.ask(plan)[2].partition('id="models"')[2]
        for name, card in cards().items():
            row = next(part for part in listed.split("<li>") if f"/models/{name}?" in part)
            assert card.title in row
            assert card.licence.replace("'", "&#39;") in row
            assert "not here" in row
            assert ("GB" in row) == (card.download is not None) == ("Fetch" in row)
        put = models / "sd15" / cards()["sd15"].download.file
        put.parent.mkdir(parents=True)
        put.write_bytes(b"x")
        row = next(p for p in served.ask(plan)[2].partition('id="models"')[2].split("<li>") if "/models/sd15?" in p)
        assert "not here" not in row
        assert served.ask("/models/no-such")[0] == served.ask("/models/..%2fx")[0] == 404


def test_nothing_is_fetched_without_the_press_and_the_licence(served, models):
    with standing(served) as commands:
        status, _, text = served.ask("/models/sd15")
        assert status == 200
        for part in ("4.3 GB", "CreativeML OpenRAIL-M", "huggingface.co", "This uses the network", "network address"):
            assert part in text
        assert commands.jobs.all() == []
        status, _, text = served.post("/models/sd15", {"action": "get"})
        assert (status, "read the licence" in text, commands.jobs.all()) == (400, True, [])
        status, _, text = served.post("/models/flux1-dev", ACCEPTED)
        assert (status, 'role="alert"' in text, commands.jobs.all()) == (400, True, [])
        assert "does not fetch this one" in served.ask("/models/flux1-dev")[2]
        assert served.post("/models/sd15", ACCEPTED, Origin="http://evil.example")[0] == 403
        assert served.post("/models/sd15", ACCEPTED | {"csrf": "x"})[0] == 403
        assert commands.jobs.all() == []
        for _ in range(2):  # twice is once
            assert served.post("/models/sd15", ACCEPTED)[0] == 303
        (job,) = commands.jobs.all()
        assert (job.lane, job.words) == (FETCHES, ("models", "get", "sd15", "--accept-licence"))


def test_a_download_is_seen_paused_and_goes_on(served, models):
    with standing(served) as commands:
        served.post("/models/sd15", ACCEPTED)
        (job,) = commands.waiting(FETCHES)
        commands.begins(job, {"at": said("stage.download"), "done": 1200, "all": 4265, "left": 90.0})
        text = served.ask("/models/sd15")[2]
        assert ('max="4265" value="1200"' in text, "left in this stage" in text, "Pause the download" in text) == (
            True,
        ) * 3
        assert "Downloads" in served.ask("/")[2]
        served.post("/models/sd15", {"action": "pause"})
        assert (job.folder / "stop").exists()
        part = models / "sd15" / f"{cards()['sd15'].download.file}.partial"
        part.parent.mkdir(parents=True)
        part.write_bytes(b"x" * 1000)
        commands.ends(job, code=-15)
        text = served.ask("/models/sd15")[2]
        assert ("is paused" in text, "lie here already" in text) == (True, True)
        served.post("/models/sd15", {"action": "go-on"})
        (job,) = commands.waiting(FETCHES)
        commands.ends(job, {"error": said("download-failed", model="a/b", why=said_why())}, code=2)
        text = served.ask("/models/sd15")[2]
        assert ("the connection ended early" in text, "Try again" in text) == (True, True)
        served.post("/language", {"code": "de"})
        assert "die Verbindung endete vorzeitig" in served.ask("/models/sd15")[2]
        assert part.exists()
        served.post("/models/sd15", {"action": "drop"})
        assert (commands.jobs.all(), part.exists()) == ([], False)


def said_why():
    from audit.base.messages import say

    return say("connection-ended")


def test_the_command_itself_says_why_nothing_came(served, models, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    served.post("/models/sd15", ACCEPTED)
    until(lambda: "s-waiting" not in (text := served.ask("/models/sd15")[2]) and "s-running" not in text)
    assert "HF_HUB_OFFLINE is set" in served.ask("/models/sd15")[2]


@pytest.mark.slow
def test_a_real_download_is_checked_against_the_published_file(served, hub):  # noqa: F811
    """The command is a process of its own and knows the real digest: what this server gives is refused."""
    assert served.ask("/models/sd15")[2].count("127.0.0.1") >= 1
    assert hub.asked == []
    served.post("/models/sd15", ACCEPTED)
    until(lambda: "s-waiting" not in (text := served.ask("/models/sd15")[2]) and "s-running" not in text)
    text = served.ask("/models/sd15")[2]
    if "more on this disk" in text:
        pytest.skip("no room for the model on this disk")
    assert "is not the published file" in text
    assert [path for path, _ in hub.asked] == [f"/{known_path()}"]
    assert not list(models_folder().rglob("*.partial"))


def known_path() -> str:
    from audit.models import cards as real

    load = real.Card.model_validate_json((real.KNOWN / "sd15.json").read_bytes()).download
    return f"{load.repo}/resolve/{load.revision}/{load.file}"


def test_a_model_of_ones_own_is_picked_below_what_was_opened(served, home, tmp_path, tiny_model):  # noqa: F811
    with standing(served):
        plan = planned(served, home)
        own, out = home / "Models" / "mine", tmp_path / "out" / "x.safetensors"
        own.parent.mkdir()
        own.symlink_to(tiny_model)  # a link that leads out is not followed
        (home / "Models" / "notes.txt").write_text("x")
        (home / "Models" / "<b>.safetensors").write_bytes(b"x")
        out.parent.mkdir()
        out.write_bytes(b"x")
        (home / "Models" / "link.safetensors").symlink_to(out)
        text = served.ask(f"{plan}?for=model&root=0&at=Models")[2]
        assert ("&lt;b&gt;.safetensors" in text, "notes" in text, "link.safe" in text, "<bdi>mine" in text) == (
            True,
            False,
            False,
            False,
        )
        for wrong in (
            {"file": "Models/link.safetensors"},
            {"at": "Models/mine"},
            {"file": "../out/x.safetensors"},
        ):
            taken = {"action": "take", "for": "model", "root": "0", "at": "", **wrong}
            assert served.post(plan, taken)[0] == 400
        assert served.ask(f"{plan}?for=model&root=0&at=..")[0] == 404
        assert asked_for(served, plan).model == ""
        taken = {"action": "take", "for": "model", "root": "0", "at": "Models", "file": "Models/<b>.safetensors"}
        assert served.post(plan, taken)[0] == 303
        assert asked_for(served, plan).model == str(home / "Models" / "<b>.safetensors")
        status, _, text = served.post(plan, {"action": "type", "for": "model", "path": str(tmp_path)})
        assert (status, "no model_index.json" in text) == (400, True)
        assert served.post(plan, {"action": "type", "for": "model", "path": str(tiny_model)})[0] == 303
        assert asked_for(served, plan).model == str(tiny_model)
        settings = home / "Models" / "audit.toml"
        settings.write_text("")
        taken = {"action": "take", "for": "settings", "root": "0", "at": "Models", "file": "Models/audit.toml"}
        assert served.post(plan, taken)[0] == 303
        draft = asked_for(served, plan)
        assert (draft.settings, draft.model) == (str(settings), str(tiny_model))


def test_a_folder_without_a_model_is_not_offered(served, home):  # noqa: F811
    with standing(served):
        plan = planned(served, home)
        put_in(home / "Empty", "a.png", work(0))
        text = served.ask(f"{plan}?for=model&root=0&at=Empty")[2]
        assert ("no model directly" in text, "Take the folder" in text) == (True, False)
