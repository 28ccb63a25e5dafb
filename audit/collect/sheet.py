"""The sheet of `score`: a CSV file that says which prompt, and which session, each picture came from."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from audit.errors import BadInput, printable
from audit.files import read_bounded
from audit.records import ScoreGroup

MOST_BYTES = 4 << 20
MOST_ROWS = 20_000
COLUMNS = ("file", "prompt")
GROUPS: tuple[ScoreGroup, ...] = get_args(ScoreGroup)


@dataclass(frozen=True)
class Asked:
    """What a picture was asked for with."""

    prompt: str
    session: str = ""


def read_sheet(path: Path) -> dict[tuple[str, str], Asked]:
    """(group or '', file name) -> what the picture was asked for with.

    The first line names the columns: `file` and `prompt`, and where wanted `session` and `group`.

    Raises:
        BadInput: `sheet-unreadable`, `sheet-column`, `sheet-row`.
    """
    name = printable(path.name)
    try:
        text = read_bounded(path, limit=MOST_BYTES).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = [(c or "").strip().lower() for c in reader.fieldnames or ()]
        rows = [dict(zip(columns, (v or "" for v in row.values()), strict=False)) for row in _first(reader)]
    except (OSError, UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise BadInput(
            "sheet-unreadable",
            f"Sheet '{name}' cannot be read as CSV in UTF-8 with at most {MOST_ROWS} rows; save it again as CSV "
            "(comma-separated, UTF-8).",
        ) from error
    missing = [c for c in COLUMNS if c not in columns]
    if missing or len(set(columns)) < len(columns):
        raise BadInput(
            "sheet-column",
            f"The first line of sheet '{name}' must name the columns file and prompt once each (session and group "
            f"may follow), but it reads '{printable(','.join(columns))}'; mend that line.",
        )
    found: dict[tuple[str, str], Asked] = {}
    for number, row in enumerate(rows, start=2):
        group, file = row.get("group", "").strip().lower(), row["file"].strip()
        asked = Asked(one_line(row["prompt"]), one_line(row.get("session", "")))
        if not file or not asked.prompt or (group, file) in found or group not in ("", *GROUPS):
            raise BadInput(
                "sheet-row",
                f"Row {number} of sheet '{name}' needs a file that no row above names, a prompt, and as its group "
                f"one of {', '.join(GROUPS)} or nothing; mend that row.",
            )
        found[group, file] = asked
    return found


def _first(reader: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for row in reader:
        if len(rows) == MOST_ROWS:
            raise csv.Error("too many rows")
        rows.append(row)
    return rows


def one_line(text: str) -> str:
    """A prompt or session as it is shown and compared: one printable line without runs of spaces."""
    return printable(" ".join(text.split()), limit=200)
