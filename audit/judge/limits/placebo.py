"""Placebos: what noise or a change of tone does as well is no work of the protection."""

from __future__ import annotations

from audit.base.messages import say
from audit.judge.estimates import EXCESSES, find, placebos
from audit.judge.limits.limit import Limit, Opinion
from audit.records import Results


def _opinion(results: Results, condition: str, metric: str) -> Opinion | None:
    """Of a protection: what it adds to each placebo must surely be more than `over_placebo`."""
    if results.plan.condition(condition).role != "protected":
        return None
    found = placebos(results, condition)
    if not found:
        return Opinion("held-plain", say("limit.placebo-none"))
    margin = results.plan.margins.over_placebo
    rows = {kind: find(results, EXCESSES[kind].name, condition, metric) for kind in found}
    # The hardest is the one that leaves least to the protection; one without a bound leaves nothing that is known.
    hardest = min(rows, key=lambda kind: (rows[kind].low is not None, rows[kind].low))
    row, words = rows[hardest], results.plan.condition(found[hardest]).words
    own = find(results, "protection_index", found[hardest], metric).value
    if row.low is None or own is None:
        return Opinion("partly-held", say("limit.placebo-open", words=words))
    said = say("limit.placebo", words=words, share=own, value=row.value, low=row.low, high=row.high, margin=margin)
    return Opinion("held" if row.low > margin else "partly-held", said)


LIMIT = Limit("placebo", _opinion, cap=True)
