"""Protection against visibility: what each protection keeps away, and what it costs the picture."""

from __future__ import annotations

from collections.abc import Sequence

from audit.records import Condition
from audit.report.drawing import FAINT, MARKS, SMALL, TEXT, canvas
from audit.report.estimates import share
from audit.report.results_view import ResultsView
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table


def price(view: ResultsView, arms: Sequence[Condition], *, key: str) -> Drawing | None:
    """Index of each arm with its range over the LPIPS of its pictures; None where fewer than two have both."""
    loc, found = view.locale, []
    for arm in arms:
        index, seen = view.told_index(arm.name), view.reading(arm.name).seen
        if index is not None and index.value is not None and seen is not None and seen.lpips is not None:
            found.append((arm, index, index.value, seen.lpips))
    if len(found) < 2:
        return None
    figure, axes = canvas(2.6, left=0.55, right=0.2, top=0.25, bottom=0.5)
    axes.axhline(0, color=INKS["muted"], linewidth=0.8, zorder=1)
    for arm, index, value, lpips in found:
        slot = view.slot(arm.name)
        if index.low is not None and index.high is not None:
            axes.plot([lpips, lpips], [index.low, index.high], color=INKS[slot], linewidth=2, alpha=FAINT, zorder=2)
        axes.plot(
            [lpips], [value], linestyle="none", marker=MARKS[slot], markersize=6, color=INKS[slot],
            markeredgecolor=INKS["paper"], markeredgewidth=0.8, zorder=3, label=view.short(arm.name),
        )  # fmt: skip
    axes.set_xlim(0, 1.15 * max(lpips for *_, lpips in found))
    low, high = axes.get_ylim()
    ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    axes.set_yticks(ticks, [loc.percent(float(tick)) for tick in ticks])
    # Five at most, or their numbers touch.
    axes.locator_params(axis="x", nbins=5)
    seen_ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(seen_ticks, [loc.number(float(tick)) for tick in seen_ticks])
    axes.set_xlabel(loc.say("how visible it is (LPIPS; higher = plainer to see)"), fontsize=SMALL, color=INKS["muted"])
    axes.set_title(loc.say("protection index"), fontsize=TEXT, color=INKS["muted"], loc="left")
    axes.legend(fontsize=SMALL, frameon=False, loc="best", handletextpad=0.3)
    text = loc.say(
        "Each mark is one protection: the higher, the more it kept away; the further right, the plainer it is to see. "
        "The line through it is its range."
    )
    head = (loc.say("Protection"), loc.say("LPIPS, middle value"), loc.say("Protection index"))
    rows = tuple((view.short(arm.name), loc.number(lpips), share(loc, index)) for arm, index, _, lpips in found)
    title = loc.say("Protection and visibility")
    svg = inline_svg(figure, key=key, title=title, description=text)
    return Drawing(svg, text, Table(title, head, rows))
