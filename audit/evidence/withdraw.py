"""What a run folder tells of an artist, and deleting it: file by file, by the names that a run gives, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from audit.base.errors import BadInput, BadResults
from audit.evidence.forget import Forgotten, folded
from audit.evidence.privacy import traces
from audit.records import Plan, ScorePlan
from audit.records.versions import read_record
from audit.report.page import FILES as PAGES
from audit.runfolder import (
    COMMAND,
    MOST_BYTES,
    RATINGS,
    SCORE,
    STAMPED_PLAN,
    partials_in,
    read_results,
    read_score,
)
from audit.runfolder.event_log import EVENTS
from audit.runfolder.lock import LOCK, hold
from audit.store import storage_errors
from audit.store.owners import Owner
from audit.store.sound import is_name, is_regular, read_regular, remove_below

PDFS = tuple(name.replace(".html", ".pdf") for name in PAGES.values())
FILES = (
    *PAGES.values(),
    *PDFS,
    "rate.html",
    RATINGS,
    COMMAND,
    "captions.csv",
    "environment.json",
    "plan.tsq",
    "plan.tsr",
    "plan-tsa.pem",
    "plan-tsa-crl.pem",
    "score.schema.json",
    EVENTS,
    "results.json",
    SCORE,
    STAMPED_PLAN,
    "plan.json",
)
"""Beside the pictures, in the order in which they go: the plan last, so that what was stopped can be repeated."""


@dataclass(frozen=True)
class Left:
    """What a run folder tells of an artist.

    Attributes:
        pictures: files of works, whole or in part; works: whose names and captions stand in plan, results and report.
        mails: captions and names with a mail address; bundle: one that lies beside it, or None.
    """

    artist: str
    folder: Path
    pictures: int
    works: int
    mails: int
    bundle: Path | None


def owner_of(plan: Plan | ScorePlan, folder: Path) -> Owner:
    """What the store writes down of a run."""
    if isinstance(plan, ScorePlan):
        pictures = [w.pixels for w in plan.works] + [p.pixels for p in plan.pictures]
        others = [d for a in plan.reference_artists for d in a.pixels]
    else:
        pictures = [w.pixels for w in plan.works] + [f.pixels for f in plan.protected]
        others = [w.pixels for w in plan.other_works] + [d for a in plan.reference_artists for d in a.pixels]
    return Owner(
        artist=plan.artist,
        plan_sha256=plan.digest(),
        folder=str(folder.resolve()),
        pictures=tuple(dict.fromkeys(pictures)),
        others=tuple(dict.fromkeys(others)),
    )


def plan_in(folder: Path) -> Plan | ScorePlan:
    """The plan of a run or of a score.

    Raises:
        BadInput: `not-a-run`, there is none that can be read. BadResults: `file-version`.
    """
    for kind in (Plan, ScorePlan):
        try:
            found = read_record(kind, read_regular(folder / "plan.json", limit=MOST_BYTES), name="plan.json")
        except BadResults as error:
            if error.said.id == "file-version":
                raise
            continue
        except (OSError, ValueError):
            continue
        if isinstance(found, Plan | ScorePlan):
            return found
    raise BadInput("not-a-run", folder=folder.absolute().name)


def known_runs(records: Iterable[Owner], folders: Iterable[Path]) -> list[Owner]:
    """Runs by the store's records and by the plans that lie in folders."""
    found = {(owner.plan_sha256, owner.folder): owner for owner in records}
    for folder in folders:
        try:
            owner = owner_of(plan_in(folder), folder)
        except (BadInput, BadResults):
            continue
        found[owner.plan_sha256, owner.folder] = owner
    return list(found.values())


def runs_of(name: str, known: Iterable[Owner]) -> list[Path]:
    """Folders of an artist's runs that are still there."""
    folders = {Path(o.folder) for o in known if folded(o.artist) == folded(name)}
    return sorted(f for f in folders if (f / "plan.json").is_file())


