"""Audits as they are asked for in the page: folders, names, settings. One file each, in the page's own folder."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from audit.base.private import write_private
from audit.ui.door import Door, read_json, write_json

FOLDER = "audits"
OWN, EXAMPLE, SERVICE = "own", "example", "service"
SCORE = "score"
"""What stands for a preset where a service's pictures are scored."""
SERVICE_FOLDERS = ("generated", "controls", "other-name")
PRESETS = ("quick", "standard", "court")
MOST = 200
"""Audits that are kept; of those that were never begun the oldest go."""
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Draft:
    """One audit as asked for.

    Attributes:
        id: what its addresses are made of; kind: `own`, `example` or `service`.
        originals: path, '' for none yet; arms: names and paths of protected copies, or of a service's pictures.
        settings: path of an audit.toml with further options, '' for none.
        replicates: None for the preset's.
        service: its name, '' for none.
        left_out, chosen: what was mended by hand, see `audit.collect.by_hand`.
        captions: path of a table of captions that were written in the page, '' for none.
        clip_times: when frames of a service's clips are taken, as typed.
        prompts: group, file and prompt of a service's files whose prompt was written in the page.
        sheet: path of the table of prompts that comes of it, '' for none.
        taken_back: whether pairs or captions mended by hand went with their folder, and nobody has mended any since.
        compare: whether it was begun to compare protections, so that one set of copies is too few.
    """

    id: str
    kind: str = OWN
    originals: str = ""
    arms: tuple[tuple[str, str], ...] = ()
    artist: str = ""
    declare: bool = False
    model: str = ""
    settings: str = ""
    replicates: int | None = None
    service: str = ""
    left_out: tuple[str, ...] = ()
    chosen: tuple[tuple[str, str, str], ...] = field(default=())
    captions: str = ""
    clip_times: str = ""
    prompts: tuple[tuple[str, str, str], ...] = field(default=())
    sheet: str = ""
    compare: bool = False
    taken_back: bool = False

    @property
    def ready(self) -> bool:
        """Whether its folders are named."""
        return self.kind == EXAMPLE or bool(self.originals and len(self.arms) > self.compare)


class Drafts:
    """All of them."""

    def __init__(self, door: Door) -> None:
        self.folder = door.folder / FOLDER

    def new(self, kind: str, *, compare: bool = False) -> Draft:
        """One more. Raises OSError where it cannot be kept."""
        made = Draft(secrets.token_hex(8), kind, compare=compare)
        self.keep(made)
        return made

    def keep(self, draft: Draft) -> Draft:
        """Raises OSError where it cannot be kept."""
        write_json(self.place(draft) / "draft.json", asdict(draft))
        return draft

    def change(self, draft: Draft, **values: Any) -> Draft:
        """The same with other values, kept; what was mended by hand counts for the folders that it was mended for."""
        changed = replace(draft, **values)
        if changed.originals != draft.originals:
            gone = bool(draft.left_out or draft.chosen or draft.captions)
            changed = replace(changed, left_out=(), chosen=(), captions="", taken_back=draft.taken_back or gone)
        elif changed.arms != draft.arms:
            chosen = _still_chosen(draft, changed)
            gone = len(chosen) < len(draft.chosen)
            changed = replace(changed, chosen=chosen, taken_back=draft.taken_back or gone)
        return self.keep(changed)

    def mend(self, draft: Draft, **values: Any) -> Draft:
        """The same with other pairs or captions, kept."""
        return self.keep(replace(draft, **{"taken_back": False, **values}))

    def find(self, id: str) -> Draft | None:
        """One by its id; None where there is none, or none that can be read."""
        if not _ID.fullmatch(id):
            return None
        found = read_json(self.folder / id / "draft.json")
        try:
            there = [name for name in ("arms", "chosen", "prompts") if name in found]
            tables: dict[str, Any] = {name: tuple(tuple(row) for row in found[name]) for name in there}
            return Draft(**{**found, **tables, "id": id, "left_out": tuple(found["left_out"])})
        except (KeyError, TypeError):
            return None

    def all(self) -> list[Draft]:
        """The latest first."""
        if not self.folder.is_dir():
            return []
        there = sorted(self.folder.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True)
        return [found for path in there if (found := self.find(path.name)) is not None]

    def drop(self, draft: Draft) -> None:
        """Take it away with all that was kept of it."""
        shutil.rmtree(self.place(draft), ignore_errors=True)

    def place(self, draft: Draft) -> Path:
        """Its own folder."""
        return self.folder / draft.id

    def spec(self, draft: Draft, *, preset: str) -> tuple[Path, str]:
        """A spec file for the command line, and the digest of what it asks; a file of another digest stays as it is.

        Paths and names stand in no command line, which other users of the machine can read.

        Raises:
            BadInput: the settings file cannot be read, or names something outside. OSError: not written.
        """
        # It brings what reads pictures along, and the first page shall not wait for that.
        from audit.collect.by_hand import write_pairs

        values = {name: _plain(value) for name, value in spec_of(draft, preset=preset).items()}
        mended = write_pairs([*(("", work, "") for work in draft.left_out), *draft.chosen])
        text = json.dumps(values, indent=1, sort_keys=True) + "\n"
        digest = hashlib.sha256(text.encode("ascii") + mended).hexdigest()[:16]
        if draft.chosen or draft.left_out:
            pairs = self.place(draft) / f"pairs-{digest}.csv"
            write_private(pairs, mended)
            text = json.dumps({**values, "pairs": str(pairs)}, indent=1) + "\n"
        path = self.place(draft) / f"{preset}-{digest}.json"
        if not path.is_file():
            write_private(path, text.encode("ascii"))
        return path, digest


def spec_of(draft: Draft, *, preset: str) -> dict[str, Any]:
    """Options of the command line, by name; a settings file's lie under those of the page.

    Raises:
        BadInput: that file cannot be read, or names something outside its folder.
    """
    if draft.kind == EXAMPLE:
        from audit.commands.demo import demo_spec

        whole = demo_spec(preset=preset, out=None)
        return {name: getattr(whole, name) for name in whole.model_fields_set}
    if draft.kind == SERVICE:
        folders = {name.replace("-", "_"): folder for name, folder in draft.arms}
        named = {"artist": draft.artist, "service": draft.service}
        times: dict[str, Any] = {}
        if draft.clip_times:
            from audit.collect.clips import times_of

            times = {"clip_times": times_of(draft.clip_times)}
        named |= {"sheet": draft.sheet}
        return {"originals": draft.originals, **folders, **{k: text for k, text in named.items() if text}, **times}
    values: dict[str, Any] = {}
    if draft.settings:
        from audit.plan.spec import beside, read_toml

        file = Path(draft.settings)
        values = beside(read_toml(file), file)
        for own in ("out", "store"):
            values.pop(own, None)
    page = {
        "originals": draft.originals,
        "protected": dict(draft.arms),
        "artist": draft.artist,
        "declare": draft.declare,
        "preset": preset,
        "model": draft.model,
        "replicates": draft.replicates,
        "captions": draft.captions,
    }
    return values | {name: value for name, value in page.items() if value not in (None, "", {})}


def _still_chosen(before: Draft, after: Draft) -> tuple[tuple[str, str, str], ...]:
    """What was mended by hand of sets of copies that are still there, under the names that these have now."""
    now = {folder: name for name, folder in after.arms}
    names = {name: now.get(folder) for name, folder in before.arms}
    return tuple((name, work, copy) for arm, work, copy in before.chosen if (name := names.get(arm)) is not None)


def _plain(value: Any) -> Any:
    """What JSON can hold; paths as text."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value) if isinstance(value, Path) else value
