"""Pictures as evidence: the grid of prompts and conditions, contact sheets, and the protection up close."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from audit.records import Condition, Results
from audit.report.filters import count, number, percent
from audit.report.lookup import Facts
from audit.report.pictures import Crops, Picture, Shelf

ROWS = 6
MOST_COLUMNS = 6
MOST_TREATED = 3
BUDGET = 8_000_000
"""Characters of picture data in one report; contact sheets stop there and say so."""


@dataclass(frozen=True)
class Shot:
    """One picture of the grid, or the reason why there is none."""

    picture: Picture | None
    missing: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Column:
    label: str
    typed: str
    slot: str
    note: str


@dataclass(frozen=True)
class Row:
    prompt: str
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Sheet:
    label: str
    slot: str
    replicate: int
    picture: Picture
    alt: str
    missing: int


@dataclass(frozen=True)
class Gallery:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    rule: str
    left_out: tuple[str, ...]
    """Labels of conditions without a column."""
    sheets: tuple[Sheet, ...]
    sheets_total: int
    """How many sheets the run has; those beyond the budget are in the run folder only."""
    per_sheet: str


@dataclass(frozen=True)
class Treated:
    """What one treatment did to one example work."""

    label: str
    work: str
    crops: Crops
    original_alt: str
    treated_alt: str
    difference_alt: str
    how_shown: str


@dataclass(frozen=True)
class Seen:
    """How far the pictures of one treatment are from the originals, in words."""

    label: str
    words: str
    works: int
    greatest: str
    typical: str
    psnr: str


@dataclass(frozen=True)
class Visibility:
    examples: tuple[Treated, ...]
    seen: tuple[Seen, ...]


def gallery(facts: Facts, shelf: Shelf) -> Gallery:
    """The grid (first prompts, run 1, first noise) and the contact sheets of every cell."""
    plan = facts.results.plan
    shown = facts.tested[:MOST_COLUMNS]
    names = ["base", "clean", *(c.name for c in shown)]
    columns = [Column("your own work", "", "real", "held out: no model saw it; other subjects")]
    columns += [Column(facts.short(n), _typed(n), facts.slot(n), _column_note(n)) for n in names]
    held_out = [w for w in plan.works if w.split == "reference"]
    rows = []
    for index, prompt in enumerate(plan.prompts[:ROWS]):
        shots = [Shot(None, "no further work was held out", "", "")]
        if index < len(held_out):
            shots = [_real(facts, shelf, held_out[index].id, held_out[index].caption)]
        at = index * plan.sampling.per_prompt
        shots += [_shot(facts, shelf, name, at, prompt) for name in names]
        rows.append(Row(prompt, tuple(shots)))
    sheets, total = _sheets(facts, shelf)
    return Gallery(
        columns=tuple(columns),
        rows=tuple(rows),
        rule=(
            f"Not hand-picked: the first {count(len(rows), 'prompt', 'prompts')} of the plan, run 1, first "
            "noise. Every row has the same prompt and the same starting noise."
        ),
        left_out=tuple(facts.short(c.name) for c in facts.tested[MOST_COLUMNS:]),
        sheets=sheets,
        sheets_total=total,
        per_sheet=f"{count(len(plan.prompts), 'prompt', 'prompts')} with {plan.sampling.per_prompt} each",
    )


def visibility(facts: Facts, shelf: Shelf) -> Visibility:
    """Lossless crops of example works before and after, and how far apart they are."""
    results = facts.results
    treated = [c for c in facts.tested if c.role == "protected"][:MOST_TREATED]
    examples = []
    for position, condition in enumerate(treated):
        wanted = 2 if position == 0 else 1
        files = sorted(results.treated_images.get(condition.name, {}).items())
        for work, file in files[:wanted]:
            crops = shelf.crops(results.work_images.get(work, ""), file)
            if crops is not None:
                examples.append(_treated(facts, condition, work, crops))
    seen = [_seen(facts, c) for c in facts.tested if any(v.condition == c.name for v in results.visibility)]
    return Visibility(tuple(examples), tuple(seen))


def _typed(name: str) -> str:
    return "" if name in ("base", "clean") else name


def _column_note(name: str) -> str:
    return {"base": "the base model as it is", "clean": "trained on your originals"}.get(name, "")


def _real(facts: Facts, shelf: Shelf, work: str, caption: str) -> Shot:
    picture = shelf.preview(facts.results.work_images.get(work, ""))
    return Shot(picture, "" if picture else "picture not found", f"Work by the artist: {caption}", caption)


def _shot(facts: Facts, shelf: Shelf, name: str, at: int, prompt: str) -> Shot:
    cell = facts.cell(name, 1)
    label = facts.short(name)
    if cell is None or at >= len(cell.generations.files):
        return Shot(None, "not made in this run", "", label)
    picture = shelf.preview(cell.generations.files[at])
    alt = f"AI-generated picture: {prompt}. {_model(facts, name, 1)}"
    return Shot(picture, "" if picture else "picture not found", alt, label)


def _model(facts: Facts, name: str, replicate: int) -> str:
    if name == "base":
        return f"Drawn by {facts.label(name)}."
    return f"The model trained on {facts.label(name)}, run {replicate}."


def _sheets(facts: Facts, shelf: Shelf) -> tuple[tuple[Sheet, ...], int]:
    order = ["base", "clean", *(c.name for c in facts.tested)]
    cells = [
        cell
        for replicate in range(1, facts.results.replicates + 1)
        for name in order
        if (name != "base" or replicate == 1) and (cell := facts.cell(name, replicate)) is not None
    ]
    sheets = []
    for cell in cells:
        if shelf.spent > BUDGET:
            break
        made = shelf.sheet(cell.generations.files)
        if made is None:
            continue
        label = facts.short(cell.condition)
        pictures = count(len(cell.generations.files), "AI-generated picture", "AI-generated pictures")
        alt = f"Contact sheet of {pictures} in the order of the prompts. " + _model(
            facts, cell.condition, cell.replicate
        )
        sheets.append(Sheet(label, facts.slot(cell.condition), cell.replicate, made[0], alt, made[1]))
    return tuple(sheets), len(cells)


def _treated(facts: Facts, condition: Condition, work: str, crops: Crops) -> Treated:
    label = facts.short(condition.name)
    name = next((w.caption for w in facts.results.plan.works if w.id == work), work)
    place = "the whole picture" if crops.whole else "the place where the two differ most"
    if crops.difference is None:
        place = "the middle of each, for they differ in size"
    zoom = "pixel for pixel" if crops.zoom == 1 else f"each pixel drawn {crops.zoom} times as wide"
    times = "at its own strength" if crops.factor == 1 else f"drawn {crops.factor} times stronger"
    return Treated(
        label=label,
        work=name,
        crops=crops,
        original_alt=f"Original of {name}",
        treated_alt=f"{name}, {label}",
        difference_alt=f"Difference between the two versions of {name}, {times}; mid-grey means no change",
        how_shown=f"Lossless, {zoom}: {place}. The difference is {times}; mid-grey means no change."
        if crops.difference
        else f"Lossless, {zoom}: {place}.",
    )


def _seen(facts: Facts, condition: Condition) -> Seen:
    records = [v for v in facts.results.visibility if v.condition == condition.name]
    greatest = max(v.linf for v in records)
    ratios = [v.psnr for v in records if v.psnr is not None]
    psnr = statistics.median(ratios) if ratios else None
    return Seen(
        label=facts.short(condition.name),
        words=_eye(psnr),
        works=len(records),
        greatest=f"{number(greatest, digits=0)} of 255 steps ({percent(greatest / 255)})",
        typical=f"{number(statistics.median(v.rms for v in records), digits=1)} of 255 steps",
        psnr="no change at all" if psnr is None else f"{number(psnr, digits=1)} dB",
    )


def _eye(psnr: float | None) -> str:
    """A rule of thumb for PSNR; the page calls it that and shows the pictures beside it."""
    if psnr is None:
        return "no change"
    if psnr >= 40:
        return "hard to notice"
    return "slight: look closely" if psnr >= 32 else "easy to see" if psnr >= 24 else "strong"


def notes(results: Results) -> tuple[str, ...]:
    """What was found while the pictures were collected, each sentence once."""
    return tuple(dict.fromkeys(n.sentence for n in results.notes))
