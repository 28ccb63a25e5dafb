"""How far each treated picture is from its original, on the delivered files."""

from __future__ import annotations

from collections.abc import Mapping

from audit.base.messages import say
from audit.executor import Engine
from audit.records import ImageSet, Plan, Visibility
from audit.style.tasks import MeasureChange
from audit.style.visibility import pairs_of, visibility_of


def measure_visibility(plan: Plan, treated: Mapping[str, ImageSet], engine: Engine) -> tuple[Visibility, ...]:
    """Of every condition that changes the artist's own pictures; the progress counts pictures."""
    originals = {w.id: w.pixels for w in plan.works}
    changed = [c for c in plan.conditions if c.source != "other-artist" and (c.steps or c.source != "originals")]
    sets = [treated[c.name] for c in changed]
    engine.progress.stage(say("stage.visibility"), sum(len(images.pixels) for images in sets))
    found = engine.run([MeasureChange(pairs_of(images, originals)) for images in sets])
    engine.progress.close()
    return tuple(row for images, changes in zip(sets, found, strict=True) for row in visibility_of(images, changes))
