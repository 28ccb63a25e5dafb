"""What a protection does to the picture: lossless crops up close, and how far apart the versions are."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Condition, SeenChange
from audit.report.custody import nothing_to_compare
from audit.report.locale import ReportLocale
from audit.report.pictures import Crops, Shelf
from audit.report.results_view import ResultsView
from audit.report.table import Table

MOST_TREATED = 3


@dataclass(frozen=True)
class Treated:
    """What one treatment did to one example work."""

    label: str
    work: str
    crops: Crops
    original_words: str
    treated_words: str
    difference_words: str
    how_shown: str


@dataclass(frozen=True)
class UpClose:
    examples: tuple[Treated, ...]
    sentences: tuple[str, ...]
    """How visible each protection is, in words."""
    table: Table
    none: str
    """Sentence for a page without examples."""


def build(view: ResultsView, shelf: Shelf) -> UpClose:
    """Crops of example works before and after, and the numbers of every treatment."""
    results = view.results
    treated = [c for c in view.tested if c.role == "protected"]
    originals = results.treated_images.get(results.plan.clean, {})
    examples = []
    for position, condition in enumerate(treated[:MOST_TREATED]):
        wanted = 2 if position == 0 else 1
        files = sorted(results.treated_images.get(condition.name, {}).items())
        for work, file in files[:wanted]:
            # Of earlier runs the works' crops lie among the works' pictures.
            crops = shelf.crops(originals.get(work) or results.work_images.get(work, ""), file)
            if crops is not None:
                examples.append(_treated(view, condition, work, crops))
    measured = [(c, seen) for c in view.tested if (seen := view.reading(c.name).seen) is not None]
    sentences = [_sentence(view, c, seen) for c, seen in measured if c in treated[:MOST_TREATED]]
    table = _table(view, measured)
    return UpClose(tuple(examples), tuple(sentences), table, nothing_to_compare(view.locale, view.custody))


def _sentence(view: ResultsView, condition: Condition, seen: SeenChange) -> str:
    loc = view.locale
    return loc.many(
        seen.works,
        "{name}, on {n} work: {words}, by a rule of thumb. No value changed by more than {steps} of 255 steps.",
        "{name}, on {n} works: {words}, by a rule of thumb. No value changed by more than {steps} of 255 steps.",
        name=view.short(condition.name), words=_eye(loc, seen), steps=f"{seen.linf:.0f}",
    )  # fmt: skip


def _table(view: ResultsView, measured: list[tuple[Condition, SeenChange]]) -> Table:
    loc = view.locale
    # Not every version measured it.
    with_lpips = any(seen.lpips is not None for _, seen in measured)
    head = [
        loc.say("Pictures"), loc.say("To the eye, as a rule of thumb"), loc.say("Largest change of any value"),
        loc.say("Typical change (root mean square)"), loc.say("PSNR, middle value"),
        *([loc.say("LPIPS, middle value")] if with_lpips else []), loc.say("Works"),
    ]  # fmt: skip
    rows = [
        (
            view.short(condition.name),
            _eye(loc, seen),
            loc.say(
                "{steps} of 255 steps ({share})",
                steps=loc.number(seen.linf, digits=0),
                share=loc.percent(seen.linf / 255),
            ),
            loc.say("{steps} of 255 steps", steps=loc.number(seen.rms, digits=1)),
            loc.say("no change at all") if seen.psnr is None else f"{loc.number(seen.psnr, digits=1)} dB",
            *([loc.number(seen.lpips)] if with_lpips else []),
            str(seen.works),
        )
        for condition, seen in measured
    ]
    return Table(loc.say("How visible each treatment is"), tuple(head), tuple(rows))


def _eye(loc: ReportLocale, seen: SeenChange) -> str:
    return loc.render(seen.eye) if seen.eye is not None else loc.missing


def _treated(view: ResultsView, condition: Condition, work: str, crops: Crops) -> Treated:
    loc, label = view.locale, view.short(condition.name)
    name = next((w.caption for w in view.results.plan.works if w.id == work), work)
    place = loc.say("the whole picture") if crops.whole else loc.say("the place where the two differ most")
    if crops.difference is None:
        place = loc.say("the middle of each, for they differ in size")
    how = (
        loc.say("Lossless, pixel for pixel: {place}.", place=place)
        if crops.zoom == 1
        else loc.say("Lossless, each pixel drawn {zoom} times as wide: {place}.", zoom=crops.zoom, place=place)
    )
    difference = loc.say(
        "The difference is drawn {times} times stronger; mid-grey means no change.", times=crops.factor
    ) if crops.factor > 1 else loc.say("The difference is at its own strength; mid-grey means no change.")  # fmt: skip
    return Treated(
        label=label,
        work=name,
        crops=crops,
        original_words=loc.say("Original of {work}.", work=name),
        treated_words=loc.say("{work}: {condition}.", work=name, condition=label),
        difference_words=loc.say("Difference between the two versions of {work}. {how}", work=name, how=difference),
        how_shown=f"{how} {difference}" if crops.difference else how,
    )
