"""From a plan to a test that is under way, over HTTP; what commands would tell is written where they would write it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from audit.images import encode_png
from audit.ui.drafts import Drafts
from audit.ui.jobs import AUDITS, LOOKS
from tests.report import scenes
from tests.test_many import write_run
from tests.ui.commands import Commands, plan_of, said, standing
from tests.ui.test_folders import asked_for, home  # noqa: F401
from tests.ui.test_pairs import with_folders
from tests.works import work


@pytest.fixture
def commands(served):
    with standing(served) as made:
        yield made


@pytest.fixture
def own(home, served) -> str:  # noqa: F811
    """Address of an audit of the user's own, with folders and declaration."""
    folders = with_folders(served)
    served.post(folders, {"action": "save", "declare": "yes", "artist": "Ada <b>"})
    return folders.removesuffix("/folders")


def example(served) -> str:
    status, headers, _ = served.post("/audits", {"kind": "example"})
    assert status == 303
    return headers["location"].removesuffix("/plan")


def begin(served, audit: str, preset: str = "quick") -> None:
    status, headers, _ = served.post(f"{audit}/plan", {"action": "begin", "preset": preset})
    assert (status, headers["location"]) == (303, audit)


def test_presets_are_cards_that_say_what_they_cost_and_cannot(served, commands: Commands):
    audit = example(served)
    assert [job.preset for job in commands.waiting()] == ["quick", "standard"]
    text = served.ask(f"{audit}/plan")[2]
    assert text.count("Being worked out") == 2
    assert "data-again" in text
    quick, standard = commands.waiting()
    no_word = said("foresight.no-word", reasons=[said("foresight.runs", runs=2, least=6)])
    commands.ends(quick, gave=plan_of(said("told.cells", count=4), no_word, said("told.disk", mb=40.0)))
    commands.ends(standard, {"error": said("ui-folders-missing")}, code=2)
    served.post(f"{audit}/plan", {"action": "again", "preset": "court"})
    commands.ends(commands.waiting()[0], code=1)
    text = served.ask(f"{audit}/plan")[2]
    assert "data-again" not in text
    cards = text.split('<ul class="cards">')[1].split("<li>")[1:]
    assert "will not give a verdict" in cards[0]
    assert "40 MB" in cards[0]
    assert "missing" in cards[1]
    assert "Try again" in cards[1]
    assert "could not be worked out" in cards[2]
    served.post(f"{audit}/plan", {"action": "again", "preset": "standard"})
    assert [job.preset for job in commands.waiting()] == ["standard"]
    for wrong in ({"action": "again", "preset": "../x"}, {"action": "begin", "preset": ""}, {"action": "other"}):
        assert served.post(f"{audit}/plan", wrong)[0] == 303
    assert len(commands.jobs.all(LOOKS)) == 3
    assert commands.jobs.all(AUDITS) == []


def test_a_test_waits_runs_stops_and_goes_on(served, commands: Commands):
    first, second = example(served), example(served)
    for audit in (first, second):
        begin(served, audit)
    begin(served, first)  # twice is once
    one, two = commands.jobs.all(AUDITS)
    assert [commands.jobs.state(look) for look in commands.jobs.all(LOOKS)] == ["stopped"] * 4
    assert one.out != two.out
    assert Path(one.out).parent == served.reports
    assert "It begins at once" in served.ask(first)[2]
    assert "1 other test comes before it" in served.ask(second)[2]
    served.post(second, {"action": "first"})
    assert commands.jobs.all(AUDITS)[0].id == two.id
    text = served.ask("/")[2]
    assert text.index(second) < text.index(first)

    stage = said("stage.train")
    ended = {"ended": said("stage.read"), "seconds": 2.0}
    commands.begins(
        two, ended, {"at": stage, "done": 3, "all": 24, "left": 70.0}, {"said": said("few-works", n=12, least=20)}
    )
    text = served.ask(second)[2]
    assert '<progress max="24" value="3"' in text
    assert "left in this stage" in text
    assert "Reading pictures" in text
    commands.begins(two, ended, {"at": stage, "done": 4, "all": 24, "left": 70.0, "in_all": 300.0})
    assert "left in all" in served.ask(second)[2]
    served.post(second, {"action": "go-on"})  # is under way already
    assert not (two.folder / "stop").exists()
    served.post(second, {"action": "stop"})
    assert (two.folder / "stop").exists()
    (two.folder / "code").write_text("143")
    assert "It goes on from there" in served.ask(second)[2]
    served.post(second, {"action": "go-on"})
    assert "1 other test comes before it" in served.ask(second)[2]

    served.post(first, {"action": "stop"})
    commands.ends(two, {"error": said("ui-folders-missing")}, code=2)
    assert "missing" in served.ask(second)[2]
    status, headers, _ = served.post(second, {"action": "drop"})
    assert (status, headers["location"]) == (303, f"{second}/plan")
    assert commands.jobs.find(two.id) is None
    assert served.post(second, {"action": "stop"})[0] == 404
    status, headers, _ = served.ask(second)
    assert (status, headers["location"]) == (303, f"{second}/plan")


