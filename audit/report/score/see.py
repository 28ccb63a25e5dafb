"""The pictures, group beside group, and the works that they are scored against."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.pictures import InlinePicture, Shelf
from audit.report.score.view import SLOTS, ScoreView, group_name


@dataclass(frozen=True)
class Shown:
    """One small picture with what it is."""

    label: str
    slot: str
    picture: InlinePicture
    words: str


@dataclass(frozen=True)
class Seen:
    prompts: tuple[tuple[str, tuple[Shown, ...]], ...]
    works: tuple[Shown, ...]


def build(view: ScoreView, shelf: Shelf) -> Seen:
    """Every prompt with a picture that can be shown."""
    loc, results = view.locale, view.results
    works = tuple(
        Shown(w.name, "clean", picture, loc.say("Work by the artist: {name}", name=w.name))
        for w in results.plan.works
        if w.split == "reference" and (picture := shelf.preview(results.images.get(w.id, ""))) is not None
    )
    return Seen(_prompts(view, shelf), works)


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
