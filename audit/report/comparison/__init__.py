"""The page over two audits: comparison.json -> one HTML file in the frame of a report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup, escape

from audit.records import AuditPictures, RunComparison
from audit.report.comparison import both, chapters, saved, two_limits
from audit.report.comparison.view import ComparisonView
from audit.report.locale import SOURCE, message, report_locale, short
from audit.report.pictures import Shelf
from audit.report.shell import Frame, Kit, Section, draw

SECTIONS: tuple[Section[ComparisonView], ...] = (
    Section("opening", both.build_opening, partial="comparison/opening.html.j2"),
    Section("cards", both.build_cards, message("The two audits"),
            partial="comparison/cards.html.j2"),
    *(
        Section(chapter, chapters.builder(chapter), title, partial="comparison/chapter.html.j2")
        for chapter, title in chapters.TITLES.items()
    ),
    Section("limits", two_limits.build, message("What this page does not tell"),
            partial="overview/limits.html.j2"),
    Section("files", saved.build, message("The numbers"), partial="overview/files.html.j2"),
)  # fmt: skip


def render_comparison(comparison: RunComparison, pictures: Mapping[int, AuditPictures], *, lang: str = SOURCE) -> str:
    """The page as HTML text that loads nothing from outside.

    Args:
        pictures: by the number of their audit, 1 or 2; an audit without any has none on the page.
        lang: code of one of `locale.languages()`.

    Raises:
        BadInput: `language-unknown`. StorageError: `templates-missing`.
    """
    locale = report_locale(lang)
    view = ComparisonView(comparison, pictures, locale)
    frame = Frame(
        title=Markup(escape(locale.say("Two protection tests side by side"))),
        finished=max(audit.finished for audit in comparison.audits),
        digest=comparison.digest(),
        footer=locale.markup(
            "Page {digest} (first digits of its canonical digest), a rendering of comparison.json. All pictures called "
            "AI-generated were made by software for these tests.",
            digest=short(comparison.digest()),
        ),
    )
    kit = Kit(style="overview.css", script="overview.js", rules=Markup(""))
    # Pictures come with the records; the page opens no file.
    return draw(frame, SECTIONS, view, Shelf(Path()), locale=locale, kit=kit)
