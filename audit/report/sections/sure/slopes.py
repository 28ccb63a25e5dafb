"""The slopegraph: one line per run, from the unprotected training to each condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from audit.report.drawing import FAINT, MARKS, SMALL, TEXT, apart, canvas, score_ticks, wrap
from audit.report.results_view import ResultsView
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 4


def slopes(view: ResultsView, *, key: str) -> Drawing | None:
    """One line per replicate through the conditions; None without any pair."""
    loc, replicates = view.locale, range(1, view.results.replicates + 1)
    conditions = [c for c in view.tested if _has_pair(view, c.name)]
    shown = conditions[:MOST_COLUMNS]
    if not shown:
        return None
    names = [view.clean, *(c.name for c in shown)]
    figure, axes = canvas(3.3, left=0.5, right=0.78, top=0.12, bottom=0.62)
    grid = {n: [view.mean_score(n, r) for r in replicates] for n in names}
    for index in range(len(replicates)):
        values = [np.nan if (score := grid[n][index]) is None else score for n in names]
        axes.plot(range(len(names)), values, color=INKS["muted"], linewidth=0.8, alpha=FAINT, zorder=2)
    for column, name in enumerate(names):
        slot = view.slot(name)
        known = [score for score in grid[name] if score is not None]
        axes.plot(
            [column] * len(known), known, linestyle="none", marker=MARKS[slot], markersize=5.5,
            color=INKS[slot], markeredgecolor=INKS["paper"], markeredgewidth=0.8, zorder=3,
        )  # fmt: skip
    _levels(view, axes)
    axes.set_xlim(-0.3, len(names) - 0.7)
    axes.set_xticks(range(len(names)), _staggered([wrap(view.short(n), 15) for n in names]))
    for tick, name in zip(axes.get_xticklabels(), names, strict=True):
        tick.set(color=INKS[view.slot(name)], fontsize=SMALL, fontweight="bold")
    score_ticks(axes.yaxis, loc)
    axes.set_ylabel(loc.say("style score (higher = nearer to you)"), fontsize=TEXT, color=INKS["muted"])
    title = loc.say("Style score of every training")
    text = loc.say(
        "Each mark is one training; a line joins the trainings of one run. The further it falls toward the dashed "
        "line, the less of the style was learned."
    )
    table = Table(
        loc.say("Mean style score of each training, by {metric}", metric=view.primary),
        (loc.say("Trained on"), *(loc.say("Run {run}", run=r) for r in replicates)),
        tuple(
            (view.short(n), *(loc.number(view.mean_score(n, r)) for r in replicates))
            for n in (view.clean, *(c.name for c in view.tested))
        ),
    )
    svg = inline_svg(figure, key=key, title=title, description=text)
    return Drawing(svg, text, table, len(conditions) - len(shown))


def _staggered(labels: list[str]) -> list[str]:
    """Every second label a step lower, so that each has the room of two columns."""
    lines = max(label.count("\n") + 1 for label in labels[::2])
    return ["\n" * lines * (index % 2) + label for index, label in enumerate(labels)]


def _levels(view: ResultsView, axes: Axes) -> None:
    """Dashed line for the base model, dotted line for the artist's real works, both labelled directly."""
    from matplotlib.transforms import blended_transform_factory

    loc, real = view.locale, view.readings.real_means.get(view.primary)
    base = view.base_mean()
    lines = [
        (value, text, dash)
        for value, text, dash in (
            (base, loc.say("never saw\nyour art"), (4, 3)),
            (real, loc.say("your real\nworks"), (1, 2)),
        )
        if value is not None
    ]
    for value, _, dash in lines:
        axes.axhline(value, color=INKS["base"], linewidth=1, dashes=dash, zorder=1)
    low, high = axes.get_ylim()
    where = blended_transform_factory(axes.transAxes, axes.transData)
    for (_, text, _), at in zip(lines, apart([value for value, _, _ in lines], (high - low) / 9), strict=True):
        axes.text(1.03, at, text, transform=where, va="center", fontsize=SMALL, color=INKS["base"])


def _has_pair(view: ResultsView, condition: str) -> bool:
    runs = range(1, view.results.replicates + 1)
    return any(view.mean_score(view.clean, r) is not None and view.mean_score(condition, r) is not None for r in runs)
