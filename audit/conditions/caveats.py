"""What a reader must be told about the treatments of a plan, wherever its results appear."""

from __future__ import annotations

from collections.abc import Sequence

from audit.records import Note, Recipe


def caveats(recipes: Sequence[Recipe]) -> tuple[Note, ...]:
    """Notes on the treatments of a plan."""
    found = []
    instruments = [r.step for r in recipes if r.kind == "protection"]
    if instruments:
        sentence = (
            f"Calibration instruments re-implemented from publications, not the tools of any name: "
            f"{', '.join(instruments)}."
        )
        found.append(Note(slug="reference-protection", sentence=sentence))
    platforms = [r.step for r in recipes if r.step.startswith("as-published:")]
    if platforms:
        sentence = f"What platforms do to pictures is known only approximately and changes: {', '.join(platforms)}."
        found.append(Note(slug="platform-approximate", sentence=sentence))
    return tuple(found)
