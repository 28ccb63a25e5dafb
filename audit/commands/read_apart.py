"""Run folders are read and judged in a process of their own, with limits on memory and time.

A results file that a stranger wrote, or one that is huge, then costs a row of the page and not the page.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from audit.base.errors import AuditError
from audit.base.messages import OtherWords, Said, say
from audit.base.own_process import OwnProcess, limit_this_process
from audit.evidence.stated import stated_results
from audit.judge.audit_facts import audit_facts
from audit.records import AuditPictures, ReadAudit, Results, SeenPicture
from audit.report.pictures import InlinePicture, Shelf
from audit.runfolder import SCORE

SECONDS = 300.0
"""For one folder; the sample's 36 models take one on one shared core."""
MEMORY_BYTES = 6 << 30
"""Address space of the process; the largest results file that is read takes a part of it."""
SIDE = 208
"""Greatest side of a picture, px."""
MOST_CLAIMS = 24
"""Claims of one audit of which a picture is shown."""
_START = "audit.commands.read_apart:serve"


class Reader:
    """The other process; a context, at whose end it is ended."""

    def __init__(self) -> None:
        self._process = OwnProcess()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def read(self, folder: Path, *, pictures: bool) -> ReadAudit | Said:
        """One run folder, or why it gives no audit."""
        try:
            with self._process.asked(_START, seconds=SECONDS) as (question, answer):
                question.write(json.dumps({"folder": str(folder), "pictures": pictures}).encode("ascii") + b"\n")
                question.flush()
                found = json.loads(answer.readline())
                if "said" in found:
                    return Said.model_validate(found["said"])
                return ReadAudit.model_validate(found["audit"])
        except (OSError, ValueError):  # pydantic's is one of the latter
            return say("overview-unread", folder=folder.absolute().name, seconds=round(SECONDS))


def serve() -> None:
    """The other process: one line in, one line out, until the pipe is closed."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    limit_this_process({"RLIMIT_AS": MEMORY_BYTES})
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        found = read_folder(Path(asked["folder"]), pictures=asked["pictures"])
        told = {"said": found} if isinstance(found, Said) else {"audit": found}
        (named,) = told.items()
        answers.write(json.dumps({named[0]: named[1].model_dump(mode="json")}).encode("ascii") + b"\n")
        answers.flush()


def read_folder(folder: Path, *, pictures: bool) -> ReadAudit | Said:
    """What `Reader.read` does, here."""
    name = folder.absolute().name
    if (folder / SCORE).exists():
        return say("overview-score", folder=name)
    try:
        results, said = stated_results(folder)
        if results.verdict is None or results.readings is None:
            return say("results-not-judged.folder", folder=name)
        facts = audit_facts(results).model_copy(update={"edited": said})
        return ReadAudit(
            facts=facts,
            works=tuple(work.pixels for work in results.plan.works),
            pictures=pictures_of(results, folder, facts.condition) if pictures else None,
        )
    except AuditError as error:
        return error.said
    except OtherWords as error:
        return say("results-other-words", folders=[f"{name}/"], id=error.id)
    except (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError, MemoryError) as error:
        return say("results-inconsistent", folders=[f"{name}/"], kind=type(error).__name__)


def pictures_of(results: Results, folder: Path, shown: str) -> AuditPictures:
    """What a page over several audits shows of one; `shown` is the condition that its card is about."""
    plan, shelf = results.plan, Shelf(folder / "images", side=SIDE)
    cells = {cell.condition: cell for cell in results.cells if cell.replicate == 1}

    def first(condition: str) -> SeenPicture | None:
        cell = cells.get(condition)
        return _seen(shelf.preview(cell.generations.files[0])) if cell and cell.generations.files else None

    asked = plan.asked(1)
    claims = dict.fromkeys([shown, *(c.name for c in plan.conditions if c.role in ("protected", "counter"))])
    found = {name: picture for name in list(claims)[:MOST_CLAIMS] if (picture := first(name)) is not None}
    works = (_seen(shelf.preview(results.work_images[w.id])) for w in plan.held_out(1) if w.id in results.work_images)
    return AuditPictures(
        prompt=plan.prompts[asked[0]] if asked else "",
        work=next((work for work in works if work is not None), None),
        unprotected=first(plan.clean),
        claims=found,
    )


def _seen(picture: InlinePicture | None) -> SeenPicture | None:
    return None if picture is None else SeenPicture(uri=picture.uri, width=picture.width, height=picture.height)
