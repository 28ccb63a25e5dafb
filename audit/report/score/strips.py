"""Where each group's pictures stand between other artists' works and the artist's own: one dot per unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audit.report.drawing import FAINT, MARKS, SMALL, canvas, heading, score_ticks, value_at_end
from audit.report.locale import ReportLocale
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table


@dataclass(frozen=True)
class Strip:
    """One row of the figure."""

    label: str
    slot: str
    values: tuple[float, ...]
    mean: float
    low: float | None = None
    high: float | None = None


def strips(loc: ReportLocale, rows: Sequence[Strip], *, caption: str, key: str) -> Drawing | None:
    """None when there is nothing to draw."""
    drawn = [s for s in rows if s.values]
    if not drawn:
        return None
    figure, axes = canvas(0.5 + 0.42 * len(drawn), left=0.12, right=0.12, top=0.05, bottom=0.46)
    cells = []
    for index, strip in enumerate(drawn):
        ink = INKS[strip.slot]
        # A fixed spread in height, so that equal values stay apart without chance in the drawing.
        heights = index + 0.1 * np.linspace(-1, 1, len(strip.values))
        axes.plot(strip.values, heights, linestyle="none", marker=MARKS[strip.slot], markersize=3.5, color=ink,
                  alpha=FAINT, markeredgewidth=0, zorder=2)  # fmt: skip
        middle, low, high = strip.mean, strip.low, strip.high
        if low is not None and high is not None:
            axes.plot((low, high), (index, index), color=ink, linewidth=2, zorder=3, solid_capstyle="butt")
        axes.plot((middle,), (index,), linestyle="none", marker=MARKS[strip.slot], markersize=7, color=INKS["paper"],
                  markeredgecolor=ink, markeredgewidth=1.4, zorder=4)  # fmt: skip
        heading(axes, index - 0.12, strip.label, strip.slot)
        value_at_end(axes, index - 0.12, loc.number(middle, digits=2))
        cells.append((strip.label, loc.number(middle), loc.number(low), loc.number(high), str(len(strip.values))))
    axes.set_yticks([])
    axes.set_ylim(len(drawn) - 0.6, -0.75)
    score_ticks(axes.xaxis, loc)
    axes.set_xlabel(loc.say("style score (further right = nearer to the artist)"), fontsize=SMALL, color=INKS["muted"])
    table = Table(
        loc.say("Style scores by group"),
        (loc.say("Pictures"), loc.say("Mean"), loc.say("Low"), loc.say("High"), loc.say("Counted")),
        tuple(cells),
    )
    svg = inline_svg(figure, key=key, title=loc.say("Style scores by group"), description=caption)
    return Drawing(svg, caption, table)
