"""A finished run as evidence: everything a bundle is made from, read once and checked against itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from audit.base.errors import BadEvidence, BadResults
from audit.base.messages import say
from audit.evidence.bag import NAME, key_twice, read_text
from audit.evidence.timestamps import MOST_BYTES, Token, check_token, request_bytes
from audit.images import decode_png, pixels_digest
from audit.records import SCHEMA_VERSION, Environment, Plan, Results
from audit.records.versions import read_record
from audit.runfolder import read_ratings, read_results, stamped_plan
from audit.runfolder.event_log import EVENTS, JUDGED, PLAN_FIXED, PLAN_SEEDED, BrokenLog, read_events


@dataclass(frozen=True)
class RunSource:
    """One finished run.

    Attributes:
        environment: None when the run recorded none.
        generated: file names of generated pictures; each one's pixels are those that results.json names.
        shown: file names of previews and crops of the artist's own pictures.
        plan_token: the plan's time stamp; None without one.
        withheld: of a run inside a bundle, what that says it left out, path -> digest.
    """

    folder: Path
    plan: Plan
    results: Results
    events: tuple[dict[str, Any], ...]
    environment: Environment | None
    generated: tuple[str, ...]
    shown: tuple[str, ...]
    plan_token: Token | None = None
    withheld: Mapping[str, str] = field(default_factory=dict)


def read_source(folder: Path) -> RunSource:
    """Read a run folder and refuse one whose parts contradict each other.

    Raises:
        BadResults: see `read_results`; `results-edited`, when results.json is not the file that was judged last;
            `answers-edited`, when judging it again gives other answers; `ratings-edited`, when ratings.json holds
            other answers than the results; `plan-edited`, when plan.json is not the plan
            that the results are of.
        BadEvidence: `events-broken`, `picture-edited`; those of `check_token` for the plan's stamp.
    """
    results = read_results(folder)
    events = _events(folder)
    if not tells_of_plan(events, results.plan):
        raise BadEvidence("events-broken.plan")
    judged = [e for e in events if e["event"] == JUDGED]
    written = hashlib.sha256(read_text(folder / "results.json")).hexdigest()
    if not judged or judged[-1].get("results_sha256") != written or results.edited_since_judged:
        raise BadResults("results-edited")
    if results.schema_version == SCHEMA_VERSION and _judged_otherwise(results):
        raise BadResults("answers-edited")
    if results.ratings != read_ratings(folder):
        raise BadResults("ratings-edited")
    try:
        plan = read_record(Plan, read_text(folder / "plan.json"), name="plan.json")
    except ValidationError as error:
        raise BadResults("plan-edited.schema") from error
    request = folder / "plan.tsq"
    same = not request.exists() or read_text(request) == request_bytes(read_text(stamped_plan(folder)))
    if plan.digest() != results.plan.digest() or not same:
        raise BadResults("plan-edited")
    generated = tuple(dict.fromkeys(name for cell in results.cells for name in cell.generations.files))
    digests = {n: d for c in results.cells for n, d in zip(c.generations.files, c.generations.pixels, strict=False)}
    for name in generated:
        _check_picture(folder / "images", name, digests.get(name, ""))
    shown = {*results.work_images.values(), *(n for m in results.treated_images.values() for n in m.values())}
    return RunSource(
        folder=folder,
        plan=plan,
        results=results,
        events=events,
        environment=_environment(folder, events),
        generated=generated,
        shown=tuple(sorted(n for n in shown if _plain(n) and (folder / "images" / n).is_file())),
        plan_token=_plan_token(folder),
    )


def _judged_otherwise(results: Results) -> bool:
    """Whether judging gives other answers; loaded here, since whoever reads a sealed run judges nothing."""
    from audit.judge import judge
    from audit.judge.rejudged import first_difference

    return first_difference(results, judge(results), english=True) is not None


def tells_of_plan(events: Sequence[Mapping[str, Any]], plan: Plan) -> bool:
    """Whether a log says when this plan, and no other, was fixed, itself or as the one whose stamp gave it its seed."""
    fixed = {str(e.get("plan_sha256")) for e in events if e["event"] == PLAN_FIXED}
    seeded = {(str(e.get("stamped_sha256")), str(e.get("plan_sha256"))) for e in events if e["event"] == PLAN_SEEDED}
    if seeded:
        return seeded == {(stamped, plan.digest()) for stamped in fixed} and plan.seed_source == "stamp"
    return fixed == {plan.digest()}


def logged_environment(events: Sequence[Mapping[str, Any]]) -> str | None:
    """Digest of the environment.json that the run wrote last; None for a log that tells of none."""
    return next((str(e.get("sha256")) for e in reversed(events) if e["event"] == "environment"), None)


def _plain(name: str) -> bool:
    return "/" not in name and NAME.fullmatch(name) is not None


def _events(folder: Path) -> tuple[dict[str, Any], ...]:
    text = read_text(folder / EVENTS)
    if key := key_twice(text.split(b"\n")):
        raise BadEvidence("events-broken", why=say("verify.key-twice", file=EVENTS, key=key))
    try:
        return read_events(text)
    except BrokenLog as error:
        raise BadEvidence("events-broken", why=error.said) from error


def _plan_token(folder: Path) -> Token | None:
    reply, chain = (folder / name for name in ("plan.tsr", "plan-tsa.pem"))
    if not reply.exists():
        return None
    certificates = read_text(chain, limit=MOST_BYTES)
    stamped = read_text(stamped_plan(folder))
    return check_token(stamped, reply=read_text(reply, limit=MOST_BYTES), chain=certificates)


def _environment(folder: Path, events: Sequence[Mapping[str, Any]]) -> Environment | None:
    path = folder / "environment.json"
    if not path.exists():
        return None
    if logged_environment(events) != hashlib.sha256(read_text(path)).hexdigest():
        raise BadResults("environment-invalid")
    try:
        return read_record(Environment, read_text(path), name=path.name)
    except ValidationError as error:
        raise BadResults("environment-invalid.schema") from error


def _check_picture(images: Path, name: str, digest: str) -> None:
    sound = False
    if _plain(name):
        try:
            sound = pixels_digest(decode_png(read_text(images / name))) == digest
        except (ValueError, BadEvidence):
            sound = False
    if not sound:
        raise BadEvidence("picture-edited", file=name)