def left_in(folder: Path) -> Left:
    """What a run folder tells of its artist.

    Raises:
        BadInput: `not-a-run`.
    """
    plan = plan_in(folder)
    names = _pictures_of(folder, plan).of_works
    bundle = folder.with_name(f"{folder.name}-bundle")
    texts = [f"{work.name}\n{work.caption}" for work in plan.works]
    return Left(
        artist=plan.artist,
        folder=folder,
        pictures=sum(is_regular(folder / "images" / name) for name in names),
        works=len(plan.works),
        mails=sum(any(id == "mail" for id, _ in traces(text.encode("utf-8", "replace"))) for text in texts),
        bundle=bundle if (bundle / "bag").is_dir() else None,
    )


def forget_run(folder: Path) -> tuple[Forgotten, tuple[str, ...]]:
    """Delete what a run wrote into its folder, and the folder where nothing else lies in it.

    Returns:
        What was deleted, and names of what lies there still, which no run wrote.

    Raises:
        BadInput: `not-a-run`; `out-busy`, a run is at work in it. StorageError: something cannot be deleted.
    """
    folder = folder.resolve()
    plan = plan_in(folder)
    files = size = 0
    with storage_errors(folder):
        hold(folder)
        there = _pictures_of(folder, plan)
        pictures = [f"images/{name}" for name in (*there.of_works, *there.drawn)]
        for name in (*partials_in(folder), *pictures, *FILES, LOCK):
            path = folder / name
            if is_regular(path) or path.is_symlink():
                files, size = files + 1, size + path.lstat().st_size
                remove_below(folder, path)
        for empty in (folder / "images", folder):
            if empty.is_dir() and not empty.is_symlink() and not any(empty.iterdir()):
                empty.rmdir()
    left = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    return Forgotten(files, size), tuple(left)


class _Pictures(NamedTuple):
    """Names under images/: small copies of works and of what was done to them, and what models drew."""

    of_works: list[str]
    drawn: list[str]


def _pictures_of(folder: Path, plan: Plan | ScorePlan) -> _Pictures:
    """Those that the results tell of, and those that the plan implies, of starts before."""
    of_works: set[str] = set()
    drawn: set[str] = set()
    try:
        if isinstance(plan, ScorePlan):
            works = {work.id for work in plan.works}
            for id, name in read_score(folder).images.items():
                (of_works if id in works else drawn).add(name)
        else:
            results = read_results(folder)
            cells = [*results.cells, *(cell for at in results.settings for cell in at.cells)]
            drawn.update(name for cell in cells for name in cell.generations.files)
            of_works.update(results.work_images.values())
            of_works.update(name for of in results.treated_images.values() for name in of.values())
    except BadResults:
        # A run that never came to its end.
        pass
    there = [p.name for p in (folder / "images").iterdir()] if (folder / "images").is_dir() else []
    for told, implied in ((of_works, _implied_of_works(plan)), (drawn, _implied_drawn(plan))):
        told.update(name for name in there if re.fullmatch(implied, name))
    return _Pictures(*(sorted(name for name in told if is_name(name)) for told in (of_works, drawn)))


def _implied_of_works(plan: Plan | ScorePlan) -> str:
    """Names as a pattern: what is shown is not known before."""
    works = "|".join(re.escape(work.id) for work in plan.works)
    kinds = "work" if isinstance(plan, ScorePlan) else "work|treated-[0-9]{2,3}"
    return f"(?:{kinds})-(?:{works})\\.png"


def _implied_drawn(plan: Plan | ScorePlan) -> str:
    if isinstance(plan, ScorePlan):
        return "ai-generated-[a-z]+-(?:" + "|".join(re.escape(p.id) for p in plan.pictures) + ")\\.png"
    stems = {"".join(c if c.isascii() and c.isalnum() else "-" for c in c.name) for c in plan.conditions} | {"base"}
    named = "|".join(re.escape(stem) for stem in sorted(stems))
    return f"ai-generated-(?:{named})-r[0-9]{{2,4}}-p[0-9]{{2,5}}-n[0-9]+-[0-9a-f]{{8}}\\.png"
