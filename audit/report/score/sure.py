"""How sure is this: every group's units on one line, and all numbers."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.estimates import named, value_of
from audit.report.pictures import Shelf
from audit.report.score.strips import Strip, strips
from audit.report.score.view import SLOTS, ScoreView, group_name
from audit.report.table import Drawing, Table


@dataclass(frozen=True)
class ScoreSureness:
    drawing: Drawing | None
    estimates: Table


def build(view: ScoreView, _: Shelf) -> ScoreSureness:
    """The figure and the table of all estimates."""
    return ScoreSureness(_drawing(view), _estimates(view))


def _drawing(view: ScoreView) -> Drawing | None:
    loc, facts, known = view.locale, view.metric, view.readings
    rows = []
    if facts is not None and known.others_mean is not None:
        rows.append(Strip(loc.say("real works by others"), "ink", facts.others, known.others_mean))
    for group in reversed(view.groups):
        mean = view.estimate("style_score", group)
        if mean is not None and mean.value is not None:
            means = view.unit_means(group)
            rows.append(Strip(group_name(loc, group), SLOTS[group], means, mean.value, mean.low, mean.high))
    if facts is not None and known.real_mean is not None:
        rows.append(Strip(loc.say("the artist's real works"), "clean", facts.real, known.real_mean))
    caption = loc.say(
        "Small marks are the means of single prompts, and single works. Large marks are means, bars their ranges. By "
        "{metric}, which was chosen before.",
        metric=view.results.plan.primary_metric,
    )
    return strips(loc, rows, caption=caption, key="groups")


def _estimates(view: ScoreView) -> Table:
    loc = view.locale
    rows = tuple(
        (
            named(loc, "quantity", e.name), e.condition or loc.say("none"), e.metric, value_of(loc, e), str(e.n),
            loc.spoken(e.why), loc.spoken(e.how),
        )
        for e in view.results.estimates
    )  # fmt: skip
    head = (
        loc.say("Reading"), loc.say("Pictures"), loc.say("Metric"), loc.say("Value"), loc.say("Units counted"),
        loc.say("Note"), loc.say("How it is worked out"),
    )  # fmt: skip
    return Table(loc.say("All numbers"), head, rows)
