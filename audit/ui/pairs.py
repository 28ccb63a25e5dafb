"""What `cloakcheck pairs --json` found, in the order in which a person should look, and what that person mended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from audit.base.messages import Said
from audit.base.text import printable
from audit.ui.drafts import Draft, Drafts
from audit.ui.heard import result_of, said_of
from audit.ui.jobs import LOOKS, Job, Jobs

PER_PAGE = 24
MOST_NAMES = 500
"""File names that a field proposes."""
Kind = Literal["unusable", "unclear", "alone", "pair", "extra"]
ORDER: tuple[Kind, ...] = ("unusable", "unclear", "alone", "pair", "extra")
SURE = len(ORDER)
TESTED = "pair-unchanged"
"""What is said of a pair that is tested all the same: some tools leave some works as they are."""


@dataclass(frozen=True)
class Item:
    """One row of the page.

    Attributes:
        arm: number of the set of copies, None for a work that cannot be read.
        work, copy: file names, '' for none; their numbers are what addresses of thumbnails are made of.
        by: how the pair was found; mended: what was chosen since, not looked at yet: a copy, or '' for left out.
    """

    kind: Kind
    arm: int | None
    work: str = ""
    copy: str = ""
    work_number: int | None = None
    copy_number: int | None = None
    by: str = ""
    unsure: bool = False
    problem: Said | None = None
    mended: str | None = None


@dataclass(frozen=True)
class FoundPairs:
    """All of it.

    Attributes:
        arms: names; files: by arm, names that a field proposes.
        sure, unsure: pairs; mended: whether something was changed since it was looked at.
        open: files that stand in the way of a test, where nothing was changed since.
    """

    items: tuple[Item, ...]
    arms: tuple[str, ...]
    files: tuple[tuple[str, ...], ...]
    notes: tuple[Said, ...]
    sure: int
    unsure: int
    mended: bool
    open: int = 0


def look_spec(drafts: Drafts, draft: Draft) -> tuple[Path, str]:
    """What a look is asked with, as `Drafts.spec`; captions written in the page make no other pairs."""
    return drafts.spec(replace(draft, captions=""), preset="standard")


def ask_for_pairs(drafts: Drafts, jobs: Jobs, draft: Draft, *, anew: bool = False) -> None:
    """Look at the pairs, where that was not done for just this audit.

    Args:
        anew: look again also where it was done; files may have been mended or changed since.

    Raises:
        BadInput, OSError, StorageError: as `Drafts.spec`.
    """
    spec, asked = look_spec(drafts, draft)
    known = jobs.of(draft.id, "pairs", asked=asked)
    if known is not None and jobs.state(known) in ("waiting", "running", *(() if anew else ("done",))):
        return
    for old in [job for job in jobs.all(LOOKS) if (job.draft, job.kind) == (draft.id, "pairs")]:
        (jobs.stop if jobs.state(old) == "running" else jobs.drop)(old)
    jobs.add(["pairs", "--spec", str(spec), "--json"], lane=LOOKS, draft=draft.id, kind="pairs", asked=asked)


def looked_of(job: Job) -> dict[str, Any]:
    """What a finished look gave; {} where that cannot be read."""
    found = result_of(job.text("out"))
    return found if isinstance(found.get("works"), list) and isinstance(found.get("arms"), list) else {}


def found_of(draft: Draft, looked: dict[str, Any], *, mended: bool) -> FoundPairs:
    """The rows, those first that need somebody."""
    works = {name: i for i, name in enumerate(looked["works"])}
    items = [Item("unusable", None, work=one["file"], problem=_said(one["said"])) for one in looked["unusable"]]
    files = []
    for number, arm in enumerate(looked["arms"]):
        copies = {name: i for i, name in enumerate(arm["files"])}
        files.append(tuple([*arm["extra"], *(n for n in arm["files"] if n not in arm["extra"])][:MOST_NAMES]))
        items += [Item("unusable", number, copy=one["file"], problem=_said(one["said"])) for one in arm["unusable"]]
        items += [
            Item("unclear", number, work=one["file"], work_number=works.get(one["file"]), problem=_said(one["said"]))
            for one in arm["unclear"]
        ]
        items += [Item("alone", number, work=name, work_number=works.get(name)) for name in arm["alone"]]
        items += [_pair(number, one, works, copies) for one in arm["pairs"]]
        items += [Item("extra", number, copy=name, copy_number=copies.get(name)) for name in arm["extra"]]
    arms = tuple(str(arm["name"]) for arm in looked["arms"])
    items = [_with_mended(draft, arms, item) for item in items]
    # Stable: within a kind the order of the look stays, of pairs the unsure ones first. What was mended stands before
    # what was sure, on the page that one is at.
    items.sort(key=lambda item: (item.mended is not None or _late(item) == SURE, item.mended is None, _late(item)))
    pairs = [item for item in items if item.kind == "pair"]
    unsure = sum(item.unsure for item in pairs)
    return FoundPairs(
        tuple(items),
        arms,
        tuple(files),
        tuple(said_of(looked["notes"])),
        sure=len(pairs) - unsure,
        unsure=unsure,
        mended=mended,
        open=0 if mended else len(in_the_way(looked)),
    )


def in_the_way(looked: dict[str, Any]) -> list[str]:
    """Files with which no test begins until somebody mends them or leaves them out."""
    found = [one["file"] for one in looked["unusable"]]
    for arm in looked["arms"]:
        found += [one["file"] for one in (*arm["unusable"], *arm["unclear"])]
        found += [one["work"] for one in arm["pairs"] if (one["problem"] or {}).get("id", TESTED) != TESTED]
    return list(dict.fromkeys(found))


def _late(item: Item) -> int:
    if item.kind == "pair":
        return ORDER.index("pair") if item.unsure else SURE
    return ORDER.index(item.kind) if item.kind != "extra" else SURE - 1


def _pair(arm: int, one: dict[str, Any], works: dict[str, int], copies: dict[str, int]) -> Item:
    return Item(
        "pair",
        arm,
        work=one["work"],
        copy=one["copy"],
        work_number=works.get(one["work"]),
        copy_number=copies.get(one["copy"]),
        by=str(one["matched_by"]),
        unsure=bool(one["unsure"]),
        problem=_said(one["problem"]),
    )


def _with_mended(draft: Draft, arms: tuple[str, ...], item: Item) -> Item:
    """What was chosen for a row since, where it is not what the row shows already."""
    mended: str | None = None
    if item.work and item.work in draft.left_out:
        mended = ""
    elif item.arm is not None:
        for arm, work, copy in draft.chosen:
            if arm == arms[item.arm] and item.work and work == item.work and copy != item.copy:
                mended = copy
            elif arm == arms[item.arm] and not work and not item.work and copy == item.copy:
                mended = ""
    return item if mended is None else Item(**{**vars(item), "mended": mended})


def _said(given: Any) -> Said | None:
    try:
        return None if given is None else Said.model_validate(given)
    except ValidationError:
        return None


# --- mending -----------------------------------------------------------------------------------------


def choose(draft: Draft, *, arm: str, work: str, copy: str) -> dict[str, Any]:
    """This file is the copy of that work: what changes of the draft."""
    rest = [row for row in draft.chosen if row[0] != arm or (row[1] != work and row[2] != copy)]
    return {"chosen": (*rest, (arm, work, copy)), "left_out": tuple(w for w in draft.left_out if w != work)}


def leave_out(draft: Draft, *, work: str, copies: dict[str, str]) -> dict[str, Any]:
    """That work is not tested, nor are its copies, by arm."""
    rest = [row for row in draft.chosen if row[1] != work and copies.get(row[0]) != row[2]]
    more = [(arm, "", copy) for arm, copy in copies.items()]
    return {"chosen": (*rest, *more), "left_out": tuple(dict.fromkeys((*draft.left_out, work)))}


def leave_copy(draft: Draft, *, arm: str, copy: str) -> dict[str, Any]:
    """That file is no copy of any work."""
    rest = [row for row in draft.chosen if (row[0], row[2]) != (arm, copy)]
    return {"chosen": (*rest, (arm, "", copy))}


def copies_of(looked: dict[str, Any], work: str) -> dict[str, str]:
    """Arm -> the file that is taken for a work's copy."""
    return {arm["name"]: one["copy"] for arm in looked["arms"] for one in arm["pairs"] if one["work"] == work}


def file_of(draft: Draft, looked: dict[str, Any], which: str, number: int) -> Path | None:
    """The file behind a thumbnail's address; None where there is none."""
    folders = dict(draft.arms)
    try:
        if which == "works":
            folder, name = draft.originals, looked["works"][number]
        else:
            arm = looked["arms"][int(which) if which.isascii() and which.isdigit() else len(looked["arms"])]
            folder, name = folders[arm["name"]], arm["files"][number]
    except (LookupError, ValueError, TypeError):
        return None
    plain = isinstance(name, str) and bool(folder) and Path(name).name == name and name not in ("", ".", "..")
    return Path(folder) / name if plain else None


def called(name: str) -> str:
    """A file's name as it is shown."""
    return printable(name)
