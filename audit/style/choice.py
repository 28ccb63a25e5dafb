"""Which metrics an audit computes, and which of them decides: fixed before anything runs."""

from __future__ import annotations

from audit.base.errors import BadInput
from audit.style import DEFAULT_ENCODER, ENCODERS, METRICS, style_metric
from audit.style.csls import SUFFIX

BUILT_IN = "channel_stats"
"""Decides on the lab model, and is the second opinion of every encoder: it shares nothing with them."""


def check_metric(name: str | None) -> None:
    """Find a mistyped metric before anything is read.

    Raises:
        BadInput: `metric-unknown`.
    """
    if name is None:
        return
    try:
        style_metric(name)
    except KeyError:
        raise BadInput("metric-unknown", name=name, choices=[*METRICS, *ENCODERS], suffix=SUFFIX) from None


def pick_metrics(asked: str | None, *, lab: bool, references: bool) -> tuple[str, ...]:
    """The metrics of an audit, the deciding one first.

    The lab model has the shipped metrics. A real one has OpenCLIP ViT-L/14 unless another was asked for,
    every other encoder whose weights are there, and one shipped metric of another lineage.

    Args:
        asked: the metric that is to decide; None for the default. One that ends in `-csls` has the plain one beside it.
        lab: whether the base model is the lab's.
        references: whether the user gave reference artists.

    Raises:
        BadInput: `metric-unknown`, `references-needed`. BadModel: `encoder-missing`.
    """
    check_metric(asked)
    if asked is None and lab:
        asked = BUILT_IN
    first = asked or DEFAULT_ENCODER
    plain = style_metric(first).plain
    beside = () if plain == first else (plain,)
    if plain in METRICS:
        return (first, *beside, *(name for name in METRICS if name != plain))
    ENCODERS[plain].weights()
    if not references:
        raise BadInput("references-needed", metric=first, built_in=BUILT_IN)
    rest = [name for name, row in ENCODERS.items() if name != plain and row.present()]
    return (first, *beside, *rest, BUILT_IN)
