"""The scale of the first screen: the line from "as if unprotected" to "never saw your art"."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Estimate
from audit.report.estimates import rounded
from audit.report.results_view import ResultsView
from audit.report.table import Table


@dataclass(frozen=True)
class Mark:
    """One thing on the scale; positions are percent of the scale's width, as SVG wants them."""

    x: str
    low: str
    width: str
    anchor: str
    """Where the label's text starts, so that it stays on the page near the edges."""
    label: str
    """X of that text: the point itself, or the edge that it would run over."""


@dataclass(frozen=True)
class Scale:
    """The line from 0 % to 100 %, with room at both ends."""

    zero: Mark
    one: Mark
    span: str
    failed: str
    """Where "did not hold" ends: the range must lie below it."""
    held: str
    held_span: str
    held_label: str
    failed_label: str
    """May be empty, where a wide range leaves no room for it."""
    main: Mark
    has_range: bool
    placebo: Mark | None
    title: str
    description: str
    table: Table
    overflow: str
    """Sentence about a range that runs off the scale; may be empty."""


def scale(view: ResultsView, estimate: Estimate) -> Scale | None:
    """The scale with the estimate and its range on it; None without a value."""
    value, loc = estimate.value, view.locale
    if value is None:
        return None
    bounded = estimate.low is not None and estimate.high is not None
    low = value if estimate.low is None else estimate.low
    high = value if estimate.high is None else estimate.high
    left = min(max(min(0.0, low), -0.5), 0.0) - 0.1
    right = max(min(max(1.0, high), 1.5), 1.0) + 0.1

    def at(share: float) -> float:
        return 100 * (min(max(share, left), right) - left) / (right - left)

    def mark(point: float, start: float, end: float) -> Mark:
        place = at(point)
        anchor = "start" if place < 20 else "end" if place > 80 else "middle"
        edge = {"start": 0.0, "end": 100.0, "middle": place}[anchor]
        return Mark(_pc(place), _pc(at(start)), _pc(at(end) - at(start)), anchor, _pc(edge))

    margin, least = view.results.plan.margins.held, view.results.plan.margins.did_not_hold
    placebo = view.index(view.placebo.name) if view.placebo else None
    floor = None
    if placebo is not None and placebo.value is not None and view.placebo != view.headline:
        floor = mark(placebo.value, placebo.value, placebo.value)
    beyond = [loc.percent(low)] if low < left else []
    beyond += [loc.percent(high)] if high > right else []
    if bounded:
        description = loc.say(
            "Scale from 0 percent, as if unprotected, to 100 percent, never saw your art. The result is {value}, "
            "with a range from {low} to {high}. All of it above {held} would be held, all of it below {least} is not "
            "held.",
            value=rounded(loc, estimate), low=loc.percent(low), high=loc.percent(high), held=loc.percent(margin),
            least=loc.percent(least),
        )  # fmt: skip
    else:
        description = loc.say(
            "Scale from 0 percent, as if unprotected, to 100 percent, never saw your art. The result is {value}; "
            "it has no range.",
            value=rounded(loc, estimate),
        )
    # A wide range squeezes the middle of the scale; the label would then run into its neighbours.
    roomy = at(1) - at(0) > 65
    return Scale(
        zero=mark(0, 0, 0),
        one=mark(1, 1, 1),
        span=_pc(at(1) - at(0)),
        failed=_pc(at(least)),
        held=_pc(at(margin)),
        held_span=_pc(at(1) - at(margin)),
        failed_label=loc.percent(least) if roomy else "",
        held_label=loc.say("held above {share}", share=loc.percent(margin)) if roomy else loc.say("held"),
        main=mark(value, low, high),
        has_range=bounded,
        placebo=floor,
        title=loc.say("Where this result lies between the two ends"),
        description=description,
        table=_table(view, estimate, placebo if floor else None),
        overflow=loc.say("The range goes on past the edge, to {values}.", values=loc.join(beyond)) if beyond else "",
    )


def _table(view: ResultsView, estimate: Estimate, placebo: Estimate | None) -> Table:
    """The numbers of the scale, from its left end to its right."""
    loc = view.locale
    rows = [
        (loc.say("as if unprotected"), loc.percent(0.0), "", ""),
        (loc.say("this result"), rounded(loc, estimate), loc.percent(estimate.low), loc.percent(estimate.high)),
        (loc.say("did not hold below"), loc.percent(view.results.plan.margins.did_not_hold), "", ""),
        (loc.say("held above"), loc.percent(view.results.plan.margins.held), "", ""),
        (loc.say("never saw your art"), loc.percent(1.0), "", ""),
    ]
    if placebo is not None:
        noise = (
            loc.say("random noise"),
            rounded(loc, placebo),
            loc.percent(placebo.low),
            loc.percent(placebo.high),
        )
        rows.insert(1, noise)
    head = (loc.say("On the scale"), loc.say("Protection index"), loc.say("Low"), loc.say("High"))
    return Table(loc.say("The numbers of the scale"), head, tuple(rows))


def _pc(value: float) -> str:
    return f"{value:.2f}%"
