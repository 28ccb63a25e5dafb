"""`overview` from folders on disk: whole, broken, old, doubled and hostile ones; and what its page says."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from audit import records as r
from audit.base.messages import Said
from audit.cli import app
from audit.commands import read_apart
from audit.commands.overview import run_folders
from audit.commands.read_apart import Reader, read_folder
from audit.report import write_report
from audit.report.lint import banned_claims, visible_text
from audit.report.overview.columns import COLUMNS
from tests.builders import make_work
from tests.report import golden, scenes
from tests.report.soup import taste

ROOT = Path(__file__).resolve().parent.parent
FROZEN = ROOT / "tests" / "frozen" / "v1"
ARTISTS = {
    "held": "Ada Quill",
    "partly-held": "Ben",
    "did-not-hold": "Chiara",
    "not-valid": "Dmitri",
    "exploratory": "Eve",
}


def write_run(folder: Path, results: r.Results) -> Path:
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(results.plan.model_dump_json(), encoding="utf-8")
    (folder / "results.json").write_text(results.model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Five artists' audits with pictures; a copy of one; broken, old, hostile and empty folders."""
    root = tmp_path_factory.mktemp("many") / "runs"
    for number, (label, artist) in enumerate(ARTISTS.items()):
        works = tuple(make_work(i + 100 * (number + 1), split="reference" if i % 3 == 0 else "pool") for i in range(24))
        results = scenes.run(artist=artist, works=works, **scenes.STATES[label])
        folder = write_run(root / label, results)
        scenes.draw(results, folder / "images")
        write_report(results, run_folder=folder)
    shutil.copytree(root / "held", root / "held-copy")
    shutil.copytree(FROZEN / "sample", root / "old")
    shutil.copytree(FROZEN / "score", root / "service")
    write_run(root / "hostile", golden.STATES["hostile-names"]())
    write_run(root / "unfinished", scenes.small())
    (root / "unfinished" / "results.json").unlink()
    whole = (root / "held" / "results.json").read_text(encoding="utf-8")
    for name, text in {"cut": whole[:5000], "deep": "[" * 100_000, "newer": '{"schema_version": 99}'}.items():
        (root / name).mkdir()
        (root / name / "results.json").write_text(text, encoding="utf-8")
    (root / "no-run").mkdir()
    return root


