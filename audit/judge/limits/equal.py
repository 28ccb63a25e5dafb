"""Indices that must agree because all pictures were made alike in something that can move a score."""

from __future__ import annotations

from audit.base.messages import say
from audit.judge.index_label import index_label
from audit.judge.limits.limit import Opinion
from audit.records import Estimate, Margins


def opinion_of(index: Estimate | None, slug: str, margins: Margins) -> Opinion | None:
    """What such an index says, with the message `limit.<slug>`, without a range `-open`; None where there is none."""
    if index is None:
        return None
    said = say(f"limit.{slug}-open")
    if index.low is not None:
        said = say(f"limit.{slug}", value=index.value, low=index.low, high=index.high)
    return Opinion(index_label(index, margins), said)
