"""The folder a run writes: plan.json, results.json, report.html, events.jsonl and images/. No torch."""

from __future__ import annotations

import contextlib
import hashlib
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from audit.base.errors import BadInput, BadResults
from audit.base.files import TooLarge, of_file_manager, read_bounded
from audit.base.messages import Said
from audit.base.private import private_folder
from audit.models.cards import LAB
from audit.records import (
    CalibrationCard,
    Environment,
    Plan,
    Ratings,
    Results,
    ScorePlan,
    ScoreResults,
    Session,
)
from audit.records.versions import read_record
from audit.runfolder.event_log import PLAN_FIXED, PLAN_SEEDED, TRAINING_BEGINS, facts_of, log_bytes, log_event
from audit.runfolder.lock import LOCK, hold
from audit.store import storage_errors, write_atomic
from audit.store.sound import is_regular, remove_below

MOST_BYTES = 128 << 20
"""Of plan.json and results.json; 600 cells of 100 pictures take about 30 MB, and in memory ten times as much."""
MOST_CARD_BYTES = 16 << 20
_PARTIAL = re.compile(
    r"\.(?:(?:plan|plan-stamped|resume|results|score|score\.schema|environment|ratings)\.json|captions\.csv|plan\.ts[qr]|plan-tsa\.pem"
    r"|(?:report|report-court|rate)\.html|(?:work|treated|ai-generated)-[A-Za-z0-9-]+\.png)"
    r"\.(?:[0-9a-f]{32}|[0-9]+\.partial)"
)
CALIBRATIONS = "calibrations"
STAMPED_PLAN = "plan-stamped.json"
"""The plan as it was stamped, where its stamp gave another seed: plan.json is the one with that seed then."""
COMMAND = "resume.json"
"""How a run that has not ended was asked for; see `audit.plan.unfinished`."""
SCORE = "score.json"
RATINGS = "ratings.json"


def default_folder(artist: str, plan: Plan | ScorePlan) -> Path:
    """`reports/<date>-<artist>` in the current folder, its name of letters and digits of any script.

    A folder that holds this very plan, from today or an earlier day, is gone on with; when today's
    name holds another plan, a number is put behind it.
    """
    slug = folder_name(artist)
    there = sorted(Path("reports").iterdir(), reverse=True) if Path("reports").is_dir() else []
    # Some disks give names back in another normal form.
    for folder in (f for f in there if f"-{slug}" in unicodedata.normalize("NFC", f.name)):
        if _plan_digest(stamped_plan(folder), type(plan)) == plan.digest():
            return folder
    name = f"{datetime.now(UTC):%Y-%m-%d}-{slug}"
    names = [name, *(f"{name}-{number}" for number in range(2, 1000))]
    return next(Path("reports") / n for n in names if not (Path("reports") / n).exists())


def folder_name(artist: str) -> str:
    """What a folder of this artist is called: safe on every system, of at most 40 characters and 120 bytes."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", artist).lower())
    # Marks belong to letters in many scripts; what joins or directs them is left out.
    kept = "".join(
        c if unicodedata.category(c)[0] in "LMN" else "" if unicodedata.category(c) == "Cf" else "-" for c in text
    )
    slug = "-".join(part for part in kept.split("-") if part)[:40]
    while len(slug.encode("utf-8", "replace")) > 120:
        slug = slug[:-1]
    return slug.strip("-") or "artist"


def _plan_digest(path: Path, kind: type[Plan] | type[ScorePlan] = Plan) -> str:
    """Digest of the plan in a file; '' when there is none that can be read."""
    try:
        return read_record(kind, read_bounded(path, limit=MOST_BYTES), name=path.name).digest()
    except (OSError, ValueError, BadResults):
        return ""


def stamped_plan(folder: Path) -> Path:
    """The file of a run folder that the plan's time stamp is over, or would be: the plan as it was before its seed."""
    kept = folder / STAMPED_PLAN
    return kept if kept.exists() else folder / "plan.json"


