"""Conditions: what happens to the training pictures. One file per treatment, one row in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from audit.conditions.base import Context, Pixels, Treatment
from audit.conditions.controls import IDENTITY, NULL
from audit.conditions.counter.jpeg import JPEG
from audit.conditions.protect.encoder import ENCODER_PGD
from audit.conditions.protect.placebo import PLACEBO
from audit.errors import BadInput, printable
from audit.images import linf
from audit.models.loader import Model
from audit.records import Condition, ImageSet, Work
from audit.store import Store

TREATMENTS: dict[str, Treatment] = {t.name: t for t in (ENCODER_PGD, PLACEBO, NULL, IDENTITY, JPEG)}

CHUNK_PIXELS = 4 * 1024 * 1024
"""Pictures are treated in groups of at most this many pixels: bounded memory, and a unit to resume."""


@dataclass(frozen=True)
class Step:
    """One parsed treatment of a condition."""

    treatment: Treatment
    argument: float

    @property
    def text(self) -> str:
        return self.treatment.name if self.treatment.default is None else f"{self.treatment.name}:{self.argument:g}"


def parse_step(text: str) -> Step:
    """Read `name` or `name:argument`.

    Raises:
        BadInput: unknown name, an argument that is no number or out of range.
    """
    name, colon, argument = text.partition(":")
    treatment = TREATMENTS.get(name)
    if treatment is None:
        raise BadInput(
            "treatment-unknown",
            f"'{printable(name)}' is no treatment that CloakCheck knows; it knows {', '.join(sorted(TREATMENTS))}.",
        )
    if treatment.default is None:
        if colon:
            raise BadInput("treatment-argument", f"'{name}' takes no argument; write it without the colon.")
        return Step(treatment, 0.0)
    try:
        value = float(argument) if colon else treatment.default
    except ValueError:
        value = float("nan")
    if not (treatment.low <= value <= treatment.high and value == int(value)):
        raise BadInput(
            "treatment-argument",
            f"'{printable(text)}' was given, but {name} takes {treatment.unit}, a whole number from "
            f"{treatment.low:g} to {treatment.high:g}; write for instance {name}:{treatment.default:g}.",
        )
    return Step(treatment, value)


def apply_step(step: Step, pictures: list[Pixels], context: Context) -> list[Pixels]:
    """Run one treatment and enforce its contract.

    Raises:
        RuntimeError: the treatment changed a size or type, or went over its budget (a bug in it).
    """
    treated = step.treatment.run([p.copy() for p in pictures], step.argument, context)
    budget = step.treatment.budget(step.argument)
    for before, after in zip(pictures, treated, strict=True):
        if after.shape != before.shape or after.dtype != np.uint8:
            raise RuntimeError(f"{step.text} turned {before.shape} into {after.shape} {after.dtype}.")
        if budget is not None and linf(before, after) > budget:
            raise RuntimeError(f"{step.text} changed a pixel by {linf(before, after):g}, over its budget {budget:g}.")
    return treated


def treat(
    condition: Condition,
    *,
    works: Sequence[Work],
    sources: Sequence[str],
    model: Model,
    seed: int,
    store: Store,
    progress: Callable[[int], None] | None = None,
) -> ImageSet:
    """Make a condition's pictures.

    Args:
        works: the works, in order; `sources` holds the stored pixels that the condition starts from.
        progress: called with the number of pictures finished so far.
    """
    steps = [parse_step(text) for text in condition.steps]
    digests = list(sources)
    for step in steps:
        done = 0
        after: list[str] = [""] * len(digests)
        for rows in _chunks(works):
            inputs = [digests[i] for i in rows]
            after_rows = _treated_chunk(step, inputs, model=model, seed=seed, store=store)
            for row, digest in zip(rows, after_rows, strict=True):
                after[row] = digest
            done += len(rows)
            if progress is not None:
                progress(done)
        digests = after
    return ImageSet(condition=condition.name, works=tuple(w.id for w in works), pixels=tuple(digests))


def _treated_chunk(step: Step, inputs: list[str], *, model: Model, seed: int, store: Store) -> list[str]:
    def compute() -> list[str]:
        context = Context(model=model, seed=seed, digests=tuple(inputs))
        pictures = apply_step(step, [store.get_pixels(d) for d in inputs], context)
        return [store.put_pixels(p) for p in pictures]

    settings = {"step": step.text, "version": step.treatment.version, "seed": seed, "model": model.facts.sha256}
    found = store.json_step("treated", 1, settings, inputs, compute)
    missing = [d for d in found if not store.blob_path(d).exists()]
    return compute() if missing else list(found)


def _chunks(works: Sequence[Work]) -> Iterator[list[int]]:
    """Row indices in groups of one picture size and bounded pixels."""
    by_size: dict[tuple[int, int], list[int]] = {}
    for row, work in enumerate(works):
        by_size.setdefault((work.height, work.width), []).append(row)
    for (height, width), rows in by_size.items():
        size = max(1, min(16, CHUNK_PIXELS // (height * width)))
        for start in range(0, len(rows), size):
            yield rows[start : start + size]
