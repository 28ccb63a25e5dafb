"""From a spec and the collected works to the plan: conditions, settings, cells."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from audit import __version__
from audit.conditions import TREATMENTS, parse_step, recipes
from audit.errors import BadInput, printable
from audit.images import at_size_of, rms
from audit.prompts import choose_prompts, full_prompt
from audit.records import (
    ArtistSet,
    Condition,
    Margins,
    ModelFacts,
    Plan,
    ProtectSettings,
    Record,
    ReferenceArtist,
    Role,
    SampleSettings,
    Stopping,
    TrainSettings,
    Work,
)
from audit.records.works import NEUTRAL_CAPTION
from audit.spec import Spec
from audit.store import Store
from audit.style import DEFAULT_ENCODER, ENCODERS, style_metric
from audit.style.choice import check_metric, pick_metrics
from audit.style.subject import reader_folder
from audit.training import TrainingCell
from audit.training.streams import Streams

Settings = TypeVar("Settings", bound=Record)

TRIGGER = "nulevoy"
"""A made-up word with no meaning to any base model; the artist's name would bring in what it knows."""
REPLICATES = {"quick": 2, "standard": 6, "court": 12}
UNTIL_DECIDED = 12
"""Budget of `--until-decided` where `--replicates` names none."""
CONTROLS: dict[str, tuple[str, ...]] = {
    "quick": (),
    "standard": ("placebo", "null"),
    "court": ("placebo", "null", "clean-again", "identity", "other-artist"),
}
"""Controls that a preset adds by itself: noise, the A/A test, and in court all planted truths."""
OTHER_ARTIST = "other-artist"
MOST_CONCEPTS = 12
"""Subjects of works that models are asked for where subjects are read."""

LAB_TRAINING = TrainSettings(rank=8, alpha=8, targets="all", steps=100, batch=8, learning_rate=2e-3, works=24)
LAB_SAMPLING = SampleSettings(steps=15, guidance=2.5)
# The usual settings of a Stable Diffusion style LoRA: diffusers' rate, robust-style-mimicry's sample count.
SD_TRAINING = TrainSettings(rank=8, alpha=8, steps=2000, batch=4, learning_rate=1e-4, warmup=100, works=24)
# Published for the whole U-Net of Stable Diffusion (Hönig et al., 2024); the lab's was measured (DECISIONS).
FULL_RATE, LAB_FULL_RATE = 5e-6, 1e-4
SD_SAMPLING = SampleSettings(steps=20, guidance=7.5)
# Guidance as the pipeline (SDXL) and the model's card (SD 3.5 Medium) have it; steps for DPM++ and Euler.
SAMPLING = {"sdxl": SampleSettings(steps=25, guidance=5.0), "sd3": SampleSettings(steps=28, guidance=4.5)}


def check_names(spec: Spec) -> None:
    """Find a mistyped option before any picture is read.

    Raises:
        BadInput: an unknown metric, treatment or argument, or no protection at all.
    """
    check_metric(spec.primary_metric)
    if spec.protected is None and not spec.protect and not spec.planted_only:
        raise BadInput(
            "nothing-to-test",
            "No protection was given; name a folder with --protected DIR or a reference protection with "
            "--protect encoder-pgd.",
        )
    for text in [*spec.protect, *(part for words in spec.against for part in words.split("+"))]:
        parse_step(text)
    for text in spec.control:
        if text != "clean-again" and other_artist((text,)) is None:
            parse_step(text)
    training_settings(spec, lab=True)
    _settings(LAB_SAMPLING, spec.sampling, "sampling")
    protect_settings(spec)


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


def make_plan(
    spec: Spec,
    *,
    artist: ArtistSet,
    model: ModelFacts,
    store: Store,
    surrogate: ModelFacts | None = None,
    other_works: tuple[Work, ...] = (),
    references: tuple[ReferenceArtist, ...] = (),
) -> Plan:
    """Fix everything before training; `references` are the reference artists that the user gave, if any.

    Raises:
        BadInput: an option that names something unknown, or prompts that cannot be used.
    """
    conditions = make_conditions(spec, artist=artist, store=store)
    budget = UNTIL_DECIDED if spec.until_decided else REPLICATES[spec.preset]
    protection = protect_settings(spec)
    metrics = metrics_of(spec, lab=model.lab)
    return Plan(
        tool_version=__version__,
        artist=printable(spec.artist, limit=80).strip() or "the artist",
        preset=spec.preset,
        model=model,
        works=artist.works,
        protected=artist.protected,
        conditions=conditions,
        replicates=spec.replicates or budget,
        seed=spec.seed,
        trigger=TRIGGER,
        prompts=choose_prompts(spec, artist),
        concepts=concepts_of(spec, artist, lab=model.lab),
        metrics=metrics,
        primary_metric=metrics[0],
        training=training_settings(spec, lab=model.lab),
        sampling=_settings(
            LAB_SAMPLING if model.lab else SAMPLING.get(model.family, SD_SAMPLING), spec.sampling, "sampling"
        ),
        margins=spec.margins,
        reference_artists=references,
        hypotheses=hypotheses(conditions, metric=metrics[0], margins=spec.margins),
        metric_weights={name: style_metric(name).digest() for name in metrics},
        stopping=Stopping(rule="until-decided", first_look=spec.margins.min_replicates)
        if spec.until_decided
        else Stopping(),
        surrogate=surrogate,
        other_works=other_works,
        protection=protection,
        recipes=recipes(conditions, surrogate=surrogate or model, asked=protection),
    )


