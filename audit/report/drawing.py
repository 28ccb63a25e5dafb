"""What all figures share: one narrow width that a phone can show, calm axes, marks, labels that keep apart.

Figures are matplotlib objects (no pyplot, no global figure). Every condition keeps its colour and its mark in all
of them, so that they survive colour blindness and grey print, and labels stand beside what they name.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from audit.report.locale import ReportLocale
from audit.report.svg import INKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH = 3.8
"""Inches. Narrow, so that text keeps a readable size on a phone of 360 px."""
FAINT = 0.8
"""Opacity of what stands behind; less would fall below 3 to 1 against the paper in some colour (WCAG 2.2, 1.4.11)."""
MARKS = {"base": "o", "clean": "o", "c0": "s", "c1": "D", "c2": "^", "c3": "v", "c4": "P", "c5": "X", "ink": "o"}
SMALL, TEXT = 8.0, 8.5


def canvas(height: float, *, left: float, right: float, top: float, bottom: float) -> tuple[Figure, Axes]:
    """A figure `height` inches high with one pair of calm axes; margins in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout=None)
    box = (left / WIDTH, bottom / height, 1 - (left + right) / WIDTH, 1 - (top + bottom) / height)
    axes = figure.add_axes(box)
    axes.set_facecolor("none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=INKS["muted"], linewidth=0.8)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=INKS["ink"], pad=4)
    return figure, axes


def heading(axes: Axes, row: float, text: str, slot: str, *, bold: bool = True) -> None:
    """A row's name above it, flush left with the figure, so that narrow figures waste no column on labels."""
    axes.annotate(
        cut(text, 44), (0, row), xycoords=("axes fraction", "data"), xytext=(0, 6), textcoords="offset points",
        fontsize=TEXT, fontweight="bold" if bold else "normal", color=INKS[slot], va="bottom", ha="left",
    )  # fmt: skip


def value_at_end(axes: Axes, row: float, text: str) -> None:
    """A row's numbers, flush right above it."""
    axes.annotate(
        text, (1, row), xycoords=("axes fraction", "data"), xytext=(0, 6), textcoords="offset points",
        fontsize=SMALL, color=INKS["ink"], va="bottom", ha="right",
    )  # fmt: skip


def percent_ticks(axes: Axes, ticks: Sequence[float], said: Sequence[str]) -> None:
    """Ticks with their words; those beside an edge turn inward, where there is room for them."""
    axes.set_xticks(ticks, said)
    for label, at in zip(axes.get_xticklabels(), ticks, strict=True):
        label.set_horizontalalignment(inward(axes, at, reach=0.05))


def score_ticks(axis: Axis, loc: ReportLocale) -> None:
    """Ticks of a score, with as many decimals as tell them apart, as the page's readers write numbers."""

    def said(value: float, _: float | None) -> str:
        places = axis.get_majorticklocs()
        step = float(min(abs(np.diff(places)))) if len(places) > 1 else 1.0
        return loc.number(value, digits=max(1, math.ceil(-math.log10(step) - 1e-9)))

    axis.set_major_formatter(said)


def inward(axes: Axes, at: float, *, reach: float) -> Literal["left", "center", "right"]:
    """How text at `at` is aligned so that it stays in the figure; `reach` is half its width, as a share of it."""
    low, high = axes.get_xlim()
    share = (at - low) / (high - low)
    return "left" if share < reach else "right" if share > 1 - reach else "center"


def wrap(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(cut(text, 2 * width), width, max_lines=2, placeholder="\u2026"))


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "\u2026"


def apart(values: Sequence[float], gap: float) -> list[float]:
    """Positions for labels at `values`, moved as little as a single sweep can so that none is nearer than `gap`."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    placed = [values[i] for i in order]
    for index in range(1, len(placed)):
        placed[index] = max(placed[index], placed[index - 1] + gap)
    shift = (sum(placed) - sum(values)) / len(values) if values else 0.0
    found = [0.0] * len(values)
    for position, index in zip(placed, order, strict=True):
        found[index] = position - shift
    return found
