"""The figures that carry the argument, drawn with matplotlib objects (no pyplot, no global figure)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from audit.records import Condition
from audit.report.filters import number, percent
from audit.report.lookup import Facts
from audit.report.svg import INKS, inline_svg

MOST_COLUMNS = 5
MOST_ROWS = 24
_MARKS = {"base": "o", "clean": "o", "c0": "o", "c1": "s", "c2": "D", "c3": "^", "c4": "v", "c5": "P"}


@dataclass(frozen=True)
class Table:
    """A data table: every figure has one with the same numbers."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Drawing:
    """An inline SVG with its words and its numbers."""

    svg: Markup
    caption: str
    table: Table
    left_out: int = 0
    """Conditions or rows that are only in the table."""


def slopes(facts: Facts, *, key: str) -> Drawing | None:
    """One line per replicate from the unprotected training to each condition; None without any pair."""
    conditions = [c for c in facts.tested if _has_pair(facts, c)]
    shown = conditions[:MOST_COLUMNS]
    if not shown:
        return None
    names = ["clean", *(c.name for c in shown)]
    replicates = range(1, facts.results.replicates + 1)
    figure = Figure(figsize=(5.4, 3.5), layout=None)
    axes = figure.add_axes((0.115, 0.2, 0.72, 0.76))
    _calm(axes)
    grid = {n: [facts.mean_score(n, r) for r in replicates] for n in names}
    for index in range(len(replicates)):
        values = [np.nan if (v := grid[n][index]) is None else v for n in names]
        axes.plot(range(len(names)), values, color=INKS["muted"], linewidth=0.8, alpha=0.55, zorder=2)
    for column, name in enumerate(names):
        slot = facts.slot(name)
        known = [v for v in grid[name] if v is not None]
        axes.plot(
            [column] * len(known), known, linestyle="none", marker=_MARKS[slot], markersize=5.5,
            color=INKS[slot], markeredgecolor=INKS["paper"], markeredgewidth=0.8, zorder=3,
        )  # fmt: skip
    _levels(facts, axes)
    axes.set_xlim(-0.35, len(names) - 0.65)
    wide = max(11, 55 // len(names))
    axes.set_xticks(range(len(names)), [_wrap(facts.short(n), wide) for n in names])
    for tick, name in zip(axes.get_xticklabels(), names, strict=True):
        tick.set(color=INKS[facts.slot(name)], fontsize=8, fontweight="bold")
    axes.set_ylabel("style score (higher = nearer to you)", fontsize=8.5, color=INKS["muted"])
    title = "Style score of every training"
    text = (
        "Each dot is one training; each line joins the trainings that share works, order and noise. The "
        "further a line falls toward the dashed line, the less of the style was learned."
    )
    rows = tuple(
        (facts.short(n), *(number(facts.mean_score(n, r)) for r in replicates))
        for n in ("clean", *(c.name for c in facts.tested))
    )
    table = Table(
        f"Mean style score of each training, by {facts.primary}",
        ("Trained on", *(f"Run {r}" for r in replicates)),
        rows,
    )
    return Drawing(
        inline_svg(figure, key=key, title=title, description=text), text, table, len(conditions) - len(shown)
    )


def forest(facts: Facts, *, key: str) -> Drawing | None:
    """Protection index of each condition by each metric, with intervals; None when there is no value."""
    rows = [
        (c, m, e)
        for c in facts.tested
        for m in facts.results.plan.metrics
        if (e := facts.estimate("protection_index", c.name, metric=m)) is not None
    ]
    drawn = [(c, m, e) for c, m, e in rows if e.value is not None][:MOST_ROWS]
    if not drawn:
        return None
    height = 0.75 + 0.3 * len(drawn)
    figure = Figure(figsize=(5.4, height), layout=None)
    axes = figure.add_axes((0.36, 0.5 / height, 0.56, 1 - 0.62 / height))
    _calm(axes)
    margins = facts.results.plan.margins
    axes.axvspan(margins.held, 1.0, color=INKS["zone"], linewidth=0, zorder=0)
    for at in (0.0, 1.0):
        axes.axvline(at, color=INKS["muted"], linewidth=0.8, zorder=1)
    labels = []
    for row, (condition, metric, estimate) in enumerate(drawn):
        slot = facts.slot(condition.name)
        if estimate.low is not None and estimate.high is not None:
            axes.plot((estimate.low, estimate.high), (row, row), color=INKS[slot], linewidth=2, zorder=2,
                      solid_capstyle="butt")  # fmt: skip
        first = metric == facts.primary
        axes.plot(
            [np.nan if estimate.value is None else estimate.value], [row], linestyle="none",
            marker=_MARKS[slot], markersize=7 if first else 5.5,
            color=INKS[slot] if first else INKS["paper"], markeredgecolor=INKS[slot], markeredgewidth=1.4,
            zorder=3,
        )  # fmt: skip
        labels.append(f"{_cut(facts.short(condition.name), 24)}\n{_cut(metric, 28)}")
    axes.set_yticks(range(len(drawn)), labels, fontsize=7.5, linespacing=1.25)
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    left, right = _window([b for _, _, e in drawn for b in (e.value, e.low, e.high) if b is not None])
    axes.set_xlim(left, right)
    ticks = [t for t in (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0) if left <= t <= right]
    axes.set_xticks(ticks, [percent(t) for t in ticks])
    ends = "as if unprotected  \u2190  protection index  \u2192  never saw your art"
    axes.set_xlabel(ends, fontsize=8, color=INKS["muted"])
    text = (
        "One row per condition and way of scoring. The mark is the estimate, the bar its range; filled marks "
        "are the way of scoring chosen before the run. The shaded part is where the range must lie to count "
        "as held."
    )
    table = Table(
        "Protection index by condition and metric",
        ("Trained on", "Metric", "Estimate", "Low", "High", "Trainings", "Note"),
        tuple(
            (
                facts.short(c.name),
                m,
                percent(e.value),
                percent(e.low),
                percent(e.high),
                str(e.n),
                e.note or "none",
            )
            for c, m, e in rows
        ),
    )
    title = "Protection index by condition and way of scoring"
    svg = inline_svg(figure, key=key, title=title, description=text)
    return Drawing(svg, text, table, len(rows) - len(drawn))


def _levels(facts: Facts, axes: Axes) -> None:
    """Dashed line for the base model, dotted line for the artist's real works, both labelled directly."""
    metric = facts.metric(facts.primary)
    real = float(np.mean(metric.real)) if metric is not None and metric.real else None
    for value, text, dash in (
        (facts.mean_score("base", 0), "never saw\nyour art", (4, 3)),
        (real, "your real\nworks", (1, 2)),
    ):
        if value is not None:
            axes.axhline(value, color=INKS["base"], linewidth=1, dashes=dash, zorder=1)
            where = blended_transform_factory(axes.transAxes, axes.transData)
            axes.text(1.02, value, text, transform=where, va="center", fontsize=8, color=INKS["base"])


def _calm(axes: Axes) -> None:
    axes.set_facecolor("none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=INKS["rule"], linewidth=0.8)
    axes.tick_params(length=0, labelsize=8, labelcolor=INKS["ink"], pad=5)


def _has_pair(facts: Facts, condition: Condition) -> bool:
    replicates = range(1, facts.results.plan.replicates + 1)
    return any(
        facts.mean_score("clean", r) is not None and facts.mean_score(condition.name, r) is not None for r in replicates
    )


def _window(values: Sequence[float]) -> tuple[float, float]:
    """Both anchors always visible; very wide intervals run off the edge instead of squeezing the rest."""
    low, high = min([0.0, *values]), max([1.0, *values])
    return max(low, -1.2) - 0.12, min(high, 2.2) + 0.12


def _wrap(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(_cut(text, 3 * width), width, max_lines=3, placeholder="\u2026"))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "\u2026"
