"""comparison.csv: one row per difference."""

from __future__ import annotations

import json

from audit.records import RunComparison
from audit.report.comparison.view import ComparisonView
from audit.report.overview.files import SavedFile, saved_files
from audit.report.pictures import Shelf
from audit.report.tidy import TidyColumn, TidyTable

DIFFERENCES = (
    TidyColumn("chapter", "text", "`plan`, `inputs`, `environment` or `result`"),
    TidyColumn("what", "text", "its place in the files, with dots between names of parts"),
    TidyColumn("first", "text", "what the first audit has there, as JSON; empty for nothing"),
    TidyColumn("second", "text", "what the second audit has there, as JSON; empty for nothing"),
)


def comparison_table(comparison: RunComparison) -> TidyTable:
    """All differences, in the order of the page."""
    rows = tuple(
        (row.chapter, row.what, *("" if v is None else json.dumps(v) for v in (row.first, row.second)))
        for row in comparison.differences
    )
    return TidyTable("comparison", DIFFERENCES, rows)


def build(view: ComparisonView, _: Shelf) -> tuple[SavedFile, SavedFile]:
    """comparison.csv and comparison.json."""
    return saved_files(comparison_table(view.comparison), view.comparison.model_dump_json(indent=1) + "\n")
