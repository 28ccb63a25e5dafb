"""What a reader must be told about the treatments of a plan, wherever its results appear."""

from __future__ import annotations

from collections.abc import Sequence

from audit.base.messages import say
from audit.records import Note, Recipe


def caveats(recipes: Sequence[Recipe]) -> tuple[Note, ...]:
    """Notes on the treatments of a plan."""
    found = []
    instruments = [r.step for r in recipes if r.kind == "protection"]
    if instruments:
        found.append(Note(said=say("reference-protection", names=instruments)))
    platforms = [r.step for r in recipes if r.approximate]
    if platforms:
        found.append(Note(said=say("platform-approximate", names=platforms)))
    return tuple(found)
