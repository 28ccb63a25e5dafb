"""The scale of the first screen: the line from "as if unprotected" to "never saw your art"."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Estimate
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


def scale(facts: ResultsView, estimate: Estimate) -> Scale | None:
    """The scale with the estimate and its range on it; None without a value."""
    value, v = estimate.value, facts.voice
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

    margin, least = facts.results.plan.margins.held, facts.results.plan.margins.did_not_hold
    placebo = facts.index(facts.placebo.name) if facts.placebo else None
    floor = None
    if placebo is not None and placebo.value is not None and facts.placebo != facts.headline:
        floor = mark(placebo.value, placebo.value, placebo.value)
    beyond = [v.percent(low)] if low < left else []
    beyond += [v.percent(high)] if high > right else []
    if bounded:
        description = v.say(
            "Scale from 0 percent, as if unprotected, to 100 percent, never saw your art. The result is {value}, "
            "with a range from {low} to {high}. All of it above {held} would be held, all of it below {least} is not "
            "held.",
            value=v.percent(value), low=v.percent(low), high=v.percent(high), held=v.percent(margin),
            least=v.percent(least),
        )  # fmt: skip
    else:
        description = v.say(
            "Scale from 0 percent, as if unprotected, to 100 percent, never saw your art. The result is {value}; "
            "it has no range.",
            value=v.percent(value),
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
        failed_label=v.percent(least) if roomy else "",
        held_label=v.say("held above {share}", share=v.percent(margin)) if roomy else v.say("held"),
        main=mark(value, low, high),
        has_range=bounded,
        placebo=floor,
        title=v.say("Where this result lies between the two ends"),
        description=description,
        table=_table(facts, estimate, placebo if floor else None),
        overflow=v.say("The range goes on past the edge, to {values}.", values=v.join(beyond)) if beyond else "",
    )


def _table(facts: ResultsView, estimate: Estimate, placebo: Estimate | None) -> Table:
    """The numbers of the scale, from its left end to its right."""
    v = facts.voice
    rows = [
        (v.say("as if unprotected"), v.percent(0.0), "", ""),
        (v.say("this result"), v.percent(estimate.value), v.percent(estimate.low), v.percent(estimate.high)),
        (v.say("did not hold below"), v.percent(facts.results.plan.margins.did_not_hold), "", ""),
        (v.say("held above"), v.percent(facts.results.plan.margins.held), "", ""),
        (v.say("never saw your art"), v.percent(1.0), "", ""),
    ]
    if placebo is not None:
        noise = (v.say("random noise"), v.percent(placebo.value), v.percent(placebo.low), v.percent(placebo.high))
        rows.insert(1, noise)
    head = (v.say("On the scale"), v.say("Protection index"), v.say("Low"), v.say("High"))
    return Table(v.say("The numbers of the scale"), head, tuple(rows))


def _pc(value: float) -> str:
    return f"{value:.2f}%"
