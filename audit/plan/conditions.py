"""What is trained on in each condition: protections, their countermeasures and clean twins, placebo, controls."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.text import printable
from audit.conditions import TREATMENTS, parse_step
from audit.images import at_size_of, rms
from audit.plan.spec import Spec
from audit.records import ArtistSet, Condition, Role
from audit.store import Store

CONTROLS: dict[str, tuple[str, ...]] = {
    "quick": (),
    "standard": ("placebo", "null"),
    "court": ("placebo", "null", "clean-again", "identity", "other-artist"),
}
"""Controls that a preset adds by itself: noise, the A/A test, and in court all planted truths."""
OTHER_ARTIST = "other-artist"


def controls_of(spec: Spec) -> tuple[str, ...]:
    """The controls asked for, and those that the preset adds by itself."""
    given = {c.partition(":")[0] for c in spec.control}
    added = () if spec.planted_only else tuple(c for c in CONTROLS[spec.preset] if c not in given)
    return (*spec.control, *added)


def other_artist(controls: Sequence[str]) -> tuple[Path | None] | None:
    """The folder after `other-artist:`, or None in its place without one; None when it was not asked for."""
    for text in controls:
        name, _, folder = text.partition(":")
        if name == OTHER_ARTIST:
            return (Path(folder) if folder else None,)
    return None


def make_conditions(spec: Spec, *, artist: ArtistSet, store: Store) -> tuple[Condition, ...]:
    """Clean, every protection, its countermeasures with their clean twins, placebo and controls."""
    found = [Condition(name="clean", role="clean")]
    protections = []
    if spec.protected is not None:
        protections.append(Condition(name="protected", role="protected", source="protected-files", primary=True))
    for text in spec.protect:
        protections.append(_made(text, role="protected", kinds=("protection",), primary=True))
    found += protections
    for text in spec.against:
        parts = text.split("+")
        for part in parts:
            _made(part, role="counter", kinds=("counter",))
        twins = [*protections, found[0]]
        found += [
            Condition(
                name=f"{twin.name}+{text}",
                role="counter",
                source=twin.source,
                steps=(*twin.steps, *parts),
                primary=twin.role == "protected",
            )
            for twin in twins
        ]
    controls = controls_of(spec)
    budget: float | None = None
    if any(c in ("placebo", "placebo-lpips") for c in controls):
        levels = [placebo_budget(p, artist=artist, store=store) for p in protections]
        budget, strongest = max(zip(levels, protections, strict=True), key=lambda pair: pair[0] or 0)
    for text in controls:
        name = text.partition(":")[0]
        if text == "clean-again":
            found.append(Condition(name=text, role="control"))
        elif name == OTHER_ARTIST:
            found.append(Condition(name=name, role="control", source="other-artist"))
        elif text == "placebo" and budget is not None:
            # One placebo for all: the strongest protection's level, the hardest opponent.
            found.append(Condition(name=text, role="placebo", steps=(f"placebo:{budget:g}",)))
        elif text in ("placebo", "placebo-lpips"):
            # Matched to what the strongest protection delivers, picture by picture; one without an
            # L-inf budget has no other placebo.
            steps = (*strongest.steps, "placebo-lpips:0")
            found.append(Condition(name="placebo-lpips", role="placebo", source=strongest.source, steps=steps))
        elif name == "mixed":
            made = _made(text, role="control", kinds=("control",))
            found += [
                Condition(
                    name=text if len(protections) == 1 else f"{protection.name}+{text}",
                    role="control",
                    source=protection.source,
                    steps=(*protection.steps, *made.steps),
                )
                for protection in protections
            ]
        else:
            role: Role = "placebo" if name.startswith("placebo") else "control"
            found.append(_made(text, role=role, kinds=("placebo", "control")))
    names = [c.name for c in found]
    repeated = {n for n in names if names.count(n) > 1}
    if repeated:
        raise BadInput("condition-twice", f"Condition '{min(repeated)}' was asked for twice; name it once.")
    return tuple(found)


def _made(text: str, *, role: Role, kinds: tuple[str, ...], primary: bool = False) -> Condition:
    step = parse_step(text)
    if step.treatment.kind not in kinds:
        option = {"protection": "--protect", "counter": "--against"}.get(step.treatment.kind, "--control")
        raise BadInput(
            "treatment-option", f"'{printable(text)}' is a {step.treatment.kind}; give it with {option} instead."
        )
    return Condition(name=text, role=role, steps=(step.text,), primary=primary)


def placebo_budget(protection: Condition, *, artist: ArtistSet, store: Store) -> float | None:
    """Noise level for the placebo, in levels of 255; None for a protection without an L-inf budget.

    A reference protection states its L-inf budget. For delivered files it is the median over works
    of the root mean square change, because random-sign noise of level e has exactly that RMS, while
    one outlier of a JPEG decides an L-inf.
    """
    if protection.steps:
        step = parse_step(protection.steps[0])
        return step.treatment.budget(step.argument)
    works = {w.id: w for w in artist.works}
    changes = []
    for file in artist.protected:
        original = store.get_pixels(works[file.work].pixels)
        changes.append(rms(original, at_size_of(original, store.get_pixels(file.pixels))))
    level = round(statistics.median(changes))
    low, high = TREATMENTS["placebo"].low, TREATMENTS["placebo"].high
    return min(max(level, low), high)
