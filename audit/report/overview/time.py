"""The same artist and protection, audited more than once: in the order in which the audits were begun."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Series
from audit.report.overview.view import OverviewView
from audit.report.parts import PARTS
from audit.report.pictures import Shelf
from audit.report.table import Table


@dataclass(frozen=True)
class OverTime:
    tables: tuple[Table, ...]


def build(view: OverviewView, _: Shelf) -> OverTime | None:
    """A table per artist and protection; None where nothing was audited twice."""
    return OverTime(tuple(_table(view, series) for series in view.overview.series)) if view.overview.series else None


def _table(view: OverviewView, series: Series) -> Table:
    loc = view.locale
    first = view.audits[series.audits[0]]
    rows = []
    for number in series.audits:
        audit = view.audits[number]
        for claim in view.decided(audit):
            if claim.cloak != series.cloak or claim.counter:
                continue
            unlike = [loc.say(PARTS[part]) for part, value in audit.parts.items() if first.parts.get(part) != value]
            if audit.works_sha256 != first.works_sha256:
                unlike.insert(0, loc.say("works"))
            rows.append(
                (
                    f"{number}",
                    loc.day(audit.started),
                    claim.version or loc.say("not known"),
                    view.word(claim.verdict, own=audit.own_margins),
                    view.numbers(claim.value, claim.low, claim.high) or loc.say("no number"),
                    audit.tool_version,
                    loc.join(unlike) or loc.say("nothing"),
                )
            )
    return Table(
        loc.say("{cloak}, works by {artist}", cloak=view.cloak(series.cloak), artist=series.artist),
        (
            loc.say("Audit"),
            loc.say("Begun"),
            loc.say("Version"),
            loc.say("Answer"),
            loc.say("Protection index"),
            loc.say("CloakCheck"),
            loc.say("Unlike the first row"),
        ),
        tuple(rows),
    )
