"""The run's numbers as files to save: tables that other programs read, inside the page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.tidy import TidyTable, csv_text, tidy_tables

MOST_BYTES = 1_000_000
"""Of one table; a larger one would make the page too heavy to mail."""
_PLAIN = ",+-._;=*~"


@dataclass(frozen=True)
class SavedTable:
    """One file; `uri` is '' where it is too large for the page."""

    file: str
    what: str
    uri: Markup


def build(view: ResultsView, _: Shelf) -> tuple[SavedTable, ...]:
    """One file per table."""
    loc = view.locale
    scores, estimates = tidy_tables(view.results)
    return (
        _saved(scores, loc.many(len(scores.rows), "{n} score of a picture", "{n} scores of pictures")),
        _saved(estimates, loc.many(len(estimates.rows), "{n} estimate", "{n} estimates")),
    )


def _saved(table: TidyTable, what: str) -> SavedTable:
    text = csv_text(table.columns, table.rows)
    uri = csv_uri(text) if len(text) <= MOST_BYTES else Markup("")
    return SavedTable(f"{table.name}.csv", what, uri)


def csv_uri(text: str) -> Markup:
    """A CSV file as an address that holds it; every character that means something in HTML is written as a number."""
    return Markup(f"data:text/csv;charset=utf-8,{quote(text, safe=_PLAIN)}")