def metrics_of(spec: Spec, *, lab: bool) -> tuple[str, ...]:
    """The metrics of an audit, the deciding one first.

    Raises:
        BadInput: `metric-unknown`, `references-needed`. BadModel: `encoder-missing`.
    """
    return pick_metrics(spec.primary_metric, lab=lab, references=spec.reference_artists is not None)


def concepts_of(spec: Spec, artist: ArtistSet, *, lab: bool) -> tuple[str, ...]:
    """Subjects of training works to ask every model for, the commonest first; () where subjects are not read.

    They are read when asked for, and for files that Nightshade named if a CLIP to read them with is there.

    Raises:
        BadModel: `encoder-missing`, when they were asked for.
    """
    nightshade = any("Nightshade" in file.claimed_tool for file in artist.protected)
    if not spec.subjects and not (nightshade and (lab or ENCODERS[DEFAULT_ENCODER].present())):
        return ()
    reader_folder(lab=lab)
    counted = Counter(work.caption for work in artist.pool() if work.caption != NEUTRAL_CAPTION)
    return tuple(caption for caption, _ in counted.most_common(MOST_CONCEPTS))


def hypotheses(conditions: Sequence[Condition], *, metric: str, margins: Margins) -> tuple[str, ...]:
    """What is tested, one sentence for each primary condition: together the primary family."""
    m = margins
    return tuple(
        f"{c.name}: the protection index by {metric} is above {m.held:g} (held), above {m.partly:g} (partly-held) "
        f"or below {m.did_not_hold:g} (did-not-hold), at the {m.level:g} level."
        for c in conditions
        if c.primary
    )


def looks(plan: Plan) -> list[range]:
    """Replicates to run before each look: all at once, or the first few and then one by one."""
    first = min(plan.stopping.first_look, plan.replicates)
    if plan.stopping.rule == "fixed":
        first = plan.replicates
    return [range(1, first + 1), *(range(r, r + 1) for r in range(first + 1, plan.replicates + 1))]


def training_settings(spec: Spec, *, lab: bool) -> TrainSettings:
    """How cells are trained: the model's usual settings, and what was asked for.

    Raises:
        BadInput: `spec-invalid`, a setting that is unknown or out of range.
    """
    usual = LAB_TRAINING if lab else SD_TRAINING
    if spec.training.get("method") == "full":
        usual = usual.model_copy(update={"learning_rate": LAB_FULL_RATE if lab else FULL_RATE, "warmup": 0})
    return _settings(usual, spec.training, "training")


def protect_settings(spec: Spec) -> ProtectSettings:
    """How treatments run that take steps.

    Raises:
        BadInput: a setting that is unknown or out of range.
    """
    return _settings(ProtectSettings(), spec.protection, "protection")


def _settings(default: Settings, changes: dict[str, object], table: str) -> Settings:
    try:
        return type(default).model_validate({**default.model_dump(), **changes})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join([table, *(str(part) for part in problem["loc"])])
        raise BadInput(
            "spec-invalid", f"Setting '{printable(place)}' cannot be used: {problem['msg']}; mend it."
        ) from error


# --- conditions ------------------------------------------------------------------------------------


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
    if any(c in ("placebo", "placebo-perceptual") for c in controls):
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
        elif text in ("placebo", "placebo-perceptual"):
            # Matched to what the strongest protection delivers, picture by picture; one without an
            # L-inf budget has no other placebo.
            steps = (*strongest.steps, "placebo-perceptual:0")
            found.append(Condition(name="placebo-perceptual", role="placebo", source=strongest.source, steps=steps))
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


# --- cells -----------------------------------------------------------------------------------------


def other_in_turn(plan: Plan, count: int) -> list[Work]:
    """The other artist's works in the places of the pool's, from the first again when they are fewer."""
    return [plan.other_works[i % len(plan.other_works)] for i in range(count)]


def make_cells(plan: Plan, pictures: dict[str, Sequence[str]]) -> list[TrainingCell]:
    """All LoRAs of the plan, replicate by replicate.

    Args:
        pictures: condition -> stored pixels of every pool work, in the plan's order.
    """
    pool = [w for w in plan.works if w.split == "pool"]
    beside_identity = any(c.name == "identity" for c in plan.conditions)
    cells = []
    for replicate in range(1, plan.replicates + 1):
        for condition in plan.conditions:
            variant = "again" if condition.name == "clean-again" else ""
            streams = Streams(seed=plan.seed, replicate=replicate, variant=variant)
            # Captions tell what the pictures show, so another artist's pictures come with their own.
            shown = other_in_turn(plan, len(pool)) if condition.source == "other-artist" else pool
            rows = streams.works(pool=len(pool), wanted=plan.training.works)
            cells.append(
                TrainingCell(
                    condition=condition.name,
                    replicate=replicate,
                    label=condition.name
                    if condition.role == "control" or (condition.role == "clean" and beside_identity)
                    else "",
                    streams=streams,
                    works=tuple(pool[i].id for i in rows),
                    pixels=tuple(pictures[condition.name][i] for i in rows),
                    captions=tuple(full_prompt(shown[i].caption, plan.trigger) for i in rows),
                )
            )
    return cells
