"""The page over many audits: overview.json -> one HTML file in the frame of a report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup, escape

from audit.records import AuditPictures, Overview
from audit.report.locale import SOURCE, message, report_locale, short
from audit.report.overview import beyond, cards, files, forests, heat, opening, rows, time
from audit.report.overview.view import OverviewView
from audit.report.pictures import Shelf
from audit.report.shell import Frame, Kit, Section, draw

SECTIONS: tuple[Section[OverviewView], ...] = (
    Section("opening", opening.build, partial="overview/opening.html.j2"),
    Section("cards", cards.build, message("Artist by artist"), partial="overview/cards.html.j2"),
    Section("time", time.build, message("Over time"), partial="overview/time.html.j2"),
    Section(
        "heat",
        heat.build,
        message("Which cloak against which way around"),
        partial="overview/heat.html.j2",
    ),
    Section(
        "forests", forests.build, message("Artist beside artist"),
        partial="overview/forests.html.j2",
    ),
    Section("rows", rows.build, message("Every audit"), partial="overview/rows.html.j2"),
    Section(
        "compared", beyond.build, message("How many comparisons these are"),
        partial="overview/compared.html.j2",
    ),
    Section("limits", beyond.build_limits, message("What this page does not tell"),
            partial="overview/limits.html.j2"),
    Section("files", files.build, message("The numbers"), partial="overview/files.html.j2"),
)  # fmt: skip


def render_overview(overview: Overview, pictures: Mapping[int, AuditPictures], *, lang: str = SOURCE) -> str:
    """The page as HTML text that loads nothing from outside.

    Args:
        pictures: by the number of their audit; an audit without any has none on the page.
        lang: code of one of `locale.languages()`.

    Raises:
        BadInput: `language-unknown`. StorageError: `templates-missing`.
    """
    locale = report_locale(lang)
    view, digest = OverviewView(overview, pictures, locale), overview.digest()
    last = max((audit.finished for audit in overview.audits), default="")
    frame = Frame(
        title=Markup(
            escape(locale.many(overview.artists, "Protection tests of {n} artist", "Protection tests of {n} artists"))
        ),
        finished=last,
        digest=digest,
        footer=locale.markup(
            "Page {digest} (first digits of its canonical digest), a rendering of overview.json. All pictures called "
            "AI-generated were made by software for these tests.",
            digest=short(digest),
        ),
    )
    kit = Kit(style="overview.css", script="overview.js", rules=Markup("\n").join(cards.rules(view)))
    # Pictures come with the records; the page opens no file.
    return draw(frame, SECTIONS, view, Shelf(Path()), locale=locale, kit=kit)
