"""What is trained on in each condition: protections, their countermeasures and clean twins, placebo, controls."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import words
from audit.conditions import Step, parse_step
from audit.conditions.base import KIND_NAMES, Kind
from audit.conditions.protect.placebo import PLACEBO, PLACEBO_LPIPS
from audit.images import at_size_of, rms
from audit.plan.spec import WITH_FOLDER, Spec, typed_control
from audit.records import ArtistSet, Condition, Role
from audit.store import Store

CONTROLS: dict[str, tuple[str, ...]] = {
    "quick": (),
    "standard": ("placebo", "null"),
    "court": ("placebo", "null", "clean-again", "identity", "other-artist"),
}
"""Controls that a preset adds by itself: noise, the A/A test, and in court all planted truths."""

# Conditions that are no treatments.
CLEAN = Condition(name="clean", role="clean", words=words("your unprotected originals"), label=words("unprotected"))
PROTECTED = Condition(
    name="protected",
    role="protected",
    source="protected-files",
    primary=True,
    words=words("your protected files"),
    label=words("protected"),
)
CLEAN_AGAIN = Condition(
    name="clean-again",
    role="control",
    truth="same-works",
    words=words("your originals trained once more"),
    label=words("originals again"),
)
OTHER_ARTIST = Condition(
    name=WITH_FOLDER,
    role="control",
    source="other-artist",
    truth="other-works",
    words=words("works by another artist"),
    label=words("another artist"),
)


def controls_of(spec: Spec) -> tuple[str, ...]:
    """The controls asked for, and those that the preset adds by itself."""
    given = {typed_control(text)[0] for text in spec.control}
    added = () if spec.planted_only else tuple(c for c in CONTROLS[spec.preset] if c not in given)
    return (*spec.control, *added)


def other_artist(controls: Sequence[str]) -> tuple[Path | None] | None:
    """The folder after `other-artist:`, or None in its place without one; None when it was not asked for."""
    for text in controls:
        name, folder = typed_control(text)
        if name == OTHER_ARTIST.name:
            return (Path(folder) if folder else None,)
    return None


def without_treatment(control: str) -> Condition | None:
    """The control that was typed, if it is one without a treatment."""
    if control == CLEAN_AGAIN.name:
        return CLEAN_AGAIN
    return None if other_artist((control,)) is None else OTHER_ARTIST


def make_conditions(spec: Spec, *, artist: ArtistSet, store: Store) -> tuple[Condition, ...]:
    """Clean, every protection, its countermeasures with their clean twins, placebo and controls."""
    protections = [] if spec.protected is None else [PROTECTED]
    protections += [_made(_step(text, "protection"), text, role="protected", primary=True) for text in spec.protect]
    found = [CLEAN, *protections]
    for text in spec.against:
        parts = [_step(part, "counter") for part in text.split("+")]
        twin = _on_top(CLEAN, text, parts, role="counter")
        found += [
            _on_top(protection, text, parts, role="counter", primary=True, twin=twin.name) for protection in protections
        ]
        found.append(twin)
    found += _controls(controls_of(spec), protections, artist=artist, store=store)
    names = [c.name for c in found]
    repeated = {n for n in names if names.count(n) > 1}
    if repeated:
        raise BadInput("condition-twice", condition=min(repeated))
    return tuple(found)


def _controls(
    asked: Sequence[str], protections: Sequence[Condition], *, artist: ArtistSet, store: Store
) -> Iterator[Condition]:
    steps = {text: _step(text, "placebo", "control") for text in asked if without_treatment(text) is None}
    kinds = [step.treatment.name for step in steps.values()]
    for text in asked:
        own = without_treatment(text)
        if own is not None:
            yield own
            continue
        step = steps[text]
        if step.treatment.kind == "placebo" and not step.typed:
            yield _matched(text, step, protections, artist=artist, store=store)
        elif step.treatment.per_protection and len(protections) > 1:
            yield from (_on_top(protection, text, [step], role="control") for protection in protections)
        else:
            # Arguments are told where two conditions would otherwise be called the same.
            made = _made(step, text, role=_role(step), alike=kinds.count(step.treatment.name) > 1)
            if step.treatment.per_protection:
                (protection,) = protections
                made = made.model_copy(update={"source": protection.source, "steps": (*protection.steps, *made.steps)})
            yield made


def _matched(text: str, step: Step, protections: Sequence[Condition], *, artist: ArtistSet, store: Store) -> Condition:
    """A placebo as strong as the strongest protection, the hardest opponent: one for all.

    In levels of 255 where the protection has a budget in them; else by what the eye notices, picture by picture.
    """
    levels = [placebo_budget(p, artist=artist, store=store) for p in protections]
    budget, strongest = max(zip(levels, protections, strict=True), key=lambda pair: pair[0] or 0)
    if step.treatment is PLACEBO and budget is not None:
        matched = Step(PLACEBO, budget)
        return _made(step, text, role="placebo").model_copy(update={"steps": (matched.text,), "budget": budget})
    step = Step(PLACEBO_LPIPS, 0)
    made = _made(step, PLACEBO_LPIPS.name, role="placebo")
    return made.model_copy(update={"source": strongest.source, "steps": (*strongest.steps, step.text)})


def _step(text: str, *kinds: Kind) -> Step:
    step = parse_step(text)
    if step.treatment.kind not in kinds:
        option = {"protection": "--protect", "counter": "--against"}.get(step.treatment.kind, "--control")
        raise BadInput("treatment-option", text=text, kind=KIND_NAMES[step.treatment.kind], option=option)
    return step


def _role(step: Step) -> Role:
    return "placebo" if step.treatment.kind == "placebo" else "control"


def _made(step: Step, name: str, *, role: Role, primary: bool = False, alike: bool = False) -> Condition:
    """The originals after one treatment."""
    row = step.treatment
    label = row.label or words("{name}", name=name)
    if alike and row.label is not None and step.typed:
        label = words("{label} {arg}", label=label, arg=step.typed)
    return Condition(
        name=name,
        role=role,
        steps=(step.text,),
        primary=primary,
        words=(row.alone or row.called).typed(step.typed),
        label=label,
        budget=row.budget(step.argument) if role == "placebo" else None,
        truth=row.truth,
    )


def _on_top(
    of: Condition, text: str, parts: Sequence[Step], *, role: Role, primary: bool = False, twin: str | None = None
) -> Condition:
    """A condition with treatments put on its pictures."""
    treated_by = tuple(part.text for part in parts)
    treatment = reduce(
        lambda first, second: words("{first} and then {second}", first=first, second=second),
        [part.words for part in parts],
    )
    return Condition(
        name=f"{of.name}+{text}",
        role=role,
        source=of.source,
        steps=(*of.steps, *treated_by),
        primary=primary,
        words=words("{pictures} after {treatment}", pictures=of.words, treatment=treatment),
        label=reduce(lambda label, step: words("{label} + {step}", label=label, step=step), text.split("+"), of.label),
        of=of.name,
        treated_by=treated_by,
        twin=twin,
    )


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
    return min(max(level, PLACEBO.low), PLACEBO.high)
