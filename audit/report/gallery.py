"""Pictures as evidence: the grid of prompts and conditions, best, middle and worst, and contact sheets."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Condition
from audit.report.custody import no_picture
from audit.report.pictures import Picture, Shelf
from audit.report.results_view import ResultsView

ROWS = 6
MOST_COLUMNS = 6
BUDGET = 7_500_000
"""Characters of picture data in one report; contact sheets stop there and say so."""


@dataclass(frozen=True)
class Shot:
    """One picture, or the reason why there is none."""

    picture: Picture | None
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
    picture: Picture
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


def gallery(facts: ResultsView, shelf: Shelf) -> Gallery:
    """The grid (first prompts, run 1, first noise), the extremes, and the contact sheets of every cell."""
    plan, v, headline = facts.results.plan, facts.voice, facts.headline
    shown = facts.tested[:MOST_COLUMNS]
    names = ["base", "clean", *(c.name for c in shown)]
    columns = [Column(v.say("your own work"), "", "real", v.say("held out: no model saw it; other subjects"))]
    columns += [Column(facts.short(n), _typed(n), facts.slot(n), _note(facts, n)) for n in names]
    held_out = [w for w in plan.works if w.split == "reference"]
    rows = []
    for index, prompt in enumerate(plan.prompts[:ROWS]):
        shots = [Shot(None, v.say("no further work was held out"), "", "", made=False)]
        if index < len(held_out):
            shots = [_real(facts, shelf, held_out[index].id, held_out[index].caption)]
        shots += [shot(facts, shelf, name, 1, (index, 0)) for name in names]
        rows.append(Row(prompt, tuple(shots)))
    extremes = _extremes(facts, shelf, headline) if headline else ()
    sheets, total = _sheets(facts, shelf)
    return Gallery(
        columns=tuple(columns),
        rows=tuple(rows),
        rule=v.many(
            len(rows),
            "Not hand-picked: the first prompt of the plan, run 1, first noise. Every row has the same prompt and "
            "the same starting noise.",
            "Not hand-picked: the first {n} prompts of the plan, run 1, first noise. Every row has the same prompt "
            "and the same starting noise.",
        ),
        left_out=tuple(facts.short(c.name) for c in facts.tested[MOST_COLUMNS:]),
        extremes=extremes,
        extremes_rule=v.say(
            "Not hand-picked either: of all pairs in all runs, the one where the protected picture came least near "
            "to you compared with the unprotected one (best), the middle one, and the one where it came nearest "
            "(worst)."
        ),
        short=facts.short(headline.name) if headline else "",
        slot=facts.slot(headline.name) if headline else "ink",
        sheets=sheets,
        sheets_total=total,
        per_sheet=v.many(
            len(plan.prompts),
            "One sheet per training: {n} prompt, pictures per prompt: {each}, in the order of the plan.",
            "One sheet per training: {n} prompts, pictures per prompt: {each}, in the order of the plan.",
            each=plan.sampling.per_prompt,
        ),
        seed=plan.seed,
    )


def shot(facts: ResultsView, shelf: Shelf, name: str, replicate: int, at: tuple[int, int]) -> Shot:
    """The picture of one model for (prompt, noise), with everything about it in words."""
    plan, v = facts.results.plan, facts.voice
    cell, label = facts.cell(name, replicate), facts.short(name)
    index = at[0] * plan.sampling.per_prompt + at[1]
    if cell is None or index >= len(cell.generations.files):
        return Shot(None, v.say("not made in this run"), label, "", made=True)
    picture = shelf.preview(cell.generations.files[index])
    words = v.say(
        "AI-generated picture: {prompt}. {model} Noise {noise} of seed {seed}.",
        prompt=plan.prompts[at[0]], model=_model(facts, name, replicate), noise=at[1] + 1, seed=plan.seed,
    )  # fmt: skip
    return Shot(picture, "" if picture else no_picture(v, facts.custody), label, words, made=True)


def _typed(name: str) -> str:
    return "" if name in ("base", "clean") else name


def _note(facts: ResultsView, name: str) -> str:
    if name == "base":
        return facts.voice.say("the base model as it is")
    return facts.voice.say("trained on your originals") if name == "clean" else ""


def _real(facts: ResultsView, shelf: Shelf, work: str, caption: str) -> Shot:
    v, picture = facts.voice, shelf.preview(facts.results.work_images.get(work, ""))
    words = v.say("Work by the artist: {caption}.", caption=caption)
    return Shot(picture, "" if picture else no_picture(v, facts.custody), caption, words, made=False)


def _model(facts: ResultsView, name: str, replicate: int) -> str:
    if name == "base":
        return facts.voice.say("Drawn by {model}.", model=facts.label(name))
    return facts.voice.say(
        "Drawn by the model trained on {condition}, run {run}.", condition=facts.label(name), run=replicate
    )


def _extremes(facts: ResultsView, shelf: Shelf, headline: Condition) -> tuple[Extreme, ...]:
    """Pairs in the order of what the protection took from them, by the primary score."""
    v = facts.voice
    ranked = sorted(
        (
            (clean - treated, replicate, at, clean, treated)
            for replicate in range(1, facts.results.replicates + 1)
            for at, clean in facts.scores("clean", replicate).items()
            if (treated := facts.scores(headline.name, replicate).get(at)) is not None
            and at[0] < len(facts.results.plan.prompts)
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    if len(ranked) < 3:
        return ()
    places = (
        (v.say("Best for the protection"), ranked[0]),
        (v.say("In the middle"), ranked[len(ranked) // 2]),
        (v.say("Worst for the protection"), ranked[-1]),
    )
    found = []
    for title, (_, replicate, at, clean, treated) in places:
        one, other = (shot(facts, shelf, name, replicate, at) for name in ("clean", headline.name))
        scores = ""
        if facts.verdict.label != "not-valid":
            scores = v.say(
                "Run {run}. Style score {unprotected} unprotected, {protected} protected (higher is nearer to you).",
                run=replicate, unprotected=v.number(clean, digits=2), protected=v.number(treated, digits=2),
            )  # fmt: skip
        if one.picture and other.picture:
            found.append(Extreme(title, facts.results.plan.prompts[at[0]], one, other, scores))
    return tuple(found)


def _sheets(facts: ResultsView, shelf: Shelf) -> tuple[tuple[Sheet, ...], int]:
    v = facts.voice
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
        words = v.many(
            len(cell.generations.files),
            "Contact sheet of {n} AI-generated picture in the order of the prompts. {model}",
            "Contact sheet of {n} AI-generated pictures in the order of the prompts. {model}",
            model=_model(facts, cell.condition, cell.replicate),
        )
        slot = facts.slot(cell.condition)
        sheets.append(Sheet(facts.short(cell.condition), slot, cell.replicate, made[0], words, made[1]))
    return tuple(sheets), len(cells)
