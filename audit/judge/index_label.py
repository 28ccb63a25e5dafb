"""The verdict word of one protection index, from its bounds alone."""

from __future__ import annotations

from audit.judge.intervals import Interval
from audit.records import Estimate, Margins, VerdictLabel


def index_label(index: Estimate | Interval, margins: Margins) -> VerdictLabel:
    """The verdict word for one protection index, from its bounds alone.

    `held`: lower bound above margins.held. `did-not-hold`: upper bound below margins.did_not_hold,
    also when the lower bound is above margins.partly: an effect that is surely there but surely
    tiny is no protection. `partly-held`: lower bound above margins.partly. Else, and without
    bounds, `inconclusive`.
    """
    if index.low is None or index.high is None:
        return "inconclusive"
    if index.low > margins.held:
        return "held"
    if index.high < margins.did_not_hold:
        return "did-not-hold"
    return "partly-held" if index.low > margins.partly else "inconclusive"


def settled_label(index: Estimate | Interval, margins: Margins, *, p: float | None) -> VerdictLabel:
    """The reading of an index, with `did-not-hold` only where the family allows it.

    Args:
        p: Holm's adjusted p of an index at or above the margin; None where nothing is to be adjusted.
    """
    given = index_label(index, margins)
    if given == "did-not-hold" and p is not None and p > (1 - margins.level) / 2:
        # Nothing else: more protections in a plan must not make a claim of a failure of one of them.
        return "inconclusive"
    return given
