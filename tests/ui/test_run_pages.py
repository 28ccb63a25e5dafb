"""A finished audit: its tables, its bundle, and deleting it, by the commands of the command line."""

from __future__ import annotations

import http.client
import io
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import pytest

from audit.store import Store
from audit.ui import again, made, run_pages
from audit.ui.drafts import Drafts
from audit.ui.jobs import AUDITS, LOOKS
from audit.ui.past import run_id
from tests.report import scenes
from tests.test_many import write_run
from tests.ui.commands import said, standing
from tests.ui.test_start_page import listed
from tests.works import work


@pytest.fixture
def run(served) -> Path:
    return write_run(served.reports / "2026-01-01-ada ü", scenes.run(artist="Ada <b>", **scenes.STATES["exploratory"]))


def address(run: Path) -> str:
    return f"/runs/{run_id(run)}"


def file_of(served, path: str, fields: dict[str, str]) -> tuple[str, zipfile.ZipFile]:
    """Name and content of an archive that a form gives."""
    name, data = bytes_of(served, path, fields)
    return name, zipfile.ZipFile(io.BytesIO(data))


def bytes_of(served, path: str, fields: dict[str, str]) -> tuple[str, bytes]:
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=240)
    body = urlencode({"csrf": served.session.csrf, **fields})
    link.request("POST", path, body, {"Cookie": served.cookie, "Origin": f"http://127.0.0.1:{served.port}"})
    answer = link.getresponse()
    data = answer.read()
    assert answer.status == 200, data.decode()
    link.close()
    return answer.headers["content-disposition"], data


def test_a_page_of_its_own_says_its_answer(served, run):
    assert "It is being read" in served.ask(address(run))[2]
    listed(served)
    text = served.ask(address(run))[2]
    assert "Ada &lt;b&gt;" in text
    assert "Open the report" not in text
    assert served.ask(f"{address(run)}/report.html")[0] == 404
    assert str(served.reports) not in text


def test_tables_come_as_one_file(served, run):
    name, tables = file_of(served, address(run), {"action": "tables"})
    assert name == "attachment; filename*=UTF-8''2026-01-01-ada%20%C3%BC-tables.zip"
    assert {"scores.csv", "estimates.csv"} <= set(tables.namelist())
    assert tables.read("estimates.csv").startswith(b"run,artist,")


def test_the_court_edition_comes_as_a_page(served, run):
    scenes.draw(scenes.run(artist="Ada <b>", **scenes.STATES["exploratory"]), run / "images")
    before = sorted(run.rglob("*"))
    served.post("/language", {"code": "de"})
    name, data = bytes_of(served, address(run), {"action": "court"})
    assert name.endswith("-court.html")
    assert b'lang="de"' in data
    assert b"<script" not in data
    assert sorted(run.rglob("*")) == before


def test_a_pdf_without_a_browser_is_a_sentence(served, run, monkeypatch):
    scenes.draw(scenes.run(artist="Ada <b>", **scenes.STATES["exploratory"]), run / "images")
    monkeypatch.setenv("CLOAKCHECK_BROWSER", str(run / "none"))
    status, _, text = served.post(address(run), {"action": "pdf"})
    assert status == 400
    assert 'role="alert"' in text


def test_two_audits_are_compared(served, run):
    other = write_run(served.reports / "other", scenes.run(artist="Bob", **scenes.STATES["held"]))
    text = listed(served)
    assert "Compare two audits" in text
    assert f'value="{run_id(other)}"' in text
    status, headers, text = served.ask(f"/compare?first={run_id(run)}&second={run_id(other)}")
    assert (status, "Ada &lt;b&gt;" in text) == (200, True)
    assert "<b>" not in text.partition("<body")[2].partition("Ada")[0]
    assert headers["content-security-policy"].startswith("sandbox allow-scripts")
    for first, second in (("", run_id(run)), (run_id(run), "../x"), (run_id(run), "0" * 20)):
        assert served.ask(f"/compare?first={first}&second={second}")[0] == 404
    (other / "results.json").write_text("{")
    status, _, text = served.ask(f"/compare?first={run_id(run)}&second={run_id(other)}")
    assert (status, 'role="alert"' in text) == (400, True)


