"""The first screen: how many audits came out how; never an average."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from audit.records import VerdictLabel
from audit.report.overview.view import OverviewView
from audit.report.pictures import Shelf

ORDER: tuple[VerdictLabel, ...] = (
    "held",
    "held-plain",
    "partly-held",
    "inconclusive",
    "did-not-hold",
    "models-broke",
    "exploratory",
    "not-valid",
)


@dataclass(frozen=True)
class Counted:
    label: VerdictLabel
    word: str
    count: int


@dataclass(frozen=True)
class OverviewOpening:
    sentence: str
    counted: tuple[Counted, ...]
    unread: int
    lab: bool
    """Whether an audit is of the lab model."""


def build(view: OverviewView, _: Shelf) -> OverviewOpening:
    """Counts per verdict."""
    loc, overview = view.locale, view.overview
    seen = Counter((a.verdict, a.own_margins) for a in overview.audits)
    counted = tuple(
        Counted(label, view.word(label, own=own), seen[label, own])
        for label in ORDER
        for own in (False, True)
        if seen[label, own]
    )
    parts = loc.join([loc.say("{n} “{word}”", n=c.count, word=c.word) for c in counted])
    of = loc.many(overview.artists, "{n} artist", "{n} artists")
    sentence = loc.many(
        len(overview.audits),
        "{n} audit of works by {of}: {parts}.",
        "{n} audits of works by {of}: {parts}.",
        of=of,
        parts=parts,
    )
    return OverviewOpening(sentence, counted, len(overview.unread), any(a.lab for a in overview.audits))
