"""The words of a score's report: names of the groups, what such a comparison cannot show, and how it was done."""

from __future__ import annotations

from audit.records import ScoreGroup, ScoreResults
from audit.report.locale import Voice


def group_name(v: Voice, group: ScoreGroup) -> str:
    """A group in a word or two."""
    names: dict[ScoreGroup, str] = {
        "named": v.say("with the name"),
        "control": v.say("without the name"),
        "other-name": v.say("with another name"),
    }
    return names[group]


def group_words(v: Voice, group: ScoreGroup) -> str:
    """A group as the beginning of a sentence."""
    words: dict[ScoreGroup, str] = {
        "named": v.say("Pictures asked for with the name"),
        "control": v.say("Pictures asked for without it"),
        "other-name": v.say("Pictures asked for with another artist's name"),
    }
    return words[group]


def limits_of_score(v: Voice, results: ScoreResults) -> tuple[str, ...]:
    """What such a comparison can and cannot show."""
    groups = {p.group for p in results.plan.pictures}
    lines = [
        v.say("It can show that a name in a prompt moves a service's pictures toward a style, and how far."),
        v.say("It cannot show what a service learned from, or if these works were part of it."),
        v.say(
            "It holds only if every picture that the service gave was kept. Picking pictures by eye decides the answer "
            "in advance."
        ),
        v.say("It tells about these prompts, at that time. A service can change any day."),
        v.say("Some services rewrite prompts or refuse names. What the picture maker was really asked is not known."),
        v.say("Frames of one clip are no separate pictures. They belong under one prompt."),
    ]
    if "other-name" not in groups:
        lines.append(
            v.say(
                "Any artist's name can make pictures look more like art. Only pictures asked for with another artist's "
                "name could tell that apart, and there were none."
            )
        )
    if results.plan.unit == "prompt-session":
        lines.append(
            v.say(
                "Sessions were counted, as asked for. So the range holds for these prompts and says little of others."
            )
        )
    lines.append(
        v.say(
            "A style score is a measurement. It is not a legal finding on whether a picture infringes a right, was "
            "copied or is substantially similar."
        )
    )
    return tuple(lines)


def method_of_score(v: Voice, results: ScoreResults) -> tuple[str, ...]:
    """How it was done, in plain words, and the rule for the word."""
    m, plan = results.plan.margins, results.plan
    held_out = sum(w.split == "reference" for w in plan.works)
    counted = (
        v.say("Pictures of one prompt hang together, so they are averaged first. Prompts are counted, never pictures.")
        if plan.unit == "prompt"
        else v.say("Pictures of one prompt and session are averaged first. Pairs of prompt and session are counted.")
    )
    return (
        v.say(
            "Of {all} works, {held_out} were held out. All pictures, real or made, were brought to {side} pixels and "
            "scored by how near they come to these.",
            all=len(plan.works),
            held_out=held_out,
            side=plan.side,
        ),
        counted,
        v.say(
            "0 % of the way means as near to the artist as pictures without the name. 100 % means as near as the "
            "artist's other works."
        ),
        v.say(
            "Fixed before the scoring: closer if the low end of the range is above {closer}; not closer if the high "
            "end is below it; else not clear. With fewer than {least} prompts there is no verdict. Ranges are at the "
            "{level} level.",
            closer=v.percent(m.closer),
            least=m.min_units,
            level=v.percent(m.level),
        ),
    )
