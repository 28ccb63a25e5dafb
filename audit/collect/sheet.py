"""The sheet of `score`: a CSV file that says which prompt, and which session, each picture came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from audit.base.errors import BadInput
from audit.base.text import printable
from audit.collect.table import MOST_ROWS, NotCsv, read_table
from audit.records import ScoreGroup

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
    try:
        columns, rows = read_table(path)
    except NotCsv as error:
        raise BadInput("sheet-unreadable", file=path.name, most=MOST_ROWS) from error
    missing = [c for c in COLUMNS if c not in columns]
    if missing or len(set(columns)) < len(columns):
        raise BadInput("sheet-column", file=path.name, columns=",".join(columns))
    found: dict[tuple[str, str], Asked] = {}
    for number, row in enumerate(rows, start=2):
        group, file = row.get("group", "").strip().lower(), row["file"].strip()
        asked = Asked(one_line(row["prompt"]), one_line(row.get("session", "")))
        if not file or not asked.prompt or (group, file) in found or group not in ("", *GROUPS):
            raise BadInput("sheet-row", number=number, file=path.name, choices=GROUPS)
        found[group, file] = asked
    return found


def one_line(text: str) -> str:
    """A prompt or session as it is shown and compared: one printable line without runs of spaces."""
    return printable(" ".join(text.split()), limit=200)
