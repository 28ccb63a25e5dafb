"""What an audit will cost on this machine: time, memory and disk, from a few steps of each stage at full size."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from audit.base.messages import say
from audit.conditions import parse_step
from audit.conditions.protect.pgd import ROW_PIXELS
from audit.executor import Engine
from audit.models.kernels import training_attention
from audit.models.loader import Model
from audit.models.memory import free_unused, is_out_of_memory, peak_bytes
from audit.plan.probes import PROBE_STEPS, ProbeDrawing, ProbeTraining
from audit.records import ArtistSet, Plan
from audit.sampling import BATCH
from audit.style import style_metric
from audit.style.lpips import TILE, lpips_distance
from audit.training.footprint import trained_bytes
from audit.training.packs import busiest, make_packs

PROBE_PICTURES = 8
LEAST_SIDE = 64
"""Of the picture that visibility is probed with, px: LPIPS needs some room."""
PICTURE_BYTES_PER_PIXEL = 4.0
"""PNG of a generated picture, twice: in the store and beside the report."""
WORK_BYTES_PER_PIXEL = 2.0
"""PNG of a work or its treated copy."""


@dataclass(frozen=True)
class Cost:
    """What a run will take from its beginning, about.

    Attributes:
        seconds: by stage, under the ids of its messages.
        memory_bytes: greatest size of the process; disk_bytes: store and run folder together.
    """

    seconds: dict[str, float]
    memory_bytes: float
    disk_bytes: float


def measure_cost(plan: Plan, artist: ArtistSet, engine: Engine) -> Cost:
    """Probe every stage; takes a few seconds on the lab model."""
    progress, model = engine.progress, engine.model
    cells = len(plan.conditions) * plan.replicates
    of_prompts, of_concepts = (len(asked) * plan.sampling.per_prompt for asked in (plan.prompts, plan.concepts))
    progress.stage(say("stage.measure"), 5)
    replicates = [replicate for replicate in range(plan.replicates) for _ in plan.conditions]
    packs = make_packs(replicates, range(cells), engine.packing)
    workers = min(engine.packing.workers, len(packs))
    samples = busiest(packs, workers) * plan.training.steps * plan.training.batch
    seconds = {"stage.train": samples * _train_row_seconds(plan, engine, pack=max(map(len, packs)), workers=workers)}
    progress.advance(1)
    picture = _picture_seconds(plan, engine, workers=workers)
    seconds["stage.draw"] = cells * of_prompts * picture
    seconds["stage.subjects"] = (cells + 1) * of_concepts * picture
    progress.advance(1)
    seconds["stage.treat"] = _treat_seconds(plan, artist, model)
    progress.advance(1)
    score = _score_seconds(plan, model.device)
    seconds["stage.real-works"] = (len(plan.works) + sum(len(a.pixels) for a in plan.reference_artists)) * score
    # Base draws twice, with the style word and without.
    seconds["stage.base"] = 2 * of_prompts * (picture + score)
    seconds["stage.score"] = cells * of_prompts * score
    # At most: only where a condition's pictures turn out noisier than clean's, base and clean are scored again.
    primary = sum(c.primary and c.role != "clean" for c in plan.conditions)
    seconds["stage.noise"] = 2 * primary * plan.replicates * of_prompts * score
    progress.advance(1)
    treated = sum(bool(c.steps) or c.source == "protected-files" for c in plan.conditions)
    seconds["stage.visibility"] = treated * _visibility_seconds(artist)
    progress.close()
    pictures = (cells + 2) * of_prompts + (cells + 1) * of_concepts
    disk = _disk_bytes(plan, model, pictures=pictures, cells=cells)
    return Cost(seconds=seconds, memory_bytes=peak_bytes(model.device), disk_bytes=disk)


def _disk_bytes(plan: Plan, model: Model, *, pictures: int, cells: int) -> float:
    """Store and run folder together: generated pictures, treated works, adapters."""
    works = sum(w.width * w.height for w in plan.works) * WORK_BYTES_PER_PIXEL * (1 + len(plan.conditions))
    adapter = trained_bytes(model, plan.training)
    return float(pictures * plan.model.resolution**2 * PICTURE_BYTES_PER_PIXEL + works + cells * adapter)


def _treat_seconds(plan: Plan, artist: ArtistSet, model: Model) -> float:
    """Seconds for the treatments, from forward and backward passes of encoder and U-Net.

    A step that several conditions begin with is made once, as the store will.
    """
    starts = {condition.steps[: i + 1] for condition in plan.conditions for i in range(len(condition.steps))}
    rows = [parse_step(steps[-1]).treatment for steps in starts]
    encoder, unet = (sum(getattr(row, name) for row in rows) for name in ("encoder_passes", "unet_passes"))
    if not encoder and not unet:
        return 0.0
    side = plan.model.resolution
    # No more pictures at once than an attack takes.
    rows_at_once = max(1, min(4, ROW_PIXELS // side**2))
    batch = torch.zeros(rows_at_once, 3, side, side, device=model.device, requires_grad=True)
    text = model.blank_text(rows_at_once).to(model.device)
    told = model.noising.told(torch.ones(rows_at_once, dtype=torch.int64))
    spent: list[tuple[float, float]] = []
    with training_attention(model):
        for _ in range(2):
            start = time.monotonic()
            latent = model.vae.encode(batch).latent_dist.mean
            latent.sum().backward()
            middle = time.monotonic()
            torch.autograd.backward(
                model.predict(latent.detach().requires_grad_(True), told.to(model.device), text).sum()
            )
            spent.append((middle - start, time.monotonic() - middle))
    encode, denoise = (min(times) / len(batch) for times in zip(*spent, strict=True))
    works = len(artist.pool())
    return float(works * (encoder * encode + unet * denoise))


def _train_row_seconds(plan: Plan, engine: Engine, *, pack: int, workers: int) -> float:
    """Seconds that a worker takes per training sample, at the pack size that the run will use, all workers at work."""
    settings = plan.training.model_copy(update={"steps": PROBE_STEPS})
    probe = ProbeTraining(settings=settings, pack=pack, precision=engine.precision)
    try:
        return max(engine.run([probe] * workers)) / (pack * settings.batch)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error) or pack == 1:
            raise
    free_unused(engine.device)
    return _train_row_seconds(plan, engine, pack=pack // 2, workers=workers)


def _picture_seconds(plan: Plan, engine: Engine, *, workers: int) -> float:
    """Seconds per picture, from one batch in every worker at a quarter of the steps."""
    # A cell's pictures are one batch, up to the sampler's own limit.
    count = min(BATCH, len(plan.prompts) * plan.sampling.per_prompt)
    steps = max(2, plan.sampling.steps // 4)
    settings = plan.sampling.model_copy(update={"steps": steps, "per_prompt": 1})
    probe = ProbeDrawing(settings=settings, pictures=count, precision=engine.precision)
    return max(engine.run([probe] * workers)) / workers / count * plan.sampling.steps / steps


def _score_seconds(plan: Plan, device: torch.device) -> float:
    """Seconds per picture for all metrics, from a handful of grey ones; one for an encoder, which takes long."""
    side = plan.model.resolution
    pictures = np.full((PROBE_PICTURES, side, side, 3), 128, np.uint8)
    total = 0.0
    for name in plan.metrics:
        row = style_metric(name)
        probed = pictures[:1] if row.source else pictures
        row.extract(pictures[:1], device)
        start = time.monotonic()
        row.extract(probed, device)
        total += (time.monotonic() - start) / len(probed)
    return total


def _visibility_seconds(artist: ArtistSet) -> float:
    """Seconds to hold every pool work against its original, from one grey picture of their mean size."""
    sizes = [work.width * work.height for work in artist.pool()]
    side = min(TILE, max(LEAST_SIDE, round(float(np.mean(sizes)) ** 0.5)))
    grey = np.full((side, side, 3), 128, np.uint8)
    lpips_distance(grey, grey)
    start = time.monotonic()
    lpips_distance(grey, grey)
    return float((time.monotonic() - start) * sum(sizes) / side**2)
