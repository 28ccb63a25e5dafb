"""One page over many audits, from their results files alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from audit.base.errors import BadInput
from audit.base.messages import Said, render, say
from audit.base.progress import Progress
from audit.base.text import printable
from audit.commands.read_apart import Reader
from audit.judge.overview import SeenAudit, make_overview
from audit.records import AuditPictures, Overview, UnreadFolder
from audit.report.overview import render_overview
from audit.report.overview.columns import overview_table
from audit.report.tidy import csv_text
from audit.runfolder import SCORE
from audit.store import write_atomic

RUN_FILES = ("results.json", "plan.json", SCORE)


def write_overview(
    folders: Sequence[Path],
    *,
    out: Path,
    lang: str,
    pseudonyms: bool,
    pictures: bool,
    progress: Progress,
    failed: Sequence[UnreadFolder] = (),
) -> Overview:
    """Read run folders, and write the page with a CSV and a JSON file beside it.

    Args:
        folders: run folders, or folders of run folders.
        out: the page; the others have its name with another ending.
        pseudonyms: call artists by numbers, and leave out names of folders and links to reports.
        pictures: whether the page shows any.
        failed: audits that are known to have come to nothing, to be named beside the folders that give none.

    Raises:
        BadInput: `overview-none`, no folder holds an audit that can be read; `overview-out`, `out` is a folder or ends
            in .csv or .json; `language-unknown`. StorageError: a file cannot be written.
    """
    refuse_page(out)
    found = list(run_folders(folders))
    seen: list[SeenAudit] = []
    shown: dict[int, AuditPictures] = {}
    unread = list(failed)
    plans: dict[str, str] = {}
    progress.stage(say("stage.overview"), len(found))
    with Reader() as reader:
        for number, folder in enumerate(found, start=1):
            name = printable(folder.absolute().name)
            read = reader.read(folder, pictures=pictures)
            if not isinstance(read, Said) and (same := plans.setdefault(read.facts.plan_sha256, name)) != name:
                read = say("overview-again", folder=name, other=same)
            if isinstance(read, Said):
                unread.append(UnreadFolder(folder=name, said=read))
            else:
                facts = read.facts.model_copy(update={"folder": name, "link": report_link(folder, out)})
                seen.append(SeenAudit(facts, frozenset(read.works)))
                if read.pictures is not None:
                    shown[len(seen)] = read.pictures
            progress.update(number)
    progress.close()
    if not seen:
        raise BadInput("overview-none", count=len(found), why=unread[0].said if unread else say("overview-empty"))
    overview = make_overview(seen, unread)
    if pseudonyms:
        overview = under_pseudonyms(overview)
    page = render_overview(overview, shown, lang=lang)
    table = overview_table(overview)
    write_atomic(out, page.encode("utf-8"))
    write_atomic(out.with_suffix(".csv"), csv_text(table.columns, table.rows).encode("utf-8"))
    write_atomic(out.with_suffix(".json"), (overview.model_dump_json(indent=1) + "\n").encode("utf-8"))
    return overview


def refuse_page(out: Path) -> None:
    """Refuse a page beside which no CSV and JSON files of its name could lie.

    Raises:
        BadInput: `overview-out`.
    """
    if out.is_dir() or out.suffix.lower() in (".csv", ".json"):
        raise BadInput("overview-out", name=out.absolute().name)


def run_folders(folders: Iterable[Path]) -> Iterator[Path]:
    """The folders themselves, each once; in place of one that is no run, the runs directly in it, if any."""
    taken: set[Path] = set()
    for folder in folders:
        inside = [] if _is_run(folder) or not folder.is_dir() else sorted(p for p in folder.iterdir() if _is_run(p))
        for one in inside or [folder]:
            if (where := one.resolve()) not in taken:
                taken.add(where)
                yield one


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in RUN_FILES)


def report_link(folder: Path, out: Path) -> str:
    """Address of a run's report from the page; '' without one, or from another drive."""
    report = folder / "report.html"
    if not report.is_file():
        return ""
    try:
        return quote(Path(os.path.relpath(report.resolve(), out.resolve().parent)).as_posix())
    except ValueError:
        return ""


def under_pseudonyms(overview: Overview) -> Overview:
    """The same with artists called by numbers, and nothing that names a folder."""
    digits = len(str(overview.artists))
    called = {a.number: render(say("overview.artist", number=f"{a.person:0{digits}d}")) for a in overview.audits}
    hidden = enumerate(overview.unread, start=1)
    return overview.model_copy(
        update={
            "audits": tuple(
                a.model_copy(update={"artist": called[a.number], "folder": "", "link": ""}) for a in overview.audits
            ),
            "shared": tuple(
                s.model_copy(update={"names": tuple(called[number] for number in s.audits)}) for s in overview.shared
            ),
            "series": tuple(s.model_copy(update={"artist": called[s.audits[0]]}) for s in overview.series),
            "unread": tuple(
                UnreadFolder(folder=str(number), said=say("overview-hidden", number=number, slug=one.said.slug))
                for number, one in hidden
            ),
        }
    )
