"""Court edition, PDF, terminal and the command that makes them."""

from __future__ import annotations

import io
import re
import stat
from pathlib import Path
from typing import Literal

import pytest
from babel.messages.pofile import read_po
from rich.console import Console
from typer.testing import CliRunner

from audit import records as r
from audit.base.errors import AuditError
from audit.cli import app
from audit.report import assets, pdf, print_pdf, render
from audit.report.lint import banned_claims, visible_text
from audit.report.terminal import WIDTH, show
from tests.report import golden, scenes
from tests.report.conftest import Rendered
from tests.report.scenes import draw
from tests.report.soup import taste


@pytest.fixture(scope="module")
def court(pages: dict[str, Rendered]) -> str:
    rendered = pages["partly-held"]
    return render(rendered.results, images=rendered.folder / "images", edition="court")


def test_court_edition_has_no_script_and_nothing_folded(court: str) -> None:
    soup = taste(court)
    assert [tag for tag in ("script", "details", "summary", "dialog", "button", "input") if soup.all(tag)] == []
    policy = next(m["content"] for m in soup.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert "script-src 'none'" in policy
    assert soup.all("html")[0]["class"] == "court"


@pytest.mark.parametrize("preset", ["standard", "court"])
def test_only_a_court_plan_makes_a_page_that_calls_itself_one(
    pages: dict[str, Rendered], preset: Literal["standard", "court"]
) -> None:
    rendered = pages["partly-held"]
    results = rendered.results.model_copy(update={"plan": rendered.results.plan.model_copy(update={"preset": preset})})
    text = visible_text(render(results, images=rendered.folder / "images", edition="court"))
    assert ("court edition" in text, "not a court plan" in text) == (preset == "court", preset != "court")


def test_court_edition_says_all_that_the_other_says(pages: dict[str, Rendered], court: str) -> None:
    wanted = taste(pages["partly-held"].html)
    found = taste(court)
    # Words are those of the third person; what there is, and the numbers, are the same.
    assert len(wanted.text("table")) <= len(found.text("table")) + 1, "the grid is one table here"
    assert wanted.data == found.data
    assert banned_claims(visible_text(court)) == []


def test_court_edition_begins_with_its_conclusions_and_leaves_fields_to_the_expert(court: str) -> None:
    headings = taste(court).text("h2")
    assert headings[:2] == ["Summary of conclusions", "Who instructed, who tested, on what"]
    assert "What you can do next" not in headings
    first = court.split('id="conclusions"')[1].split("</section>")[0]
    assert len(re.findall(r"Conclusion&nbsp;\d+", first)) >= 3
    fields = court.split('id="expert"')[1].split("</section>")[0]
    for name in ("Instructed by", "Test run by", "Material", "Range of opinion", "Statement of truth"):
        assert f"<dt>{name}</dt>" in fields
    for kind in ("Result", "Picture", "Sheet", "Figure", "Table"):
        numbers = [int(n) for n in re.findall(rf'<span class="nr">{kind}&nbsp;(\d+)</span>', court)]
        assert len(numbers) > 2, kind
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("label", list(golden.STATES))
def test_court_edition_speaks_in_the_third_person(label: str) -> None:
    """Of nobody's works, and without advice to the reader, in both languages."""
    results = golden.STATES[label]()
    english = visible_text(render(results, images=Path("nowhere"), edition="court"))
    assert re.findall(r".{40}\b(?:[Yy]ou|[Yy]ours?|[Ww]e|[Oo]ur|[Uu]s)\b", english) == []
    german = visible_text(render(results, images=Path("nowhere"), edition="court", lang="de"))
    assert re.findall(r".{40}\b(?:Ihnen|[Ww]ir|[Uu]nser\w*|[a-zäöü,] Ihre?[mnrs]?)\b", german) == []


@pytest.mark.parametrize("code", ["en", "de"])
def test_words_of_the_court_edition_stand_for_words_that_are_said(code: str) -> None:
    """None is left over from a sentence that has changed, and none lacks a place."""
    folder = assets.templates_folder()
    with (folder / "locale" / "messages.pot").open("rb") as file:
        known = read_po(file)
    with (folder / "court" / f"{code}.po").open("rb") as file:
        own = [m for m in read_po(file) if m.id]
    assert len(own) > 50
    for message in own:
        assert message.id in known, message.id
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        for text in texts:
            assert set(re.findall(r"{\w+", text)) <= set(re.findall(r"{\w+", ids[-1])), text


def test_court_edition_carries_its_digest_in_the_page_margin(pages: dict[str, Rendered], court: str) -> None:
    digest = pages["partly-held"].results.digest()
    assert f'@top-left {{ content: "CloakCheck report, canonical digest {digest}"; }}' in court
    assert '"Page " counter(page) " of " counter(pages) ""' in court


@pytest.mark.parametrize("label", list(scenes.states()))
def test_terminal_says_the_sentence_of_the_report(pages: dict[str, Rendered], label: str) -> None:
    results = pages[label].results
    assert results.verdict is not None
    out = io.StringIO()
    show(results, Console(file=out, width=80))
    text = " ".join(out.getvalue().split())
    assert results.verdict.sentence in text
    tracks = re.findall(r"^ *([─━●◀▶]+)$", out.getvalue(), re.MULTILINE)
    assert [len(t) for t in tracks] == ([] if label in r.WITHOUT_NUMBER else [WIDTH])


@pytest.mark.parametrize(
    ("label", "at"), [("held", round(0.72 * (WIDTH - 1))), ("did-not-hold", round(0.02 * (WIDTH - 1)))]
)
def test_terminal_scale_puts_the_mark_where_it_belongs(label: str, at: int) -> None:
    out = io.StringIO()
    show(golden.STATES[label](), Console(file=out, width=80))
    (track,) = re.findall(r"^ *([─━●]+)$", out.getvalue(), re.MULTILINE)
    assert track.index("●") == at


def test_report_command_writes_editions_and_languages(pages: dict[str, Rendered], tmp_path: Path) -> None:
    rendered = pages["exploratory"]
    (tmp_path / "results.json").write_text(rendered.results.model_dump_json())
    draw(rendered.results, tmp_path / "images")
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--court", "--lang", "de"])
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [str(tmp_path / "report-court.html"), str(tmp_path / "report.html")]
    assert '<html lang="de"' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_another_language_lies_beside_the_page_that_is_there(pages: dict[str, Rendered], tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(pages["exploratory"].results.model_dump_json())
    draw(pages["exploratory"].results, tmp_path / "images")
    assert CliRunner().invoke(app, ["report", str(tmp_path)]).exit_code == 0
    before = (tmp_path / "report.html").read_bytes()
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--lang", "de"])
    assert done.stdout.splitlines() == [str(tmp_path / "report-de.html")]
    assert '<html lang="de"' in (tmp_path / "report-de.html").read_text(encoding="utf-8")
    assert (tmp_path / "report.html").read_bytes() == before


def test_report_command_refuses_an_unknown_language(pages: dict[str, Rendered], tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(pages["exploratory"].results.model_dump_json())
    draw(pages["exploratory"].results, tmp_path / "images")
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--lang", "tlh"])
    assert done.exit_code == 2
    assert "[pictures-missing]" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "results.json"]


def test_a_page_is_not_made_anew_without_its_pictures(pages: dict[str, Rendered], tmp_path: Path) -> None:
    """Its page would show blanks, and be written over one that has them."""
    (tmp_path / "results.json").write_text(pages["exploratory"].results.model_dump_json())
    (tmp_path / "report.html").write_text("before")
    done = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert done.exit_code == 2
    assert "[pictures-missing]" in done.stderr
    assert (tmp_path / "report.html").read_text() == "before"


def test_open_hands_the_file_to_the_browser(
    pages: dict[str, Rendered], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results.json").write_text(pages["exploratory"].results.model_dump_json())
    draw(pages["exploratory"].results, tmp_path / "images")
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert CliRunner().invoke(app, ["report", str(tmp_path), "--open"]).exit_code == 0
    assert opened == [(tmp_path / "report.html").as_uri()]


def test_pdf_without_a_browser_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pdf.BROWSER_VARIABLE, "no-such-browser")
    with pytest.raises(AuditError) as caught:
        print_pdf(tmp_path / "report-court.html", tmp_path / "report-court.pdf")
    assert caught.value.slug == "browser-not-found"
    assert str(tmp_path) not in caught.value.sentence


WRITES_RUBBISH = 'echo no > "$(echo "$@" | sed "s/.*--print-to-pdf=//;s/ .*//")"'


@pytest.mark.parametrize("script", ["exit 0", "exit 3", WRITES_RUBBISH])
def test_a_browser_that_makes_no_pdf_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    fake = tmp_path / "browser"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(pdf.BROWSER_VARIABLE, str(fake))
    (tmp_path / "report-court.html").write_text("<!doctype html>")
    with pytest.raises(AuditError) as caught:
        print_pdf(tmp_path / "report-court.html", tmp_path / "report-court.pdf")
    assert caught.value.slug == "pdf-failed"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["browser", "report-court.html"]