def test_deleting_an_artist_takes_all_their_tests(served, run, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOAKCHECK_STORE", str(tmp_path / "store"))
    Store(tmp_path / "store").put_pixels(work(1))
    status, _, text = served.post(address(run), {"action": "delete-artist"})
    assert (status, "Nothing was deleted" in text) == (400, True)
    status, headers, text = served.post(address(run), {"action": "delete-artist", "sure": "yes"})
    assert (status, headers["location"]) == (303, "/"), text
    assert not (run / "plan.json").exists()


def test_what_a_command_refuses_stands_on_the_page(served, run):
    status, _, text = served.post(address(run), {"action": "bundle"})
    assert status == 400
    assert "events.jsonl" in text.partition('role="alert"')[2]
    assert str(served.reports) not in text


def test_a_command_that_takes_for_ever_is_given_up(served, run, monkeypatch):
    monkeypatch.setattr(made, "SECONDS", 0.01)
    status, _, text = served.post(address(run), {"action": "tables"})
    assert (status, 'role="alert"' in text) == (400, True)


def test_deleting_needs_a_tick_and_takes_what_the_page_kept(served, run):
    with standing(served) as commands:
        drafts = Drafts(served.door)
        draft = drafts.new("example")
        job = commands.jobs.add(["run"], lane=AUDITS, draft=draft.id, kind="run", out=str(run))
        commands.jobs.add(["plan"], lane=LOOKS, draft=draft.id, kind="plan", preset="quick")
        commands.ends(job)
        for fields in ({"action": "delete"}, {"action": "other"}):
            status, _, text = served.post(address(run), fields)
            assert (status, "Nothing was deleted" in text) == (400, True)
        assert (run / "results.json").is_file()
        status, headers, _ = served.post(address(run), {"action": "delete", "sure": "yes"})
        assert (status, headers["location"]) == (303, "/")
        assert not (run / "results.json").exists()
        assert (commands.jobs.all(), drafts.all()) == ([], [])
    assert served.ask(address(run))[0] == served.post(address(run), {"action": "tables"})[0] == 404


def test_a_report_too_large_to_show_is_not_shown(served, run, monkeypatch):
    (run / "report.html").write_text("<!doctype html>")
    monkeypatch.setattr(run_pages, "MOST_REPORT", 3)
    assert served.ask(f"{address(run)}/report.html")[0] == 404


@pytest.fixture
def begun_here(served, run, monkeypatch):
    """The run as this page would have made it, and bundles that need none of what made it."""
    asked: list[list[str]] = []

    def bundled(words: list[str]):
        asked.append(words)
        (Path(words[-1]) / "bag").mkdir(parents=True)
        (Path(words[-1]) / "bag" / "bagit.txt").touch()

    monkeypatch.setattr(again, "command", bundled)
    with standing(served) as commands:
        drafts = Drafts(served.door)
        draft = drafts.change(drafts.new("own"), originals="/home/ada/art", arms=(("glaze", "/home/ada/glazed"),))
        spec, digest = drafts.spec(draft, preset="quick")
        words = ["run", "--spec", str(spec), "--out", str(run), "--json"]
        job = commands.jobs.add(
            words, lane=AUDITS, draft=draft.id, kind="run", preset="quick", out=str(run), artist="Ada <b>", asked=digest
        )
        commands.ends(job)
        yield commands, spec, asked


def test_a_test_is_run_once_more(served, run, begun_here):
    commands, spec, bundles = begun_here
    assert "Run it once more" in served.ask(address(run))[2]
    assert served.post(address(run), {"action": "again"}, Origin="http://evil.example")[0] == 403
    for _ in range(2):  # twice is once
        status, headers, _ = served.post(address(run), {"action": "again"})
        assert (status, headers["location"]) == (303, address(run))
    (job,) = commands.waiting(AUDITS)
    (bundle,) = [words[-1] for words in bundles]
    assert job.words == ("reproduce", bundle, "--spec", str(spec), "--no-reuse", "--out", job.out, "--json")
    assert Path(job.out).parent == served.reports.absolute()
    assert f'href="{address(run)}"' in served.ask("/")[2].partition('id="queue"')[2].partition("</ol>")[0]
    commands.begins(job, {"at": said("stage.verify"), "done": 0, "all": 1})
    text = served.ask(address(run))[2]
    assert ("s-running" in text, "data-again" in text, " disabled>" in text) == (True, True, True)
    told = said("reproduced.nothing", condition="<i>glaze")
    commands.ends(job, gave={"conditions": [{"condition": "<i>glaze", "stands": False, "said": told}]}, code=3)
    text = served.ask(address(run))[2]
    assert "&lt;i&gt;glaze" in text
    assert f'href="/runs/{run_id(Path(job.out))}"' in text
    served.post("/language", {"code": "de"})
    assert "Noch einmal durchführen" in served.ask(address(run))[2]
    # Again: from the same bundle, in a folder of its own.
    Path(job.out).mkdir()
    served.post(address(run), {"action": "again"})
    (second,) = commands.waiting(AUDITS)
    assert (second.words[1], second.out != job.out, len(bundles)) == (bundle, True, 1)


def test_what_this_page_did_not_begin_it_cannot_run_once_more(served, run):
    text = served.ask(address(run))[2]
    assert ("<code>cloakcheck reproduce</code>" in text, "Run it once more" in text) == (True, False)
    status, _, text = served.post(address(run), {"action": "again"})
    assert (status, "cloakcheck reproduce" in text.partition('role="alert"')[2]) == (400, True)


def test_a_bundle_that_cannot_be_made_begins_nothing(served, run, begun_here, monkeypatch):
    commands, _, _ = begun_here
    monkeypatch.setattr(again, "command", made.command)
    status, _, text = served.post(address(run), {"action": "again"})
    assert (status, "events.jsonl" in text.partition('role="alert"')[2]) == (400, True)
    assert commands.waiting(AUDITS) == []
