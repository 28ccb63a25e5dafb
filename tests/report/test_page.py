"""The file as a file: self-contained, inert, sound in structure, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from audit.base.errors import BadResults, StorageError
from audit.records import Results
from audit.report import assets, page, render, shell, write_report
from audit.report.lint import banned_claims, visible_text
from audit.report.locale import report_locale
from tests.report import scenes
from tests.report.conftest import Rendered
from tests.report.readability import grade, open_sentences
from tests.report.soup import taste

LABELS = (
    "held",
    "held-plain",
    "partly-held",
    "did-not-hold",
    "models-broke",
    "inconclusive",
    "not-valid",
    "exploratory",
)


@pytest.mark.parametrize("label", LABELS)
def test_fixture_has_the_label_it_is_named_after(pages: dict[str, Rendered], label: str) -> None:
    verdict = pages[label].results.verdict
    assert verdict is not None
    assert verdict.label == label


@pytest.mark.parametrize("label", LABELS)
def test_nothing_is_loaded_from_outside(pages: dict[str, Rendered], label: str) -> None:
    html = pages[label].html
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    for _, attrs in taste(html).elements:
        if "src" in attrs:
            assert attrs["src"].startswith("data:image/")
        if "href" in attrs:
            assert attrs["href"].startswith("data:text/csv" if "download" in attrs else ("#", "images/"))


@pytest.mark.parametrize("label", LABELS)
def test_ids_are_unique_and_every_reference_resolves(pages: dict[str, Rendered], label: str) -> None:
    elements = taste(pages[label].html).elements
    ids = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in elements:
        wanted = [attrs["href"][1:]] if attrs.get("href", "").startswith("#") else []
        wanted += attrs.get("aria-labelledby", "").split()
        wanted += re.findall(r"url\(#([^)]+)\)", " ".join(attrs.values()))
        assert set(wanted) <= set(ids)


def test_every_picture_is_within_reach_at_full_size(pages: dict[str, Rendered]) -> None:
    """Beside the page, linked relatively: the page's folder is the run's."""
    rendered = pages["held"]
    linked = {attrs["href"] for _, attrs in taste(rendered.html).elements if attrs.get("class") == "zoom"}
    files = {name for cell in rendered.results.cells for name in cell.generations.files}
    assert {f"images/{name}" for name in files} <= linked
    assert all((rendered.folder / place).is_file() for place in linked)


def test_contents_say_what_headings_say_and_every_place_can_be_linked(pages: dict[str, Rendered]) -> None:
    html = pages["held"].html
    nav = html.split('<nav class="contents"')[1].split("</nav>")[0]
    listed = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', nav)
    assert [text for _, text in listed] == taste(html).text("h2")
    assert len(re.findall(r'class="here" href="#', html)) == len(listed)
    for kind, tag in (("Figure", "figcaption"), ("Table", "caption")):
        numbers = [
            int(n) for n in re.findall(rf"<{tag}[^>]*><a class=\"nr\" href=\"#[^\"]+\">{kind}&nbsp;(\d+)</a>", html)
        ]
        assert len(numbers) > 3
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("label", LABELS)
def test_policy_allows_exactly_the_style_and_script_of_the_page(pages: dict[str, Rendered], label: str) -> None:
    html = pages[label].html
    soup = taste(html)
    policy = next(m["content"] for m in soup.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    for tag in ("style", "script"):
        parts = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert len(parts) == 1
        digest = base64.b64encode(hashlib.sha256(parts[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    for rule in ("default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'"):
        assert rule in policy
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert not [a for _, a in soup.elements if "style" in a or any(n.startswith("on") for n in a)]


@pytest.mark.parametrize("label", LABELS)
def test_structure_is_accessible(pages: dict[str, Rendered], label: str) -> None:
    soup = taste(pages[label].html)
    assert soup.all("html") == [{"lang": "en", "dir": "ltr"}]
    assert len(soup.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in soup.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for image in soup.all("img"):
        assert image["alt"]
        assert int(image["width"]) > 0
    assert all("scope" in th for th in soup.all("th"))
    assert all("aria-labelledby" in svg for svg in soup.all("svg") if svg.get("aria-hidden") != "true")
    assert len(soup.all("caption")) == len(soup.all("table"))


@pytest.mark.parametrize("label", LABELS)
def test_every_inlined_picture_decodes(pages: dict[str, Rendered], label: str) -> None:
    images = taste(pages[label].html).all("img")
    assert len(images) > 20
    for image in images:
        data = base64.b64decode(image["src"].split(",", 1)[1], validate=True)
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert not picture.info.get("exif")


@pytest.mark.parametrize("label", LABELS)
def test_no_banned_claim(pages: dict[str, Rendered], label: str) -> None:
    assert banned_claims(visible_text(pages[label].html)) == []


@pytest.mark.parametrize("label", LABELS)
def test_open_part_reads_at_grade_nine_or_below(pages: dict[str, Rendered], label: str) -> None:
    sentences = open_sentences(pages[label].html)
    assert len(sentences) > 30
    assert grade(sentences) <= 9


@pytest.mark.parametrize("label", LABELS)
def test_file_is_small_and_holds_no_path(pages: dict[str, Rendered], label: str) -> None:
    rendered = pages[label]
    assert len(rendered.html.encode()) < 10_000_000
    assert str(rendered.folder) not in rendered.html
    text = visible_text(rendered.html, names=True)
    assert not re.search(r"(?<![\w.])/(home|root|tmp|Users|work|usr|var)\b", text)


def test_equal_results_give_equal_bytes(pages: dict[str, Rendered]) -> None:
    rendered = pages["held"]
    assert render(rendered.results, images=rendered.folder / "images") == rendered.html


def test_write_report_is_whole_and_leaves_nothing_else(pages: dict[str, Rendered]) -> None:
    rendered = pages["exploratory"]
    path = write_report(rendered.results, run_folder=rendered.folder)
    assert path == rendered.folder / "report.html"
    assert path.read_text(encoding="utf-8") == rendered.html
    assert sorted(p.name for p in rendered.folder.iterdir()) == ["images", "report.html"]


def test_a_report_too_large_for_mail_says_so(
    pages: dict[str, Rendered], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(pages["exploratory"].results, run_folder=tmp_path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(page, "WARN_BYTES", 1000)
    write_report(pages["exploratory"].results, run_folder=tmp_path)
    assert "more than mail will carry" in capsys.readouterr().err


def test_failed_write_keeps_the_old_report(
    pages: dict[str, Rendered], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.html").write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page.os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        write_report(pages["held"].results, run_folder=tmp_path)
    assert caught.value.slug == "report-unwritable"
    assert "No space left" in caught.value.sentence
    assert (tmp_path / "report.html").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_results_without_verdict_are_refused(pages: dict[str, Rendered], tmp_path: Path) -> None:
    unjudged = pages["held"].results.model_copy(update={"verdict": None})
    with pytest.raises(BadResults) as caught:
        render(unjudged, images=tmp_path)
    assert caught.value.slug == "results-not-judged"


def test_results_read_back_from_json_give_the_same_page(pages: dict[str, Rendered]) -> None:
    rendered = pages["partly-held"]
    again = Results.model_validate_json(rendered.results.model_dump_json())
    assert render(again, images=rendered.folder / "images") == rendered.html


def test_templates_are_found_in_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "audit"
    (package / "_templates").mkdir(parents=True)
    monkeypatch.setattr(assets.audit, "__file__", str(package / "__init__.py"))
    with pytest.raises(StorageError) as caught:
        assets.templates_folder()
    assert caught.value.slug == "templates-missing"
    (package / "_templates" / "page.html.j2").touch()
    assert assets.templates_folder() == package / "_templates"


def test_undefined_names_are_errors_and_all_text_is_escaped() -> None:
    env = shell.environment(assets.templates_folder(), report_locale())
    assert env.from_string("{{ x }}").render(x="<b>&\u202e\x07\n") == "&lt;b&gt;&amp;\ufffd\ufffd "
    with pytest.raises(Exception, match="undefined"):
        env.from_string("{{ nothing }}").render()


def test_scene_names_are_known() -> None:
    assert tuple(scenes.states()) == LABELS
