"""Forest plots of the protection index: by condition and metric, and under variations of the analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from audit.report.figures.style import MARKS, SMALL, WIDTH, canvas, cut, heading, percent_ticks, value_at_end
from audit.report.results_view import ResultsView
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table
from audit.report.variations import Group

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


def forest(facts: ResultsView, *, key: str) -> Drawing | None:
    """Protection index of each condition by each metric, with ranges; None when there is no value."""
    v = facts.voice
    found = [
        (c, m, e)
        for c in facts.tested
        for m in facts.results.plan.metrics
        if (e := facts.estimate("protection_index", c.name, metric=m)) is not None
    ]
    valued = [(c, m, e, e.value) for c, m, e in found if e.value is not None]
    rows = [
        _Row(
            facts.short(c.name) if m == facts.primary else v.say("by {metric}", metric=m),
            _numbers(facts, value, e.low, e.high),
            facts.slot(c.name),
            (value,),
            e.low,
            e.high,
            filled=m == facts.primary,
            heading=m == facts.primary,
        )
        for c, m, e, value in valued[:MOST_ROWS]
    ]
    if not rows:
        return None
    text = v.say(
        "One row per condition and way of scoring. The mark is the estimate, the bar its range; filled marks "
        "are by {metric}, chosen before the run. The shaded part is where the range must lie to count as held.",
        metric=facts.primary,
    )
    table = Table(
        v.say("Protection index by condition and metric"),
        (
            v.say("Trained on"), v.say("Metric"), v.say("Estimate"), v.say("Low"), v.say("High"), v.say("Trainings"),
            v.say("Note"),
        ),
        tuple(
            (
                facts.short(c.name), m, v.percent(e.value), v.percent(e.low), v.percent(e.high), str(e.n),
                v.known(e.note).text or v.say("none"),
            )
            for c, m, e in found
        ),
    )  # fmt: skip
    title = v.say("Protection index by condition and way of scoring")
    svg = inline_svg(_draw(facts, rows), key=key, title=title, description=text)
    return Drawing(svg, text, table, len(found) - len(rows))


def sensitivity(facts: ResultsView, groups: Sequence[Group], *, key: str) -> Drawing | None:
    """The headline condition's index under each group of variations; None when there is nothing to vary."""
    v = facts.voice
    slot = facts.slot(facts.headline.name) if facts.headline else "ink"
    rows = []
    for group in groups:
        values = [x for x in group.variations if x.estimate.value is not None]
        points = tuple(x.estimate.value for x in values if x.estimate.value is not None)
        if not points:
            continue
        lows = [x.estimate.low for x in values if x.estimate.low is not None]
        highs = [x.estimate.high for x in values if x.estimate.high is not None]
        low, high = min(lows, default=None), max(highs, default=None)
        numbers = _numbers(facts, points[0], low, high) if len(points) == 1 else _numbers(facts, None, low, high)
        rows.append(_Row(group.label, numbers, slot, points, low, high, filled=group.as_planned, heading=True))
    if len(rows) < 2:
        return None
    text = v.say(
        "The same result, worked out in other ways. Each mark is one way; the bar reaches from the lowest to the "
        "highest end of their ranges. The first row is the way that was planned."
    )
    table = Table(
        v.say("The result worked out in other ways"),
        (v.say("What was changed"), v.say("Estimate"), v.say("Low"), v.say("High"), v.say("Answer")),
        tuple(
            (x.label, v.percent(x.estimate.value), v.percent(x.estimate.low), v.percent(x.estimate.high), x.answer)
            for group in groups
            for x in group.variations
        ),
    )
    title = v.say("The result under changes of the analysis")
    return Drawing(inline_svg(_draw(facts, rows), key=key, title=title, description=text), text, table)


def _draw(facts: ResultsView, rows: Sequence[_Row]) -> Figure:
    v = facts.voice
    height = 0.5 + 0.36 * len(rows)
    figure, axes = canvas(height, left=0.12, right=0.12, top=0.02, bottom=0.46)
    margins = facts.results.plan.margins
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
    percent_ticks(axes, ticks, [v.percent(t) for t in ticks])
    ends = v.say("as if unprotected  \u2190  protection index  \u2192  never saw your art")
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


def _numbers(facts: ResultsView, value: float | None, low: float | None, high: float | None) -> str:
    v = facts.voice
    if low is None or high is None:
        return v.percent(value) if value is not None else ""
    ends = v.say("{low} to {high}", low=v.percent(low), high=v.percent(high))
    return ends if value is None else f"{v.percent(value)} ({ends})"


def _window(values: Sequence[float]) -> tuple[float, float]:
    """Both anchors always visible; very wide ranges run off the edge instead of squeezing the rest."""
    low, high = min([0.0, *values]), max([1.0, *values])
    return max(low, -1.2) - 0.08, min(high, 2.2) + 0.08
