"""Answers to "which audit, which word, which picture" over an Overview record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from audit.base.messages import say
from audit.base.text import printable
from audit.records import (
    WITHOUT_MARGINS,
    AuditFacts,
    AuditPictures,
    ClaimFacts,
    Overview,
    PooledClaim,
    SeenPicture,
    VerdictLabel,
)
from audit.report.locale import NBSP, ReportLocale
from audit.report.pictures import InlinePicture

MOST_PICTURES = 12_000_000
"""Characters of all pictures of a page; mail servers commonly take 25 MB."""


@dataclass(frozen=True)
class OverviewView:
    """An overview with lookups."""

    overview: Overview
    pictures: Mapping[int, AuditPictures]
    locale: ReportLocale

    @cached_property
    def audits(self) -> Mapping[int, AuditFacts]:
        return {audit.number: audit for audit in self.overview.audits}

    def word(self, label: VerdictLabel, *, own: bool = False) -> str:
        """A verdict label in a word or two."""
        marked = own and label not in WITHOUT_MARGINS
        return self.locale.render(say(f"label.{label}-own" if marked else f"label.{label}"))

    def shown(self, audit: AuditFacts) -> ClaimFacts | None:
        """The claim that an audit's card is about, by the score that decides; None where it has none."""
        found = (c for c in audit.claims if (c.condition, c.metric) == (audit.condition, audit.metric))
        return next(found, None)

    def decided(self, audit: AuditFacts) -> tuple[ClaimFacts, ...]:
        """An audit's claims by the score that decides."""
        return tuple(c for c in audit.claims if c.metric == audit.metric)

    def label(self, claim: ClaimFacts) -> str:
        return printable(self.locale.render(claim.said), limit=60)

    def cloak(self, cloak: str, version: str = "") -> str:
        """What protects, as a heading."""
        name = cloak or self.locale.say("protection without a name")
        return printable(f"{name} {version}".strip(), limit=60)

    def counter(self, counter: str) -> str:
        return printable(counter, limit=60) or self.locale.say("plain training")

    def numbers(self, value: float | None, low: float | None, high: float | None) -> str:
        """An index with its range; '' without a value."""
        loc = self.locale
        if value is None:
            return ""
        if low is None or high is None:
            return loc.percent(value)
        ends = loc.say("({low} to {high})", low=loc.percent(low), high=loc.percent(high)).replace(" ", NBSP)
        return f"{loc.percent(value)} {ends}"

    @cached_property
    def pooled(self) -> tuple[PooledClaim, ...]:
        """Claims over artists by the score that decides in their setup."""
        decides = {a.setup: a.metric for a in self.overview.audits}
        return tuple(p for p in self.overview.pooled if p.metric == decides[p.setup])

    def pooled_number(self, pooled: PooledClaim) -> int:
        """Its place on the page, from 1."""
        return self.pooled.index(pooled) + 1

    def claim(self, pooled: PooledClaim, number: int) -> ClaimFacts | None:
        """What one audit has for a pooled claim."""
        key = (pooled.cloak, pooled.version, pooled.counter, pooled.made, pooled.metric, pooled.index)
        found = (
            c for c in self.audits[number].claims if (c.cloak, c.version, c.counter, c.made, c.metric, c.index) == key
        )
        return next(found, None)

    @cached_property
    def _kept(self) -> frozenset[int]:
        """Audits whose pictures fit the page, from the first on."""
        spent, kept = 0, set()
        for number, own in sorted(self.pictures.items()):
            spent += sum(len(p.uri) for p in (own.work, own.unprotected, *own.claims.values()) if p is not None)
            if spent <= MOST_PICTURES:
                kept.add(number)
        return frozenset(kept)

    def pictures_of(self, number: int) -> AuditPictures | None:
        """None where an audit has no pictures, or they do not fit the page."""
        return self.pictures.get(number) if number in self._kept else None

    @property
    def left_out(self) -> int:
        """Audits whose pictures do not fit."""
        return len(self.pictures) - len(self._kept)


def inlined(picture: SeenPicture | None) -> InlinePicture | None:
    """A picture of a record as templates take it; a record of a stranger's process is no markup unless it looks so."""
    if picture is None or not _is_picture(picture.uri):
        return None
    return InlinePicture(Markup(picture.uri), picture.width, picture.height)


def _is_picture(uri: str) -> bool:
    head, _, body = uri.partition(";base64,")
    letters = body.rstrip("=").replace("+", "").replace("/", "")
    return head in ("data:image/webp", "data:image/jpeg") and letters.isascii() and letters.isalnum()
