"""What a reader is told of an audit beside its answer, on the page and in a terminal."""

from __future__ import annotations

from collections import Counter

from audit.base.messages import Said, say
from audit.records import Plan


def lab_note(plan: Plan) -> Said | None:
    """What the built-in model is; None for an audit of another."""
    return say("lab-note", side=plan.model.resolution) if plan.model.lab else None


def claimed(plan: Plan) -> Said | None:
    """The tools, with their settings, that the protected files claim by their names; None where they claim none."""
    found: Counter[tuple[str, str]] = Counter()
    for file in plan.protected:
        if file.claimed_tools:
            found[file.claimed_tool, " + ".join(file.claimed_levels)] += 1
    if not found:
        return None
    rows = [
        say("claimed.tool-at", tool=tool, level=level, n=n, all=len(plan.protected))
        if level
        else say("claimed.tool", tool=tool, n=n, all=len(plan.protected))
        for (tool, level), n in found.most_common()
    ]
    return say("claimed", list=rows)
