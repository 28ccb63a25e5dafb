"""What such a comparison can and cannot show."""

from __future__ import annotations

from audit.report.pictures import Shelf
from audit.report.score.view import ScoreView
from audit.report.sections.limits import Limits


def build(view: ScoreView, _: Shelf) -> Limits:
    """What such a comparison can and cannot show."""
    loc, results = view.locale, view.results
    groups = {p.group for p in results.plan.pictures}
    lines = [
        loc.say("It can show that a name in a prompt moves a service's pictures toward a style, and how far."),
        loc.say("It cannot show what a service learned from, or if these works were part of it."),
        loc.say(
            "It holds only if every picture that the service gave was kept. Picking pictures by eye decides the answer "
            "in advance."
        ),
        loc.say("It tells about these prompts, at that time. A service can change any day."),
        loc.say("Some services rewrite prompts or refuse names. What the picture maker was really asked is not known."),
        loc.say("Frames of one clip are no separate pictures. They belong under one prompt."),
    ]
    if "other-name" not in groups:
        lines.append(
            loc.say(
                "Any artist's name can make pictures look more like art. Only pictures asked for with another artist's "
                "name could tell that apart, and there were none."
            )
        )
    if results.plan.unit == "prompt-session":
        lines.append(
            loc.say(
                "Sessions were counted, as asked for. So the range holds for these prompts and says little of others."
            )
        )
    lines.append(
        loc.say(
            "A style score is a measurement. It is not a legal finding on whether a picture infringes a right, was "
            "copied or is substantially similar."
        )
    )
    return Limits(tuple(lines))
