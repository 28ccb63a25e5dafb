"""The pictures, group beside group, and the works that they are scored against."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import ScoreGroup
from audit.report.locale import ReportLocale
from audit.report.pictures import InlinePicture, Shelf
from audit.report.score.view import SLOTS, ScoreView, group_name
from audit.report.sections.opening import Evidence
from audit.report.sections.see import Row, Shot

ROWS = 3
"""Prompts in the first screen, and again in the section."""


@dataclass(frozen=True)
class Shown:
    """One small picture with what it is."""

    label: str
    slot: str
    picture: InlinePicture
    words: str


@dataclass(frozen=True)
class Seen:
    next: Evidence | None
    """The prompts after those of the first screen; None without any."""
    prompts: tuple[tuple[str, tuple[Shown, ...]], ...]
    """All of them, with all pictures."""
    works: tuple[Shown, ...]


def build(view: ScoreView, shelf: Shelf) -> Seen:
    """Every prompt with a picture that can be shown."""
    loc, results = view.locale, view.results
    works = tuple(
        Shown(w.name, "clean", picture, loc.say("Work by the artist: {name}", name=w.name))
        for w in results.plan.works
        if w.split == "reference" and (picture := shelf.preview(results.images.get(w.id, ""))) is not None
    )
    return Seen(evidence(view, shelf, start=ROWS), _prompts(view, shelf), works)


def evidence(view: ScoreView, shelf: Shelf, *, start: int) -> Evidence | None:
    """A work by the artist beside the first picture of every group, for `ROWS` prompts from one on; None without any.

    Args:
        start: place of the first prompt, in the order of the plan.
    """
    loc, results = view.locale, view.results
    works = [w for w in results.plan.works if w.split == "reference"]
    # As the eye goes in an audit's report: own work, then without the style, then with it.
    groups = sorted(view.groups, key=lambda g: ("control", "named", "other-name").index(g))
    prompts = list(dict.fromkeys(p.prompt for p in results.plan.pictures))
    rows = []
    for place, prompt in enumerate(prompts[start : start + ROWS], start):
        own = Shot(None, loc.say("no further work was held out"), "", "", made=False)
        if place < len(works):
            work = works[place]
            words = loc.say("Work by the artist: {name}", name=work.name)
            own = _shot(loc, shelf.preview(results.images.get(work.id, "")), words, made=False)
        made = [_first(view, shelf, prompt, group) for group in groups]
        if any(shot.picture for shot in made):
            rows.append(Row(prompt, (own, *made)))
    columns = ((loc.say("your own work"), "real"), *((group_name(loc, g), SLOTS[g]) for g in groups))
    return Evidence(columns, tuple(rows)) if rows else None


def _first(view: ScoreView, shelf: Shelf, prompt: str, group: ScoreGroup) -> Shot:
    loc, results = view.locale, view.results
    found = next((p for p in results.plan.pictures if (p.prompt, p.group) == (prompt, group)), None)
    words = loc.say("AI-generated picture, {group}: {prompt}", group=group_name(loc, group), prompt=prompt)
    return _shot(loc, shelf.preview(results.images.get(found.id, "")) if found else None, words, made=True)


def _shot(loc: ReportLocale, picture: InlinePicture | None, words: str, *, made: bool) -> Shot:
    return Shot(picture, "" if picture else loc.say("picture not found"), "", words, made=made)


def _prompts(view: ScoreView, shelf: Shelf) -> tuple[tuple[str, tuple[Shown, ...]], ...]:
    loc, results = view.locale, view.results
    found: dict[str, list[Shown]] = {}
    for picture in results.plan.pictures:
        opened = shelf.preview(results.images.get(picture.id, ""))
        if opened is not None:
            words = loc.say("AI-generated picture, {group}: {prompt}", group=group_name(loc, picture.group),
                          prompt=picture.prompt)  # fmt: skip
            shown = Shown(group_name(loc, picture.group), SLOTS[picture.group], opened, words)
            found.setdefault(picture.prompt, []).append(shown)
    return tuple((prompt, tuple(shown)) for prompt, shown in found.items())
