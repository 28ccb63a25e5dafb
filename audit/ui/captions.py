"""Captions of the works: as a run would take them from folders, and as a person wrote them in the page since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.base.errors import BadInput
from audit.base.messages import Said
from audit.base.private import write_private
from audit.base.text import printable
from audit.ui.drafts import Draft, Drafts

FIELD = "caption-"
"""What the name of a caption's field begins with; `key_of` its work follows."""
BY_HAND = "hand"


@dataclass(frozen=True)
class ShownCaption:
    """One work's.

    Attributes:
        field: its name in the form.
        source: `hand`, or as `audit.collect.looked.SeenCaption` has it.
    """

    field: str
    text: str
    source: str


def captions_of(draft: Draft, looked: dict[str, Any]) -> dict[str, ShownCaption]:
    """File of an original -> its caption; {} for a look that tells none."""
    written = _written(draft)
    found = {}
    for file, (text, source) in _as_looked(looked).items():
        mine = written.get(_row_name(file), text)
        found[file] = ShownCaption(FIELD + key_of(file), mine, source if mine == text else BY_HAND)
    return found


def with_captions(drafts: Drafts, draft: Draft, looked: dict[str, Any], fields: Mapping[str, str]) -> Draft:
    """The draft with what was written into the fields, kept; an empty field takes the caption back that was there.

    Every original has its row in the table, since a run refuses one without.

    Raises:
        BadInput: `captions-unreadable`, more than a table may hold. OSError, StorageError: not written.
    """
    if not any(name.startswith(FIELD) for name in fields):
        return draft
    # It brings what reads pictures along, and the first page shall not wait for that.
    from audit.collect.captions import Captioned, write_captions
    from audit.collect.names import clean_caption
    from audit.collect.table import MOST_BYTES, MOST_ROWS

    shown, before = captions_of(draft, looked), _as_looked(looked)
    texts = {file: clean_caption(fields.get(one.field, one.text)) or before[file][0] for file, one in shown.items()}
    if all(texts[file] == one.text for file, one in shown.items()):
        return draft
    if all(texts[file] == text for file, (text, _) in before.items()):
        return drafts.mend(draft, captions="")
    rows = {_row_name(file): text for file, text in texts.items()}
    data = write_captions([Captioned(name, text, "none") for name, text in rows.items()], sources=False)
    # Another name for other content: a test that waits keeps the table that it was asked with.
    path = drafts.place(draft) / f"captions-{hashlib.sha256(data).hexdigest()[:16]}.csv"
    if len(data) > MOST_BYTES or len(rows) > MOST_ROWS:
        raise BadInput("captions-unreadable", file=path.name, most=MOST_ROWS)
    write_private(path, data)
    return drafts.mend(draft, captions=str(path))


def foreign(captions: Mapping[str, ShownCaption]) -> Said | None:
    """What is said of captions that may not be in English; None where they seem to be."""
    from audit.collect.notes import foreign_captions

    notes = foreign_captions([one.text for one in captions.values()])
    return notes[0].said if notes else None


def key_of(file: str) -> str:
    """What stands for a file in a form: two looks may count files differently."""
    return hashlib.sha256(file.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _written(draft: Draft) -> dict[str, str]:
    """The table of the draft; {} without one, or where it is gone."""
    from audit.collect.captions import read_captions

    try:
        return read_captions(Path(draft.captions)) if draft.captions else {}
    except BadInput:
        return {}


def _as_looked(looked: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """File -> caption and source, as the look tells them."""
    told = looked.get("captions", [])
    try:
        return {str(one["file"]): (str(one["caption"]), str(one["source"])) for one in told}
    except (KeyError, TypeError):
        return {}


def _row_name(file: str) -> str:
    """What the table calls a file: its name, or what a run makes of a strange one."""
    return file if printable(file, limit=len(file) + 1) == file else printable(file)
