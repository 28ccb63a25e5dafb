"""What an audit will cost on this machine: time, memory and disk, from a few steps of each stage at full size."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from audit.base.progress import Progress
from audit.conditions import parse_step
from audit.conditions.protect.pgd import ROW_PIXELS
from audit.images.tensors import autocast_of
from audit.models.encode import tokenize
from audit.models.kernels import training_attention
from audit.models.loader import Model
from audit.models.memory import free_unused, is_out_of_memory, peak_bytes
from audit.records import ArtistSet, Plan
from audit.sampling import BATCH, sample
from audit.style import style_metric
from audit.training.batches import CellData
from audit.training.draws import Streams
from audit.training.footprint import base_of, trained_bytes
from audit.training.full import train_full
from audit.training.loop import train_pack
from audit.training.packs import Packing, busiest, make_packs
from audit.training.saving import saved
from audit.training.workers import side_by_side

PROBE_STEPS = 3
PROBE_PICTURES = 8
PICTURE_BYTES_PER_PIXEL = 4.0
"""PNG of a generated picture, twice: in the store and beside the report."""
WORK_BYTES_PER_PIXEL = 2.0
"""PNG of a work or its treated copy."""


@dataclass(frozen=True)
class Cost:
    """What a run will take from its beginning, about.

    Attributes:
        seconds: by stage, under the names that the progress shows.
        memory_bytes: greatest size of the process; disk_bytes: store and run folder together.
    """

    seconds: dict[str, float]
    memory_bytes: float
    disk_bytes: float


def measure_cost(
    plan: Plan, artist: ArtistSet, *, model: Model, precision: str, packing: Packing, progress: Progress
) -> Cost:
    """Probe every stage; takes a few seconds on the lab model.

    Args:
        packing: cells per pass and passes side by side, as the run will use them.
    """
    cells = len(plan.conditions) * plan.replicates
    # Base draws twice, with the style word and without.
    per_model = (len(plan.prompts) + len(plan.concepts)) * plan.sampling.per_prompt
    pictures = (cells + 1) * per_model + len(plan.prompts) * plan.sampling.per_prompt
    progress.stage("Measuring this machine", 4)
    replicates = [replicate for replicate in range(plan.replicates) for _ in plan.conditions]
    packs = make_packs(replicates, range(cells), packing)
    workers = min(packing.workers, len(packs))
    samples = busiest(packs, workers) * plan.training.steps * plan.training.batch
    with saved(model, plan.training, packing.saving):
        seconds = {"Training": samples * _train_row_seconds(plan, model, max(map(len, packs)), workers, precision)}
    progress.update(1)
    seconds["Generating pictures"] = pictures * _picture_seconds(plan, model, workers, precision)
    progress.update(2)
    seconds["Preparing pictures"] = _treat_seconds(plan, artist, model)
    progress.update(3)
    score = _score_seconds(plan, model.device)
    seconds["Scoring"] = pictures * score
    # At most: only where a condition's pictures turn out noisier than clean's, base and clean are scored again.
    primary = sum(c.primary and c.role != "clean" for c in plan.conditions)
    noisy = 2 * primary * plan.replicates * len(plan.prompts) * plan.sampling.per_prompt
    seconds["Scoring with noise added"] = noisy * score
    progress.close()
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


def _train_row_seconds(plan: Plan, model: Model, pack: int, workers: int, precision: str) -> float:
    """Seconds that a worker takes per training sample, at the pack size that the run will use, all workers at work."""
    channels, height, width = model.latent_shape
    works = plan.training.batch
    data = CellData(
        streams=Streams(seed=0, replicate=1, variant="probe"),
        mean=torch.zeros(works, 2, channels, height, width),
        std=torch.ones(works, 2, channels, height, width),
        text=tokenize(model, [""] * works) if plan.training.text_encoder else model.blank_text(works),
    )
    autocast = autocast_of(precision)
    steps = plan.training.model_copy(update={"steps": PROBE_STEPS})

    def worker(model: Model, check: Callable[[], None]) -> float:
        times: list[float] = []

        def note(done: int, state: object) -> None:
            check()
            times.append(time.monotonic())

        if steps.method == "full":
            train_full(base_of(model), [data], steps, autocast=autocast, after_step=note)
        else:
            train_pack(base_of(model), [data] * pack, steps, autocast=autocast, after_step=note)
        # The first step pays for warm-up.
        return (times[-1] - times[0]) / (len(times) - 1)

    try:
        with training_attention(model):
            per_step = max(side_by_side([worker] * workers, model=model, workers=workers))
            return per_step / (pack * plan.training.batch)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error) or pack == 1:
            raise
    free_unused(model.device)
    return _train_row_seconds(plan, model, pack // 2, workers, precision)


def _picture_seconds(plan: Plan, model: Model, workers: int, precision: str) -> float:
    """Seconds per picture, from one batch in every worker at a quarter of the steps."""
    # A cell's pictures are one batch, up to the sampler's own limit.
    count = min(BATCH, len(plan.prompts) * plan.sampling.per_prompt)
    text = model.blank_text(count)
    autocast = autocast_of(precision)
    steps = max(2, plan.sampling.steps // 4)
    settings = plan.sampling.model_copy(update={"steps": steps, "per_prompt": 1})

    def worker(model: Model, check: Callable[[], None]) -> float:
        spent = []
        for _ in range(2):
            start = time.monotonic()
            sample(model, text=text, empty=text[:1], settings=settings, seed=0, autocast=autocast, check=check)
            spent.append(time.monotonic() - start)
        return min(spent)

    slowest = max(side_by_side([worker] * workers, model=model, workers=workers))
    return slowest / workers / count * plan.sampling.steps / steps


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
