"""What chance alone gives: the sign-flip null and the A/A controls, with the observed value through both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from audit.records import Condition, SignFlips
from audit.report.drawing import FAINT, MARKS, SMALL, TEXT, canvas, heading, inward, percent_ticks
from audit.report.results_view import ResultsView
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def chance(view: ResultsView, *, key: str) -> Drawing | None:
    """None without a headline condition that has two paired runs at least."""
    loc, headline, flips = view.locale, view.headline, view.readings.chance
    if headline is None or flips is None:
        return None
    controls = [c for c in view.tested if _nothing_protected(c) and view.lost_shares(c.name)]
    observed = flips.observed
    slot = view.slot(headline.name)
    rows = 1 + len(controls)
    height = 1.75 + 0.42 * rows
    figure, axes = canvas(height, left=0.12, right=0.12, top=0.3, bottom=0.46)
    axes.axvline(0, color=INKS["muted"], linewidth=0.8, zorder=1)
    _histogram(view, axes, flips)
    for row, condition in enumerate([headline, *controls]):
        values, own = view.lost_shares(condition.name).values(), view.slot(condition.name)
        axes.plot(
            list(values), [-1 - row] * len(values), linestyle="none", marker=MARKS[own], markersize=5, color=INKS[own],
            markeredgecolor=INKS["paper"], markeredgewidth=0.7, zorder=3,
        )  # fmt: skip
        text = view.short(condition.name)
        if condition is not headline:
            text = loc.say("{control} (nothing was protected)", control=text)
        heading(axes, -1 - row, text, own)
    axes.axvline(observed, color=INKS[slot], linewidth=1.4, dashes=(5, 2), zorder=2)
    axes.set_yticks([])
    axes.set_ylim(-rows - 0.35, 3.1)
    reach = max(0.1, *(abs(x) for c in [headline, *controls] for x in view.lost_shares(c.name).values())) * 1.12
    axes.set_xlim(-reach, reach)
    ticks = np.linspace(-_round(reach), _round(reach), 5)
    percent_ticks(axes, list(ticks), [loc.percent(float(t)) for t in ticks])
    axes.annotate(
        loc.say("this result: {share}", share=loc.percent(observed)), (observed, 1), xycoords=("data", "axes fraction"),
        xytext=(0, 3), textcoords="offset points", fontsize=TEXT, fontweight="bold", color=INKS[slot], va="bottom",
        ha=inward(axes, observed, reach=0.22),
    )  # fmt: skip
    axes.set_xlabel(loc.say("share of the style that was not learned"), fontsize=SMALL, color=INKS["muted"])
    text = loc.say(
        "The grey heap shows the values that chance alone could give: each run's difference is turned both ways. "
        "Below it each mark is one run. Where nothing was protected, the marks should lie around zero; random noise "
        "may help or hinder by itself. The dashed line is this result."
    )
    svg = inline_svg(figure, key=key, title=loc.say("This result beside chance"), description=text)
    return Drawing(svg, text, _table(view, [headline.name, *(c.name for c in controls)], flips))


def _nothing_protected(condition: Condition) -> bool:
    """Random noise, or planted truths in which nothing was protected; equal pixels test no chance."""
    return condition.role == "placebo" or condition.truth in ("same-pictures", "same-works")


def _histogram(view: ResultsView, axes: Axes, flips: SignFlips) -> None:
    highest = max(flips.counts)
    for count, left, right in zip(flips.counts, flips.edges[:-1], flips.edges[1:], strict=True):
        axes.bar(
            left, 2.3 * count / highest, width=(right - left) * 0.92, align="edge", color=INKS["base"], linewidth=0,
            alpha=FAINT, zorder=1,
        )  # fmt: skip
    axes.annotate(
        view.locale.say("if nothing but\nchance were at work"), (0, 2.3), xycoords=("axes fraction", "data"),
        fontsize=SMALL, color=INKS["base"], va="top", ha="left",
    )  # fmt: skip


def _round(reach: float) -> float:
    """The greatest number of the form 1, 2 or 5 times a power of ten that is not above `reach`."""
    power = 10 ** np.floor(np.log10(reach))
    return float(next(m * power for m in (5, 2, 1) if m * power <= reach))


def _table(view: ResultsView, names: list[str], flips: SignFlips) -> Table:
    loc, runs = view.locale, range(1, view.results.replicates + 1)
    rows = [(view.short(name), *(loc.percent(view.lost_shares(name).get(run)) for run in runs), "") for name in names]
    rows[0] = (*rows[0][:-1], loc.say("{far} of {all}", far=flips.as_far, all=flips.patterns))
    head = (
        loc.say("Share not learned"), *(loc.say("Run {run}", run=r) for r in runs),
        loc.say("Sign patterns at least as far out"),
    )  # fmt: skip
    return Table(loc.say("What each run took away, and what chance gives"), head, tuple(rows))
