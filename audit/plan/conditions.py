"""What is trained on in each condition: protections, their countermeasures and clean twins, placebo, controls."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path

from pydantic import TypeAdapter

from audit.base.errors import BadInput
from audit.base.messages import Said, words
from audit.conditions import TREATMENTS, Step, parse_chain, parse_step
from audit.conditions.base import KIND_NAMES, Kind
from audit.conditions.protect.placebo import PLACEBO, PLACEBO_LPIPS
from audit.conditions.protect.placebo_tone import PLACEBO_TONE
from audit.images import at_size_of, rms
from audit.plan.arms import cloak_and_version
from audit.plan.spec import WITH_FOLDER, Spec, typed_control
from audit.records import BASE, ArtistSet, Condition, Finite, Role, Way
from audit.store import Store

LEVELS = TypeAdapter(tuple[Finite, ...])

CONTROLS: dict[str, tuple[str, ...]] = {
    "quick": (),
    "standard": ("placebo", "null"),
    "court": ("placebo", "null", "clean-again", "identity", "other-artist"),
}
"""Controls that a preset adds by itself: noise, the A/A test, and in court all planted truths."""

WAYS_AROUND: dict[Way, str] = {
    "jpeg": "jpeg",
    "tone": "tone",
    "purifier": "diffusion",
    "noisy-upscaling": "noisy-upscale",
}
"""What is tried of each kind of countermeasure where the spec names none of it: what needs the base model alone."""

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


DILUTED = "diluted"
"""The control in which another artist's works stand in a share of places: `diluted:SHARE`."""


def arm_condition(arm: str) -> Condition:
    """The condition of one set of protected files.

    Raises:
        BadInput: `arm-name.taken`, it is called like a treatment or another condition.
    """
    if arm == PROTECTED.name:
        return PROTECTED
    if arm in TREATMENTS or arm in (BASE, CLEAN.name, CLEAN_AGAIN.name, OTHER_ARTIST.name, DILUTED):
        raise BadInput("arm-name.taken", name=arm)
    own: Said = words("your files protected as '{name}'", name=arm)
    cloak, version = cloak_and_version(arm)
    called = {"words": own, "label": words("{name}", name=arm), "cloak": cloak, "cloak_version": version}
    return PROTECTED.model_copy(update={"name": arm, "arm": arm, **called})


def controls_of(spec: Spec) -> tuple[str, ...]:
    """The controls asked for, and those that the preset adds by itself."""
    given = {typed_control(text)[0] for text in spec.control}
    usual = (*CONTROLS[spec.preset], *([PLACEBO_TONE.name] if tries_battery(spec) else []))
    added = () if spec.planted_only else tuple(c for c in usual if c not in given)
    return (*spec.control, *added)


def tries_battery(spec: Spec) -> bool:
    """Whether an audit tries the usual ways around each protection: `quick` when asked to, `standard` unless asked not
    to, `court` always.

    Raises:
        BadInput: `battery-needed`, court without them.
    """
    if spec.preset == "court" and spec.battery is False:
        raise BadInput("battery-needed")
    return not spec.planted_only and (spec.preset != "quick" if spec.battery is None else spec.battery)


def ways_around(spec: Spec) -> tuple[str, ...]:
    """Countermeasures that complete the battery beside those of the spec, as they would be typed."""
    if not tries_battery(spec):
        return ()
    steps = [step for text in spec.against for step in parse_chain(text)]
    known = {step.treatment.way(step.argument) for step in steps}
    return tuple(step for way, step in WAYS_AROUND.items() if way not in known)


def other_artist(controls: Sequence[str]) -> tuple[Path | None] | None:
    """The folder after `other-artist:`, or None in its place without one; None where no control asks for such works."""
    for text in controls:
        name, folder = typed_control(text)
        if name == OTHER_ARTIST.name:
            return (Path(folder) if folder else None,)
    return (None,) if any(typed_control(text)[0] == DILUTED for text in controls) else None


def without_treatment(control: str) -> Condition | None:
    """The control that was typed, if it is one without a treatment.

    Raises:
        BadInput: `treatment-argument`, a share of `diluted` that is no number from 0.01 to 0.99.
    """
    name, argument = typed_control(control)
    if control == CLEAN_AGAIN.name:
        return CLEAN_AGAIN
    if name == DILUTED:
        return diluted(argument)
    return OTHER_ARTIST if name == OTHER_ARTIST.name else None


def diluted(share: str | None) -> Condition:
    """The artist's works with another artist's in a share of places: a planted truth between none and all.

    Raises:
        BadInput: `treatment-argument`, a share that is no number from 0.01 to 0.99.
    """
    try:
        value = float(share or "")
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 0.99:
        raise BadInput(
            "treatment-argument",
            text=DILUTED if share is None else f"{DILUTED}:{share}",
            name=DILUTED,
            unit=words("the share of works by another artist"),
            low=0.01,
            high=0.99,
            usual=0.5,
        )
    return OTHER_ARTIST.model_copy(
        update={
            "name": f"{DILUTED}:{value:g}",
            "truth": "part-works",
            "other_share": value,
            "words": words(
                "your originals with another artist's works in a share of {arg} of the places", arg=f"{value:g}"
            ),
            "label": words("a share of {arg} by another artist", arg=f"{value:g}"),
        }
    )


