"""What many comparisons, shared works and unread folders mean for the page; and what it does not tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from audit.report.locale import Spoken
from audit.report.overview.view import OverviewView
from audit.report.pictures import Shelf
from audit.report.sections.limits import LAB_LIMIT, limits

MOST_PAIRS = 60


@dataclass(frozen=True)
class Compared:
    lines: tuple[str, ...]
    shared: tuple[str, ...]
    unread: tuple[tuple[str, Spoken], ...]
    """Name of a folder, and why it gives no row."""


def build(view: OverviewView, _: Shelf) -> Compared:
    """Counts, what Holm's correction spans, works in two audits, and folders without a row."""
    return Compared(
        tuple(_lines(view)),
        tuple(_shared(view)),
        tuple((one.folder, view.locale.spoken(one.said)) for one in view.overview.unread),
    )


def _lines(view: OverviewView) -> Iterator[str]:
    loc, overview = view.locale, view.overview
    audits = loc.many(len(overview.audits), "{n} audit", "{n} audits")
    yield loc.many(
        overview.compared,
        "This page shows {n} index of a protection from {audits}.",
        "This page shows {n} indices of protections from {audits}.",
        audits=audits,
    )
    sizes = sorted({a.family for a in overview.audits})
    span = str(sizes[0]) if len(sizes) == 1 else loc.say("{low} to {high}", low=sizes[0], high=sizes[-1])
    yield loc.say(
        "The answer of an audit keeps its error rate within that audit: Holm's correction spans its own results that "
        "count, {span} of them. Nothing corrects over audits. Of 20 protections that do nothing, about one has a range "
        "without 0 by chance.",
        span=span,
    )
    if overview.pooled_compared:
        yield loc.many(
            overview.pooled_compared,
            "{n} mean over artists has a range; Holm's correction of its p spans it.",
            "{n} means over artists have a range; Holm's correction of their p spans all of them.",
        )
        yield loc.say(
            "A mean over artists is a random-effects mean (Paule and Mandel) with Student's t range after Hartung and "
            "Knapp. The artist is the unit. Of an artist with several audits, the first that was begun and has a range "
            "counts. Audits that share a work count as one artist."
        )
    tried = [a.number for a in overview.audits if a.attempts]
    if tried:
        yield loc.many(
            len(tried),
            "{n} audit says that others of the same works were begun before it with the same store: {numbers}.",
            "{n} audits say that others of the same works were begun before them with the same store: {numbers}.",
            numbers=", ".join(map(str, tried)),
        )
    cut = [a.number for a in overview.audits if not a.attempts_whole]
    if cut:
        yield loc.many(
            len(cut),
            "{n} audit says that its store's record of these is not whole, so there may have been more: {numbers}.",
            "{n} audits say that their store's record of these is not whole, so there may have been more: {numbers}.",
            numbers=", ".join(map(str, cut)),
        )
    if len(overview.setups) > 1:
        yield loc.say(
            "Audits that were made with another model, score, margins or settings are not pooled: they stand in {n} "
            "groups, each with what it differs in.",
            n=len(overview.setups),
        )


def _shared(view: OverviewView) -> Iterator[str]:
    loc, shared = view.locale, view.overview.shared
    for one in shared[:MOST_PAIRS]:
        first, second = one.audits
        same = one.names[0] == one.names[1]
        if same:
            yield loc.many(one.works, "Audits {first} and {second} share {n} work.",
                           "Audits {first} and {second} share {n} works.", first=first, second=second)  # fmt: skip
        else:
            yield loc.many(
                one.works,
                "Audits {first} ({one}) and {second} ({other}) share {n} work and count as one artist.",
                "Audits {first} ({one}) and {second} ({other}) share {n} works and count as one artist.",
                first=first, second=second, one=one.names[0], other=one.names[1],
            )  # fmt: skip
    if len(shared) > MOST_PAIRS:
        yield loc.say("And {n} more pairs, all in overview.json.", n=len(shared) - MOST_PAIRS)


def build_limits(view: OverviewView, _: Shelf) -> tuple[str, ...]:
    """The limits of every audit, and those of a page over many."""
    loc = view.locale
    lab = (loc.say(LAB_LIMIT),) if any(a.lab for a in view.overview.audits) else ()
    own = (
        loc.say(
            "Audits of different artists are no contest of protections: works, files and chance differ. Only "
            "protections in one audit share all of these."
        ),
        loc.say("Which audits stand on this page was chosen by whoever made it. It cannot tell which were left out."),
    )
    return (*lab, *own, *limits(loc))
