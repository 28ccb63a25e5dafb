"""What an audit will cost, before it starts: the plan, and time, memory and disk from a short probe."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from audit.conditions import parse_step
from audit.machine import pick_pack, pick_precision
from audit.models.kernels import training_attention
from audit.models.loader import Model
from audit.progress import Progress
from audit.records import ArtistSet, Plan
from audit.run import prepare
from audit.sampling import sample
from audit.spec import Spec
from audit.tensors import autocast_of
from audit.training.batches import CellData
from audit.training.footprint import adapter_parameters, base_of
from audit.training.loop import train_pack
from audit.training.streams import Streams

PROBE_STEPS = 3
PICTURE_BYTES_PER_PIXEL = 4.0
"""PNG of a generated picture, twice: in the store and beside the report."""
WORK_BYTES_PER_PIXEL = 2.0
"""PNG of a work or its treated copy."""


@dataclass(frozen=True)
class Preview:
    """A plan and its cost on this machine.

    Attributes:
        path: the plan.json written.
        cells: LoRAs to train; seconds, memory_bytes, disk_bytes: what the run will take, about.
    """

    plan: Plan
    path: Path
    cells: int
    seconds: float
    memory_bytes: float
    disk_bytes: float


def preview(spec: Spec, progress: Progress) -> Preview:
    """Write plan.json and measure a few steps.

    Raises:
        AuditError: as for a run.
    """
    _, artist, plan, model, out = prepare(spec, progress)
    cells = len(plan.conditions) * plan.replicates
    progress.stage("Measuring this machine", 3)
    pack = min(cells, pick_pack(model, plan.training, precision=pick_precision(model.device), memory=spec.memory))
    train_second = _train_row_seconds(plan, model, pack)
    progress.update(1)
    picture_second = _picture_seconds(plan, model)
    progress.update(2)
    treat_second = _treat_seconds(plan, artist, model)
    progress.close()
    pictures = (cells + 1) * len(plan.prompts) * plan.sampling.per_prompt
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if model.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(model.device)
    return Preview(
        plan=plan,
        path=out / "plan.json",
        cells=cells,
        seconds=treat_second
        + cells * plan.training.steps * plan.training.batch * train_second
        + pictures * picture_second,
        memory_bytes=float(peak),
        disk_bytes=_disk_bytes(plan, model, pictures=pictures, cells=cells),
    )


def _disk_bytes(plan: Plan, model: Model, *, pictures: int, cells: int) -> float:
    """Store and run folder together: generated pictures, treated works, adapters."""
    works = sum(w.width * w.height for w in plan.works) * WORK_BYTES_PER_PIXEL * (1 + len(plan.conditions))
    adapter = 4 * adapter_parameters(model, plan.training)
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
    batch = torch.zeros(4, 3, side, side, device=model.device, requires_grad=True)
    text = torch.zeros(4, model.tokens, int(model.unet.config.cross_attention_dim), device=model.device)
    spent: list[tuple[float, float]] = []
    with training_attention(model):
        for _ in range(2):
            start = time.monotonic()
            latent = model.vae.encode(batch).latent_dist.mean
            latent.sum().backward()
            middle = time.monotonic()
            model.unet(latent.detach().requires_grad_(True), 1, text).sample.sum().backward()
            spent.append((middle - start, time.monotonic() - middle))
    encode, denoise = (min(times) / len(batch) for times in zip(*spent, strict=True))
    works = len(artist.pool())
    return float(works * (encoder * encode + unet * denoise))


def _train_row_seconds(plan: Plan, model: Model, pack: int) -> float:
    """Seconds per training sample at the pack size that the run will use."""
    channels, height, width = model.latent_shape
    works = plan.training.batch
    hidden = int(model.unet.config.cross_attention_dim)
    data = CellData(
        streams=Streams(seed=0, replicate=1, variant="probe"),
        mean=torch.zeros(works, 2, channels, height, width),
        std=torch.ones(works, 2, channels, height, width),
        text=torch.zeros(works, model.tokens, hidden),
    )
    autocast = autocast_of(pick_precision(model.device))
    times: list[float] = []

    def note(done: int, state: object) -> None:
        times.append(time.monotonic())

    steps = plan.training.model_copy(update={"steps": max(PROBE_STEPS, 2)})
    with training_attention(model):
        train_pack(base_of(model), [data] * pack, steps, autocast=autocast, after_step=note)
    # The first step pays for warm-up.
    return (times[-1] - times[0]) / (len(times) - 1) / (pack * plan.training.batch)


def _picture_seconds(plan: Plan, model: Model) -> float:
    """Seconds per picture, from one batch at a quarter of the steps."""
    count = min(8, len(plan.prompts))
    text = torch.zeros(count, model.tokens, int(model.unet.config.cross_attention_dim))
    autocast = autocast_of(pick_precision(model.device))
    steps = max(2, plan.sampling.steps // 4)
    settings = plan.sampling.model_copy(update={"steps": steps, "per_prompt": 1})
    spent = []
    for _ in range(2):
        start = time.monotonic()
        sample(model, text=text, empty=text[:1], settings=settings, seed=0, autocast=autocast)
        spent.append(time.monotonic() - start)
    return min(spent) / count * plan.sampling.steps / steps
