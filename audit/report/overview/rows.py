"""Every audit and claim as one table, which a script sorts where there is one."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.overview.view import OverviewView
from audit.report.pictures import Shelf


@dataclass(frozen=True)
class SortField:
    text: str
    key: str
    """What sorting goes by: a number, or '' for the text."""


@dataclass(frozen=True)
class AuditRow:
    number: int
    fields: tuple[SortField, ...]


@dataclass(frozen=True)
class AuditRows:
    caption: str
    head: tuple[str, ...]
    rows: tuple[AuditRow, ...]


def build(view: OverviewView, _: Shelf) -> AuditRows:
    """One row per audit and claim, by the score that decides."""
    loc = view.locale
    rows = []
    for audit in view.overview.audits:
        for claim in view.decided(audit):
            number = view.numbers(claim.value, claim.low, claim.high)
            texts = [
                (str(audit.number), str(audit.number)),
                (audit.artist, ""),
                (view.cloak(claim.cloak, claim.version), ""),
                (view.counter(claim.counter), ""),
                (view.word(claim.verdict, own=audit.own_margins), ""),
                (number or loc.say("no number"), "" if claim.value is None else repr(claim.value)),
                (str(claim.n), str(claim.n)),
                (audit.model, ""),
                (audit.metric, ""),
                (str(audit.setup), str(audit.setup)),
                (loc.day(audit.started), audit.started),
            ]
            rows.append(AuditRow(audit.number, tuple(SortField(*text) for text in texts)))
    return AuditRows(
        loc.say("Every audit and claim, by the score that decides"),
        (
            loc.say("Audit"), loc.say("Artist"), loc.say("Protection"), loc.say("Way around"), loc.say("Answer"),
            loc.say("Protection index"), loc.say("Trainings"), loc.say("Base model"), loc.say("Style score"),
            loc.say("Group"), loc.say("Begun"),
        ),
        tuple(rows),
    )  # fmt: skip
