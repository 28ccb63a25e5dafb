"""Conditions: what happens to the training pictures. One file per treatment, one row in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from audit.base.errors import BadInput
from audit.base.messages import Said, words
from audit.conditions.base import Context, Made, Pixels, Treatment
from audit.conditions.controls import IDENTITY, MIXED, NULL
from audit.conditions.counter.filters import BILATERAL_FILTER, BITS, BLUR, MEDIAN, TV
from audit.conditions.counter.impress import IMPRESS
from audit.conditions.counter.jpeg import JPEG
from audit.conditions.counter.model import DIFFUSION, NOISY_UPSCALE, VAE
from audit.conditions.counter.noise import NOISE
from audit.conditions.counter.resize import RESIZE
from audit.conditions.counter.upscaler import X4_UPSCALE
from audit.conditions.protect.denoiser import DENOISER_PGD
from audit.conditions.protect.encoder import ENCODER_PGD
from audit.conditions.protect.fused import FUSED_PGD
from audit.conditions.protect.placebo import PLACEBO, PLACEBO_LPIPS
from audit.conditions.protect.sds import SDS_PGD
from audit.conditions.protect.style_cloak import STYLE_CLOAK
from audit.conditions.protect.surrogate import SURROGATE_PGD, SURROGATE_TARGET_PGD
from audit.conditions.publish import AS_PUBLISHED
from audit.images import linf
from audit.models.loader import Model
from audit.records import Condition, ImageSet, ModelFacts, ProtectSettings, Reached, Recipe, Work
from audit.store import Store
from audit.style.lpips import lpips_distance

TREATMENTS: dict[str, Treatment] = {
    t.name: t
    for t in (
        *(ENCODER_PGD, DENOISER_PGD, FUSED_PGD, SDS_PGD, SURROGATE_PGD, SURROGATE_TARGET_PGD, STYLE_CLOAK),
        *(PLACEBO, PLACEBO_LPIPS),
        *(NULL, IDENTITY, MIXED),
        *(JPEG, RESIZE, NOISE, BLUR, MEDIAN, BILATERAL_FILTER, BITS, TV),
        *(VAE, DIFFUSION, NOISY_UPSCALE, X4_UPSCALE, IMPRESS),
        *AS_PUBLISHED,
    )
}

CHUNK_PIXELS = 4 * 1024 * 1024
"""Pictures are treated in groups of at most this many pixels: bounded memory, and a unit to resume."""


@dataclass(frozen=True)
class Step:
    """One parsed treatment of a condition."""

    treatment: Treatment
    argument: float
    typed: str = ""
    """The argument as it was typed; '' for none."""

    @property
    def words(self) -> Said:
        """What it is called in plain words, with the argument where one was typed."""
        return self.treatment.called.typed(self.typed)

    @property
    def text(self) -> str:
        return self.treatment.name if self.treatment.default is None else f"{self.treatment.name}:{self.argument:g}"

    def recipe(self, surrogate: ModelFacts, asked: ProtectSettings) -> Recipe:
        """What the plan says about it."""
        row = self.treatment
        settings = row.settings(self.argument, surrogate, asked)
        if row.kind == "protection":
            settings |= {"surrogate": surrogate.name}
        return Recipe(
            step=self.text,
            kind=row.kind,
            source=row.source,
            published=row.published,
            settings=settings,
            approximate=row.approximate,
        )


def parse_step(text: str) -> Step:
    """Read `name` or `name:argument`.

    Raises:
        BadInput: unknown name, an argument that is no number or out of range.
    """
    if text in TREATMENTS and TREATMENTS[text].default is None:
        return Step(TREATMENTS[text], 0.0)
    name, colon, argument = text.partition(":")
    treatment = TREATMENTS.get(name)
    if treatment is None:
        raise BadInput("treatment-unknown", text=text, choices=sorted(TREATMENTS))
    if treatment.default is None:
        raise BadInput("treatment-argument.none", name=name)
    try:
        value = float(argument) if colon else treatment.default
    except ValueError:
        value = float("nan")
    if not (treatment.low <= value <= treatment.high and (value == int(value) or not treatment.whole)):
        raise BadInput(
            "treatment-argument.whole" if treatment.whole else "treatment-argument",
            text=text,
            name=name,
            unit=words(treatment.unit),
            low=treatment.low,
            high=treatment.high,
            usual=treatment.default,
        )
    return Step(treatment, value, argument)


def recipes(conditions: Sequence[Condition], *, surrogate: ModelFacts, asked: ProtectSettings) -> tuple[Recipe, ...]:
    """Every treatment of a plan once, in the order of its conditions."""
    texts = dict.fromkeys(text for condition in conditions for text in condition.steps)
    return tuple(parse_step(text).recipe(surrogate, asked) for text in texts)


# --- the contract ----------------------------------------------------------------------------------


def apply_step(step: Step, pictures: list[Pixels], context: Context) -> Made:
    """Run one treatment and enforce its contract.

    Raises:
        RuntimeError: the treatment lost a picture, changed a size or type, reported no finite number,
            or went over its budget (a bug in it).
    """
    row = step.treatment
    made = row.run([p.copy() for p in pictures], step.argument, context)
    told = {len(made.first), len(made.last)}
    if len(made.pictures) != len(pictures) or told != ({len(pictures)} if row.objective else {0}):
        raise RuntimeError(f"{step.text} answered {len(made.pictures)} of {len(pictures)} pictures.")
    if not all(np.isfinite([*made.first, *made.last])):
        raise RuntimeError(f"{step.text} reported {made.first} and {made.last}, which are not all finite.")
    for before, after in zip(pictures, made.pictures, strict=True):
        if after.dtype != np.uint8 or not (after.shape == before.shape or (row.may_resize and after.ndim == 3)):
            raise RuntimeError(f"{step.text} turned {before.shape} into {after.shape} {after.dtype}.")
        budget, distance = row.budget(step.argument), row.lpips(step.argument)
        if budget is not None and linf(before, after) > budget:
            raise RuntimeError(f"{step.text} changed a pixel by {linf(before, after):g}, over its budget {budget:g}.")
        if distance is not None and lpips_distance(before, after) > distance:
            raise RuntimeError(f"{step.text} went {lpips_distance(before, after):g} far, over {distance:g}.")
    return made


def treat(
    condition: Condition,
    *,
    works: Sequence[Work],
    sources: Sequence[str],
    model: Model,
    seed: int,
    store: Store,
    surrogate: Model | None = None,
    protection: ProtectSettings | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImageSet:
    """Make a condition's pictures.

    Args:
        works: the works, in order; `sources` holds the stored pixels that the condition starts from.
        surrogate: what protections attack; None for `model` itself.
        progress: called with the number of pictures finished so far.
    """
    asked = protection or ProtectSettings()
    reached: list[Reached] = []
    digests = list(sources)
    for step in [parse_step(text) for text in condition.steps]:
        done = 0
        after: list[str] = [""] * len(digests)
        for rows in _chunks(digests, store, whole_set=step.treatment.whole_set):
            found = _treated(
                step,
                inputs=[digests[i] for i in rows],
                originals=[works[i].pixels for i in rows],
                model=model,
                surrogate=surrogate or model,
                asked=asked,
                seed=seed,
                store=store,
            )
            for row, digest in zip(rows, found["pixels"], strict=True):
                after[row] = digest
            reached += _reached(condition, step, [works[row].id for row in rows], found)
            done += len(rows)
            if progress is not None:
                progress(done)
        digests = after
    return ImageSet(
        condition=condition.name,
        works=tuple(w.id for w in works),
        pixels=tuple(digests),
        reached=tuple(sorted(reached, key=lambda r: (r.step, r.work))),
    )


def _reached(condition: Condition, step: Step, works: Sequence[str], found: dict[str, Any]) -> Iterator[Reached]:
    """What was measured on each work; what that is, the row says, so it is no part of what is stored."""
    objective = step.treatment.objective
    if objective is not None:
        for work, first, last in zip(works, found["first"], found["last"], strict=True):
            yield Reached(
                condition=condition.name, step=step.text, work=work, objective=objective, first=first, last=last
            )


def _treated(
    step: Step,
    *,
    inputs: list[str],
    originals: list[str],
    model: Model,
    surrogate: Model,
    asked: ProtectSettings,
    seed: int,
    store: Store,
) -> dict[str, Any]:
    def compute() -> dict[str, Any]:
        context = Context(
            model=model,
            surrogate=surrogate,
            seed=seed,
            names=tuple(originals),
            original=lambda row: store.get_pixels(originals[row]),
            protection=asked,
        )
        # The gradient of an attack runs through denoiser and VAE in one go.
        attacked = (surrogate.denoiser, surrogate.vae) if step.treatment.kind == "protection" else ()
        with surrogate.together(*attacked):
            made = apply_step(step, [store.get_pixels(d) for d in inputs], context)
        return {
            "pixels": [store.put_pixels(p) for p in made.pictures],
            "first": list(made.first),
            "last": list(made.last),
        }

    settings = {"step": step.text, "version": step.treatment.version, "seed": seed, "model": model.facts.sha256}
    if step.treatment.kind == "protection":
        settings |= {"surrogate": surrogate.facts.sha256, "asked": asked.model_dump(mode="json")}
    if step.treatment.tier == "model":
        settings |= {"steps": asked.counter_steps}
    if step.treatment.outside is not None:
        settings |= {"outside": step.treatment.outside()}
    found = store.json_step("treated", settings, [*inputs, *originals], compute)
    missing = [d for d in found["pixels"] if not store.blob_path(d).exists()]
    return compute() if missing else dict(found)


def _chunks(digests: Sequence[str], store: Store, *, whole_set: bool) -> Iterator[list[int]]:
    """Row indices in groups of one picture size and bounded pixels, or all of them."""
    if whole_set:
        yield list(range(len(digests)))
        return
    by_size: dict[tuple[int, int], list[int]] = {}
    for row, digest in enumerate(digests):
        by_size.setdefault(_size(digest, store), []).append(row)
    for (height, width), rows in by_size.items():
        size = max(1, min(16, CHUNK_PIXELS // (height * width)))
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _size(digest: str, store: Store) -> tuple[int, int]:
    """Height and width of a stored picture, from its header where that can be read."""
    try:
        with Image.open(store.blob_path(digest)) as header:
            return header.height, header.width
    except OSError:
        height, width, _ = store.get_pixels(digest).shape
        return height, width
