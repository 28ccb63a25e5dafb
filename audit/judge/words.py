"""A protection index in words: "35 % less", "between 10 % and 60 % less", what a model learned.

The only place that words an index; the report says these messages in its own language.
"""

from __future__ import annotations

from audit.base.messages import Said, say
from audit.judge.intervals import Interval
from audit.records import Estimate
from audit.records.rounding import shown, wide

MOST = 95
"""Nothing is ever said to be whole or twice, in per cent: the figure would claim more than a test can."""


def change(index: float) -> Said:
    """An index as a change of what was learned: "35 % less", "5 % more", "the same amount"."""
    if not _percent(index):
        return say("change.none")
    return say("change.less", share=size(index)) if index > 0 else say("change.more", share=size(index))


def spread(low: float, high: float) -> Said:
    """Bounds of an index, `low` <= `high`: "between 10 % and 60 % less"."""
    first, second = (low, high) if high > 0 else (high, low)
    if _told(first) == _told(second):
        same = change(first)
        return same if _percent(first) > MOST else say("range.near", change=same)
    start, end = size(first), size(second)
    if not _percent(first):
        return say("range.same-to-less", share=end) if second > 0 else say("range.same-to-more", share=end)
    if not _percent(second):
        return say("range.more-to-same", share=start)
    if first < 0 < second:
        return say("range.both", more=start, less=end)
    return say("range.less" if second > 0 else "range.more", least=start, most=end)


def learned(index: Estimate | Interval, *, of_version_1: bool = False) -> Said:
    """What a model learned, as a clause without capital or full stop.

    A wide range stands alone: beside it, its middle would be read as the answer.

    Args:
        of_version_1: whether it is said as version 1 did, which gave the middle of every range.
    """
    value = shown(index)
    if value is None:
        return say("learned.no-figure")
    if wide(index) and _percent(value) and index.low is not None and index.high is not None and not of_version_1:
        return say("learned.range", range=spread(index.low, index.high))
    if _percent(value):
        told = say("learned.change" if _percent(value) > MOST else "learned.about", change=change(value))
    elif wide(index):
        # A range that wide shows no likeness either.
        told = say("learned.no-difference")
    else:
        told = say("learned.as-much")
    if index.low is None or index.high is None:
        return told
    return say("learned.with-range", learned=told, range=spread(index.low, index.high))


def _percent(index: float) -> int:
    return round(abs(index) * 100)


def _told(index: float) -> tuple[int, bool]:
    """What of an index can be told apart in words: its size, and whether it is less or more."""
    size = min(_percent(index), MOST + 1)
    return size, size > 0 and index > 0


def size(index: float) -> Said:
    """How much of what was learned a figure stands for: "35 %", never the whole of it."""
    return say("share.over", share=MOST) if _percent(index) > MOST else say("share.whole", share=abs(index))
