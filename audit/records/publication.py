"""What the released pictures of a published comparison show by a style score."""

from __future__ import annotations

from audit.base.record import Digest, Record
from audit.records.judged import Estimate
from audit.records.versions import Versioned


class ReleasedArtist(Record):
    """One artist, and whether the style score tells them from the others."""

    name: str
    works: int
    auc: float | None
    separated: bool


class Released(Versioned):
    """released.json. `estimates` by case: `score_lost` and `recognised_lost`, over artists; by case and artist,
    named `case | artist`, over prompts."""

    tool_version: str
    side: int
    metrics: tuple[str, ...]
    metric_weights: dict[str, Digest]
    artists: tuple[ReleasedArtist, ...]
    other_seeds: tuple[str, ...]
    """Cases whose baseline was made for another case, so that prompts are paired and noise is not."""
    estimates: tuple[Estimate, ...]
