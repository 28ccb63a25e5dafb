"""The page's numbers as files to save, inside the page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from audit.report.overview.columns import overview_table
from audit.report.overview.view import OverviewView
from audit.report.pictures import Shelf
from audit.report.sections.numbers import MOST_BYTES, csv_uri
from audit.report.tidy import TidyTable, csv_text


@dataclass(frozen=True)
class SavedFile:
    name: str
    uri: Markup
    """'' where it is too large for the page."""


def build(view: OverviewView, _: Shelf) -> tuple[SavedFile, ...]:
    """overview.csv and overview.json."""
    return saved_files(overview_table(view.overview), view.overview.model_dump_json(indent=1) + "\n")


def saved_files(table: TidyTable, record: str) -> tuple[SavedFile, SavedFile]:
    """A table as a CSV file and a record as a JSON file, both of the table's name."""
    rows = csv_text(table.columns, table.rows)
    told = Markup(f"data:application/json;charset=utf-8,{quote(record, safe=',+-._;=*~')}")
    return (
        SavedFile(f"{table.name}.csv", csv_uri(rows) if len(rows) <= MOST_BYTES else Markup("")),
        SavedFile(f"{table.name}.json", told if len(record) <= MOST_BYTES else Markup("")),
    )
