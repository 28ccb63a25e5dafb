"""Prompts of a service's files: as their names say them, or as a person wrote them in the page."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.private import write_private
from audit.base.text import printable
from audit.ui.captions import key_of
from audit.ui.drafts import SERVICE_FOLDERS, Draft, Drafts
from audit.ui.opened import Opened

FIELD = "prompt-"
"""What the name of a prompt's field begins with; group and `key_of` its file follow."""
GROUPS = dict(zip(SERVICE_FOLDERS, ("named", "control", "other-name"), strict=True))
"""Folder of the form -> what a sheet calls its group."""
MOST_SHOWN = 300


@dataclass(frozen=True)
class ShownPrompt:
    """One file's.

    Attributes:
        field: its name in the form; name: of the file, to be shown; folder: of the form.
        text: its prompt; by_hand: whether it was written in the page; clip: whether it is a clip.
    """

    field: str
    folder: str
    file: str
    name: str
    text: str
    by_hand: bool
    clip: bool


def prompts_of(draft: Draft, opened: Opened) -> list[ShownPrompt]:
    """Of all files of its folders that can be listed; clips come first."""
    from audit.collect.clips import list_delivered
    from audit.collect.generated import prompt_of
    from audit.images.clips import CLIP_ENDINGS

    written = {(group, file): text for group, file, text in draft.prompts}
    found = []
    for folder, where in draft.arms:
        path = Path(where)
        single = path.suffix.lower() in CLIP_ENDINGS
        if folder not in GROUPS or opened.holding(path.parent if single else path) is None:
            continue
        try:
            files = [one.name for one in list_delivered(path, "given", [])]
        except BadInput:
            continue
        for file in files:
            mine = written.get((GROUPS[folder], file))
            clip = Path(file).suffix.lower() in CLIP_ENDINGS
            text = prompt_of(file) if mine is None else mine
            at = f"{FIELD}{GROUPS[folder]}-{key_of(file)}"
            found.append(ShownPrompt(at, folder, file, printable(file), text, mine is not None, clip))
    return sorted(found, key=lambda one: not one.clip)


def with_prompts(draft: Draft, shown: list[ShownPrompt], fields: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    """Group, file and prompt of what was written; an empty field takes back what the name says."""
    from audit.collect.generated import prompt_of
    from audit.collect.sheet import one_line

    found = []
    for one in shown:
        text = one_line(fields.get(one.field, one.text))
        if text and text != prompt_of(one.file):
            found.append((GROUPS[one.folder], one.file, text))
    return tuple(found)


def sheet_of(drafts: Drafts, draft: Draft, shown: list[ShownPrompt]) -> str:
    """Path of a table with every file's prompt; "" where none was written: then their names say them.

    Raises:
        BadInput: `ui-prompts`, more than a sheet may hold. OSError, StorageError: not written.
    """
    if not any(one.by_hand for one in shown):
        return ""
    from audit.collect.table import MOST_BYTES, MOST_ROWS

    made = io.StringIO()
    table = csv.writer(made, lineterminator="\n")
    table.writerow(("group", "file", "prompt"))
    table.writerows((GROUPS[one.folder], one.file, one.text) for one in shown)
    data = made.getvalue().encode("utf-8", "replace")
    if len(data) > MOST_BYTES or len(shown) > MOST_ROWS:
        raise BadInput("ui-prompts", most=MOST_ROWS)
    path = drafts.place(draft) / f"sheet-{hashlib.sha256(data).hexdigest()[:16]}.csv"
    write_private(path, data)
    return str(path)
