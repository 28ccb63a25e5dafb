"""Forest plots of the protection index: by condition and metric, and under variations of the analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from audit.report.drawing import MARKS, SMALL, WIDTH, canvas, cut, heading, percent_ticks, value_at_end
from audit.report.results_view import ResultsView
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table

MOST_ROWS = 24


@dataclass(frozen=True)
class _Row:
    label: str
    numbers: str
    slot: str
    points: tuple[float, ...]
    low: float | None
    high: float | None
    filled: bool
    heading: bool
    """Whether the label starts a group."""


def forest(view: ResultsView, *, key: str) -> Drawing | None:
    """Protection index of each condition by each metric, with ranges; None when there is no value."""
    loc = view.locale
    found = [
        (c, m, e)
        for c in view.tested
        for m in view.results.plan.metrics
        if (e := view.estimate("protection_index", c.name, metric=m)) is not None
    ]
    valued = [(c, m, e, e.value) for c, m, e in found if e.value is not None]
    rows = [
        _Row(
            view.short(c.name) if m == view.primary else loc.say("by {metric}", metric=m),
            _numbers(view, value, e.low, e.high),
            view.slot(c.name),
            (value,),
            e.low,
            e.high,
            filled=m == view.primary,
            heading=m == view.primary,
        )
        for c, m, e, value in valued[:MOST_ROWS]
    ]
    if not rows:
        return None
    text = loc.say(
        "One row per condition and way of scoring. The mark is the estimate, the bar its range; filled marks "
        "are by {metric}, chosen before the run. The shaded part is where the range must lie to count as held.",
        metric=view.primary,
    )
    table = Table(
        loc.say("Protection index by condition and metric"),
        (
            loc.say("Trained on"),
            loc.say("Metric"),
            loc.say("Estimate"),
            loc.say("Low"),
            loc.say("High"),
            loc.say("Trainings"),
            loc.say("Note"),
        ),
        tuple(
            (
                view.short(c.name),
                m,
                loc.percent(e.value),
                loc.percent(e.low),
                loc.percent(e.high),
                str(e.n),
                view.locale.render(e.why) or loc.say("none"),
            )
            for c, m, e in found
        ),
    )
    title = loc.say("Protection index by condition and way of scoring")
    svg = inline_svg(_draw(view, rows), key=key, title=title, description=text)
    return Drawing(svg, text, table, len(found) - len(rows))


def sensitivity(view: ResultsView, *, key: str) -> Drawing | None:
    """The headline condition's index under each group of variations; None when there is nothing to vary."""
    loc, groups = view.locale, view.readings.variations
    slot = view.slot(view.headline.name) if view.headline else "ink"
    rows = []
    for group in groups:
        values = [x for x in group.variations if x.value is not None]
        points = tuple(x.value for x in values if x.value is not None)
        if not points:
            continue
        lows = [x.low for x in values if x.low is not None]
        highs = [x.high for x in values if x.high is not None]
        low, high = min(lows, default=None), max(highs, default=None)
        numbers = _numbers(view, points[0], low, high) if len(points) == 1 else _numbers(view, None, low, high)
        label = loc.render(group.said)
        rows.append(_Row(label, numbers, slot, points, low, high, filled=group.as_planned, heading=True))
    if len(rows) < 2:
        return None
    text = loc.say(
        "The same result, worked out in other ways. Each mark is one way; the bar reaches from the lowest to the "
        "highest end of their ranges. The first row is the way that was planned."
    )
    table = Table(
        loc.say("The result worked out in other ways"),
        (loc.say("What was changed"), loc.say("Estimate"), loc.say("Low"), loc.say("High"), loc.say("Answer")),
        tuple(
            (
                loc.spoken(x.said), loc.percent(x.value), loc.percent(x.low), loc.percent(x.high), view.word(x.verdict)
            )
            for group in groups
            for x in group.variations
        ),
    )  # fmt: skip
    title = loc.say("The result under changes of the analysis")
    return Drawing(inline_svg(_draw(view, rows), key=key, title=title, description=text), text, table)


def _draw(view: ResultsView, rows: Sequence[_Row]) -> Figure:
    loc = view.locale
    height = 0.5 + 0.36 * len(rows)
    figure, axes = canvas(height, left=0.12, right=0.12, top=0.02, bottom=0.46)
    margins = view.results.plan.margins
    left, right = _window([b for r in rows for b in (*r.points, r.low, r.high) if b is not None])
    axes.axvspan(margins.held, right, color=INKS["zone"], linewidth=0, zorder=0)
    for at in (0.0, 1.0):
        axes.axvline(at, color=INKS["muted"], linewidth=0.8, zorder=1)
    for index, row in enumerate(rows):
        _bar(axes, index, row, (left, right))
    axes.set_yticks([])
    axes.set_ylim(len(rows) - 0.7, -0.75)
    axes.set_xlim(left, right)
    ticks = [t for t in (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0) if left <= t <= right]
    percent_ticks(axes, ticks, [loc.percent(t) for t in ticks])
    ends = loc.say("as if unprotected  \u2190  protection index  \u2192  never saw your art")
    axes.set_xlabel(ends, fontsize=SMALL, color=INKS["muted"])
    return figure


def _bar(axes: Axes, index: int, row: _Row, window: tuple[float, float]) -> None:
    ink = INKS[row.slot]
    if row.low is not None and row.high is not None:
        axes.plot((row.low, row.high), (index, index), color=ink, linewidth=2, zorder=2, solid_capstyle="butt")
    axes.plot(
        row.points, [index] * len(row.points), linestyle="none", marker=MARKS[row.slot],
        markersize=6.5 if row.filled else 5, color=ink if row.filled else INKS["paper"], markeredgecolor=ink,
        markeredgewidth=1.2, zorder=3, clip_on=False,
    )  # fmt: skip
    room = int((WIDTH * 72 - 17 - 4.6 * len(row.numbers)) / 5.2)
    heading(axes, index, cut(row.label, room), row.slot if row.heading else "muted", bold=row.heading)
    value_at_end(axes, index, row.numbers)


def _numbers(view: ResultsView, value: float | None, low: float | None, high: float | None) -> str:
    loc = view.locale
    if low is None or high is None:
        return loc.percent(value) if value is not None else ""
    ends = loc.say("{low} to {high}", low=loc.percent(low), high=loc.percent(high))
    return ends if value is None else f"{loc.percent(value)} ({ends})"


def _window(values: Sequence[float]) -> tuple[float, float]:
    """Both anchors always visible; very wide ranges run off the edge instead of squeezing the rest."""
    low, high = min([0.0, *values]), max([1.0, *values])
    return max(low, -1.2) - 0.08, min(high, 2.2) + 0.08
