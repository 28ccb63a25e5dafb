"""What a page says of audits of the same works that were begun before."""

from __future__ import annotations

from collections.abc import Iterator

from audit.records import Attempts
from audit.report.locale import ReportLocale, short
from audit.report.parts import PARTS
from audit.report.table import Table


def told(loc: ReportLocale, attempts: Attempts | None) -> str:
    """Sentences: how many there were, and what that count cannot tell."""
    return " ".join(_told(loc, attempts))


def _told(loc: ReportLocale, attempts: Attempts | None) -> Iterator[str]:
    if attempts is None:
        yield loc.say("Whether these works were audited before was not recorded.")
        return
    count = len(attempts.before)
    day = loc.day(attempts.since) if attempts.since else loc.say("an unknown day")
    if count:
        yield loc.many(
            count,
            "{n} audit of these works was begun with the same store before this one.",
            "{n} audits of these works were begun with the same store before this one.",
        )
        ended = sum(one.finished for one in attempts.before)
        yield loc.many(ended, "{n} of them came to its end.", "{n} of them came to their end.")
    else:
        yield loc.say(
            "The store's record tells of no audit of these works before this one. It begins on {day}.", day=day
        )
    if attempts.models_before:
        yield loc.say("There were trained models in the store before the record began on {day}: its start is missing.",
                      day=day)  # fmt: skip
    if attempts.lost:
        yield loc.say("The record lacks an entry that this run's log names: it was deleted or replaced since.")
    if attempts.broken:
        yield loc.say("The record's chain of digests does not hold, or a line of it cannot be read.")
    if attempts.unlisted:
        yield loc.many(
            attempts.unlisted,
            "The store holds trained models of {n} plan of which the record tells nothing, so it is not whole.",
            "The store holds trained models of {n} plans of which the record tells nothing, so it is not whole.",
        )


def table(loc: ReportLocale, attempts: Attempts | None) -> Table | None:
    """Every earlier one; None without any."""
    if attempts is None or not attempts.before:
        return None
    rows = tuple(
        (
            short(one.plan_sha256),
            loc.minute(one.begun),
            loc.say("yes") if one.finished else loc.say("no"),
            str(one.works),
            loc.join([loc.say(PARTS[name]) for name in one.differs if name in PARTS]) or loc.say("nothing"),
        )
        for one in attempts.before
    )
    head = (
        loc.say("Plan, canonical digest"),
        loc.say("Begun"),
        loc.say("Came to its end"),
        loc.say("Works in both"),
        loc.say("Unlike this one in"),
    )
    return Table(loc.say("Audits of these works that were begun before"), head, rows)
