"""The folder a run writes: plan.json, results.json, report.html, events.jsonl and images/. No torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from audit.base.errors import BadInput, BadResults
from audit.base.files import SYSTEM_FILES, read_bounded
from audit.base.private import private_folder
from audit.images import decode_png, encode_png, pixels_digest
from audit.images.ai_mark import mark_generated
from audit.models.cards import LAB
from audit.records import (
    ArtistSet,
    CalibrationCard,
    Environment,
    ImageSet,
    Plan,
    Results,
    ScorePlan,
    ScoreResults,
    Session,
    Work,
)
from audit.records.versions import read_record
from audit.runfolder.event_log import EVENTS, PLAN_FIXED, TRAINING_BEGINS, log_event
from audit.runfolder.lock import LOCK, hold
from audit.store import Store, storage_errors, write_atomic

MOST_BYTES = 256 << 20
"""Of plan.json and results.json; 600 cells of 100 pictures take about 30 MB."""
CALIBRATIONS = "calibrations"
SCORE = "score.json"
MOST_PNG_BYTES = 64 << 20
PREVIEW_SIDE = 384
"""Greatest side of the thumbnails of held-out works, px."""
CROP_SIDE = 512
"""Side of the 1:1 crops that show what a treatment does, px."""
EXAMPLES = 3
"""Works shown with what each treatment made of them."""


def default_folder(artist: str, plan: Plan | ScorePlan) -> Path:
    """`reports/<date>-<artist>` in the current folder, with a plain ASCII name.

    A folder that holds this very plan, from today or an earlier day, is gone on with; when today's
    name holds another plan, a number is put behind it.
    """
    slug = "".join(c if c.isascii() and c.isalnum() else "-" for c in artist.lower())
    slug = "-".join(part for part in slug.split("-") if part)[:40] or "artist"
    for folder in sorted(Path("reports").glob(f"*-{slug}*"), reverse=True):
        if _plan_digest(folder / "plan.json", type(plan)) == plan.digest():
            return folder
    name = f"{datetime.now(UTC):%Y-%m-%d}-{slug}"
    names = [name, *(f"{name}-{number}" for number in range(2, 1000))]
    return next(Path("reports") / n for n in names if not (Path("reports") / n).exists())


def _plan_digest(path: Path, kind: type[Plan] | type[ScorePlan] = Plan) -> str:
    """Digest of the plan in a file; '' when there is none that can be read."""
    try:
        return read_record(kind, read_bounded(path, limit=MOST_BYTES), name=path.name).digest()
    except (OSError, ValueError, BadResults):
        return ""


def claim(folder: Path, plan: Plan | ScorePlan) -> None:
    """Make the folder this plan's: write plan.json, or find the same plan there and go on.

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
        if path.exists() and _plan_digest(path, type(plan)) != plan.digest():
            raise BadInput("out-other-run", folder=folder.absolute().name)
        private_folder(folder / "images")
        if not path.exists():
            write_atomic(path, (plan.model_dump_json(indent=1) + "\n").encode("utf-8"))
        if not _told(folder / EVENTS):
            # The first entry; a run that was stopped before it gets it now: nothing was trained yet.
            log_event(folder, PLAN_FIXED, {"plan_sha256": plan.digest()})
        else:
            log_event(folder, "resumed", {})


def _told(log: Path) -> bool:
    """Whether a log tells of a plan or of trainings; what is torn or edited there is for others to judge."""
    seen = log.read_bytes() if log.exists() else b""
    return any(f'"{event}"'.encode("ascii") in seen for event in (PLAN_FIXED, TRAINING_BEGINS))


def _only_begun(folder: Path) -> bool:
    """Whether a folder holds nothing but what a claim that was cut short leaves behind."""
    images = folder / "images"
    return all(
        (p == images and p.is_dir() and not p.is_symlink() and not any(p.iterdir()))
        or p.name.startswith(".plan.json.")
        or p.name in (LOCK, *SYSTEM_FILES)
        for p in folder.iterdir()
    )


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
    for line in (folder / "events.jsonl").read_text(encoding="ascii").splitlines():
        # A line cut by a kill, or one that somebody edited, is no start that can be compared.
        with contextlib.suppress(ValueError):
            facts = json.loads(line)
            if facts.get("event") == "session":
                found.append(Session.model_validate({k: facts.get(k) for k in Session.model_fields}))
    return tuple(found)


def plan_fixed(folder: Path) -> str:
    """When the log says that the plan was fixed, ISO 8601, UTC; '' when it does not."""
    log = folder / EVENTS
    for line in log.read_bytes().splitlines() if log.exists() else ():
        with contextlib.suppress(ValueError):
            facts = json.loads(line)
            if isinstance(facts, dict) and facts.get("event") == PLAN_FIXED:
                return str(facts.get("time", ""))
    return ""


