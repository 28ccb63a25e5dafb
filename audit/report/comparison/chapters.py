"""Plan, inputs, environment and result: what differs, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from audit.base.text import printable
from audit.records import Aspect
from audit.report.comparison.view import ComparisonView
from audit.report.locale import message
from audit.report.pictures import Shelf
from audit.report.table import Table

TITLES: Mapping[Aspect, str] = {
    "plan": message("What differs in the plan"),
    "inputs": message("What differs in the pictures"),
    "environment": message("What differs in machine and software"),
    "result": message("What differs in the result"),
}
MOST_ROWS = 200


@dataclass(frozen=True)
class ChapterRows:
    table: Table | None
    """None where nothing differs."""
    left_out: int


def builder(chapter: Aspect) -> Callable[[ComparisonView, Shelf], ChapterRows]:
    """What builds the section of a chapter."""

    def build(view: ComparisonView, _: Shelf) -> ChapterRows:
        loc, rows = view.locale, view.of(chapter)
        shown = tuple((printable(row.what), view.value(row.first), view.value(row.second)) for row in rows[:MOST_ROWS])
        head = (loc.say("What"), loc.say("Audit {number}", number=1), loc.say("Audit {number}", number=2))
        table = Table(loc.say(TITLES[chapter]), head, shown) if shown else None
        return ChapterRows(table, len(rows) - len(shown))

    return build
