"""Rules that cannot be bought: checks only get stricter, and margins of one's own are said wherever a verdict is."""

from __future__ import annotations

from typing import Literal

from audit.base.errors import BadInput
from audit.base.messages import Said, say
from audit.records import Margins

STRICTER: dict[str, Literal["more", "less"]] = {
    "level": "more",
    "learned_share": "more",
    "min_replicates": "more",
    "min_auc": "more",
    "visible_step": "more",
    "base_knows_share": "less",
    "max_dropped": "less",
    "no_alarm_within": "less",
    "noise_matched": "less",
    "noise_step": "less",
    "over_placebo": "more",
    "people_prefer": "more",
    "people_raters": "more",
}
"""Which way a rule of the test gets stricter. The margins of the verdict words have no such way: they are said."""
WORDS = ("held", "partly", "did_not_hold")
"""Margins of the verdict words."""


def refuse_loosened(margins: Margins, *, kept: Margins | None = None) -> None:
    """Refuse rules that are looser than the tool's own.

    Args:
        kept: rules of an older plan, which may stay as they are.

    Raises:
        BadInput: `margin-loosened`, with each rule, what was asked for and what is allowed.
    """
    usual, loosened = Margins(), []
    for name, way in STRICTER.items():
        seen, fixed = getattr(margins, name), getattr(usual, name)
        looser = seen < fixed if way == "more" else seen > fixed
        if looser and (kept is None or seen != getattr(kept, name)):
            loosened.append(say(f"margin-loosened.{way}", name=name, seen=seen, fixed=fixed))
    if loosened:
        raise BadInput("margin-loosened", list=loosened)


def own_margins(margins: Margins) -> tuple[Said, ...]:
    """What of the verdict words' margins and the level is not the tool's own, in words."""
    usual = Margins()
    found = [
        say(f"own-margin.{name}", seen=getattr(margins, name) * 100, usual=getattr(usual, name) * 100)
        for name in (*WORDS, "level")
        if getattr(margins, name) != getattr(usual, name)
    ]
    return tuple(found)