def claim(folder: Path, plan: Plan | ScorePlan, *, stamped: Plan | None = None) -> None:
    """Make the folder this plan's: write plan.json, or find the same plan there and go on.

    Args:
        stamped: the plan as it lies there under its time stamp, which gave `plan` its seed; it is kept beside.

    Raises:
        BadInput: the folder holds another run, files that no run wrote, or is being worked in.
        StorageError: it cannot be written, or others may write to it.
    """
    with storage_errors(folder):
        path = folder / "plan.json"
        # Before anything is written, the lock's file too.
        if folder.exists() and not path.exists() and not _only_begun(folder):
            raise BadInput("out-not-empty", folder=folder.absolute().name)
        hold(folder)
        _drop_partials(folder)
        if stamped is not None:
            _keep_stamped(folder, plan, stamped=stamped)
        if path.exists() and _plan_digest(path, type(plan)) != plan.digest():
            raise BadInput("out-other-run", folder=folder.absolute().name)
        private_folder(folder / "images")
        if not path.exists():
            write_atomic(path, (plan.model_dump_json(indent=1) + "\n").encode("utf-8"))
        if not _told(folder):
            # The first entry; a run that was stopped before it gets it now: nothing was trained yet.
            log_event(folder, PLAN_FIXED, {"plan_sha256": plan.digest()})
        else:
            log_event(folder, "resumed", {})
        if stamped is not None and f'"{PLAN_SEEDED}"'.encode("ascii") not in log_bytes(folder):
            log_event(folder, PLAN_SEEDED, {"plan_sha256": plan.digest(), "stamped_sha256": stamped.digest()})


def _keep_stamped(folder: Path, plan: Plan | ScorePlan, *, stamped: Plan) -> None:
    """Put the plan with the stamp's seed in the place of the one that was stamped, which goes beside it, bytes and all.

    Cut off at any point, the same call goes on.
    """
    path, kept = folder / "plan.json", folder / STAMPED_PLAN
    if _plan_digest(path) == stamped.digest() != plan.digest():
        write_atomic(kept, read_bounded(path, limit=MOST_BYTES))
        write_atomic(path, (plan.model_dump_json(indent=1) + "\n").encode("utf-8"))


def _told(folder: Path) -> bool:
    """Whether a log tells of a plan or of trainings; what is torn or edited there is for others to judge."""
    seen = log_bytes(folder)
    return any(f'"{event}"'.encode("ascii") in seen for event in (PLAN_FIXED, TRAINING_BEGINS))


def _only_begun(folder: Path) -> bool:
    """Whether a folder holds nothing but what a claim that was cut short leaves behind."""
    images = folder / "images"
    return all(
        (p == images and p.is_dir() and not p.is_symlink() and not any(p.iterdir()))
        or p.name.startswith(".plan.json.")
        or p.name == LOCK
        or of_file_manager(p.name)
        for p in folder.iterdir()
    )


def _drop_partials(folder: Path) -> None:
    """Take away what a run that was killed left of files that it was writing; nobody else is at work here."""
    for partial in partials_in(folder):
        remove_below(folder, folder / partial)


def partials_in(folder: Path) -> list[str]:
    """Half-written files of a run folder and of its images/, by their path below it."""
    found = []
    for at in (folder, folder / "images"):
        for path in at.iterdir() if at.is_dir() and not at.is_symlink() else ():
            if _PARTIAL.fullmatch(path.name) and is_regular(path):
                found.append(path.relative_to(folder).as_posix())
    return found


def write_environment(folder: Path, environment: Environment) -> None:
    """Write environment.json and log its digest, so that a run on two machines shows both."""
    data = (environment.model_dump_json(indent=1) + "\n").encode("utf-8")
    write_atomic(folder / "environment.json", data)
    log_event(folder, "environment", {"sha256": hashlib.sha256(data).hexdigest()})


def plan_file_digest(folder: Path, kind: type[Plan] | type[ScorePlan] = Plan) -> str | None:
    """Digest of the plan that lies in the run folder now; None when there is none that can be read."""
    return _plan_digest(folder / "plan.json", kind) or None


