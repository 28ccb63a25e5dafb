"""Forest plots of the protection index: by condition and metric, and under variations of the analysis.

Rows of a table with a line of SVG each, so that names and values stand beside the plot and any number of rows fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.records import Condition
from audit.report.estimates import rounded
from audit.report.results_view import ResultsView
from audit.report.table import Table

TICKS = (-1.0, 0.0, 0.5, 1.0, 2.0)


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
    group: str = ""
    """What stands above the row, where another group of rows begins."""


@dataclass(frozen=True)
class ForestRow:
    """One row as the page draws it; places are per cent of the plot's width."""

    label: str
    numbers: str
    slot: str
    points: tuple[str, ...]
    low: str
    width: str
    """Of the range; '' without one."""
    beyond: tuple[bool, bool]
    """Whether the range goes on past the left edge, and past the right one."""
    filled: bool
    heading: bool
    group: str


@dataclass(frozen=True)
class ForestPlot:
    title: str
    caption: str
    ticks: tuple[tuple[str, str], ...]
    """Place and words of every tick."""
    held: str
    """Place of the line above which a range counts as held."""
    held_words: str
    rows: tuple[ForestRow, ...]
    table: Table


def forest(view: ResultsView) -> ForestPlot | None:
    """Protection index of each condition by each metric, with ranges; None when there is no value."""
    loc = view.locale
    found = [
        (c, m, e)
        for c in view.tested
        for m in view.results.plan.metrics
        if (e := view.index(c.name, metric=m)) is not None
    ]
    valued = [(c, m, e, e.value) for c, m, e in found if e.value is not None]
    rows = [
        _Row(
            view.short(c.name) if m == view.primary else loc.say("by {metric}", metric=m),
            _numbers(view, rounded(loc, e), e.low, e.high),
            view.slot(c.name),
            (value,),
            e.low,
            e.high,
            filled=m == view.primary,
            heading=m == view.primary,
            group=_group(view, c),
        )
        for c, m, e, value in valued
    ]
    if not rows:
        return None
    text = loc.say(
        "One row per condition and way of scoring. The mark is the estimate, the bar its range; filled marks "
        "are by {metric}, chosen before the run. A range to the right of the dashed line counts as held.",
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
                rounded(loc, e),
                loc.percent(e.low),
                loc.percent(e.high),
                str(e.n),
                view.locale.render(e.why) or loc.say("none"),
            )
            for c, m, e in found
        ),
    )
    title = loc.say("Protection index by condition and way of scoring")
    return _placed(view, rows, title, text, table)


def sensitivity(view: ResultsView) -> ForestPlot | None:
    """The headline condition's index under each group of variations; None when there is nothing to vary."""
    loc, groups = view.locale, view.variations
    slot = view.slot(view.headline.name) if view.headline else "ink"
    rows = []
    for group in groups:
        points = tuple(x.value for x in group.variations if x.value is not None)
        if not points:
            continue
        low, high = group.low, group.high
        middle = rounded(loc, group.variations[0]) if len(group.variations) == 1 else ""
        numbers = _numbers(view, middle, low, high)
        label = loc.render(group.said)
        rows.append(_Row(label, numbers, slot, points, low, high, filled=group.as_planned, heading=True))
    if len(rows) < 2:
        return None
    text = loc.say(
        "Each mark is one way of working the result out; the bar reaches from the lowest to the highest end of their "
        "ranges. The first row is the way that was planned."
    )
    table = Table(
        loc.say("The result worked out in other ways"),
        (loc.say("What was changed"), loc.say("Estimate"), loc.say("Low"), loc.say("High"), loc.say("Answer")),
        tuple(
            (
                loc.spoken(x.said), rounded(loc, x), loc.percent(x.low), loc.percent(x.high), view.word(x.verdict)
            )
            for group in groups
            for x in group.variations
        ),
    )  # fmt: skip
    title = loc.say("The result under changes of the analysis")
    return _placed(view, rows, title, text, table)


def _group(view: ResultsView, condition: Condition) -> str:
    loc = view.locale
    return (
        loc.say("Controls: nothing was protected")
        if condition.role in ("control", "placebo")
        else loc.say("Protections")
    )


def _placed(view: ResultsView, rows: Sequence[_Row], title: str, caption: str, table: Table) -> ForestPlot:
    loc, held = view.locale, view.results.plan.margins.held
    values = [x for row in rows for x in (*row.points, row.low, row.high) if x is not None]
    left, right = _window(values)

    def at(share: float) -> float:
        return 100 * (min(max(share, left), right) - left) / (right - left)

    found, before = [], ""
    for row in rows:
        bounded = row.low is not None and row.high is not None
        low, high = row.low or 0.0, row.high or 0.0
        found.append(
            ForestRow(
                row.label,
                row.numbers,
                row.slot,
                tuple(f"{at(p):.2f}%" for p in row.points),
                f"{at(low):.2f}%",
                f"{at(high) - at(low):.2f}%" if bounded else "",
                (bounded and low < left, bounded and high > right),
                row.filled,
                row.heading,
                row.group if row.group != before else "",
            )
        )
        before = row.group
    ticks = tuple((f"{at(t):.2f}%", loc.percent(t)) for t in TICKS if left < t < right)
    words = loc.say("held above {share}", share=loc.percent(held))
    return ForestPlot(title, caption, ticks, f"{at(held):.2f}%", words, tuple(found), table)


def _numbers(view: ResultsView, value: str, low: float | None, high: float | None) -> str:
    loc = view.locale
    if low is None or high is None:
        return value
    ends = loc.say("{low} to {high}", low=loc.percent(low), high=loc.percent(high))
    return f"{value} ({ends})" if value else ends


def _window(values: Sequence[float]) -> tuple[float, float]:
    """Both anchors always visible; very wide ranges run off the edge instead of squeezing the rest."""
    low, high = min([0.0, *values]), max([1.0, *values])
    return max(low, -1.2) - 0.08, min(high, 2.2) + 0.08
