"""Each claim over artists as a forest: a row per audit, the mean, and the pictures behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup
from matplotlib.figure import Figure

from audit.records import AuditFacts, ClaimFacts, PooledClaim
from audit.report.drawing import SMALL, WIDTH, canvas, cut, heading, percent_ticks, value_at_end
from audit.report.overview.view import OverviewView, inlined
from audit.report.pictures import InlinePicture, Shelf
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table

MOST_FORESTS = 60
_SVG = 'xmlns="http://www.w3.org/2000/svg"'


@dataclass(frozen=True)
class ForestPicture:
    who: str
    unprotected: InlinePicture | None
    treated: InlinePicture | None


@dataclass(frozen=True)
class Forest:
    """One pooled claim."""

    number: int
    title: str
    setup: int
    sentence: str
    drawing: Drawing
    svg: Markup
    """Its address as a drawing."""
    pictures: tuple[ForestPicture, ...]


@dataclass(frozen=True)
class Forests:
    forests: tuple[Forest, ...]
    left_out: int


def build(view: OverviewView, _: Shelf) -> Forests | None:
    """One per pooled claim, those of most artists first; None without any."""
    ordered = sorted(view.pooled, key=lambda p: (-p.artists, view.pooled_number(p)))[:MOST_FORESTS]
    forests = tuple(_forest(view, p) for p in sorted(ordered, key=lambda p: view.pooled_number(p)))
    return Forests(forests, len(view.pooled) - len(forests)) if forests else None


def _forest(view: OverviewView, p: PooledClaim) -> Forest:
    loc, number = view.locale, view.pooled_number(p)
    title = f"{view.cloak(p.cloak, p.version)}: {view.counter(p.counter)}"
    if len(view.overview.setups) > 1:
        title = loc.say("{title} (group {number})", title=title, number=p.setup)
    # Treatments of one name with unlike settings: every figure needs a name of its own.
    same = [q for q in view.pooled[: number - 1] if _place(q) == _place(p)]
    if same:
        title = f"{title}, {len(same) + 1}"
    rows = [(view.audits[n], claim) for n in (*p.audits, *p.left_out) if (claim := view.claim(p, n)) is not None]
    table = Table(
        title,
        (loc.say("Audit"), loc.say("Artist"), loc.say("Answer"), loc.say("Protection index"), loc.say("Trainings"),
         loc.say("Counts in the mean")),
        tuple(
            (
                str(a.number), a.artist, view.word(c.verdict, own=a.own_margins),
                view.numbers(c.value, c.low, c.high) or loc.say("no number"), str(c.n),
                loc.say("yes") if a.number in p.audits and p.value is not None else loc.say("no"),
            )
            for a, c in rows
        ),
    )  # fmt: skip
    sentence = _sentence(view, p)
    drawn = inline_svg(_draw(view, p, rows), key=f"forest{number}", title=title, description=sentence)
    alone = str(drawn).replace("<svg ", f"<svg {_SVG} ", 1)
    return Forest(
        number=number,
        title=title,
        setup=p.setup,
        sentence=sentence,
        drawing=Drawing(drawn, loc.say("One row per audit; the mark is its index, the bar its range."), table),
        svg=Markup(f"data:image/svg+xml;charset=utf-8,{quote(alone)}"),
        pictures=tuple(picture for a, c in rows if (picture := _pair(view, a, c)) is not None),
    )


def _place(p: PooledClaim) -> tuple[int, str, str, str]:
    return p.setup, p.cloak, p.version, p.counter


def _sentence(view: OverviewView, p: PooledClaim) -> str:
    loc = view.locale
    rest = ""
    if p.left_out:
        rest = " " + loc.many(
            len(p.left_out),
            "{n} audit of it is not counted: without a range or a number, or a later one of the same artist.",
            "{n} audits of it are not counted: without a range or a number, or later ones of the same artist.",
        )
    if p.value is None:
        return loc.say("Nothing is pooled, because fewer than two artists have an index with a range here.") + rest
    told = loc.say(
        "Over {n} artists the mean index is {mean}; artists lie {between} apart (standard deviation, {low} to {high}).",
        n=p.artists, mean=view.numbers(p.value, p.low, p.high), between=loc.percent(p.between),
        low=loc.percent(p.between_low), high=loc.percent(p.between_high),
    )  # fmt: skip
    if p.p_holm is not None:
        told += " " + loc.say("p of a mean of 0 after Holm's correction over the page: {p}.", p=loc.p_value(p.p_holm))
    if p.new_low is not None and p.new_high is not None:
        told += " " + loc.say(
            "One more artist like these is expected between {low} and {high}.",
            low=loc.percent(p.new_low), high=loc.percent(p.new_high),
        )  # fmt: skip
    return told + rest


def _pair(view: OverviewView, audit: AuditFacts, claim: ClaimFacts) -> ForestPicture | None:
    own = view.pictures_of(audit.number)
    if own is None or claim.condition not in own.claims:
        return None
    who = f"{audit.artist} ({audit.number})"
    return ForestPicture(who, inlined(own.unprotected), inlined(own.claims[claim.condition]))


def _draw(view: OverviewView, p: PooledClaim, rows: Sequence[tuple[AuditFacts, ClaimFacts]]) -> Figure:
    loc = view.locale
    marks = [
        (f"{a.artist} ({a.number})", c.value, c.low, c.high, a.number in p.audits, False)
        for a, c in rows
        if c.value is not None
    ]
    if p.value is not None:
        marks.append((loc.say("mean over artists"), p.value, p.low, p.high, True, True))
    bounds = [b for _, value, low, high, *_ in marks for b in (value, low, high) if b is not None]
    left, right = max(min([0.0, *bounds]), -1.2) - 0.08, min(max([1.0, *bounds]), 2.2) + 0.08
    figure, axes = canvas(0.5 + 0.36 * max(1, len(marks)), left=0.12, right=0.12, top=0.02, bottom=0.46)
    for at in (0.0, 1.0):
        axes.axvline(at, color=INKS["muted"], linewidth=0.8, zorder=1)
    for row, (name, value, low, high, counts, mean) in enumerate(marks):
        ink = INKS["c0" if mean else "ink" if counts else "muted"]
        if low is not None and high is not None:
            axes.plot((low, high), (row, row), color=ink, linewidth=3 if mean else 2, zorder=2, solid_capstyle="butt")
        axes.plot(
            [value], [row], linestyle="none", marker="D" if mean else "o", markersize=6.5,
            color=ink if counts else INKS["paper"], markeredgecolor=ink, markeredgewidth=1.2, zorder=3,
        )  # fmt: skip
        numbers = view.numbers(value, low, high)
        room = int((WIDTH * 72 - 17 - 4.6 * len(numbers)) / 5.2)
        heading(axes, row, cut(name, room), "ink", bold=mean)
        value_at_end(axes, row, numbers)
    axes.set_yticks([])
    axes.set_ylim(max(1, len(marks)) - 0.7, -0.75)
    axes.set_xlim(left, right)
    ticks = [t for t in (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0) if left <= t <= right]
    percent_ticks(axes, ticks, [loc.percent(t) for t in ticks])
    ends = loc.say("as if unprotected  \u2190  protection index  \u2192  never saw your art")
    axes.set_xlabel(ends, fontsize=SMALL, color=INKS["muted"])
    return figure