def keep_card(root: Path, card: CalibrationCard) -> Path:
    """Put a calibration card where later runs with this store find it."""
    path = root / CALIBRATIONS / f"{card.setup}.json"
    write_atomic(path, (card.model_dump_json(indent=1) + "\n").encode("utf-8"))
    return path


def find_card(root: Path, setup: str) -> CalibrationCard | None:
    """The calibration card of a setup: of this store, else shipped with the lab; None without one."""
    for folder in (root / CALIBRATIONS, LAB / CALIBRATIONS):
        # A card that cannot be read is no card; the run does without.
        with contextlib.suppress(OSError, ValueError, BadResults):
            path = folder / f"{setup}.json"
            card = read_record(CalibrationCard, path.read_bytes(), name=path.name)
            if card.setup == setup:
                return card
    return None


RecordOf = TypeVar("RecordOf", Plan, Results, ScoreResults)


def read_plan(folder: Path) -> Plan:
    """plan.json of a run.

    Raises:
        BadResults: it is not there, does not fit the schema, or is of an unknown schema version.
    """
    return _read_record(folder / "plan.json", Plan)


def read_results(folder: Path) -> Results:
    """results.json of a finished run.

    Raises:
        BadResults: it is not there, does not fit the schema, or is of an unknown schema version.
    """
    return _read_record(folder / "results.json", Results)


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
    except OSError as error:
        if path.parent.joinpath("plan.json").is_file():
            raise BadResults("results-missing.unfinished", folder=folder) from error
        raise BadResults("results-missing", folder=folder, file=path.name) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadResults("results-invalid", file=path.name, folder=folder, place=place, why=first["msg"]) from error


# --- pictures ----------------------------------------------------------------------------------------


def write_generated(store: Store, digest: str, path: Path) -> None:
    """Put a generated picture beside the report, marked as made by AI; one that was changed there is made again."""
    if not _shows(path, digest):
        write_atomic(path, mark_generated(encode_png(store.get_pixels(digest))))


def _shows(path: Path, digest: str) -> bool:
    """Whether a file is a PNG of these pixels."""
    try:
        return pixels_digest(decode_png(read_bounded(path, limit=MOST_PNG_BYTES))) == digest
    except (OSError, ValueError):
        return False


def example_works(artist: ArtistSet) -> tuple[Work, ...]:
    """Works to show treatments on: the first whose delivered copy, if any, has the original's size.

    Crops of two sizes would show another part of the picture, and their difference nothing true.
    """
    sizes = {file.work: (file.width, file.height) for file in artist.protected}
    fit = [w for w in artist.pool() if sizes.get(w.id, (w.width, w.height)) == (w.width, w.height)]
    return tuple(fit[:EXAMPLES])


def write_work_images(folder: Path, artist: ArtistSet, store: Store) -> dict[str, str]:
    """Thumbnails of held-out works and 1:1 crops of the example works; work id -> file name."""
    named = {}
    for work in artist.reference():
        named[work.id] = f"work-{work.id}.png"
        _write_work(folder / "images" / named[work.id], thumbnail(store.get_pixels(work.pixels)))
    for work in example_works(artist):
        named[work.id] = f"work-{work.id}.png"
        _write_work(folder / "images" / named[work.id], centre_crop(store.get_pixels(work.pixels)))
    return named


def write_treated_images(
    folder: Path, plan: Plan, artist: ArtistSet, treated: Mapping[str, ImageSet], store: Store
) -> dict[str, dict[str, str]]:
    """1:1 crops of what each condition makes of the example works: condition -> work id -> file name."""
    examples = {work.id for work in example_works(artist)}
    found: dict[str, dict[str, str]] = {}
    for index, condition in enumerate(plan.conditions):
        images = treated[condition.name]
        if not condition.steps and condition.source != "protected-files":
            continue
        for work, digest in zip(images.works, images.pixels, strict=True):
            if work not in examples:
                continue
            name = f"treated-{index:02d}-{work}.png"
            _write_work(folder / "images" / name, centre_crop(store.get_pixels(digest)))
            found.setdefault(condition.name, {})[work] = name
    return found


def _write_work(path: Path, pixels: NDArray[np.uint8]) -> None:
    if not _shows(path, pixels_digest(pixels)):
        write_atomic(path, encode_png(pixels))


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink to at most `PREVIEW_SIDE` px a side; smaller pictures stay as they are."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def centre_crop(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle `CROP_SIDE` px square at full size (or all of a smaller picture)."""
    height, width = pixels.shape[:2]
    top, left = max(0, (height - CROP_SIDE) // 2), max(0, (width - CROP_SIDE) // 2)
    return np.ascontiguousarray(pixels[top : top + CROP_SIDE, left : left + CROP_SIDE])
