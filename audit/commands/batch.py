"""Many artists in one command: every audit is planned first, then each runs as `run` would run it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from audit import __version__
from audit.base.ending import ended
from audit.base.errors import AuditError, BadInput
from audit.base.files import of_file_manager
from audit.base.messages import Said, say
from audit.base.progress import Progress, duration
from audit.commands.overview import write_overview
from audit.commands.preview import preview_fixed
from audit.plan.batch import BatchEntry, BatchPlan
from audit.plan.machine import free_on_disk
from audit.records import SCHEMA_VERSION, BatchAudit, BatchStanding, Plan, Results, UnreadFolder
from audit.runfolder import read_results
from audit.runfolder.judged import is_last_judged
from audit.runfolder.lock import LOCK, hold
from audit.stages.audit import run
from audit.stages.prepare import fix_plan
from audit.store import default_store, storage_errors, write_atomic

STATE = "batch.json"
PAGE = "overview.html"
T = TypeVar("T")
Told = Callable[[Exception], AuditError]
"""What a library or the system refused, as an error with a sentence."""


@dataclass(frozen=True)
class Needed:
    """What the audits that are left take together.

    Attributes:
        free: bytes on the disk of the store, which takes the most.
    """

    seconds: float
    memory_bytes: float
    disk_bytes: float
    free: float

    def said(self, batch: BatchStanding) -> tuple[Said, ...]:
        """In words."""
        left = sum(audit.state == "waiting" for audit in batch.audits)
        failed = sum(audit.state == "failed" for audit in batch.audits)
        told = say(
            "told.batch",
            all=len(batch.audits),
            left=left,
            whole=batch.whole,
            failed=failed,
            time=duration(self.seconds),
            gb=self.memory_bytes / 1e9,
            disk=self.disk_bytes / 1e6,
            free=self.free / 1e9,
        )
        return (told, say("told.batch-disk-short")) if self.disk_bytes > self.free else (told,)


def plan_batch(asked: BatchPlan, *, told: Told) -> BatchStanding:
    """Fix the plan of every audit and measure what it takes, as `plan` does; what is whole already stays as it is.

    An audit that cannot be planned has failed, with its sentence, and stops none of the others.

    Raises:
        BadInput: `out-not-empty`, its folder holds other things; `out-busy`, another process works on this batch.
        StorageError: the folder cannot be written.
    """
    _claim(asked.out)
    rows: list[BatchAudit] = []
    _kept(asked, rows)
    for number, audit in enumerate(asked.audits, start=1):
        progress = Progress()
        progress.say(say("now.batch-plan", number=number, all=len(asked.audits), name=audit.folder))
        rows.append(_tried(audit, partial(_planned, audit, progress), progress, told))
    return _kept(asked, rows)


def needed(asked: BatchPlan, batch: BatchStanding) -> Needed:
    """What the audits that wait take together, about."""
    waiting = [audit for audit in batch.audits if audit.state == "waiting"]
    return Needed(
        seconds=sum(audit.expected_seconds or 0.0 for audit in waiting),
        memory_bytes=max((audit.memory_bytes or 0.0 for audit in waiting), default=0.0),
        disk_bytes=sum(audit.disk_bytes or 0.0 for audit in waiting),
        free=float(free_on_disk(asked.audits[0].spec.store or default_store())),
    )


def row_said(audit: BatchAudit) -> Said:
    """How one audit stands, in a line."""
    if audit.state == "whole":
        return say("told.batch-whole", name=audit.folder, answer=audit.said)
    if audit.state == "failed":
        return say("told.batch-failed", name=audit.folder, why=audit.said)
    return say(
        "told.batch-waiting",
        name=audit.folder,
        cells=audit.cells,
        time=duration(audit.expected_seconds or 0.0),
        gb=(audit.memory_bytes or 0.0) / 1e9,
        disk=(audit.disk_bytes or 0.0) / 1e6,
    )


def run_batch(asked: BatchPlan, planned: BatchStanding, *, told: Told) -> BatchStanding:
    """Run what waits, one audit after the other, each as `run` does; an audit that fails stops none of the others.

    Stopped at any time, it goes on when both are called again: finished audits are found whole, and the one that was
    at work takes its finished steps from the store.
    """
    rows = list(planned.audits)
    for at, audit in enumerate(asked.audits):
        if rows[at].state != "waiting":
            continue
        progress = Progress()
        own = rows[at].expected_seconds or 0.0
        progress.beyond = sum(row.expected_seconds or 0.0 for row in rows[at + 1 :] if row.state == "waiting")
        left = duration(own + progress.beyond)
        progress.say(say("now.batch", number=at + 1, all=len(rows), name=audit.folder, left=left))
        rows[at] = rows[at].model_copy(update={"state": "at-work"})
        _kept(asked, rows)
        begun, before = time.monotonic(), rows[at]
        after = _tried(audit, partial(_ran, audit, progress), progress, told)
        foreseen = {name: getattr(before, name) for name in ("cells", "expected_seconds", "memory_bytes", "disk_bytes")}
        rows[at] = after.model_copy(update={**foreseen, "seconds": round(time.monotonic() - begun, 1)})
        _kept(asked, rows)
    return _kept(asked, rows)


def write_page(asked: BatchPlan, batch: BatchStanding, *, lang: str) -> Path | None:
    """The page over all that are whole, which names those that failed; None where none is whole."""
    if not batch.whole:
        return None
    out = asked.out / PAGE
    write_overview(
        [asked.out / audit.folder for audit in batch.audits if audit.state == "whole"],
        out=out,
        lang=lang,
        pseudonyms=False,
        pictures=True,
        progress=Progress(),
        failed=[UnreadFolder(folder=a.folder, said=a.said) for a in batch.audits if a.state == "failed" and a.said],
    )
    return out


def _claim(folder: Path) -> None:
    """Make the batch's folder, for its owner alone, or find that of a batch; no other process may work there."""
    with storage_errors(folder):
        if folder.exists() and not (folder / STATE).is_file():
            if not folder.is_dir() or any(p.name != LOCK and not of_file_manager(p.name) for p in folder.iterdir()):
                raise BadInput("out-not-empty", folder=folder.absolute().name)
        hold(folder)