def test_the_queue_is_paused_and_put_in_another_order(served, commands: Commands):
    audits = [example(served) for _ in range(3)]
    for audit in audits:
        begin(served, audit)
    one, two, three = commands.jobs.all(AUDITS)
    assert "Earlier" in served.ask("/")[2]
    assert served.post("/queue", {"action": "later", "job": one.id})[1]["location"] == "/#queue"
    assert [job.id for job in commands.jobs.all(AUDITS)] == [two.id, one.id, three.id]
    served.post("/queue", {"action": "earlier", "job": three.id})
    assert [job.id for job in commands.jobs.all(AUDITS)] == [two.id, three.id, one.id]
    served.post("/queue", {"action": "pause"})
    assert "The queue is paused" in served.ask("/")[2]
    assert "The queue is paused" in served.ask(audits[0])[2]
    served.post("/queue", {"action": "unpause"})
    assert "paused" not in served.ask("/")[2]
    served.post("/queue", {"action": "stop", "job": one.id})
    commands.ends(two, {"error": said("ui-folders-missing")}, code=2)
    text = served.ask("/")[2]
    assert ("Try again" in text, "Go on" in text) == (True, True)
    for job in (one, two):
        served.post("/queue", {"action": "go-on", "job": job.id})
    assert [job.id for job in commands.waiting(AUDITS)] == [three.id, one.id, two.id]
    look = commands.jobs.all(LOOKS)[0]
    for hostile in ("../jobs", "", look.id, "f" * 16 + "-" + "0" * 8):
        assert served.post("/queue", {"action": "stop", "job": hostile})[0] == 303
    assert len(commands.waiting(AUDITS)) == 3
    served.post("/queue", {"action": "other", "job": one.id})


def test_a_finished_test_leads_to_its_report(served, commands: Commands):
    audit = example(served)
    begin(served, audit)
    (job,) = commands.waiting(AUDITS)
    write_run(Path(job.out), scenes.run(artist="Ada", **scenes.STATES["exploratory"]))
    commands.ends(job)
    text = served.ask(audit)[2]
    assert "<title>✓ Finished" in text
    assert "/report.html" in text
    assert "data-again" not in text
    assert served.post(audit, {"action": "drop"})[0] == 303
    assert commands.jobs.find(job.id) is not None
    assert audit not in served.ask("/")[2].partition('id="past"')[0]


def test_first_pictures_are_shown_as_they_come(served, commands: Commands, tmp_path):
    audit = example(served)
    begin(served, audit)
    (job,) = commands.waiting(AUDITS)
    commands.begins(job)
    images = Path(job.out) / "images"
    assert "First pictures" not in served.ask(audit)[2]
    images.mkdir(parents=True)
    names = [
        f"ai-generated-{condition}-r0{replicate}-p0{prompt}-n0-0000000{prompt}.png"
        for condition, prompts in (("clean", (1, 2, 3, 4, 5)), ("base", (2, 3, 4, 5)), ("encoder-pgd-16", (2,)))
        for prompt in prompts
        for replicate in (1, 2)
    ]
    for name in (*names, "work-0.png", "ai-generated-x-r01-p00-n0-00000000.png.partial"):
        (images / name).write_bytes(encode_png(work(1)))
    (images / "ai-generated-link-r01-p02-n0-00000002.png").symlink_to(tmp_path / "secret")
    text = served.ask(audit)[2].partition('<ul class="first">')[2].partition("</ul>")[0]
    assert [row.partition("<")[0] for row in text.split('<p class="quiet">')[1:]] == [
        "Before training",
        "Trained on the originals",
        "Trained on encoder-pgd-16",
        "Trained on link",
    ]
    shown = re.findall(r'src="([^"]+)"', text)
    assert [re.search(r"-p0(.)-", name)[1] for name in shown] == [*"2345", *"2345", "2", "2"]
    assert "-r02-" not in text
    assert served.picture(shown[0]) == encode_png(work(1))
    for other in ("work-0.png", shown[-1].rpartition("/")[2], "..%2fplan.json", "%2e%2e", "x" * 300 + ".png"):
        assert served.ask(f"{audit}/made/{other}")[0] == 404
    commands.ends(job, {"error": said("ui-folders-missing")}, code=2)
    assert "First pictures" in served.ask(audit)[2]
    assert served.ask(f"/audits/{'0' * 16}/made/{names[0]}")[0] == 404


