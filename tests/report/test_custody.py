"""Pages of a bundle: they say what is left out, what became of the add-ons, and whose word the times are."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import html5lib
import pytest

from audit.report import render
from audit.report.custody import Custody
from audit.report.lint import banned_claims, visible_text
from tests.report.conftest import Rendered
from tests.report.soup import taste

FATES = {
    "deleted": ("deleted after their digests were taken", "gelöscht, nachdem"),
    "kept": ("kept on request", "auf Wunsch aufbewahrt"),
    "absent": ("not at hand when this bundle was made", "nicht zur Hand"),
}


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize("addons", list(FATES))
def test_what_became_of_the_add_ons(pages: dict[str, Rendered], addons: str, lang: str) -> None:
    rendered = pages["held"]
    custody = Custody(addons=addons, shows="none")  # type: ignore[arg-type]
    text = visible_text(
        render(rendered.results, images=rendered.folder / "images", lang=lang, custody=custody), names=True
    )
    assert FATES[addons][lang == "de"] in text
    assert banned_claims(text) == []


def test_the_page_of_a_run_says_where_they_are(pages: dict[str, Rendered]) -> None:
    assert "kept by the machine that ran the test" in visible_text(pages["held"].html, names=True)


@pytest.mark.parametrize(
    ("shows", "works", "generated"), [("all", 9, True), ("generated", 0, True), ("none", 0, False)]
)
def test_what_is_left_out(pages: dict[str, Rendered], shows: str, works: int, generated: bool) -> None:
    rendered = pages["held"]
    custody = Custody(addons="deleted", shows=shows)  # type: ignore[arg-type]
    html = render(rendered.results, images=rendered.folder / "images", custody=custody)
    alts = [image["alt"] for image in taste(html).all("img")]
    assert sum(a.startswith("Work by the artist") for a in alts) == works
    assert any(a.startswith("AI-generated") for a in alts) == generated
    assert any(a.startswith("Original of") for a in alts) == (shows == "all")
    assert ("left out of this bundle" in html) == (shows != "all")
    # The digest is that of the whole results, whatever is shown of them.
    assert rendered.results.digest() in html


@pytest.mark.parametrize(("edition", "lang"), list(itertools.product(["artist", "court"], ["en", "de"])))
def test_a_stamp_on_the_plan_is_told(pages: dict[str, Rendered], edition: str, lang: str) -> None:
    rendered = pages["exploratory"]
    custody = Custody("kept", "generated", plan_attested="2026-11-22T03:00:01+00:00", authority="CN=A <b>TSA")
    html = render(
        rendered.results,
        images=rendered.folder / "images",
        edition=edition,
        lang=lang,
        custody=custody,  # type: ignore[arg-type]
    )
    text = visible_text(html, names=True).replace("\xa0", " ")
    assert "CN=A <b>TSA" in text
    assert "22 November 2026, 03:00 UTC" in text or "22. November 2026, 03:00 UTC" in text
    assert ("time-stamp service" in text, "Zeitstempeldienst" in text) == (lang == "en", lang == "de")
    assert banned_claims(text) == []
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(html)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum on this machine")
@pytest.mark.parametrize("lang", ["en", "de"])
def test_digests_by_a_file_name_are_those_of_the_files(pages: dict[str, Rendered], tmp_path: Path, lang: str) -> None:
    """What a stranger gets from `sha256sum` in the run folder stands on the page, under the file's name."""
    results = pages["held"].results
    (tmp_path / "images").mkdir()
    for name, record in (("plan.json", results.plan), ("results.json", results)):
        (tmp_path / name).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    html = render(results, images=tmp_path / "images", lang=lang)
    printed = subprocess.run(["sha256sum", "plan.json", "results.json"], cwd=tmp_path, capture_output=True, check=True)
    for line in printed.stdout.decode().splitlines():
        digest, name = line.split()
        assert f"{'File' if lang == 'en' else 'Datei'} {name}</bdi></th><td><bdi>{digest}<" in html
    for canonical in (results.plan.digest(), results.digest()):
        assert f"{'canonical' if lang == 'en' else 'kanonisch'}</bdi></th><td><bdi>{canonical}<" in html


def test_no_digest_stands_for_a_file_that_is_not_there(pages: dict[str, Rendered]) -> None:
    assert "File results.json" not in pages["held"].html
