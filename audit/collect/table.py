"""Reading a small CSV file that somebody else may have written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

from audit.base.files import read_bounded
from audit.collect.encoding import decode_text

MOST_BYTES = 4 << 20
MOST_ROWS = 20_000


class NotCsv(Exception):
    """The file is missing, too large, in no encoding that is sure, or not CSV."""


def read_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Column names in lower case as they stand, and the rows by column.

    Raises:
        NotCsv: see there.
    """
    try:
        # Spreadsheets of many countries still save in their old code page, or in UTF-16.
        text = decode_text(read_bounded(path, limit=MOST_BYTES))
        if text is None:
            raise NotCsv
        # Office programs of many countries save with semicolons, or tabs.
        head = text.partition("\n")[0]
        comma = next((mark for mark in ",;\t" if mark in head), ",")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=comma)
        columns = [cell.strip().lower() for cell in next(reader, [])]
        # A short row lacks its last cells, and cells beyond the last column are nobody's.
        return columns, [dict(zip_longest(columns, row[: len(columns)], fillvalue="")) for row in _bounded(reader)]
    except (OSError, csv.Error) as error:
        raise NotCsv from error


def _bounded(reader: Iterable[list[str]]) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in filter(None, reader):
        if len(rows) == MOST_ROWS:
            raise csv.Error("too many rows")
        rows.append(row)
    return rows
