"""Pictures through their treatments: the contract that each keeps, and a task for every group of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image
from pydantic import TypeAdapter

from audit.conditions import Step, parse_step
from audit.conditions.base import Context, Made, Pixels
from audit.executor import Bench, Engine, Needs, Task, Worker
from audit.images import linf
from audit.models.frames import Shape
from audit.models.memory import MemoryShort, free_unused, is_out_of_memory, too_short
from audit.records import Condition, Digest, Finite, ImageSet, ProtectSettings, Reached, Record, Work
from audit.store import Store
from audit.style.lpips import lpips_distance
from audit.training.saving import recompute

CHUNK_PIXELS = 4 * 1024 * 1024
"""Pictures are treated in groups of at most this many pixels: bounded memory, and a unit to resume."""


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


class TreatedGroup(Record):
    """What a treatment made of a group of pictures: stored pixels in order, and what it reached on each."""

    pixels: tuple[Digest, ...]
    first: tuple[Finite, ...]
    last: tuple[Finite, ...]


TREATED = TypeAdapter(TreatedGroup)


@dataclass(frozen=True)
class TreatPictures(Task[TreatedGroup]):
    """One treatment of a group of pictures.

    Attributes:
        step: the treatment, as a condition names it.
        inputs, originals: stored pictures as they come, and the artist's originals of the same works.
        model, attacked: digests of the audited model and of the one that protections attack.
        own_weights: digest of weights that the treatment uses beside these; '' for none.
        shapes: that these works are trained on in; () where that does not matter, or for squares.

    Answers the stored pixels in order and, of treatments that optimise, what they reached; a stored answer of another
    length is none.
    """

    step: str
    inputs: tuple[str, ...]
    originals: tuple[str, ...]
    seed: int
    asked: ProtectSettings
    model: str
    attacked: str
    own_weights: str
    shapes: tuple[Shape, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        row = parse_step(self.step).treatment
        found: dict[str, Any] = {"step": self.step, "version": row.version}
        found |= {"seed": self.seed, "model": self.model}
        if row.kind == "protection":
            found |= {"surrogate": self.attacked, "asked": self.asked.model_dump(mode="json")}
        if row.tier == "model":
            found |= {"steps": self.asked.counter_steps}
        if row.own_weights is not None:
            found |= {"outside": self.own_weights}
        if self.shapes:
            found |= {"shapes": self.shapes}
        return found

    @property
    def key(self) -> str:
        return Store.key("treated", self.settings, [*self.inputs, *self.originals])

    @property
    def units(self) -> int:
        return len(self.inputs)

    def needs(self, bench: Bench) -> Needs | None:
        """Its pictures and their originals; one that uses weights of its own stays where these lie."""
        if self.own_weights:
            return None
        return Needs(pictures=tuple(dict.fromkeys((*self.inputs, *self.originals))))

    def is_made(self, store: Store) -> bool:
        return store.has("treated", self.key)

    def run(self, worker: Worker) -> TreatedGroup:
        store = worker.engine.store

        def compute() -> dict[str, Any]:
            return self._treated(worker.engine).model_dump(mode="json")

        inputs = [*self.inputs, *self.originals]
        found = store.json_step("treated", self.settings, inputs, compute, of=TREATED, fits=self._fits)
        missing = [d for d in found.pixels if not store.blob_path(d).exists()]
        return self._treated(worker.engine) if missing else found

    def _fits(self, found: TreatedGroup) -> bool:
        told = len(self.inputs) if parse_step(self.step).treatment.objective else 0
        return (len(found.pixels), len(found.first), len(found.last)) == (len(self.inputs), told, told)

    def _treated(self, engine: Engine) -> TreatedGroup:
        store, step, surrogate = engine.store, parse_step(self.step), engine.surrogate or engine.model
        context = Context(
            model=engine.model,
            surrogate=surrogate,
            seed=self.seed,
            names=self.originals,
            original=lambda row: store.get_pixels(self.originals[row]),
            protection=self.asked,
            shapes=dict(zip(self.originals, self.shapes, strict=True)) if self.shapes else {},
        )
        # The gradient of an attack runs through denoiser and VAE in one go.
        attacked = (surrogate.denoiser, surrogate.vae) if step.treatment.kind == "protection" else ()
        pictures = [store.get_pixels(d) for d in self.inputs]
        with surrogate.together(*attacked):
            made = _in_little_memory(step, pictures, context)
        pixels = tuple(store.put_pixels(p) for p in made.pictures)
        return TreatedGroup(pixels=pixels, first=tuple(made.first), last=tuple(made.last))


def _in_little_memory(step: Step, pictures: list[Pixels], context: Context) -> Made:
    """`apply_step`; where memory runs out, once more with the activations of the attacked model computed twice.

    Raises:
        MemoryShort: not even then does it fit.
    """
    try:
        return apply_step(step, pictures, context)
    except (RuntimeError, MemoryError, MemoryShort) as error:
        if not isinstance(error, MemoryShort) and not is_out_of_memory(error):
            raise
    # Outside the handler: the exception would keep the failed pass's tensors alive.
    free_unused(context.surrogate.device)
    networks = (context.surrogate.denoiser, context.surrogate.vae)
    before = [recompute(network) for network in networks]
    try:
        return apply_step(step, pictures, context)
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise too_short("memory-for.treatment") from error
        raise
    finally:
        for network, was in zip(networks, before, strict=True):
            recompute(network, wanted=was)


def treat(
    condition: Condition,
    engine: Engine,
    *,
    works: Sequence[Work],
    sources: Sequence[str],
    seed: int,
    protection: ProtectSettings,
    shapes: Mapping[str, Shape] = MappingProxyType({}),
) -> ImageSet:
    """Make a condition's pictures; the progress counts one for each picture and treatment.

    Args:
        works: the works, in order; `sources` holds the stored pixels that the condition starts from.
        shapes: work's id -> the shape that it is trained on in; empty for squares of the model's own size.
    """
    reached: list[Reached] = []
    digests = list(sources)
    for text in [parse_step(text).text for text in condition.steps]:
        tasks, places = [], list(_chunks(digests, engine.store, whole_set=parse_step(text).treatment.whole_set))
        for rows in places:
            inputs, originals = [digests[i] for i in rows], [works[i].pixels for i in rows]
            seen = tuple(shapes[works[i].id] for i in rows) if shapes else ()
            tasks.append(_task(text, inputs, originals, engine=engine, seed=seed, asked=protection, shapes=seen))
        for rows, found in zip(places, engine.run(tasks), strict=True):
            for row, digest in zip(rows, found.pixels, strict=True):
                digests[row] = digest
            reached += _reached(condition, parse_step(text), [works[row].id for row in rows], found)
    return ImageSet(
        condition=condition.name,
        works=tuple(w.id for w in works),
        pixels=tuple(digests),
        reached=tuple(sorted(reached, key=lambda r: (r.step, r.work))),
    )


def _reached(condition: Condition, step: Step, works: Sequence[str], found: TreatedGroup) -> Iterator[Reached]:
    """What was measured on each work; what that is, the row says, so it is no part of what is stored."""
    objective = step.treatment.objective
    if objective is not None:
        for work, first, last in zip(works, found.first, found.last, strict=True):
            yield Reached(
                condition=condition.name, step=step.text, work=work, objective=objective, first=first, last=last
            )


def _task(
    text: str,
    inputs: Sequence[str],
    originals: Sequence[str],
    *,
    engine: Engine,
    seed: int,
    asked: ProtectSettings,
    shapes: tuple[Shape, ...],
) -> TreatPictures:
    own_weights = parse_step(text).treatment.own_weights
    return TreatPictures(
        step=text,
        inputs=tuple(inputs),
        originals=tuple(originals),
        seed=seed,
        asked=asked,
        model=engine.model.facts.sha256,
        attacked=(engine.surrogate or engine.model).facts.sha256,
        own_weights=own_weights() if own_weights is not None else "",
        shapes=shapes if parse_step(text).treatment.grained else (),
    )


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
        with Image.open(store.blob_path(digest), formats=("PNG",)) as header:
            return header.height, header.width
    except OSError:
        height, width, _ = store.get_pixels(digest).shape
        return height, width
