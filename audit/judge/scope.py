"""What a verdict speaks of: what was drawn by chance in every run, and what was fixed."""

from __future__ import annotations

from audit.base.messages import Said, say
from audit.judge.limits.failed_runs import MOST, ONE_IN
from audit.judge.reach import size_of
from audit.records import Plan


def scope(plan: Plan) -> Said | None:
    """One sentence for the first screen; None of plans whose runs draw nothing of their own."""
    size = size_of(plan)
    if size is None:
        return None
    return say("scope", works=size.works, asked=size.asked, prompts=size.prompts)


def scope_details(plan: Plan) -> tuple[Said, ...]:
    """What each run drew anew, and what all of them shared; () as for `scope`."""
    size = size_of(plan)
    if size is None:
        return ()
    drawn = say("scope.drawn", held_out=size.held_out, works=size.works, asked=size.asked, prompts=size.prompts)
    return drawn, say("scope.fixed"), say("scope.range"), say("scope.failed-runs", one_in=ONE_IN, most=MOST)