def make_conditions(spec: Spec, *, artist: ArtistSet, store: Store) -> tuple[Condition, ...]:
    """Clean, every protection, its countermeasures with their clean twins, placebo and controls."""
    protections = [arm_condition(arm) for arm in spec.protected]
    protections += [_made(_step(text, "protection"), text, role="protected", primary=True) for text in spec.protect]
    found = [CLEAN, *protections]
    for text in spec.against:
        parts = [_of_kind(step, "counter") for step in parse_chain(text)]
        twin = _on_top(CLEAN, text, parts, role="counter")
        found += [
            _on_top(protection, text, parts, role="counter", primary=True, twin=twin.name) for protection in protections
        ]
        found.append(twin)
    for text in ways_around(spec):
        parts = [_step(text, "counter")]
        # What they cost the originals is told where there is time for it.
        twins = [_on_top(CLEAN, text, parts, role="counter")] if spec.preset == "court" else []
        beside = twins[0].name if twins else None
        found += [_on_top(p, text, parts, role="counter", primary=True, twin=beside) for p in protections]
        found += twins
    controls = _controls(controls_of(spec), protections, artist=artist, store=store)
    # In an audit of planted truths each of them gets a word, as a protection would.
    found += [c.model_copy(update={"primary": True}) for c in controls] if spec.planted_only else controls
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
    given: list[Condition] = []
    for text in asked:
        own = without_treatment(text)
        if own is not None:
            yield own
            continue
        step = steps[text]
        if step.treatment.kind == "placebo" and not step.typed:
            # Where noise has no level to be as strong as, both placebos are the one that looks as strong.
            one_kind = [c for c in _matched(text, step, protections, artist=artist, store=store) if c not in given]
            given += one_kind
            yield from one_kind
        elif step.treatment.per_protection and len(protections) > 1:
            yield from (_on_top(protection, text, [step], role="control") for protection in protections)
        else:
            # Arguments are told where two conditions would otherwise be called the same.
            made = _made(step, text, role=_role(step), alike=kinds.count(step.treatment.name) > 1)
            if step.treatment.per_protection:
                (protection,) = protections
                through = (*protection.steps, *made.steps)
                made = made.model_copy(update={"source": protection.source, "arm": protection.arm, "steps": through})
            yield made


def _matched(
    text: str, step: Step, protections: Sequence[Condition], *, artist: ArtistSet, store: Store
) -> Iterator[Condition]:
    """Placebos as strong as each protection; those of one strength share theirs.

    In levels of 255 where the protection has a budget in them; else by what the eye notices, picture by picture.
    """
    made: list[Condition] = []
    for protection in protections:
        budget = placebo_budget(protection, artist=artist, store=store) if step.treatment is PLACEBO else None
        if budget is not None:
            matched = Step(PLACEBO, budget)
            one = _made(step, text, role="placebo").model_copy(update={"steps": (matched.text,), "budget": budget})
        else:
            seen = Step(PLACEBO_LPIPS if step.treatment is PLACEBO else step.treatment, 0)
            through = (*protection.steps, seen.text)
            place = {"source": protection.source, "arm": protection.arm, "steps": through}
            one = _made(seen, seen.treatment.name, role="placebo").model_copy(update=place)
        made.append(one.model_copy(update={"matches": (protection.name,)}))
    alike: dict[tuple[str, str, tuple[str, ...]], list[Condition]] = {}
    for one in made:
        alike.setdefault((one.source, one.arm, one.steps), []).append(one)
    for found in alike.values():
        matches = tuple(name for one in found for name in one.matches)
        one = found[0].model_copy(update={"matches": matches})
        yield one if len(alike) == 1 else _told_apart(one, protections)


def _told_apart(placebo: Condition, protections: Sequence[Condition]) -> Condition:
    """A placebo beside others of its kind: named after its strength, else after the protection that it is like."""
    if placebo.budget is not None:
        named = _made(parse_step(placebo.steps[0]), placebo.steps[0], role="placebo", alike=True)
        return named.model_copy(update={"matches": placebo.matches})
    of = next(p for p in protections if p.name == placebo.matches[0])
    return placebo.model_copy(
        update={
            "name": f"{placebo.name}@{of.name}",
            "words": words("{first} ({second})", first=placebo.words, second=of.words),
            "label": words("{label} ({name})", label=placebo.label, name=of.label),
        }
    )


def _step(text: str, *kinds: Kind) -> Step:
    return _of_kind(parse_step(text), *kinds)


def _of_kind(step: Step, *kinds: Kind) -> Step:
    if step.treatment.kind not in kinds:
        option = {"protection": "--protect", "counter": "--against"}.get(step.treatment.kind, "--control")
        raise BadInput("treatment-option", text=step.asked, kind=KIND_NAMES[step.treatment.kind], option=option)
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
        arm=of.arm,
        steps=(*of.steps, *treated_by),
        primary=primary,
        words=words("{pictures} after {treatment}", pictures=of.words, treatment=treatment),
        label=reduce(lambda label, part: words("{label} + {step}", label=label, step=part.asked), parts, of.label),
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
    pairs = [(works[file.work].pixels, file.pixels) for file in artist.protected if file.arm == protection.arm]

    def compute() -> list[float]:
        return [rms(own := store.get_pixels(a), at_size_of(own, store.get_pixels(b))) for a, b in pairs]

    # Hundreds of works take a while, and every plan of the same files asks again.
    digests = [digest for pair in pairs for digest in pair]
    changes = store.json_step("budget", {}, digests, compute, of=LEVELS, fits=lambda found: len(found) == len(pairs))
    level = round(statistics.median(changes))
    return min(max(level, PLACEBO.low), PLACEBO.high)
