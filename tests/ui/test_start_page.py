"""The start page: audits of before, and their reports behind a policy of their own."""

from __future__ import annotations

import json
import re
import time

import pytest

from audit.ui.past import PastAudits
from tests.report import scenes
from tests.test_many import write_run


def listed(served, path: str = "/", *, seconds: float = 120) -> str:
    """The page once everything on it was read."""
    until = time.monotonic() + seconds
    while True:
        status, _, text = served.ask(path)
        assert status == 200
        if "data-again" not in text or time.monotonic() > until:
            return text
        time.sleep(0.1)


@pytest.fixture
def run(served):
    folder = write_run(
        served.reports / "2026-01-01-held", scenes.run(artist="Ada <b>Hostile</b>", **scenes.STATES["held"])
    )
    (folder / "report.html").write_text("<!doctype html><title>the report</title>")
    return folder


def test_no_audits_yet(served):
    assert "There are none yet" in served.ask("/")[2]


def test_a_finished_audit_is_listed_with_its_answer_and_report(served, run):
    text = listed(served)
    assert "Ada &lt;b&gt;Hostile" in text
    assert "<b>Hostile" not in text
    assert str(served.reports) not in text  # no path of the machine
    address = re.search(r"/runs/[0-9a-f]{20}/report\.html", text)[0]
    status, headers, page = served.ask(address)
    assert (status, page) == (200, "<!doctype html><title>the report</title>")
    assert headers["content-security-policy"].startswith("sandbox allow-scripts allow-downloads; default-src 'none'")
    assert "allow-same-origin" not in headers["content-security-policy"]


def test_what_was_read_is_not_read_again(served, run):
    listed(served)
    kept = served.door.folder / "past.json"
    (row,) = PastAudits(served.reports, kept).rows()  # as after another start of the server
    assert not row.reading
    (run / "results.json").write_text("{")
    assert PastAudits(served.reports, kept).one(row.id).reading


def test_a_run_folder_may_be_all_that_is_listed(served, run, tmp_path):
    kept = tmp_path / "kept.json"
    assert [row.folder for row in PastAudits(run, kept).rows()] == [run]
    assert PastAudits(tmp_path / "gone", kept).rows() == []


def test_what_was_kept_and_is_damaged_is_read_again(served, run):
    listed(served)
    kept = served.door.folder / "past.json"
    found = json.loads(kept.read_text())
    for facts in found.values():
        facts["facts"]["preset"] = 3
    kept.write_text(json.dumps(found))
    assert [row.reading for row in PastAudits(served.reports, kept).rows()] == [True]


def test_what_another_version_kept_in_its_own_words_is_read_again(served, run):
    """As after an update: the first page is there all the same."""
    listed(served)
    kept = served.door.folder / "past.json"
    found = json.loads(kept.read_text())
    for one in found.values():
        one["facts"]["said"] = {"id": "words.of-tomorrow", "values": {}}
    kept.write_text(json.dumps(found))
    (row,) = PastAudits(served.reports, kept).rows()
    assert row.reading


def test_a_folder_that_holds_no_audit_says_why(served):
    broken = served.reports / "broken"
    broken.mkdir()
    (broken / "results.json").write_text("{")
    text = listed(served)
    assert "<bdi>broken</bdi>" in text
    assert 'lang="en"' in text
    assert "/report.html" not in text


def test_audits_are_searched(served, run):
    listed(served)
    assert "Ada" in listed(served, "/?q=ada")
    text = listed(served, "/?q=%22%3E%3Cscript%3Enobody")
    assert "Ada &lt;b" not in text
    assert "<script>nobody" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/runs/../../etc/passwd",
        "/runs/%2e%2e%2f%2e%2e%2fetc%2fpasswd/report.html",
        "/runs/..%2f..%2fstate/report.html",
        "/runs/00000000000000000000/report.html",
        "/runs/%00/report.html",
        "/ui.css/../../pyproject.toml",
        "//evil.example/report.html",
    ],
)
def test_no_address_leads_out_of_the_listed_folders(served, run, path):
    assert served.ask(path)[0] == 404


def test_links_lead_nowhere(served, run, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (run / "report.html").unlink()
    (run / "report.html").symlink_to(secret)
    elsewhere = write_run(tmp_path / "elsewhere", scenes.run(artist="Elsewhere", **scenes.STATES["held"]))
    (served.reports / "link").symlink_to(elsewhere)
    text = listed(served)
    assert "/report.html" not in text
    assert "Elsewhere" not in text


@pytest.mark.parametrize("asked", ["de", "de-DE,de;q=0.9,en;q=0.8", "fr,de;q=0.5"])
def test_the_browsers_language_is_taken_until_one_is_chosen(served, asked):
    assert 'lang="de"' in served.ask("/", Accept_Language=asked)[2]
    served.post("/language", {"code": "en"})
    assert '<html lang="en"' in served.ask("/", Accept_Language=asked)[2]