@pytest.fixture(scope="module")
def made(runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "overview.html"
    done = CliRunner().invoke(app, ["overview", str(runs), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str(out)
    return out


def record(page: Path) -> r.Overview:
    return r.Overview.model_validate_json(page.with_suffix(".json").read_text(encoding="utf-8"))


def test_every_folder_is_an_audit_or_a_row_with_its_sentence(runs, made):
    overview = record(made)
    assert {a.folder for a in overview.audits} == {*ARTISTS, "old", "hostile"}
    why = {one.folder: one.said.id for one in overview.unread}
    assert why == {
        "held-copy": "overview-again", "service": "overview-score", "unfinished": "results-missing.unfinished",
        "cut": "results-invalid", "deep": "results-invalid", "newer": "file-version",
    }  # fmt: skip
    html = made.read_text(encoding="utf-8")
    for one in overview.unread:
        assert f"<code><bdi>{one.folder}</bdi></code>" in html
        assert one.sentence.partition("'")[0][:40] in visible_text(html, names=True)


def test_words_are_those_of_the_audits(made):
    overview = record(made)
    found = {a.folder: a.verdict for a in overview.audits if a.folder in ARTISTS}
    assert found == {label: label for label in ARTISTS}
    html = made.read_text(encoding="utf-8")
    # An edited word would not stand: every page works the answer out.
    (heading,) = taste(html).text("h1")
    assert heading.startswith("7 audits of works by 7 artists: 1 “Held”, ")
    assert "%" not in heading


def test_a_word_without_a_number_has_a_card_and_no_number(made):
    html = made.read_text(encoding="utf-8")
    cards = dict(re.findall(r'<article class="card[^"]*" id="(audit-\d+)".*?>(.*?)</article>', html, re.S))
    audits = record(made).audits
    assert len(cards) == len(audits)
    for audit in audits:
        card = cards[f"audit-{audit.number}"]
        assert ("strip-scale" in card) == (audit.verdict not in ("not-valid", "exploratory", "models-broke"))
        assert card.count("<img") == (3 if audit.folder in ARTISTS else 0)
        link = re.search(r'<a href="([^#"]+)">', card)
        assert (link is not None) == (audit.folder in ARTISTS)
        assert link is None or (made.parent / unquote(link[1])).is_file()


@pytest.mark.parametrize("lang", ["en", "de"])
def test_the_page_is_whole_quiet_and_claims_nothing_banned(runs, made, tmp_path, lang):
    page = made
    if lang == "de":
        page = tmp_path / "page.html"
        assert CliRunner().invoke(app, ["overview", str(runs), "--out", str(page), "--lang", "de"]).exit_code == 0
    html = page.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    check_page(html)
    assert ("Test nicht gültig" in html) == (lang == "de") or lang == "en"


def check_page(html: str) -> None:
    """Nothing is loaded from outside, every address leads somewhere, the policy holds, nothing banned is claimed."""
    soup = taste(html)
    assert not re.search(r"https?://|@import|url\((?!#)|<script>alert", re.sub(r'href="data:[^"]*"', "", html))
    ids = [a["id"] for _, a in soup.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attrs in soup.elements:
        href = attrs.get("href", "#")
        assert "download" in attrs or not href.startswith("#") or href[1:] in {*ids, ""}
        assert attrs.get("for", ids[0]) in ids
        assert attrs.get("src", "data:image/").startswith("data:image/")
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
    policy = next(m["content"] for m in soup.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert banned_claims(visible_text(html)) == []


def test_the_files_in_the_page_are_those_beside_it(made):
    links = {a["download"]: a["href"] for a in taste(made.read_text(encoding="utf-8")).all("a") if "download" in a}
    for ending in ("csv", "json"):
        inside = unquote(links[f"overview.{ending}"].partition(",")[2])
        assert inside == made.with_suffix(f".{ending}").read_text(encoding="utf-8")
    drawings = [unquote(uri.partition(",")[2]) for name, uri in links.items() if name.endswith(".svg")]
    assert len(drawings) > 2
    assert all(text.startswith('<svg xmlns="http://www.w3.org/2000/svg"') for text in drawings)


def test_the_csv_holds_what_the_record_holds(made):
    overview = record(made)
    rows = list(csv.DictReader(io.StringIO(made.with_suffix(".csv").read_text(encoding="utf-8"))))
    assert list(rows[0]) == [c.name for c in COLUMNS]
    shown = [
        (int(row["audit"]), row["condition"], row["metric"], row["value"]) for row in rows if row["kind"] == "audit"
    ]
    told = [
        (a.number, c.condition, c.metric, "" if c.value is None else repr(c.value))
        for a in overview.audits
        for c in a.claims
    ]
    assert [row[0::2] for row in shown] == [row[0::2] for row in told]
    assert [row[3] for row in shown] == [row[3] for row in told]
    assert sum(row["kind"] == "unread" for row in rows) == len(overview.unread)
    assert sum(row["kind"] == "pooled" for row in rows) == sum(p.value is not None for p in overview.pooled)


def test_under_pseudonyms_nothing_names_artist_or_folder(runs, tmp_path):
    out = tmp_path / "page.html"
    asked = ["overview", str(runs), "--out", str(out), "--pseudonyms", "--no-pictures"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    overview = record(out)
    for path in (out, out.with_suffix(".csv"), out.with_suffix(".json")):
        text = unquote(path.read_text(encoding="utf-8"))
        for name in (*ARTISTS.values(), "held-copy", "unfinished", "Streamline", str(runs)):
            assert not re.search(rf"\b{re.escape(name)}\b", text.replace("is being", "")), (path.suffix, name)
    assert {a.artist for a in overview.audits} == {f"Artist {n}" for n in range(1, 8)}
    assert "<img" not in out.read_text(encoding="utf-8")


def test_an_answer_edited_by_hand_does_not_reach_the_page(runs, tmp_path):
    told = json.loads((runs / "did-not-hold" / "results.json").read_text(encoding="utf-8"))
    told["verdict"]["label"] = "held"
    told["verdict"]["per_condition"][scenes.CLOAK]["label"] = "held"
    (tmp_path / "results.json").write_text(json.dumps(told), encoding="utf-8")
    read = read_folder(tmp_path, pictures=False)
    assert isinstance(read, r.ReadAudit)
    assert read.facts.verdict == "did-not-hold"
    assert [said.id for said in read.facts.edited] == ["answers-not-of-scores"]


def test_a_folder_that_takes_too_long_costs_a_row_and_not_the_next_one(runs, monkeypatch):
    with Reader() as reader:
        monkeypatch.setattr(read_apart, "SECONDS", 0.01)
        stopped = reader.read(runs / "held", pictures=False)
        monkeypatch.setattr(read_apart, "SECONDS", 300)
        after = reader.read(runs / "held", pictures=False)
    assert isinstance(stopped, Said)
    assert stopped.id == "overview-unread"
    assert isinstance(after, r.ReadAudit)
    assert after.facts.verdict == "held"


def test_folders_of_runs_are_opened_one_level(runs, tmp_path):
    found = list(run_folders([runs / "held", runs, runs / "held" / ".." / "held", tmp_path / "gone"]))
    assert found[0] == runs / "held"
    assert sum(p.resolve() == (runs / "held").resolve() for p in found) == 1
    assert runs / "no-run" not in found
    assert found[-1] == tmp_path / "gone"


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (["gone"], "overview-none"),
        (["held", "--out", "x.csv"], "overview-out"),
        (["held", "--lang", "xx"], "language-unknown"),
    ],
)
def test_what_cannot_be_made_is_one_sentence_and_no_file(runs, tmp_path, monkeypatch, words, slug):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["overview", str(runs / words[0]), *words[1:]])
    assert done.exit_code == 2
    assert f"[{slug}]" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lang", ["en", "de"])
def test_two_runs_side_by_side_are_a_page_with_every_difference(runs, tmp_path, lang):
    out = tmp_path / "compare.html"
    asked = ["compare", str(runs / "held"), str(runs / "did-not-hold")]
    done = CliRunner().invoke(app, [*asked, "--out", str(out), "--lang", lang])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str(out)
    html = out.read_text(encoding="utf-8")
    check_page(html)
    found = r.RunComparison.model_validate_json(out.with_suffix(".json").read_text(encoding="utf-8"))
    as_text = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert [row.model_dump(mode="json") for row in found.differences] == as_text
    by_place = {(row.chapter, row.what): (row.first, row.second) for row in found.differences}
    assert by_place["plan", "artist"] == (ARTISTS["held"], ARTISTS["did-not-hold"])
    assert by_place["result", "verdict"] == ("held", "did-not-hold")
    assert found.same_works == 0
    rows = list(csv.DictReader(io.StringIO(out.with_suffix(".csv").read_text(encoding="utf-8"))))
    assert [row["what"] for row in rows] == [row.what for row in found.differences]
    soup = taste(html)
    for row in found.differences[:40]:
        assert row.what in visible_text(html, names=True)
    assert sum(tag == "article" for tag, _ in soup.elements) == 2
    assert html.count("<img") == 6
    assert ("nebeneinander" in html) == (lang == "de")


def test_a_run_beside_itself_differs_in_nothing_and_hostile_names_stay_names(runs, tmp_path):
    out = tmp_path / "compare.html"
    done = CliRunner().invoke(app, ["compare", str(runs / "held"), str(runs / "held-copy"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "Nothing that is compared differs" in out.read_text(encoding="utf-8")
    done = CliRunner().invoke(app, ["compare", str(runs / "held"), str(runs / "hostile"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    check_page(out.read_text(encoding="utf-8"))
    for folder, slug in (("cut", "results-invalid"), ("unfinished", "results-missing"), ("newer", "file-version")):
        there = sorted(tmp_path.iterdir())
        done = CliRunner().invoke(
            app, ["compare", str(runs / "held"), str(runs / folder), "--out", str(tmp_path / "no.html")]
        )
        assert done.exit_code == 2
        assert f"[{slug}]" in done.stderr
        assert sorted(tmp_path.iterdir()) == there


@pytest.mark.parametrize("lang", ["en", "de"])
def test_audits_of_one_artist_and_protection_stand_in_the_order_of_their_beginnings(tmp_path, lang):
    """Named so that the later one is read first; the second had other works."""
    for folder, day, first in (("b-early", "2026-03-01", 100), ("a-late", "2026-06-01", 200)):
        works = tuple(make_work(i + first, split="reference" if i % 3 == 0 else "pool") for i in range(24))
        results = scenes.run(artist="Ada Quill", works=works, **scenes.STATES["held-plain"])
        begun = results.provenance.model_copy(update={"started": f"{day}T03:00:00Z"})
        write_run(tmp_path / folder, results.model_copy(update={"provenance": begun}))
    page = tmp_path / "o.html"
    done = CliRunner().invoke(app, ["overview", str(tmp_path), "--out", str(page), "--lang", lang])
    assert done.exit_code == 0, done.output
    found = record(page)
    assert [[found.audits[n - 1].folder for n in s.audits] for s in found.series] == [["b-early", "a-late"]]
    html = page.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    section = html[html.index('<section id="time"') :]
    rows = [re.findall(r"<bdi>(.*?)</bdi>", row) for row in re.findall(r"<tr><th scope=.row.>.*?</tr>", section)][:2]
    days = {"en": ["1 March 2026", "1 June 2026"], "de": ["1. März 2026", "1. Juni 2026"]}[lang]
    assert [row[1] for row in rows] == days
    assert [row[-1] for row in rows] == {"en": ["nothing", "works"], "de": ["nichts", "Werke"]}[lang]


def test_a_filter_with_more_choices_than_fit_leaves_none_of_its_cards_unfindable(tmp_path):
    write_run(tmp_path / "forty", golden.fixed("partly-held", conditions=scenes.many(45)))
    write_run(tmp_path / "other", scenes.small())
    done = CliRunner().invoke(app, ["overview", str(tmp_path), "--out", str(tmp_path / "o.html"), "--no-pictures"])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "o.html").read_text(encoding="utf-8")
    asked = re.findall(r'id="(f-cloak-\d+)"', page)
    assert len(asked) == 40
    assert re.search(rf'id="{asked[-1]}"[^>]*>\s*(?:<[^>]+>)*\s*others', page)
    (card,) = [c for c in re.findall(r'class="card ([^"]*)"', page) if "cloak-5 " in c]
    assert card.split().count("cloak-39") == 1


def test_a_score_is_told_as_one_by_the_commands_for_runs(runs):
    for command in (["compare", str(runs / "held")], ["export"]):
        done = CliRunner().invoke(app, [*command, str(runs / "service")])
        assert done.exit_code == 2
        assert "holds a score of pictures from a service" in done.stderr
