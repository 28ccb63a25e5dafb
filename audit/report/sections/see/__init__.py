"""Pictures as evidence: the grid of prompts and conditions, best, middle and worst, and contact sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.records import BASE, Cell, Condition
from audit.report.custody import no_picture
from audit.report.pictures import InlinePicture, Shelf
from audit.report.results_view import ResultsView

ROWS = 6
OPEN_ROWS = 3
"""Rows of the grid that stand open; the others are a click away."""
MOST_COLUMNS = 6
BUDGET = 7_500_000
"""Characters of picture data in one report; contact sheets stop there and say so."""


@dataclass(frozen=True)
class Shot:
    """One picture, or the reason why there is none."""

    picture: InlinePicture | None
    missing: str
    label: str
    """Condition in a word or two, or what the artist's work shows."""
    words: str
    """Everything about it in words: prompt, model, run, noise. Alternative text and full caption."""
    made: bool
    """True for a picture made by a model."""


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

    @property
    def pictures(self) -> tuple[InlinePicture | None, ...]:
        return tuple(shot.picture for shot in self.shots)


@dataclass(frozen=True)
class Extreme:
    """A pair at the best, middle or worst place for the protection."""

    title: str
    prompt: str
    unprotected: Shot
    protected: Shot
    scores: str
    """Both scores in words; empty when the report withholds numbers."""


@dataclass(frozen=True)
class Sheet:
    """All pictures of one training, each with its prompt."""

    label: str
    slot: str
    replicate: int
    pictures: tuple[tuple[InlinePicture, str, str], ...]
    """Picture, prompt, and everything about it in words."""
    missing: int


@dataclass(frozen=True)
class Gallery:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    open_rows: int
    rule: str
    left_out: tuple[str, ...]
    """Labels of conditions without a column."""
    extremes: tuple[Extreme, ...]
    extremes_rule: str
    short: str
    """The condition of the extremes in a word or two."""
    slot: str
    treated: str
    """What the pictures of the headline condition are called."""
    sheets: tuple[Sheet, ...]
    sheets_total: int
    """How many sheets the run has; those beyond the budget are in the run folder only."""
    per_sheet: str
    seed: int
    """Of the plan: with run and prompt, it fixes the starting noise of every picture."""


def build(view: ResultsView, shelf: Shelf) -> Gallery:
    """The grid (first prompts, run 1, first noise), the extremes, and the contact sheets of every cell."""
    plan, loc, headline = view.results.plan, view.locale, view.headline
    shown = view.tested[:MOST_COLUMNS]
    names = [BASE, view.clean, *(c.name for c in shown)]
    columns = [
        Column(loc.say("your own work"), "", "real", loc.say("held out: none of these models saw it; other subjects"))
    ]
    columns += [Column(view.short(n), _typed(view, n), view.slot(n), _note(view, n)) for n in names]
    lines = rows(view, shelf, names, most=ROWS)
    extremes = _extremes(view, shelf, headline) if headline else ()
    sheets, total = _sheets(view, shelf)
    return Gallery(
        columns=tuple(columns),
        rows=lines,
        open_rows=OPEN_ROWS,
        rule=loc.many(
            len(lines),
            "Not hand-picked: the first prompt of run 1, first noise.",
            "Not hand-picked: the first {n} prompts of run 1, first noise.",
        ),
        left_out=tuple(view.short(c.name) for c in view.tested[MOST_COLUMNS:]),
        extremes=extremes,
        extremes_rule=loc.say(
            "Not hand-picked either: of all pairs in all runs, the one where the protected picture came least near "
            "to you compared with the unprotected one (best), the middle one, and the one where it came nearest "
            "(worst)."
        ),
        short=view.short(headline.name) if headline else "",
        slot=view.slot(headline.name) if headline else "ink",
        treated=view.pictures_of(headline) if headline else "",
        sheets=sheets,
        sheets_total=total,
        per_sheet=loc.many(
            len(plan.asked(1)),
            "One sheet per training: {n} prompt, pictures per prompt: {each}, in the order of the plan.",
            "One sheet per training: {n} prompts, pictures per prompt: {each}, in the order of the plan.",
            each=plan.sampling.per_prompt,
        ),
        seed=plan.seed,
    )


def rows(view: ResultsView, shelf: Shelf, names: Sequence[str], *, most: int) -> tuple[Row, ...]:
    """The first prompts of run 1: a held-out work of the artist, then the picture of each model.

    One run is enough: its models share prompts and noise, so that no prompt need be common to all runs for this.
    """
    plan, found = view.results.plan, []
    held_out = plan.held_out(1)
    for index, place in enumerate(plan.asked(1)[:most]):
        shots = [Shot(None, view.locale.say("no further work was held out"), "", "", made=False)]
        if index < len(held_out):
            shots = [_real(view, shelf, held_out[index].id, held_out[index].caption)]
        shots += [shot(view, shelf, name, 1, (place, 0)) for name in names]
        found.append(Row(plan.prompts[place], tuple(shots)))
    return tuple(found)


