"""The scale of the first screen: the line from "as if unprotected" to "never saw your art"."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Estimate
from audit.report.lookup import Facts


@dataclass(frozen=True)
class Mark:
    """One thing on the scale; positions are percent of the scale's width, as SVG wants them."""

    x: str
    low: str
    width: str
    anchor: str
    """Where the label's text starts, so that it stays on the page near the edges."""


@dataclass(frozen=True)
class Scale:
    """The line from 0 % to 100 %, with room at both ends."""

    zero: str
    one: str
    span: str
    held: str
    held_span: str
    held_label: str
    main: Mark
    has_range: bool
    placebo: Mark | None
    description: str
    overflow: str
    """Sentence about a range that runs off the scale; may be empty."""


def scale(facts: Facts, estimate: Estimate) -> Scale | None:
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
        return Mark(_pc(place), _pc(at(start)), _pc(at(end) - at(start)), anchor)

    margin = facts.results.plan.margins.held
    placebo = facts.index(facts.placebo.name) if facts.placebo else None
    floor = None
    if placebo is not None and placebo.value is not None and facts.placebo != facts.headline:
        floor = mark(placebo.value, placebo.value, placebo.value)
    beyond = [v.percent(low)] if low < left else []
    beyond += [v.percent(high)] if high > right else []
    if bounded:
        description = v.say(
            "Scale from 0 percent, as if unprotected, to 100 percent, never saw your art. The result is {value}, "
            "with a range from {low} to {high}.",
            value=v.percent(value), low=v.percent(low), high=v.percent(high),
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
        zero=_pc(at(0)),
        one=_pc(at(1)),
        span=_pc(at(1) - at(0)),
        held=_pc(at(margin)),
        held_span=_pc(at(1) - at(margin)),
        held_label=v.say("held above {share}", share=v.percent(margin)) if roomy else v.say("held"),
        main=mark(value, low, high),
        has_range=bounded,
        placebo=floor,
        description=description,
        overflow=v.say("The range goes on past the edge, to {values}.", values=v.join(beyond)) if beyond else "",
    )


def _pc(value: float) -> str:
    return f"{value:.2f}%"
