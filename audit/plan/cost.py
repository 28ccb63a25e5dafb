"""What an audit will cost on this machine: time, memory and disk, from a few steps of each stage at full size."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from audit.base.messages import say
from audit.conditions import parse_step
from audit.conditions.protect.pgd import ROW_PIXELS
from audit.executor import Engine
from audit.executor.packing import PICTURES, Packing
from audit.judge.claims import is_claim
from audit.models.kernels import PLAIN_UP_TO, training_attention
from audit.models.memory import free_unused, is_out_of_memory, synchronize, too_short
from audit.models.model import Model
from audit.plan.buckets import beat_of, largest_shape
from audit.plan.grids import courses, ends, on_grid
from audit.plan.probed import Probed
from audit.plan.probes import DRAWN_STEPS, PROBE_STEPS, ProbeDrawing, ProbeTraining
from audit.records import Plan
from audit.style import style_metric
from audit.style.lpips import TILE, lpips_distance
from audit.training.footprint import trained_bytes
from audit.training.packs import busiest, make_packs
from audit.training.saving import recompute

PROBE_PICTURES = 8
LEAST_SIDE = 64
"""Of the picture that visibility is probed with, px: LPIPS needs some room."""
PICTURE_BYTES_PER_PIXEL = 4.0
"""PNG of a generated picture, twice: in the store and beside the report."""
WORK_BYTES_PER_PIXEL = 2.0
"""PNG of a work or its treated copy."""


BY_MODEL = ("stage.train", "stage.draw", "stage.score", "stage.subjects")
"""Stages whose time goes by the number of trained models."""
EVEN = ("stage.train", "stage.draw", "stage.score")
"""Of these, stages whose units take alike long."""
SMALL_ROWS = 40
"""Rows of a small pack. Large packs share more of the work, small ones stay in a small cache: which trains faster is
for the machine to say (docs/decisions, "Packs on a CPU")."""
FASTER = 0.95
"""Of a large pack's time a sample, the most that a small one may take to be chosen: less is chance."""


@dataclass(frozen=True)
class Cost:
    """What a run will take from its beginning, about.

    Attributes:
        seconds: by stage, under the ids of its messages; of stages up to a first report, where there is one.
        later: the same of what comes after it.
        memory_bytes: greatest size of the process; disk_bytes: store and run folder together.
        packing: with the size of packs that trains fastest.
    """

    seconds: dict[str, float]
    memory_bytes: float
    disk_bytes: float
    packing: Packing
    later: dict[str, float] = field(default_factory=dict)

    @property
    def whole(self) -> float:
        """Seconds of all of it."""
        return sum(self.seconds.values()) + sum(self.later.values())


def nothing_left(engine: Engine) -> Cost:
    """What a run takes that has come to its end before: nothing worth measuring."""
    return Cost(seconds={}, memory_bytes=0.0, disk_bytes=0.0, packing=engine.packing)


def measure_cost(plan: Plan, engine: Engine, *, later: Collection[str] = ()) -> Cost:
    """Probe every stage that was not probed before on this machine; takes a few seconds on the lab model.

    Args:
        later: names of conditions that are trained after a first report.
    """
    progress, model = engine.progress, engine.model
    cells = len(plan.conditions) * plan.replicates
    of_prompts, of_concepts = (len(asked) * plan.sampling.per_prompt for asked in (plan.asked(1), plan.concepts))
    # With the style word for every replicate, or once for all; without it once.
    of_base = 1 + len({plan.base_of(replicate) for replicate in range(1, plan.replicates + 1)})
    trainings, pictures_of_grid = _grid(plan)
    sizes = _sizes(plan, engine, later)
    most = max(workers for _, workers, _ in sizes)
    steps = sum(workers * PROBE_STEPS for _, workers, _ in sizes)
    progress.stage(say("stage.measure"), steps + most * DRAWN_STEPS + len(plan.metrics) + 2)
    begun = time.monotonic()
    probed = Probed(plan, engine)
    of_a_cell = plan.training.steps * plan.training.batch * trainings / cells
    packing, row, workers, worked = _fastest(probed, sizes)
    seconds = {"stage.train": worked * of_a_cell * row}
    picture = _picture_seconds(probed, workers=workers)
    drawn = cells * of_prompts + pictures_of_grid
    seconds["stage.draw"] = drawn * picture
    seconds["stage.subjects"] = (cells + 1) * of_concepts * picture
    seconds["stage.treat"] = _treat_seconds(probed)
    progress.advance(1)
    score = _score_seconds(probed)
    seconds["stage.real-works"] = (len(plan.works) + sum(len(a.pixels) for a in plan.reference_artists)) * score
    seconds["stage.base"] = of_base * of_prompts * (picture + score)
    seconds["stage.score"] = drawn * score
    # At most: only where a condition's pictures turn out noisier than clean's, base and clean are scored again.
    primary = sum(c.primary and c.role != "clean" for c in plan.conditions)
    seconds["stage.noise"] = 2 * primary * plan.replicates * of_prompts * score
    claims = sum(c.role == "placebo" or is_claim(plan, c) for c in plan.conditions)
    seconds["stage.tone"] = seconds["stage.real-works"] + (claims + 2) * plan.replicates * of_prompts * score
    seconds["stage.looks"] = (claims + 2) * plan.replicates * of_prompts * score / len(plan.metrics)
    treated = sum(bool(c.steps) or c.source == "protected-files" for c in plan.conditions)
    seconds["stage.visibility"] = treated * _visibility_seconds(probed)
    progress.advance(1)
    progress.close()
    seconds["stage.measure"] = time.monotonic() - begun
    pictures = drawn + of_base * of_prompts + (cells + 1) * of_concepts
    adapters = cells + len(plan.grid.others) * len(on_grid(plan)) * plan.replicates
    disk = _disk_bytes(plan, model, pictures=pictures, cells=adapters)
    share = sum(c.name in later for c in plan.conditions) / len(plan.conditions)
    after = {id: share * seconds[id] for id in BY_MODEL if share}
    return Cost(
        seconds=seconds | {id: (1 - share) * seconds[id] for id in BY_MODEL},
        later=after,
        memory_bytes=max(packing.bytes, probed.peak),
        disk_bytes=disk,
        packing=packing,
    )


