"""How far each treated picture is from its original, on the delivered files."""

from __future__ import annotations

from collections.abc import Mapping

from audit.base.messages import say
from audit.executor import Engine
from audit.judge.asked import changed
from audit.records import ImageSet, Plan, Visibility
from audit.style.tasks import FitPlainEdit, MeasureChange
from audit.style.visibility import kept_shares, pairs_of, visibility_of


def measure_visibility(plan: Plan, treated: Mapping[str, ImageSet], engine: Engine) -> tuple[Visibility, ...]:
    """Of every condition that changes the artist's own pictures; of protections also how plain an edit they are.

    The progress counts pictures, those of protections twice.
    """
    originals = {w.id: w.pixels for w in plan.works}
    sets = [treated[c.name] for c in changed(plan)]
    protected = [treated[c.name] for c in changed(plan) if c.role == "protected"]
    engine.progress.stage(say("stage.visibility"), sum(len(images.pixels) for images in (*sets, *protected)))
    found = engine.run([MeasureChange(pairs_of(images, originals)) for images in sets])
    fitted = engine.run([FitPlainEdit(pairs_of(images, originals)) for images in protected])
    kept = [kept_shares(pairs_of(images, originals), engine.store, side=plan.model.resolution) for images in sets]
    engine.progress.close()
    plain = {images.condition: shares for images, shares in zip(protected, fitted, strict=True)}
    return tuple(
        row
        for images, changes, left in zip(sets, found, kept, strict=True)
        for row in visibility_of(images, changes, plain.get(images.condition, (None,) * len(images.works)), left)
    )
