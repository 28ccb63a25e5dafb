"""What a reader is told of an audit beside its answer, on the page and in a terminal."""

from __future__ import annotations

import re
from collections import Counter

from audit.base.messages import Said, say
from audit.records import Plan

_VERSION = re.compile(r"[-_ ](V\d+)$", re.IGNORECASE)
"""How Glaze and Nightshade write their version behind the setting."""


FINE = 8
"""Times the model's side from which works lose what is fine in them, such as brushwork."""


def lab_note(plan: Plan) -> Said | None:
    """What the built-in model is; None for an audit of another."""
    if not plan.model.lab:
        return None
    least = min(min(work.width, work.height) for work in plan.works)
    if least < FINE * plan.model.resolution:
        return say("lab-note", side=plan.model.resolution)
    return say("lab-note.large", side=plan.model.resolution, least=least)


def claimed(plan: Plan) -> Said | None:
    """The tools, with their settings, that the protected files claim by their names; None where they claim none."""
    found: Counter[tuple[str, str]] = Counter()
    for file in plan.protected:
        if file.claimed_tools:
            found[file.claimed_tool, " + ".join(_VERSION.sub(r" (\1)", level) for level in file.claimed_levels)] += 1
    if not found:
        return None
    rows = [
        say("claimed.tool-at", tool=tool, level=level, n=n, all=len(plan.protected))
        if level
        else say("claimed.tool", tool=tool, n=n, all=len(plan.protected))
        for (tool, level), n in found.most_common()
    ]
    return say("claimed", list=rows)
