"""What the page begins with: in how much two audits differ, and both of them as cards."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.comparison.chapters import TITLES
from audit.report.comparison.view import ComparisonView
from audit.report.overview.cards import AuditCard, card_of
from audit.report.pictures import Shelf


@dataclass(frozen=True)
class ComparisonOpening:
    sentence: str
    counted: tuple[tuple[str, str, int], ...]
    """Anchor and name of a chapter, and how many differences it has."""
    works: str
    lab: bool


def build_opening(view: ComparisonView, _: Shelf) -> ComparisonOpening:
    """Counts per chapter."""
    loc, comparison = view.locale, view.comparison
    first, second = comparison.audits
    counted = tuple((chapter, loc.say(title), len(view.of(chapter))) for chapter, title in TITLES.items())
    sentence = (
        loc.many(
            len(comparison.differences),
            "These two audits differ in {n} point.",
            "These two audits differ in {n} points.",
        )
        if comparison.differences
        else loc.say("Nothing that is compared differs between these two audits.")
    )
    works = loc.say(
        "The first is of {one} works, the second of {other}; {same} are the same pictures.",
        one=first.works,
        other=second.works,
        same=comparison.same_works,
    )
    return ComparisonOpening(sentence, counted, works, any(audit.lab for audit in comparison.audits))


def build_cards(view: ComparisonView, _: Shelf) -> tuple[AuditCard, ...]:
    """A card for each, in the order given."""
    return tuple(card_of(view.over, audit) for audit in view.comparison.audits)
