"""Reading a small CSV file that somebody else may have written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from audit.files import read_bounded

MOST_BYTES = 4 << 20
MOST_ROWS = 20_000


class NotCsv(Exception):
    """The file is missing, too large, not UTF-8 or not CSV."""


def read_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Column names in lower case as they stand, and the rows by column.

    Raises:
        NotCsv: see there.
    """
    try:
        text = read_bounded(path, limit=MOST_BYTES).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = [(c or "").strip().lower() for c in reader.fieldnames or ()]
        return columns, [dict(zip(columns, (v or "" for v in row.values()), strict=False)) for row in _bounded(reader)]
    except (OSError, UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise NotCsv from error


def _bounded(reader: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for row in reader:
        if len(rows) == MOST_ROWS:
            raise csv.Error("too many rows")
        rows.append(row)
    return rows
