"""Cloaks against countermeasures: over artists, and artist by artist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape

from markupsafe import Markup

from audit.records import AuditFacts, ClaimFacts, PooledClaim, SetupFacts, VerdictLabel
from audit.report.drawing import cut
from audit.report.overview.view import OverviewView
from audit.report.parts import PARTS
from audit.report.pictures import Shelf
from audit.report.svg import INKS
from audit.report.table import Table

SHADES = 9
"""Steps of colour between 0 % and 100 %."""
UNTOLD: tuple[VerdictLabel, ...] = ("inconclusive", "not-valid", "exploratory", "models-broke")
"""Words under which a field is hatched."""
_SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True)
class HeatField:
    """One field; an empty one is where nothing ran."""

    ran: bool
    shade: int | None
    """0..SHADES-1; None where there is no number."""
    hatched: bool
    text: str
    below: str
    """A second line."""
    spoken: str
    """The whole field in words."""
    link: str
    """Anchor, or ''."""


@dataclass(frozen=True)
class HeatRow:
    head: str
    fields: tuple[HeatField, ...]


@dataclass(frozen=True)
class HeatMap:
    caption: str
    head: tuple[str, ...]
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True)
class SetupMaps:
    """The maps of audits that were made alike."""

    number: int
    audits: int
    unlike: str
    """What it differs in from the first setup; '' for that one."""
    parts: Table
    pooled: HeatMap
    each: HeatMap
    svg: Markup
    """Address of the pooled map as a drawing."""


@dataclass(frozen=True)
class Heat:
    setups: tuple[SetupMaps, ...]


EMPTY = HeatField(ran=False, shade=None, hatched=False, text="", below="", spoken="", link="")


def build(view: OverviewView, _: Shelf) -> Heat:
    """Two maps per setup."""
    return Heat(tuple(_setup(view, setup) for setup in view.overview.setups))


def _setup(view: OverviewView, setup: SetupFacts) -> SetupMaps:
    loc = view.locale
    audits = [view.audits[number] for number in setup.audits]
    pooled = [p for p in view.pooled if p.setup == setup.number]
    counters = sorted({c.counter for a in audits for c in view.decided(a)}, key=lambda name: (name != "", name))
    first = view.overview.setups[0].parts
    told = Table(
        loc.say("What these audits share"),
        (loc.say("Part"), loc.say("Value or digest"), loc.say("In the first group")),
        tuple((loc.say(PARTS[name]), value, first.get(name, "")) for name, value in setup.parts.items()),
    )
    over = _pooled_map(view, pooled, counters)
    return SetupMaps(
        number=setup.number,
        audits=len(audits),
        unlike=loc.join([loc.say(PARTS[name]) for name in setup.differs]),
        parts=told,
        pooled=over,
        each=_each_map(view, audits, counters),
        svg=Markup(f"data:image/svg+xml;charset=utf-8,{quote(_drawn(over))}"),
    )


def _pooled_map(view: OverviewView, pooled: Sequence[PooledClaim], counters: Sequence[str]) -> HeatMap:
    loc = view.locale
    cloaks = dict.fromkeys((p.cloak, p.version) for p in pooled)
    rows = []
    for cloak, version in cloaks:
        own = [p for p in pooled if (p.cloak, p.version) == (cloak, version)]
        # Treatments of one name with unlike settings stand in rows of their own.
        depth = max(sum(p.counter == counter for p in own) for counter in counters)
        for at in range(depth):
            fields = []
            for counter in counters:
                here = [p for p in own if p.counter == counter]
                fields.append(_over(view, here[at]) if at < len(here) else EMPTY)
            name = view.cloak(cloak, version)
            rows.append(HeatRow(loc.say("{name}, other settings", name=name) if at else name, tuple(fields)))
    head = (loc.say("Protection"), *(view.counter(counter) for counter in counters))
    return HeatMap(loc.say("Over artists: mean index, its range, and how many artists"), head, tuple(rows))


def _over(view: OverviewView, p: PooledClaim) -> HeatField:
    loc = view.locale
    link = f"forest-{view.pooled_number(p)}"
    what = (view.cloak(p.cloak, p.version), view.counter(p.counter))
    if p.value is not None:
        told = view.numbers(p.value, p.low, p.high)
        artists = loc.many(p.artists, "{n} artist", "{n} artists")
        spoken = ", ".join((*what, told, artists))
        if not p.told:
            spoken += f", {loc.say('cannot be told')}"
        return HeatField(True, shade(p.value), not p.told, told, artists, spoken, link)
    claim = view.claim(p, p.audits[0]) if p.audits else None
    text = view.numbers(claim.value, claim.low, claim.high) if claim else loc.say("no number")
    below = loc.say("one artist, not pooled") if claim else ""
    spoken = ", ".join(part for part in (*what, text, below, loc.say("cannot be told")) if part)
    alone = None if claim is None or claim.value is None else shade(claim.value)
    return HeatField(True, alone, True, text, below, spoken, link)


def _each_map(view: OverviewView, audits: Iterable[AuditFacts], counters: Sequence[str]) -> HeatMap:
    loc = view.locale
    rows = []
    for audit in audits:
        claims = view.decided(audit)
        for cloak, version in dict.fromkeys((c.cloak, c.version) for c in claims):
            own = {c.counter: c for c in claims if (c.cloak, c.version) == (cloak, version)}
            name = f"{audit.artist} ({audit.number}): {view.cloak(cloak, version)}"
            fields = [_one(view, audit, own[counter]) if counter in own else EMPTY for counter in counters]
            rows.append(HeatRow(name, tuple(fields)))
    head = (loc.say("Artist and protection"), *(view.counter(counter) for counter in counters))
    return HeatMap(loc.say("Every artist's index and answer"), head, tuple(rows))


def _one(view: OverviewView, audit: AuditFacts, claim: ClaimFacts) -> HeatField:
    word = view.word(claim.verdict, own=audit.own_margins)
    text = view.numbers(claim.value, claim.low, claim.high)
    spoken = ", ".join(part for part in (audit.artist, view.label(claim), word, text) if part)
    value = None if claim.value is None else shade(claim.value)
    link = f"audit-{audit.number}"
    return HeatField(True, value, claim.verdict in UNTOLD, text or word, word if text else "", spoken, link)


def shade(value: float) -> int:
    """Step of colour of an index."""
    return min(SHADES - 1, max(0, round(value * (SHADES - 1))))


def _drawn(heat: HeatMap) -> str:
    """The map as a drawing of its own, in the colours of the light theme."""
    wide, high, left, top = 132, 44, 200, 34
    width, height = left + wide * (len(heat.head) - 1), top + high * len(heat.rows)
    parts = [
        f'<svg xmlns="{_SVG}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f"<title>{escape(heat.caption)}</title>",
        '<defs><pattern id="h" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="2" height="6" fill="{INKS["muted"]}"/></pattern></defs>',
        f'<rect width="{width}" height="{height}" fill="{INKS["paper"]}"/>',
    ]
    for at, name in enumerate(heat.head):
        x = 4 if at == 0 else left + wide * (at - 1) + 4
        parts.append(f'<text x="{x}" y="20" font-weight="bold">{escape(cut(name, 22))}</text>')
    for line, row in enumerate(heat.rows):
        y = top + high * line
        parts.append(f'<text x="4" y="{y + 18}">{escape(cut(row.head, 30))}</text>')
        for at, field in enumerate(row.fields):
            x = left + wide * at
            place = f'x="{x}" y="{y}" width="{wide - 2}" height="{high - 2}"'
            if field.shade is not None:
                opacity = 0.06 * field.shade
                parts.append(f'<rect {place} fill="{INKS["c0"]}" fill-opacity="{opacity:.2f}"/>')
            if field.hatched:
                parts.append(f'<rect {place} fill="url(#h)"/>')
            parts.append(f'<text x="{x + 4}" y="{y + 18}">{escape(field.text)}</text>')
            parts.append(f'<text x="{x + 4}" y="{y + 34}">{escape(field.below)}</text>')
    return "".join([*parts, "</svg>"])
