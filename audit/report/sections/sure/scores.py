"""Distributions of picture scores, run by run: one thin box per training."""

from __future__ import annotations

from audit.records import BASE
from audit.report.drawing import FAINT, SMALL, canvas, heading, score_ticks
from audit.report.results_view import ResultsView
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table

MOST_CONDITIONS = 6
MOST_RUNS = 12
Quartiles = tuple[float, float, float, float, float]


def scores(view: ResultsView, *, key: str) -> Drawing | None:
    """None when no training has a score."""
    loc, runs = view.locale, range(1, view.results.replicates + 1)
    order = [(BASE, view.base_runs), (view.clean, tuple(runs)), *((c.name, tuple(runs)) for c in view.tested)]
    rows = []
    drawn: list[tuple[str, list[Quartiles]]] = []
    for name, replicates in order:
        found = []
        for run in replicates:
            model = view.model(name, run)
            quartiles = None if model is None else model.quartiles
            if quartiles is not None:
                found.append(quartiles)
            numbers = [loc.number(q) for q in quartiles or [None] * 5]
            pictures = str(model.pictures if model is not None else 0)
            rows.append((view.short(name), str(run) if run else loc.say("none"), *numbers, pictures))
        if found:
            drawn.append((name, found))
    shown = drawn[: 2 + MOST_CONDITIONS]
    if not shown:
        return None
    lines = sum(min(len(found), MOST_RUNS) for _, found in shown)
    height = 0.55 + 0.26 * len(shown) + 0.085 * lines
    figure, axes = canvas(height, left=0.12, right=0.12, top=0.05, bottom=0.46)
    row = 0.0
    for name, found in shown:
        ink = INKS[view.slot(name)]
        row += 3.4
        heading(axes, row - 0.3, view.short(name), view.slot(name))
        for low, first, middle, third, high in found[:MOST_RUNS]:
            axes.plot((low, high), (row, row), color=ink, linewidth=0.7, alpha=FAINT, zorder=2)
            axes.plot((first, third), (row, row), color=ink, linewidth=3.2, solid_capstyle="butt", zorder=2)
            axes.plot((middle,), (row,), linestyle="none", marker="|", markersize=5, color=INKS["paper"],
                      markeredgewidth=1.3, zorder=3)  # fmt: skip
            row += 1.0
    base = view.base_mean()
    if base is not None:
        axes.axvline(base, color=INKS["base"], linewidth=0.9, dashes=(4, 3), zorder=1)
    axes.set_yticks([])
    axes.set_ylim(row + 0.3, 0.2)
    score_ticks(axes.xaxis, loc)
    axes.set_xlabel(loc.say("style score of a picture (further right = nearer to you)"), fontsize=SMALL,
                    color=INKS["muted"])  # fmt: skip
    text = loc.say(
        "One line per training. The thin line reaches from the lowest to the highest picture, the thick part holds "
        "the middle half, the gap is the middle picture. Dashed: the mean of the base model. Pictures of one "
        "training hang together, so trainings are counted, not pictures."
    )
    table = Table(
        loc.say("Scores of the pictures of each training, by {metric}", metric=view.primary),
        (
            loc.say("Trained on"), loc.say("Run"), loc.say("Lowest"), loc.say("First quarter"), loc.say("Middle"),
            loc.say("Third quarter"), loc.say("Highest"), loc.say("Pictures"),
        ),
        tuple(rows),
    )  # fmt: skip
    title = loc.say("Scores of all pictures, by training")
    svg = inline_svg(figure, key=key, title=title, description=text)
    return Drawing(svg, text, table, len(drawn) - len(shown))