def begin_session(folder: Path, session: Session) -> tuple[Session, ...]:
    """Write down that the run's command was started, and return all starts of this run so far."""
    log_event(folder, "session", session.model_dump(mode="json"))
    found = []
    for facts in facts_of(folder):
        # One that somebody edited is no start that can be compared.
        with contextlib.suppress(ValueError):
            if facts.get("event") == "session":
                found.append(Session.model_validate({k: facts.get(k) for k in Session.model_fields}))
    return tuple(found)


def plan_fixed(folder: Path) -> str:
    """When the log says that the plan was fixed, ISO 8601, UTC; '' when it does not."""
    fixed = (str(facts.get("time", "")) for facts in facts_of(folder) if facts.get("event") == PLAN_FIXED)
    return next(fixed, "")


def keep_card(root: Path, card: CalibrationCard) -> Path:
    """Put a calibration card where later runs with this store find it."""
    path = root / CALIBRATIONS / f"{card.setup}.json"
    write_atomic(path, (card.model_dump_json(indent=1) + "\n").encode("utf-8"))
    return path


def find_card(root: Path, setup: str, *, tell: Callable[[Said], None] = lambda why: None) -> CalibrationCard | None:
    """The calibration card of a setup: of this store, else shipped with the lab; None without one.

    Args:
        tell: is told of a card of an unknown schema version, which is passed over.
    """
    for folder in (root / CALIBRATIONS, LAB / CALIBRATIONS):
        path = folder / f"{setup}.json"
        try:
            card = read_record(CalibrationCard, read_bounded(path, limit=MOST_CARD_BYTES), name=path.name)
        except BadResults as error:
            tell(error.said)
        except (OSError, ValueError):
            # A card that cannot be read is no card; the run does without.
            continue
        else:
            if card.setup == setup:
                return card
    return None


RecordOf = TypeVar("RecordOf", Plan, Results, Ratings, ScoreResults)


def read_plan(folder: Path) -> Plan:
    """plan.json of a run.

    Raises:
        BadResults: it is not there, does not fit the schema, or is of an unknown schema version.
    """
    return _read_record(folder / "plan.json", Plan)


def read_results(folder: Path) -> Results:
    """results.json of a finished run.

    Raises:
        BadResults: it is not there, does not fit the schema, or is of an unknown schema version; `results-pending`, it
            is that of a first report.
    """
    results = _read_record(folder / "results.json", Results)
    if results.pending:
        raise BadResults("results-pending", folder=folder.absolute().name, names=results.pending)
    return results


def read_ratings(folder: Path) -> Ratings | None:
    """ratings.json of a run that people were asked about; None where there is none.

    Raises:
        BadResults: it does not fit the schema, or is of an unknown schema version.
    """
    return _read_record(folder / RATINGS, Ratings) if (folder / RATINGS).exists() else None


def read_score(folder: Path) -> ScoreResults:
    """score.json of a finished score.

    Raises:
        BadResults: it is not there, does not fit the schema, or is of an unknown schema version.
    """
    return _read_record(folder / SCORE, ScoreResults)


def _read_record(path: Path, kind: type[RecordOf]) -> RecordOf:
    folder = path.absolute().parent.name
    try:
        return read_record(kind, read_bounded(path, limit=MOST_BYTES), name=path.name)
    except TooLarge as error:
        raise BadResults("results-large", file=path.name, folder=folder, most=error.limit >> 20) from error
    except OSError as error:
        if path.name != SCORE and path.parent.joinpath(SCORE).is_file():
            raise BadResults("results-missing.score", folder=folder) from error
        if path.parent.joinpath("plan.json").is_file():
            raise BadResults("results-missing.unfinished", folder=folder) from error
        if not path.parent.exists():
            raise BadResults("results-missing.absent", folder=folder) from error
        raise BadResults("results-missing", folder=folder, file=path.name) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadResults("results-invalid", file=path.name, folder=folder, place=place, why=first["msg"]) from error