def shot(view: ResultsView, shelf: Shelf, name: str, replicate: int, at: tuple[int, int]) -> Shot:
    """The picture of one model for (place of the prompt in the plan, noise), with everything about it in words."""
    plan, loc = view.results.plan, view.locale
    cell, label, asked = view.cell(name, replicate), view.short(name), plan.asked(replicate)
    index = asked.index(at[0]) * plan.sampling.per_prompt + at[1] if at[0] in asked else None
    if cell is None or index is None or index >= len(cell.generations.files):
        return Shot(None, loc.say("not made in this run"), label, "", made=True)
    picture = shelf.preview(cell.generations.files[index])
    words = loc.say(
        "AI-generated picture: {prompt}. {model} Noise {noise} of seed {seed}.",
        prompt=plan.prompts[at[0]], model=_model(view, name, replicate), noise=at[1] + 1, seed=plan.seed,
    )  # fmt: skip
    return Shot(picture, "" if picture else no_picture(loc, view.custody), label, words, made=True)


def _typed(view: ResultsView, name: str) -> str:
    return "" if name in (BASE, view.clean) else name


def _note(view: ResultsView, name: str) -> str:
    if name == BASE:
        return view.locale.say("the base model as it is")
    return view.locale.say("trained on your originals") if name == view.clean else ""


def _real(view: ResultsView, shelf: Shelf, work: str, caption: str) -> Shot:
    loc, picture = view.locale, shelf.preview(view.results.work_images.get(work, ""))
    words = loc.say("Work by the artist: {caption}.", caption=caption)
    return Shot(picture, "" if picture else no_picture(loc, view.custody), caption, words, made=False)


def _model(view: ResultsView, name: str, replicate: int) -> str:
    if name == BASE:
        return view.locale.say("Drawn by {model}.", model=view.label(name))
    return view.locale.say(
        "Drawn by the model trained on {condition}, run {run}.", condition=view.label(name), run=replicate
    )


def _extremes(view: ResultsView, shelf: Shelf, headline: Condition) -> tuple[Extreme, ...]:
    loc = view.locale
    titles = {
        "best": loc.say("Best for the protection"),
        "middle": loc.say("In the middle"),
        "worst": loc.say("Worst for the protection"),
    }
    found = []
    for pair in view.readings.extremes:
        at = (pair.prompt, pair.noise)
        one, other = (shot(view, shelf, name, pair.replicate, at) for name in (view.clean, headline.name))
        scores = ""
        if view.verdict.label != "not-valid":
            scores = loc.say(
                "Run {run}. Style score {unprotected} unprotected, {treated} {condition} (higher is nearer to you).",
                run=pair.replicate, unprotected=loc.number(pair.clean, digits=2),
                treated=loc.number(pair.treated, digits=2), condition=view.pictures_of(headline),
            )  # fmt: skip
        if one.picture and other.picture:
            prompt = view.results.plan.prompts[pair.prompt]
            found.append(Extreme(titles[pair.place], prompt, one, other, scores))
    return tuple(found)


def _sheets(view: ResultsView, shelf: Shelf) -> tuple[tuple[Sheet, ...], int]:
    order = [BASE, view.clean, *(c.name for c in view.tested)]
    cells = [
        cell
        for replicate in range(1, view.results.replicates + 1)
        for name in order
        if (name != BASE or replicate in (1, *view.base_runs)) and (cell := view.cell(name, replicate)) is not None
    ]
    sheets = []
    for cell in cells:
        if shelf.spent > BUDGET:
            break
        sheet = _sheet(view, shelf, cell)
        if sheet.pictures:
            sheets.append(sheet)
    return tuple(sheets), len(cells)


def _sheet(view: ResultsView, shelf: Shelf, cell: Cell) -> Sheet:
    plan, found = view.results.plan, []
    names = cell.generations.files
    asked, each = plan.asked(cell.replicate or 1), plan.sampling.per_prompt
    for index, name in enumerate(names):
        prompt = plan.prompts[asked[index // each]] if index // each < len(asked) else ""
        picture = shelf.thumb(name)
        if picture is not None:
            words = view.locale.say(
                "AI-generated picture: {prompt}. {model}",
                prompt=prompt, model=_model(view, cell.condition, cell.replicate),
            )  # fmt: skip
            found.append((picture, prompt, words))
    slot = view.slot(cell.condition)
    return Sheet(view.short(cell.condition), slot, cell.replicate, tuple(found), len(names) - len(found))
