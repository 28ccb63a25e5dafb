"""Pictures as evidence: the grid of prompts and conditions, best, middle and worst, and contact sheets."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Condition
from audit.report.custody import no_picture
from audit.report.pictures import InlinePicture, Shelf
from audit.report.results_view import ResultsView

ROWS = 6
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
    label: str
    slot: str
    replicate: int
    picture: InlinePicture
    words: str
    missing: int


@dataclass(frozen=True)
class Gallery:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    rule: str
    left_out: tuple[str, ...]
    """Labels of conditions without a column."""
    extremes: tuple[Extreme, ...]
    extremes_rule: str
    short: str
    """The condition of the extremes in a word or two."""
    slot: str
    sheets: tuple[Sheet, ...]
    sheets_total: int
    """How many sheets the run has; those beyond the budget are in the run folder only."""
    per_sheet: str
    seed: int
    """Of the plan: with a prompt's place in it, it fixes the starting noise of every picture."""


def build(view: ResultsView, shelf: Shelf) -> Gallery:
    """The grid (first prompts, run 1, first noise), the extremes, and the contact sheets of every cell."""
    plan, loc, headline = view.results.plan, view.locale, view.headline
    shown = view.tested[:MOST_COLUMNS]
    names = ["base", "clean", *(c.name for c in shown)]
    columns = [Column(loc.say("your own work"), "", "real", loc.say("held out: no model saw it; other subjects"))]
    columns += [Column(view.short(n), _typed(n), view.slot(n), _note(view, n)) for n in names]
    held_out = [w for w in plan.works if w.split == "reference"]
    rows = []
    for index, prompt in enumerate(plan.prompts[:ROWS]):
        shots = [Shot(None, loc.say("no further work was held out"), "", "", made=False)]
        if index < len(held_out):
            shots = [_real(view, shelf, held_out[index].id, held_out[index].caption)]
        shots += [shot(view, shelf, name, 1, (index, 0)) for name in names]
        rows.append(Row(prompt, tuple(shots)))
    extremes = _extremes(view, shelf, headline) if headline else ()
    sheets, total = _sheets(view, shelf)
    return Gallery(
        columns=tuple(columns),
        rows=tuple(rows),
        rule=loc.many(
            len(rows),
            "Not hand-picked: the first prompt of the plan, run 1, first noise. Every row has the same prompt and "
            "the same starting noise.",
            "Not hand-picked: the first {n} prompts of the plan, run 1, first noise. Every row has the same prompt "
            "and the same starting noise.",
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
        sheets=sheets,
        sheets_total=total,
        per_sheet=loc.many(
            len(plan.prompts),
            "One sheet per training: {n} prompt, pictures per prompt: {each}, in the order of the plan.",
            "One sheet per training: {n} prompts, pictures per prompt: {each}, in the order of the plan.",
            each=plan.sampling.per_prompt,
        ),
        seed=plan.seed,
    )


def shot(view: ResultsView, shelf: Shelf, name: str, replicate: int, at: tuple[int, int]) -> Shot:
    """The picture of one model for (prompt, noise), with everything about it in words."""
    plan, loc = view.results.plan, view.locale
    cell, label = view.cell(name, replicate), view.short(name)
    index = at[0] * plan.sampling.per_prompt + at[1]
    if cell is None or index >= len(cell.generations.files):
        return Shot(None, loc.say("not made in this run"), label, "", made=True)
    picture = shelf.preview(cell.generations.files[index])
    words = loc.say(
        "AI-generated picture: {prompt}. {model} Noise {noise} of seed {seed}.",
        prompt=plan.prompts[at[0]], model=_model(view, name, replicate), noise=at[1] + 1, seed=plan.seed,
    )  # fmt: skip
    return Shot(picture, "" if picture else no_picture(loc, view.custody), label, words, made=True)


def _typed(name: str) -> str:
    return "" if name in ("base", "clean") else name


def _note(view: ResultsView, name: str) -> str:
    if name == "base":
        return view.locale.say("the base model as it is")
    return view.locale.say("trained on your originals") if name == "clean" else ""


def _real(view: ResultsView, shelf: Shelf, work: str, caption: str) -> Shot:
    loc, picture = view.locale, shelf.preview(view.results.work_images.get(work, ""))
    words = loc.say("Work by the artist: {caption}.", caption=caption)
    return Shot(picture, "" if picture else no_picture(loc, view.custody), caption, words, made=False)


def _model(view: ResultsView, name: str, replicate: int) -> str:
    if name == "base":
        return view.locale.say("Drawn by {model}.", model=view.label(name))
    return view.locale.say(
        "Drawn by the model trained on {condition}, run {run}.", condition=view.label(name), run=replicate
    )


def _extremes(view: ResultsView, shelf: Shelf, headline: Condition) -> tuple[Extreme, ...]:
    """Pairs in the order of what the protection took from them, by the primary score."""
    loc = view.locale
    ranked = sorted(
        (
            (clean - treated, replicate, at, clean, treated)
            for replicate in range(1, view.results.replicates + 1)
            for at, clean in view.scores("clean", replicate).items()
            if (treated := view.scores(headline.name, replicate).get(at)) is not None
            and at[0] < len(view.results.plan.prompts)
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    if len(ranked) < 3:
        return ()
    places = (
        (loc.say("Best for the protection"), ranked[0]),
        (loc.say("In the middle"), ranked[len(ranked) // 2]),
        (loc.say("Worst for the protection"), ranked[-1]),
    )
    found = []
    for title, (_, replicate, at, clean, treated) in places:
        one, other = (shot(view, shelf, name, replicate, at) for name in ("clean", headline.name))
        scores = ""
        if view.verdict.label != "not-valid":
            scores = loc.say(
                "Run {run}. Style score {unprotected} unprotected, {protected} protected (higher is nearer to you).",
                run=replicate, unprotected=loc.number(clean, digits=2), protected=loc.number(treated, digits=2),
            )  # fmt: skip
        if one.picture and other.picture:
            found.append(Extreme(title, view.results.plan.prompts[at[0]], one, other, scores))
    return tuple(found)


def _sheets(view: ResultsView, shelf: Shelf) -> tuple[tuple[Sheet, ...], int]:
    loc = view.locale
    order = ["base", "clean", *(c.name for c in view.tested)]
    cells = [
        cell
        for replicate in range(1, view.results.replicates + 1)
        for name in order
        if (name != "base" or replicate == 1) and (cell := view.cell(name, replicate)) is not None
    ]
    sheets = []
    for cell in cells:
        if shelf.spent > BUDGET:
            break
        made = shelf.sheet(cell.generations.files)
        if made is None:
            continue
        words = loc.many(
            len(cell.generations.files),
            "Contact sheet of {n} AI-generated picture in the order of the prompts. {model}",
            "Contact sheet of {n} AI-generated pictures in the order of the prompts. {model}",
            model=_model(view, cell.condition, cell.replicate),
        )
        slot = view.slot(cell.condition)
        sheets.append(Sheet(view.short(cell.condition), slot, cell.replicate, made[0], words, made[1]))
    return tuple(sheets), len(cells)
