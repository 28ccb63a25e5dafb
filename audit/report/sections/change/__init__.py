"""Would it change if: the headline condition by every metric and under every variation of the analysis."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import WITHOUT_NUMBER, Estimate, Variation
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.change.forest import ForestPlot, forest, sensitivity
from audit.report.sections.change.recognition import recognition_sentences, recognition_table
from audit.report.table import Table


@dataclass(frozen=True)
class Change:
    sentences: tuple[str, ...]
    forest: ForestPlot | None
    sensitivity: ForestPlot | None
    recognised: tuple[str, ...]
    """Whom pictures are taken for, in words."""
    recognition: Table | None
    withheld: bool
    """No verdict: figures are for experts."""


def build(view: ResultsView, _: Shelf) -> Change:
    """The headline condition by every metric and under every variation, in words and as forest plots."""
    loc, sentences = view.locale, []
    withheld = view.verdict.label in WITHOUT_NUMBER
    if withheld:
        sentences.append(loc.say("There is no answer that could change. The numbers are kept for experts."))
    readings = [
        (m, e)
        for m in view.results.plan.metrics
        if view.headline is not None
        and (e := view.index(view.headline.name, metric=m)) is not None
        and e.value is not None
    ]
    if not withheld and len(readings) > 1:
        said = loc.join([_gives(view, m, e) for m, e in readings])
        sentences.append(
            loc.many(
                len(readings),
                "The pictures were scored in {n} way: {said}.",
                "The pictures were scored in {n} ways, built on different features: {said}.",
                said=said,
            )
        )
        sentences.append(
            loc.say(
                "The one that counts, {metric}, was chosen before the run; they are never averaged.",
                metric=view.primary,
            )
        )
        sentences += _overlap(view)
    varied = [x for group in view.variations for x in group.variations]
    if not withheld and view.verdict.label != "exploratory":
        sentences += _steadiness(view, varied)
    return Change(
        tuple(sentences),
        forest(view),
        sensitivity(view),
        () if withheld else recognition_sentences(view),
        recognition_table(view),
        withheld,
    )


def _gives(view: ResultsView, metric: str, index: Estimate) -> str:
    loc, change, likely = view.locale, view.change(index), view.likely(index)
    if view.known(index, view.verdict.label) or not likely:
        return loc.say("{metric} gives {change}", metric=metric, change=change)
    return loc.say("{metric} gives {change} ({likely})", metric=metric, change=change, likely=likely)


def _overlap(view: ResultsView) -> list[str]:
    if view.readings.ranges_meet is None:
        return []
    if view.readings.ranges_meet:
        return [view.locale.say("Their ranges overlap.")]
    return [view.locale.say("Their ranges do not overlap: read the answer with care.")]


def _steadiness(view: ResultsView, variations: list[Variation]) -> list[str]:
    """How many of the ways to work the result out give the planned answer."""
    if len(variations) < 3:
        return []
    loc, planned, rest = view.locale, variations[0], variations[1:]
    other = [x for x in rest if x.verdict != planned.verdict]
    if not other:
        return [
            loc.say(
                "We worked the result out in {ways} other ways. The answer would read the same in all of them.",
                ways=len(rest),
            )
        ]  # fmt: skip
    named = loc.join(
        [loc.render(x.said) for x in other[:4]] + ([loc.say("{n} more", n=len(other) - 4)] if len(other) > 4 else [])
    )
    return [
        loc.say(
            "We worked the result out in {ways} other ways. The answer would read the same in {same} of them. It "
            "changes for: {named}.",
            ways=len(rest), same=len(rest) - len(other), named=named,
        )
    ]  # fmt: skip
