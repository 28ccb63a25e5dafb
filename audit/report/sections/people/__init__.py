"""What people said, where they were asked: the answer, who counts and by which rule, and the figures."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import PeopleReading
from audit.report.estimates import named, value_of
from audit.report.locale import ReportLocale
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.table import Table

METRIC = "people"


@dataclass(frozen=True)
class PeopleShown:
    lines: tuple[str, ...]
    table: Table


def build(view: ResultsView, _: Shelf) -> PeopleShown | None:
    """None where nobody was asked."""
    people, loc = view.readings.people, view.locale
    if people is None:
        return None
    rows = tuple(
        (named(loc, "quantity", e.name), value_of(loc, e), str(e.n), loc.spoken(e.how))
        for e in view.results.estimates
        if e.metric == METRIC
    )
    head = (loc.say("Reading"), loc.say("Value"), loc.say("Units counted"), loc.say("How it is worked out"))
    table = Table(loc.say("What raters answered"), head, rows)
    return PeopleShown((loc.render(people.said), *_lines(loc, people)), table)


def _lines(loc: ReportLocale, people: PeopleReading) -> list[str]:
    said = [
        loc.say(
            "{given} of {asked} raters that were planned gave their answers. Each compared {pairs} pairs of pictures "
            "from {replicates} training runs, without knowing which was whose.",
            given=people.given, asked=people.asked, pairs=people.pairs, replicates=people.replicates,
        ),
        loc.say(
            "Whoever got more than one of {told} pairs wrong that anybody can tell, or of {same} that show one picture "
            "twice, was left out by a rule fixed before: {dropped} of them.",
            told=people.told, same=people.same, dropped=len(people.dropped),
        ),
    ]  # fmt: skip
    if people.sheets > 1:
        said.append(
            loc.say(
                "{sheets} pages for raters were written for this run; these answers are to one.", sheets=people.sheets
            )
        )
    return said
