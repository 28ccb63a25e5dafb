"""The report of an audit: results -> the text of one self-contained HTML file, written in one step."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

from audit.base.errors import StorageError
from audit.base.files import reason
from audit.base.messages import render as render_said
from audit.base.messages import say
from audit.records import Results
from audit.report.custody import Custody, hidden
from audit.report.locale import SOURCE, language_of, report_locale, short
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections import SECTIONS
from audit.report.sections.glossary import terms
from audit.report.shell import Edition, Frame, draw

FILES: dict[Edition, str] = {"artist": "report.html", "court": "report-court.html"}
WARN_BYTES = 25_000_000
"""What mail servers commonly take; a standard audit stays below 10 MB."""


def render(
    results: Results,
    *,
    images: Path,
    edition: Edition = "artist",
    lang: str = SOURCE,
    custody: Custody | None = None,
) -> str:
    """The report as HTML text that loads nothing from outside.

    Args:
        results: a judged Results record.
        images: the run folder's images/ with the files that results name.
        edition: `court` has no script, everything open, and numbered paragraphs, figures and tables.
        lang: code of one of `locale.languages()`.
        custody: for the page of a bundle: what it leaves out, and what became of the add-ons.

    Raises:
        BadInput: `language-unknown`.
        BadResults: `results-not-judged`, when the results hold no verdict.
        StorageError: `templates-missing`, when the installation lacks the page's templates.
    """
    locale = report_locale(lang, court=edition == "court")
    view = ResultsView(results, locale, custody)
    digest, word = results.digest(), view.word(view.verdict.label)
    frame = Frame(
        title=locale.markup("{verdict}: protection test for {artist}", verdict=word, artist=results.plan.artist)
        if results.plan.artist
        else locale.markup("{verdict}: protection test", verdict=word),
        finished=results.provenance.finished,
        digest=digest,
        footer=locale.markup(
            "Report {digest} (first digits of its canonical digest), a rendering of results.json. All pictures called "
            "AI-generated were made by software for this test.",
            digest=short(digest),
        ),
        court_plan=results.plan.preset == "court",
    )  # fmt: skip
    # Pages made to be printed take the format that makes a small PDF.
    lossy: Literal["jpeg", "webp"] = "jpeg" if edition == "court" else "webp"
    shelf = Shelf(images, lossy=lossy, hidden=hidden(results, custody))
    return draw(frame, SECTIONS, view, shelf, locale=locale, edition=edition, terms=terms(locale))


def write_report(
    results: Results,
    *,
    run_folder: Path,
    edition: Edition = "artist",
    lang: str | None = None,
    target: Path | None = None,
) -> Path:
    """Render a report from results and `run_folder`/images; nothing half-written stays.

    Args:
        lang: None for that of the run's page as it is there, so that a page keeps its language.
        target: the file to write; None is the edition's own in `run_folder`.

    Raises:
        StorageError: `report-unwritable`, when the file cannot be written; and all that `render` raises.
    """
    lang = lang or language_of(run_folder / FILES["artist"])
    text = render(results, images=run_folder / "images", edition=edition, lang=lang)
    target = target or run_folder / FILES[edition]
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        size = partial.stat().st_size
        partial.replace(target)
    except OSError as error:
        raise StorageError(
            "report-unwritable",
            folder=target.absolute().parent.name,
            reason=reason(error),
            size=len(text) // 1_000_000 + 1,
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()
    if size > WARN_BYTES:
        told = render_said(say("told.large-page", file=target.name, mb=size // 1_000_000))
        print(f"cloakcheck: {told}", file=sys.stderr)
    return target
