"""The texts beside a bag, filled with what the tool knows: how to verify, certification, custody."""

from __future__ import annotations

import string
import textwrap
from datetime import datetime

from audit.base.messages import Said, render
from audit.base.text import printable
from audit.evidence.first import TOLERANCE, plan_first
from audit.evidence.source import RunSource
from audit.evidence.timestamps import NOT_ATTESTED
from audit.records import Results
from audit.report.assets import templates_folder
from audit.runfolder.event_log import PLAN_FIXED, TRAINING_BEGINS

VERIFY, CERTIFICATION, CUSTODY = "VERIFY.txt", "CERTIFICATION-template.txt", "CUSTODY-form.txt"
BLANK = "0" * 64
"""Stands for the seal's digest in the text of a form that is sealed itself."""
_UNKNOWN = "not known"
_WIDTH = 116
"""Columns of a form's paragraphs."""


class _Form(string.Template):
    delimiter = "@"


def fill(name: str, values: dict[str, str]) -> bytes:
    """One of the texts with its blanks filled; every blank must be given."""
    text = (templates_folder() / "evidence" / name).read_text(encoding="utf-8")
    safe = {k: "\n".join(printable(line, limit=2000) for line in v.split("\n")) for k, v in values.items()}
    return _Form(text).substitute(safe).encode("utf-8")


def moment(text: object) -> datetime | None:
    """A time as the tool writes it (ISO 8601, UTC), None for anything else."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def plan_times(source_events: tuple[dict[str, object], ...]) -> tuple[datetime | None, datetime | None]:
    """When the plan was fixed and when training first began, by the machine's clock."""
    first: dict[object, datetime | None] = {}
    for event in source_events:
        first.setdefault(event.get("event"), moment(event.get("time")))
    return first.get(PLAN_FIXED), first.get(TRAINING_BEGINS)


def verify_text(source: RunSource, *, files: int, signer: str, profile: str) -> bytes:
    """VERIFY.txt. Times that the log does not hold bound nothing."""
    planned, began = plan_times(source.events)
    earliest = int((planned - TOLERANCE).timestamp()) if planned else 0
    latest = int((began + TOLERANCE).timestamp()) if began else 2**40
    return fill(
        VERIFY,
        {
            "files": str(files),
            "signer": signer,
            "profile": profile,
            "earliest": str(earliest),
            "latest": str(latest),
            "planned": f"{planned:%Y-%m-%d %H:%M:%S} UTC" if planned else _UNKNOWN,
            "began": f"{began:%Y-%m-%d %H:%M:%S} UTC" if began else _UNKNOWN,
        },
    )


def certification_text(results: Results, *, tagmanifest: str, signer: str, profile: str, fate: str) -> bytes:
    plan, provenance = results.plan, results.provenance
    counts = {True: 0, False: 0, None: 0}
    for check in results.checks:
        counts[check.passed] += 1
    return fill(
        CERTIFICATION,
        {
            "version": plan.tool_version,
            "commit": f" (commit {provenance.commit})" if provenance.commit else "",
            "started": provenance.started,
            "finished": provenance.finished,
            "attested": NOT_ATTESTED + " unless tagmanifest.tsr says otherwise",
            "plan": plan.digest(),
            "order": _paragraph(plan_first(provenance, frame="certify")),
            "model": plan.model.name,
            "model_sha256": plan.model.sha256,
            "conditions": ", ".join(c.name for c in plan.conditions),
            "replicates": str(plan.replicates),
            "declaration": provenance.declaration or "nothing",
            "checks": f"{counts[True]} passed, {counts[False]} failed, {counts[None]} could not be made;",
            "tagmanifest": tagmanifest,
            "signer": signer,
            "profile": profile,
            "fate": fate,
        },
    )


def _paragraph(said: Said) -> str:
    """A sentence in the lines of a form, whose paragraphs are set in by four."""
    return "\n    ".join(textwrap.wrap(printable(render(said), limit=2000), _WIDTH - 4))


def custody_text(results: Results, *, tagmanifest: str, files: int, size: int, made: str) -> bytes:
    return fill(
        CUSTODY,
        {
            "plan": results.plan.digest(),
            "tagmanifest": tagmanifest,
            "made": made,
            "attested": NOT_ATTESTED + " unless tagmanifest.tsr says otherwise",
            "files": str(files),
            "size": str(size),
        },
    )