Size = tuple[Packing, int, list[list[list[int]]]]
"""A packing, how many workers it keeps at work, and the packs that it makes of each wave of trainings."""


def _sizes(plan: Plan, engine: Engine, later: Collection[str]) -> list[Size]:
    """The packing that memory allows, and one of small packs where that makes much smaller ones."""

    def made_with(packing: Packing) -> Size:
        waves = [[c for c in plan.conditions if (c.name in later) is after] for after in (False, True)]
        packs = [
            make_packs(
                [r for r in range(plan.replicates) for _ in of],
                range(len(of) * plan.replicates),
                packing,
                beats=[beat_of(plan, c, r) for r in range(plan.replicates) for c in of],
            )
            for of in waves
            if of
        ]
        return packing, min(packing.workers, max(map(len, packs))), packs

    found = [made_with(engine.packing)]
    small = max(1, SMALL_ROWS // plan.training.batch)
    own = engine.device.type == "cpu" and plan.training.method == "lora" and not _alone_is_enough(engine.model)
    if own and 2 * _largest(found[0]) > 3 * small:
        found.append(made_with(replace(engine.packing, cells=small)))
    return found


def _largest(size: Size) -> int:
    return max(len(pack) for packs in size[2] for pack in packs)


def _fastest(probed: Probed, sizes: Sequence[Size]) -> tuple[Packing, float, int, int]:
    """The packing that trains fastest, its seconds a sample, its workers, and the cells of the busiest of them."""
    best: tuple[float, Packing, float, int, int] | None = None
    for size in sizes:
        packing, workers, waves = size
        row = _train_row_seconds(probed, pack=_largest(size), workers=workers)
        worked = sum(busiest(packs, workers) for packs in waves)
        if best is None or row * worked < FASTER * best[0]:
            best = row * worked, packing, row, workers, worked
    assert best is not None
    return best[1:]


def _grid(plan: Plan) -> tuple[float, int]:
    """How many trainings of the usual length all of a plan's are worth, and the pictures of its grid's other settings.

    Settings along one training cost what the longest does.
    """
    gridded = len(on_grid(plan)) * plan.replicates
    lengths = [ends(plan, course)[-1] / plan.training.steps for course in courses(plan)]
    usual = (len(plan.conditions) - len(on_grid(plan))) * plan.replicates
    asked = len(plan.thinned().asked(1)) * plan.sampling.per_prompt
    return usual + gridded * sum(lengths), gridded * len(plan.grid.others) * asked


def _disk_bytes(plan: Plan, model: Model, *, pictures: int, cells: int) -> float:
    """Store and run folder together: generated pictures, treated works, adapters."""
    works = sum(w.width * w.height for w in plan.works) * WORK_BYTES_PER_PIXEL * (1 + len(plan.conditions))
    adapter = trained_bytes(model, plan.training)
    return float(pictures * plan.model.resolution**2 * PICTURE_BYTES_PER_PIXEL + works + cells * adapter)


def _treat_seconds(probed: Probed) -> float:
    """Seconds for the treatments, from forward and backward passes of encoder and U-Net.

    A step that several conditions begin with is made once, as the store will.
    """
    plan, model = probed.plan, probed.engine.model
    starts = {condition.steps[: i + 1] for condition in plan.conditions for i in range(len(condition.steps))}
    rows = [parse_step(steps[-1]).treatment for steps in starts]
    encoder, unet = (sum(getattr(row, name) for row in rows) for name in ("encoder_passes", "unet_passes"))
    if not encoder and not unet:
        return 0.0
    # No more pictures at once than an attack takes.
    most = max(1, min(4, ROW_PIXELS // plan.model.resolution**2))
    encode, denoise = probed("treat", {"rows": most}, lambda: _pass_seconds(model, most))
    return float(len(plan.treated) * (encoder * encode + unet * denoise))


def _pass_seconds(model: Model, rows: int) -> tuple[float, float]:
    """Seconds a picture for a pass of the encoder and of the denoiser and back; of fewer rows where memory runs out."""
    try:
        with training_attention(model), model.together(model.denoiser, model.vae):
            times = [_timed_pass(model, rows) for _ in range(2)]
        encode, denoise = (min(of_both) / rows for of_both in zip(*times, strict=True))
        return encode, denoise
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        if rows == 1 and recompute(model.denoiser):
            recompute(model.denoiser, wanted=False)
            raise too_short("memory-for.treatment") from error
    free_unused(model.device)
    if rows > 1:
        return _pass_seconds(model, rows // 2)
    try:
        recompute(model.denoiser)
        return _pass_seconds(model, 1)
    finally:
        recompute(model.denoiser, wanted=False)


def _timed_pass(model: Model, rows: int) -> tuple[float, float]:
    side = model.facts.resolution
    batch = torch.zeros(rows, 3, side, side, device=model.device, requires_grad=True)
    text = model.blank_text(rows).to(model.device)
    told = model.noising.told(torch.ones(rows, dtype=torch.int64)).to(model.device)
    synchronize(model.device)
    start = time.monotonic()
    latent, _ = model.posterior(batch)
    torch.autograd.backward(latent.sum())
    synchronize(model.device)
    middle = time.monotonic()
    torch.autograd.backward(model.predict(latent.detach().requires_grad_(True), told, text).sum())
    synchronize(model.device)
    return middle - start, time.monotonic() - middle


def _alone_is_enough(model: Model) -> bool:
    """Whether one row keeps a device as busy as many do: a CPU with large latents."""
    _, height, width = model.latent_shape
    return model.device.type == "cpu" and height * width > PLAIN_UP_TO


def _train_row_seconds(probed: Probed, *, pack: int, workers: int) -> float:
    """Seconds that a worker takes per training sample, at the pack size that the run will use, all workers at work."""
    plan, engine = probed.plan, probed.engine
    pack = 1 if _alone_is_enough(engine.model) else pack
    settings = plan.training.model_copy(update={"steps": PROBE_STEPS})
    shape = largest_shape(plan)
    probe = ProbeTraining(settings=settings, pack=pack, precision=engine.precision, shape=shape)
    named: dict[str, Any] = {"settings": settings.model_dump(mode="json"), "pack": pack, "workers": workers}
    try:
        (row,) = probed(
            "train",
            named | ({} if shape is None else {"shape": shape}),
            lambda: (max(engine.run([probe] * workers)) / (pack * settings.batch),),
            units=probe.units * workers,
        )
        return row
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        if pack == 1:
            raise too_short("memory-for.lora") from error
    free_unused(engine.device)
    return _train_row_seconds(probed, pack=pack // 2, workers=workers)


def _picture_seconds(probed: Probed, *, workers: int) -> float:
    """Seconds per picture, from a few steps of one batch in every worker, and its decoding."""
    plan, engine = probed.plan, probed.engine
    # A cell's pictures are one batch, up to what fits.
    most = 1 if _alone_is_enough(engine.model) else min(engine.packing.pictures, PICTURES)
    count = min(most, len(plan.asked(1)) * plan.sampling.per_prompt)
    settings = plan.sampling.model_copy(update={"steps": DRAWN_STEPS, "per_prompt": 1})
    probe = ProbeDrawing(settings=settings, training=plan.training, pictures=count, precision=engine.precision)

    def measured() -> tuple[float, float]:
        found = engine.run([probe] * workers)
        return max(step for step, _ in found), max(decode for _, decode in found)

    named = {"settings": settings.model_dump(mode="json"), "pictures": count, "workers": workers}
    step, decode = probed("draw", named, measured, units=probe.units * workers)
    return (step * plan.sampling.steps + decode) / workers / count


def _score_seconds(probed: Probed) -> float:
    """Seconds per picture for all metrics, from a handful of grey ones; one for an encoder, which takes long."""
    device, side = probed.engine.device, probed.plan.model.resolution
    pictures = np.full((PROBE_PICTURES, side, side, 3), 128, np.uint8)

    def measured(name: str) -> tuple[float]:
        row = style_metric(name)
        seen = pictures[:1] if row.published else pictures
        row.extract(pictures[:1], device)
        start = time.monotonic()
        row.extract(seen, device)
        return ((time.monotonic() - start) / len(seen),)

    total = 0.0
    for name in probed.plan.metrics:
        (seconds,) = probed("score", {"metric": name, "side": side}, partial(measured, name))
        probed.engine.progress.advance(1)
        total += seconds
    return total


def _visibility_seconds(probed: Probed) -> float:
    """Seconds to hold every treated work against its original, from one grey picture of their mean size."""
    sizes = [work.width * work.height for work in probed.plan.treated]
    side = min(TILE, max(LEAST_SIDE, round(float(np.mean(sizes)) ** 0.5)))

    def measured() -> tuple[float]:
        grey = np.full((side, side, 3), 128, np.uint8)
        lpips_distance(grey, grey)
        start = time.monotonic()
        lpips_distance(grey, grey)
        return (time.monotonic() - start,)

    (seconds,) = probed("visibility", {"side": side}, measured)
    return float(seconds * sum(sizes) / side**2)