def _planned(audit: BatchEntry, progress: Progress) -> BatchAudit:
    fixed = fix_plan(audit.spec, progress)
    if (results := _finished(audit.run_folder, fixed.plan)) is not None:
        return _whole(audit, results)
    shown = preview_fixed(audit.spec, fixed, progress)
    return BatchAudit(
        artist=audit.artist,
        model=audit.model,
        folder=audit.folder,
        cells=shown.cells,
        expected_seconds=round(shown.cost.whole, 1),
        memory_bytes=shown.cost.memory_bytes,
        disk_bytes=shown.cost.disk_bytes,
    )


def _ran(audit: BatchEntry, progress: Progress) -> BatchAudit:
    results, _ = run(audit.spec, progress)
    return _whole(audit, results)


def _finished(folder: Path, plan: Plan) -> Results | None:
    """The results of a run folder where this plan has come to its end; None where its command has work to do."""
    try:
        results = read_results(folder)
    except AuditError:
        return None
    there = results.schema_version == SCHEMA_VERSION and (folder / "report.html").is_file()
    if not there or results.verdict is None or results.plan.digest() != plan.digest():
        return None
    return results if is_last_judged(folder / "results.json") else None


def _whole(audit: BatchEntry, results: Results) -> BatchAudit:
    assert results.verdict is not None
    return BatchAudit(
        artist=audit.artist,
        model=audit.model,
        folder=audit.folder,
        state="whole",
        verdict=results.verdict.label,
        said=results.verdict.said,
    )


def _tried(audit: BatchEntry, work: Callable[[], BatchAudit], progress: Progress, told: Told) -> BatchAudit:
    """What work on one audit gives: its row, or that of a failure."""
    try:
        return work()
    except AuditError as error:
        failed = error
    except Exception as error:
        # Compiled modules make an ImportError of a Ctrl-C while they are loaded.
        if ended(error) is not None:
            raise
        failed = told(error)
    for said in failed.beside:
        progress.say(said)
    row = BatchAudit(artist=audit.artist, model=audit.model, folder=audit.folder, state="failed", said=failed.said)
    progress.say(row_said(row))
    return row


def _kept(asked: BatchPlan, rows: Sequence[BatchAudit]) -> BatchStanding:
    """How the batch stands, which is written down for whoever looks at its folder meanwhile."""
    batch = BatchStanding(tool_version=__version__, audits=tuple(rows))
    write_atomic(asked.out / STATE, (batch.model_dump_json(indent=1) + "\n").encode("utf-8"))
    return batch