def test_a_first_report_is_open_while_the_controls_are_trained(served, commands: Commands):
    audit = example(served)
    begin(served, audit)
    (job,) = commands.waiting(AUDITS)
    commands.begins(job)
    write_run(Path(job.out), scenes.run(artist="Ada", **scenes.STATES["exploratory"]))
    assert "first report" not in served.ask(audit)[2]
    (Path(job.out) / "report.html").write_text("<!doctype html>")
    text = served.ask(audit)[2]
    assert "Open the first report" in text
    assert "gives no verdict" in text


def test_a_run_that_ended_without_a_word_says_so(served, commands: Commands):
    audit = example(served)
    begin(served, audit)
    commands.ends(commands.waiting(AUDITS)[0], code=1)
    assert "gave no reason" in served.ask(audit)[2]


def test_settings_are_asked_for_anew(own, served, commands: Commands, tmp_path, tiny_model):
    settings = tmp_path / "audit.toml"
    settings.write_text('prompts = "prompts.txt"\nout = "x"\n[training]\nrank = 2\n')
    for wrong, sentence in (
        ({"model-path": str(tmp_path / "gone")}, "gone"),
        ({"model-path": str(settings)}, "audit.toml"),
        ({"settings": str(tmp_path / "no.toml")}, "no.toml"),
        ({"replicates": "0"}, "replicates"),
        ({"replicates": "\N{SUPERSCRIPT TWO}".encode("utf-8").decode("latin-1")}, "replicates"),
    ):
        status, _, text = served.post(f"{own}/plan", {"action": "settings", **wrong})
        assert (status, sentence in text) == (400, True), wrong
        assert 'role="alert"' in text
        (name,) = wrong
        stays = re.search(rf'name="{name}"[^>]* value="([^"]*)"', text)
        assert ('class="expert" open' in text, stays is not None and bool(stays[1])) == (True, True)
    assert commands.waiting() == []
    fields = {"model-path": str(tiny_model), "settings": f"'{settings}'", "replicates": "3", "model": "lab"}
    assert served.post(f"{own}/plan", {"action": "settings", **fields})[0] == 303
    quick = commands.waiting()[0]
    spec = json.loads(Path(quick.words[2]).read_text())
    assert (spec["replicates"], spec["model"], spec["preset"]) == (3, str(tiny_model), "quick")
    assert (spec["prompts"], spec["training"]) == (str(tmp_path / "prompts.txt"), {"rank": 2})
    assert "out" not in spec
    settings.unlink()
    status, _, text = served.ask(f"{own}/plan")
    assert (status, "audit.toml" in text) == (400, True)
    begun = served.post(f"{own}/plan", {"action": "begin", "preset": "quick"})
    assert (begun[0], commands.jobs.all(AUDITS)) == (400, [])


def test_pairs_mended_by_hand_reach_the_command(own, served, commands: Commands):
    drafts = Drafts(served.door)
    draft = asked_for(served, f"{own}/folders")
    drafts.mend(draft, left_out=("fox.png",), chosen=(("protected", "castle.png", "owl.png"),))
    served.post(f"{own}/pairs", {"action": "next"})
    spec = json.loads(Path(commands.waiting()[0].words[2]).read_text())
    assert "fox.png" in Path(spec["pairs"]).read_text()
    served.post(f"{own}/pairs", {"action": "undo"})
    assert asked_for(served, f"{own}/folders").chosen == ()


def test_nothing_begins_unfinished_or_undeclared(home, served, commands: Commands):  # noqa: F811
    for ready in (False, True):
        folders = with_folders(served) if ready else served.post("/audits", {"kind": "own"})[1]["location"]
        plan = folders.replace("folders", "plan")
        wanted = (400, None) if ready else (303, folders)
        status, headers, _ = served.post(plan, {"action": "begin", "preset": "quick"})
        assert (status, headers["location"]) == wanted
        if not ready:
            for page in (plan, folders.replace("folders", "pairs"), folders.removesuffix("/folders")):
                assert served.ask(page)[1]["location"] == folders
    assert commands.jobs.all(AUDITS) == []
    assert served.post("/audits", {"kind": "other"})[0] == 403
    for path in ("plan", "pairs", "folders", ""):
        assert served.post(f"/audits/{'0' * 16}/{path}".rstrip("/"), {"action": "next"})[0] == 404


def test_what_is_discarded_is_gone_with_its_looks(served, commands: Commands):
    audit, other = example(served), example(served)
    looks = [job for job in commands.waiting() if job.draft in audit]
    commands.begins(looks[0])
    status, headers, _ = served.post(f"{audit}/plan", {"action": "discard"})
    assert (status, headers["location"]) == (303, "/")
    assert served.ask(f"{audit}/plan")[0] == 404
    assert (looks[0].folder / "stop").exists()
    assert not looks[1].folder.exists()
    assert len(commands.waiting()) == 2
    text = served.ask("/")[2]
    assert audit not in text
    assert other in text
