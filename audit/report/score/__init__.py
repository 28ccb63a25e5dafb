"""The report of `score`: the same frame as an audit's, another question. Results -> one HTML file."""

from __future__ import annotations

from pathlib import Path

from audit.records import ScoreResults
from audit.report.locale import SOURCE, language_of, message, report_locale, short
from audit.report.pictures import Shelf
from audit.report.score import fair, integrity, limits, method, opening, see, sure
from audit.report.score.view import ScoreView
from audit.report.shell import Frame, Section, draw
from audit.store import write_atomic

SECTIONS: tuple[Section[ScoreView], ...] = (
    Section("opening", opening.build, partial="score/opening.html.j2"),
    Section("see", see.build, message("See it"), partial="score/see.html.j2"),
    Section("limits", limits.build, message("What this can and cannot show")),
    Section("sure", sure.build, message("How sure is this?"), partial="score/sure.html.j2"),
    Section("fair", fair.build, message("Was the test fair?"), partial="score/fair.html.j2"),
    Section("method", method.build, message("How it was done"), partial="score/method.html.j2", folded=True),
    Section("integrity", integrity.build, message("Integrity"), partial="score/integrity.html.j2", folded=True),
)


def write_score_report(
    results: ScoreResults, *, run_folder: Path, lang: str | None = None, target: Path | None = None
) -> Path:
    """Render a judged score into report.html of `run_folder`, or another file, whole or not at all.

    Args:
        lang: None for that of the page that is there.

    Raises:
        StorageError: the folder cannot be written; and all that `render_score` raises.
    """
    target = target or run_folder / "report.html"
    lang = lang or language_of(run_folder / "report.html")
    write_atomic(target, render_score(results, images=run_folder / "images", lang=lang).encode("utf-8"))
    return target


def render_score(results: ScoreResults, *, images: Path, lang: str = SOURCE) -> str:
    """The report as HTML text that loads nothing from outside.

    Raises:
        BadInput: `language-unknown`. BadResults: `results-not-judged`. StorageError: `templates-missing`.
    """
    locale = report_locale(lang)
    view, digest = ScoreView(results, locale), results.digest()
    frame = Frame(
        title=locale.markup(
            "{verdict}: pictures of a service beside works by {artist}", verdict=view.word, artist=results.plan.artist
        )
        if results.plan.artist
        else locale.markup("{verdict}: pictures of a service beside works by the artist", verdict=view.word),
        finished=results.provenance.finished,
        digest=digest,
        footer=locale.markup(
            "Report {digest} (first digits of its canonical digest), a rendering of score.json. The pictures called "
            "AI-generated are taken to be so because they were given as such.",
            digest=short(digest),
        ),
    )
    return draw(frame, SECTIONS, view, Shelf(images), locale=locale)
