"""What a protection does to the picture: lossless crops up close, and how far apart the versions are."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from audit.records import Condition, Visibility
from audit.report.custody import nothing_to_compare
from audit.report.locale import ReportLocale
from audit.report.pictures import Crops, Shelf
from audit.report.results_view import ResultsView
from audit.report.table import Table

MOST_TREATED = 3
_KNOWN = frozenset({"condition", "work", "linf", "rms", "psnr"})


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
    examples = []
    for position, condition in enumerate(treated[:MOST_TREATED]):
        wanted = 2 if position == 0 else 1
        files = sorted(results.treated_images.get(condition.name, {}).items())
        for work, file in files[:wanted]:
            crops = shelf.crops(results.work_images.get(work, ""), file)
            if crops is not None:
                examples.append(_treated(view, condition, work, crops))
    measured = [(c, _records(view, c)) for c in view.tested]
    sentences = [_sentence(view, c, rows) for c, rows in measured if rows and c in treated[:MOST_TREATED]]
    table = _table(view, [(c, rows) for c, rows in measured if rows])
    return UpClose(tuple(examples), tuple(sentences), table, nothing_to_compare(view.locale, view.custody))


def _records(view: ResultsView, condition: Condition) -> list[Visibility]:
    return [row for row in view.results.visibility if row.condition == condition.name]


def _sentence(view: ResultsView, condition: Condition, rows: list[Visibility]) -> str:
    loc = view.locale
    return loc.many(
        len(rows),
        "{name}, on {n} work: {words}, by a rule of thumb. No value changed by more than {steps} of 255 steps.",
        "{name}, on {n} works: {words}, by a rule of thumb. No value changed by more than {steps} of 255 steps.",
        name=view.short(condition.name), words=_eye(loc, _psnr(rows)), steps=f"{max(row.linf for row in rows):.0f}",
    )  # fmt: skip


def _table(view: ResultsView, measured: list[tuple[Condition, list[Visibility]]]) -> Table:
    loc = view.locale
    # Measures that a later version records beside the three of every run.
    more = [n for n in Visibility.model_fields if n not in _KNOWN and any(_more(rows, n) for _, rows in measured)]
    head = [
        loc.say("Pictures"), loc.say("To the eye, as a rule of thumb"), loc.say("Largest change of any value"),
        loc.say("Typical change"), loc.say("PSNR, middle value"), *(_name(loc, n) for n in more), loc.say("Works"),
    ]  # fmt: skip
    rows = []
    for condition, records in measured:
        greatest, psnr = max(row.linf for row in records), _psnr(records)
        typical = statistics.median(row.rms for row in records)
        rows.append(
            (
                view.short(condition.name),
                _eye(loc, psnr),
                loc.say(
                    "{steps} of 255 steps ({share})",
                    steps=loc.number(greatest, digits=0),
                    share=loc.percent(greatest / 255),
                ),
                loc.say("{steps} of 255 steps", steps=loc.number(typical, digits=1)),
                loc.say("no change at all") if psnr is None else f"{loc.number(psnr, digits=1)} dB",
                *(loc.number(statistics.median(m) if (m := _more(records, n)) else None) for n in more),
                str(len(records)),
            )
        )
    return Table(loc.say("How visible each treatment is"), tuple(head), tuple(rows))


def _name(loc: ReportLocale, measure: str) -> str:
    return loc.say("LPIPS, middle value") if measure == "lpips" else measure.replace("_", " ")


def _more(rows: list[Visibility], name: str) -> list[float]:
    values = (getattr(row, name) for row in rows)
    return [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def _psnr(rows: list[Visibility]) -> float | None:
    """Middle PSNR of the works that changed at all; None when none did."""
    ratios = [row.psnr for row in rows if row.psnr is not None]
    return statistics.median(ratios) if ratios else None


def _eye(loc: ReportLocale, psnr: float | None) -> str:
    """A rule of thumb for PSNR; the page calls it that and shows the pictures beside it."""
    if psnr is None:
        return loc.say("no change")
    if psnr >= 40:
        return loc.say("hard to notice")
    if psnr >= 32:
        return loc.say("a slight change")
    return loc.say("easy to see") if psnr >= 24 else loc.say("a strong change")


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
