"""`cloakcheck rate`: a page that asks people, and their answers joined into the run. No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from audit.base.errors import BadEvidence, BadInput
from audit.base.files import read_bounded, reason
from audit.judge.claims import is_claim
from audit.judge.people import make_sheet, pictures_of, resolved, shown_to
from audit.records import Rater, RatingFile, Ratings, RatingSheet, Results
from audit.records.versions import read_record
from audit.report.rate import PairFiles, Trial, render_rating
from audit.runfolder import RATINGS, read_results
from audit.runfolder.event_log import RATED, RATING_PAGE, BrokenLog, log_bytes, log_event, read_events
from audit.stages.finish import finish
from audit.store import write_atomic

RATERS, PAIRS = (2, 50), (6, 200)
"""Least and most of each."""
MOST_BYTES = 1 << 20
"""Of a rater's file."""


def write_page(folder: Path, *, out: Path, condition: str | None, raters: int, pairs: int, lang: str) -> RatingSheet:
    """Write the page for a finished run, and log that it was written before anybody answered.

    Args:
        condition: whose pictures stand against the unprotected model's; None for the one that decided the verdict.

    Raises:
        BadInput: `rate-count`, `rate-condition`, `rate-too-few`, `rate-no-works`, `rate-picture-gone`,
            `language-unknown`. BadResults: see `read_results`. StorageError: a folder cannot be written.
    """
    for option, seen, (least, most) in (("raters", raters, RATERS), ("items", pairs, PAIRS)):
        if not least <= seen <= most:
            raise BadInput("rate-count", option=option, seen=seen, least=least, most=most)
    results = read_results(folder)
    sheet = make_sheet(results, condition=_condition(results, condition), raters=raters, items=pairs)
    page = render_rating(sheet, _items(results, sheet), _trials(results, sheet), images=folder / "images", lang=lang)
    write_atomic(out, page.encode("utf-8"))
    facts = {"sheet": sheet.digest(), "condition": sheet.condition, "raters": raters, "pairs": pairs}
    log_event(folder, RATING_PAGE, facts)
    return sheet


def _condition(results: Results, asked: str | None) -> str:
    known = [c.name for c in results.plan.conditions if is_claim(results.plan, c)]
    decided = results.verdict.condition if results.verdict is not None else None
    chosen = asked or decided or next(iter(known), "")
    if chosen not in known:
        raise BadInput("rate-condition", name=chosen or "(none)", known=known)
    return chosen


def _items(results: Results, sheet: RatingSheet) -> list[PairFiles]:
    plan, found = results.plan, []
    for item in sheet.items:
        place = plan.asked(item.replicate)[item.picture // plan.sampling.per_prompt]
        found.append(PairFiles(plan.prompts[place], tuple(results.work_images[work] for work in item.works)))
    return found


def _trials(results: Results, sheet: RatingSheet) -> list[list[Trial]]:
    files = [pictures_of(results, sheet.condition, item) for item in sheet.items]
    trials = []
    for rater in range(1, sheet.raters + 1):
        own = []
        for pair in shown_to(sheet, rater):
            clean, other = files[pair.item]
            own.append(Trial(pair.item, *((clean, other) if pair.clean_left else (other, clean))))
        trials.append(own)
    return trials


def collect(folder: Path, files: Sequence[Path]) -> Results:
    """Join raters' files into ratings.json, and judge the run with them; the judged results.

    Raises:
        BadInput: `rate-no-page`, `rate-changed`, and `rating-*` for a file that cannot be counted.
        BadEvidence: `events-broken`. BadResults: see `read_results`.
    """
    results = read_results(folder)
    pages = _pages(folder)
    given = [(path, *_read(path)) for path in files]
    sheet = _sheet(results, folder, pages, given)
    _refuse(sheet, given)
    raters = tuple(
        Rater(
            rater=file.rater,
            sha256=digest,
            style=resolved(sheet, file.rater, [a.style for a in file.answers]),
            quality=resolved(sheet, file.rater, [a.quality for a in file.answers]),
            seconds=round(sum(a.seconds for a in file.answers), 1),
        )
        for _, file, digest in sorted(given, key=lambda row: row[1].rater)
    )
    ratings = Ratings(sheet=sheet, sheets=len({str(p.get("sheet")) for p in pages}), raters=raters)
    data = (ratings.model_dump_json(indent=1) + "\n").encode("utf-8")
    write_atomic(folder / RATINGS, data)
    log_event(folder, RATED, {"sha256": hashlib.sha256(data).hexdigest(), "raters": [r.rater for r in raters]})
    return finish(results.model_copy(update={"ratings": ratings}), folder)


Given = Sequence[tuple[Path, RatingFile, str]]


def _pages(folder: Path) -> list[Mapping[str, Any]]:
    """What the log tells of pages that were written for this run."""
    try:
        log = read_events(log_bytes(folder))
    except BrokenLog as error:
        raise BadEvidence("events-broken", why=error.said) from error
    found: list[Mapping[str, Any]] = [event for event in log if event["event"] == RATING_PAGE]
    if not found:
        raise BadInput("rate-no-page", folder=folder.absolute().name)
    return found


def _read(path: Path) -> tuple[RatingFile, str]:
    """What a rater saved, and its digest.

    Raises:
        BadInput: `rating-unreadable`. BadResults: `file-version`.
    """
    try:
        data = read_bounded(path, limit=MOST_BYTES)
        return read_record(RatingFile, data, name=path.name), hashlib.sha256(data).hexdigest()
    except OSError as error:
        raise BadInput("rating-unreadable", file=path.name, why=reason(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        # Pairs that were not answered are null there.
        raise BadInput("rating-unreadable", file=path.name, why=f"{where}: {first['msg']}") from error


def _sheet(results: Results, folder: Path, pages: Sequence[Mapping[str, Any]], given: Given) -> RatingSheet:
    """The sheet that all files answer, worked out again from the run."""
    logged = {str(page.get("sheet")): page for page in pages}
    for path, file, _ in given:
        if file.sheet not in logged:
            raise BadInput("rating-other-page", file=path.name)
    sheets = list(dict.fromkeys(file.sheet for _, file, _ in given))
    if len(sheets) > 1:
        one_each = [next(path.name for path, file, _ in given if file.sheet == sheet) for sheet in sheets]
        raise BadInput("rating-pages-mixed", files=one_each)
    page = logged[sheets[0]]
    try:
        made = make_sheet(
            results, condition=str(page["condition"]), raters=int(page["raters"]), items=int(page["pairs"])
        )
    except (BadInput, KeyError, TypeError, ValueError) as error:
        raise BadInput("rate-changed") from error
    if made.digest() != sheets[0]:
        raise BadInput("rate-changed")
    return made


def _refuse(sheet: RatingSheet, given: Given) -> None:
    """Refuse files that cannot be counted together."""
    by_number: dict[int, str] = {}
    for path, file, _ in given:
        if file.rater > sheet.raters:
            raise BadInput("rating-number", file=path.name, seen=file.rater, most=sheet.raters)
        if file.rater in by_number:
            raise BadInput("rating-doubled", files=[by_number[file.rater], path.name], number=file.rater)
        by_number[file.rater] = path.name
        if len(file.answers) != len(sheet.items):
            raise BadInput("rating-incomplete", file=path.name, seen=len(file.answers), all=len(sheet.items))
