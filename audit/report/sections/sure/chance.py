"""What chance alone gives: the sign-flip null and the A/A controls, with the observed value through both."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from audit.report.drawing import MARKS, SMALL, TEXT, canvas, heading, inward, percent_ticks
from audit.report.results_view import ResultsView
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table

NOT_PROTECTED = ("null", "clean-again", "placebo", "placebo-lpips")
"""Controls in which nothing was protected; `identity` is equal by construction and tests no chance."""
EXACT_UP_TO = 14
"""Runs up to which every pattern of signs is drawn."""
BINS = 25


def chance(view: ResultsView, *, key: str) -> Drawing | None:
    """None without a headline condition that has two paired runs at least."""
    loc, headline = view.locale, view.headline
    shares = view.lost_shares(headline.name) if headline else []
    if headline is None or len(shares) < 2:
        return None
    controls = [c for c in view.tested if c.name.partition(":")[0] in NOT_PROTECTED and view.lost_shares(c.name)]
    observed, flips = float(np.mean(shares)), flipped_means(np.array(shares))
    slot = view.slot(headline.name)
    rows = 1 + len(controls)
    height = 1.75 + 0.42 * rows
    figure, axes = canvas(height, left=0.12, right=0.12, top=0.3, bottom=0.46)
    axes.axvline(0, color=INKS["muted"], linewidth=0.8, zorder=1)
    _histogram(view, axes, flips)
    for row, condition in enumerate([headline, *controls]):
        values, own = view.lost_shares(condition.name), view.slot(condition.name)
        axes.plot(
            values, [-1 - row] * len(values), linestyle="none", marker=MARKS[own], markersize=5, color=INKS[own],
            markeredgecolor=INKS["paper"], markeredgewidth=0.7, zorder=3,
        )  # fmt: skip
        text = view.short(condition.name)
        if condition is not headline:
            text = loc.say("{control} (nothing was protected)", control=text)
        heading(axes, -1 - row, text, own)
    axes.axvline(observed, color=INKS[slot], linewidth=1.4, dashes=(5, 2), zorder=2)
    axes.set_yticks([])
    axes.set_ylim(-rows - 0.35, 3.1)
    reach = max(0.1, *(abs(x) for c in [headline, *controls] for x in view.lost_shares(c.name))) * 1.12
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
    return Drawing(svg, text, _table(view, [headline.name, *(c.name for c in controls)], flips, observed))


def flipped_means(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of the differences under all sign patterns, or under 2^14 fixed ones when there are more."""
    n = len(shares)
    if n <= EXACT_UP_TO:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    else:
        signs = np.random.default_rng(0).choice((1.0, -1.0), size=(2**EXACT_UP_TO, n))
    return np.asarray(signs @ shares / n)


def _histogram(view: ResultsView, axes: Axes, flips: NDArray[np.float64]) -> None:
    heights, edges = np.histogram(flips, bins=BINS)
    axes.bar(
        edges[:-1], 2.3 * heights / heights.max(), width=np.diff(edges) * 0.92, align="edge", color=INKS["base"],
        linewidth=0, alpha=0.45, zorder=1,
    )  # fmt: skip
    axes.annotate(
        view.locale.say("if nothing but\nchance were at work"), (0, 2.3), xycoords=("axes fraction", "data"),
        fontsize=SMALL, color=INKS["base"], va="top", ha="left",
    )  # fmt: skip


def _round(reach: float) -> float:
    """The greatest number of the form 1, 2 or 5 times a power of ten that is not above `reach`."""
    power = 10 ** np.floor(np.log10(reach))
    return float(next(m * power for m in (5, 2, 1) if m * power <= reach))


def _table(view: ResultsView, names: list[str], flips: NDArray[np.float64], observed: float) -> Table:
    loc = view.locale
    runs = range(1, view.results.replicates + 1)
    far = int(np.sum(np.abs(flips) >= abs(observed) * (1 - 1e-9)))
    rows = []
    for name in names:
        shares = iter(view.lost_shares(name))
        cells = []
        for run in runs:
            paired = view.mean_score("clean", run) is not None and view.mean_score(name, run) is not None
            cells.append(loc.percent(next(shares) if paired else None))
        rows.append((view.short(name), *cells, ""))
    said = loc.say("{far} of {all}", far=far, all=len(flips))
    rows[0] = (*rows[0][:-1], said)
    head = (
        loc.say("Share not learned"), *(loc.say("Run {run}", run=r) for r in runs),
        loc.say("Sign patterns at least as far out"),
    )  # fmt: skip
    return Table(loc.say("What each run took away, and what chance gives"), head, tuple(rows))
