"""A second opinion on a run beside its protection index, and what may be said after both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audit.base.messages import Said
from audit.records import Results, VerdictLabel

AGREES: dict[VerdictLabel, tuple[VerdictLabel, ...]] = {
    "held": ("held",),
    "held-plain": ("held", "held-plain"),
    "partly-held": ("held", "held-plain", "partly-held"),
    "did-not-hold": ("did-not-hold",),
    "models-broke": ("models-broke",),
    "inconclusive": ("held", "held-plain", "partly-held", "did-not-hold", "models-broke", "inconclusive"),
}
"""Words of a second opinion that allow a label: what is said must be shown by both, a failure as much as a success."""
BOLDNESS: tuple[VerdictLabel, ...] = ("inconclusive", "partly-held", "held-plain", "held")
"""Claims that a protection worked, from the most careful."""


@dataclass(frozen=True)
class Opinion:
    """What a second way of reading a run says of a claim, and the sentence that tells why, should it limit it."""

    label: VerdictLabel
    said: Said


@dataclass(frozen=True)
class Limit:
    """A row of the table.

    Attributes:
        opinion: results whose `estimates` are filled, a claim's name and the metric -> the opinion; None where it does
            not arise.
        cap: whether it only keeps a success from being overstated; else it must agree with a failure, too.
    """

    slug: str
    opinion: Callable[[Results, str, str], Opinion | None]
    cap: bool = False


def allowed(own: VerdictLabel, other: VerdictLabel) -> VerdictLabel:
    """The most that an index's label and a second opinion both allow."""
    if other in AGREES[own]:
        return own
    return capped(own, other) if own in BOLDNESS and other in BOLDNESS else "inconclusive"


def capped(own: VerdictLabel, most: VerdictLabel) -> VerdictLabel:
    """A success, no bolder than `most`; everything else stays."""
    if own not in BOLDNESS or most not in BOLDNESS:
        return own
    return min(own, most, key=BOLDNESS.index)
