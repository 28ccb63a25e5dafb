"""A finished audit once more: its bundle, and `cloakcheck reproduce` of that in the queue, from the same folders."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from audit.base.messages import Said, say
from audit.ui.drafts import PRESETS, Drafts
from audit.ui.heard import Heard, hear, result_of, said_of
from audit.ui.jobs import AUDITS, Job, Jobs, State
from audit.ui.made import command
from audit.ui.past import run_id
from audit.ui.plans import free_folder

AGAIN = "reproduce"
"""Kind of such a job, and what stands for its preset."""


@dataclass(frozen=True)
class Again:
    """The latest repetition of a run.

    Attributes:
        heard: what it told so far; stands: what it says of each condition, () until it is done.
        result: id of its own run folder, '' until it is done.
    """

    state: State
    heard: Heard
    stands: tuple[Said, ...]
    result: str


def asked_with(drafts: Drafts, jobs: Jobs, folder: Path) -> tuple[Job, Path] | None:
    """The job that made a run, and the file that it was asked with; None where this page did not begin it."""
    made = [job for job in jobs.all(AUDITS) if job.out and run_id(Path(job.out)) == run_id(folder)]
    for job in made:
        draft = drafts.find(job.draft)
        spec = None if draft is None else drafts.place(draft) / f"{job.preset}-{job.asked}.json"
        if job.preset in PRESETS and spec is not None and spec.is_file():
            return job, spec
    return None


def again_of(drafts: Drafts, jobs: Jobs, folder: Path) -> Again | None:
    """How far its repetition is; None without one."""
    asked = asked_with(drafts, jobs, folder)
    job = None if asked is None else jobs.of(asked[0].draft, AGAIN, asked=run_id(folder))
    if job is None:
        return None
    state, rows = jobs.state(job), result_of(job.text("out")).get("conditions", [])
    done = state == "done" and isinstance(rows, list)
    stands = said_of([row.get("said") for row in rows if isinstance(row, dict)]) if done else []
    return Again(state, hear(job.text("log")), tuple(stands), run_id(Path(job.out)) if done else "")


def begin_again(drafts: Drafts, jobs: Jobs, folder: Path, *, reports: Path) -> Said | None:
    """Put a run's repetition into the queue, unless it is there; why not where that is not possible.

    What is repeated stands in a bundle; it is made where there is none yet, before anything waits.
    """
    asked = asked_with(drafts, jobs, folder)
    if asked is None:
        return say("ui-again-unknown")
    job, spec = asked
    known = jobs.of(job.draft, AGAIN, asked=run_id(folder))
    if known is not None and jobs.state(known) in ("waiting", "running"):
        return None
    bundle = spec.parent / f"bundle-{run_id(folder)}"
    if not (bundle / "bag" / "bagit.txt").is_file():
        shutil.rmtree(bundle, ignore_errors=True)
        problem = command(["bundle", str(folder.absolute()), "--out", str(bundle)])
        if problem is not None:
            return problem
    if known is not None:
        jobs.drop(known)
    out = free_folder(jobs, reports, f"{job.artist or 'example'} again")
    # What the store holds of the first time would only be shown once more.
    words = ["reproduce", str(bundle), "--spec", str(spec), "--no-reuse", "--out", str(out), "--json"]
    jobs.add(
        words,
        lane=AUDITS,
        draft=job.draft,
        kind=AGAIN,
        preset=AGAIN,
        out=str(out),
        artist=job.artist,
        asked=run_id(folder),
    )
    return None
