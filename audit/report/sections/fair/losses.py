"""Training losses: did every model train, and did protected pictures train as smoothly as the originals?"""

from __future__ import annotations

import math

import numpy as np

from audit.report.drawing import SMALL, TEXT, apart, canvas, wrap
from audit.report.results_view import ResultsView
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table

MOST_LINES = 6
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.5), (1, 1), (4, 1, 1, 1), (7, 2), (2, 2))


def losses(view: ResultsView, *, key: str) -> Drawing | None:
    """Mean loss of each condition over the course of training; None when no loss was recorded."""
    loc = view.locale
    names = [view.clean, *(c.name for c in view.tested)]
    curves = {name: curve for name in names if (curve := _curve(view, name)) is not None}
    shown = list(curves)[:MOST_LINES]
    if not shown:
        return None
    figure, axes = canvas(2.5, left=0.5, right=1.05, top=0.1, bottom=0.3)
    for line, name in enumerate(shown):
        curve, slot = curves[name], view.slot(name)
        at = (np.arange(len(curve)) + 0.5) / len(curve)
        (drawn,) = axes.plot(at, curve, color=INKS[slot], linewidth=1.3, zorder=3)
        if _DASHES[line]:
            drawn.set_dashes(_DASHES[line])
    low, high = axes.get_ylim()
    ends = [_last(curves[name]) for name in shown]
    said = [wrap(view.short(name), 15) for name in shown]
    gap = (high - low) / (7.5 if any("\n" in text for text in said) else 12)
    for name, text, end, label in zip(shown, said, ends, apart(ends, gap), strict=True):
        slot = view.slot(name)
        axes.plot((1.0, 1.045), (end, label), color=INKS[slot], linewidth=0.6, clip_on=False)
        axes.annotate(text, (1.055, label), xycoords="data", fontsize=SMALL, va="center", linespacing=1.0,
                      color=INKS[slot], annotation_clip=False)  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_xticks((0, 0.5, 1), (loc.say("start"), loc.say("half"), loc.say("end")))
    axes.yaxis.set_major_formatter(lambda value, _: loc.number(value, digits=2))
    axes.set_ylabel(loc.say("training loss"), fontsize=TEXT, color=INKS["muted"])
    text = loc.say(
        "Mean loss over all runs while the models train; lower means that the model fits its training pictures "
        "better. It shows that training went as it should. It says nothing about style."
    )
    last = loc.say("Last part")
    table = Table(
        loc.say("Mean training loss by part of the training"),
        (loc.say("Trained on"), loc.say("First part"), loc.say("Middle part"), last, loc.say("Trainings")),
        tuple(
            (
                view.short(name), loc.number(float(c[0])), loc.number(float(c[len(c) // 2])), loc.number(_last(c)),
                str(sum(x.condition == name and x.adapter is not None for x in view.results.cells)),
            )
            for name, c in curves.items()
        ),
    )  # fmt: skip
    svg = inline_svg(figure, key=key, title=loc.say("Training losses"), description=text)
    return Drawing(svg, text, table, len(curves) - len(shown))


def _curve(view: ResultsView, name: str) -> list[float] | None:
    """Mean losses span by span, NaN where none was finite, which leaves a gap in the line."""
    curve = view.reading(name).losses
    if all(loss is None for loss in curve):
        return None
    return [math.nan if loss is None else loss for loss in curve]


def _last(curve: list[float]) -> float:
    return next(value for value in reversed(curve) if math.isfinite(value))
