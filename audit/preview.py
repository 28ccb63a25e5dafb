"""What an audit will cost, before it starts: the plan, and time, memory and disk from a short probe."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from audit.machine import pick_device, pick_pack, pick_precision
from audit.models.kernels import training_attention
from audit.models.loader import Model, load
from audit.progress import Progress
from audit.records import Plan
from audit.run import default_store, prepare
from audit.runfolder import claim, default_folder
from audit.sampling import sample
from audit.spec import Spec
from audit.store import Store
from audit.training.loop import Base, CellData, train_pack
from audit.training.streams import Streams

PROBE_STEPS = 3
PICTURE_BYTES_PER_PIXEL = 1.6
"""PNG size of generated pictures with a copy beside the report; measured on lab pictures."""


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
    store = Store(spec.store or default_store())
    out = spec.out or default_folder(spec.artist)
    _, plan = prepare(spec, store, progress)
    claim(out, plan)
    model = load(spec.model, device=pick_device(spec.device))
    cells = len(plan.conditions) * plan.replicates
    progress.stage("Measuring this machine", 2)
    train_second = _train_row_seconds(plan, model, cells)
    progress.update(1)
    picture_second = _picture_seconds(plan, model)
    progress.close()
    pictures = (cells + 1) * len(plan.prompts) * plan.sampling.per_prompt
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if model.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(model.device)
    return Preview(
        plan=plan,
        path=out / "plan.json",
        cells=cells,
        seconds=cells * plan.training.steps * plan.training.batch * train_second + pictures * picture_second,
        memory_bytes=float(peak),
        disk_bytes=pictures * plan.model.resolution**2 * PICTURE_BYTES_PER_PIXEL,
    )


def _train_row_seconds(plan: Plan, model: Model, cells: int) -> float:
    """Seconds per training sample at the pack size that the run will use."""
    pack = min(cells, pick_pack(model, plan.training))
    channels, height, width = model.latent_shape
    works = plan.training.batch
    hidden = int(model.unet.config.cross_attention_dim)
    data = CellData(
        streams=Streams(seed=0, replicate=1, variant="probe"),
        mean=torch.zeros(works, 2, channels, height, width),
        std=torch.ones(works, 2, channels, height, width),
        text=torch.zeros(works, model.tokens, hidden),
    )
    base = Base(
        unet=model.unet,
        alphas_cumprod=model.alphas_cumprod,
        prediction=model.facts.prediction_type,
        scaling=float(model.vae.config.scaling_factor),
    )
    autocast = torch.bfloat16 if pick_precision(model.device) == "bf16" else None
    times: list[float] = []

    def note(done: int, state: object) -> None:
        times.append(time.monotonic())

    steps = plan.training.model_copy(update={"steps": max(PROBE_STEPS, 2)})
    with training_attention(model):
        train_pack(base, [data] * pack, steps, autocast=autocast, after_step=note)
    # The first step pays for warm-up.
    return (times[-1] - times[0]) / (len(times) - 1) / (pack * plan.training.batch)


def _picture_seconds(plan: Plan, model: Model) -> float:
    """Seconds per picture, from one batch at a quarter of the steps."""
    count = min(8, len(plan.prompts))
    text = torch.zeros(count, model.tokens, int(model.unet.config.cross_attention_dim))
    autocast = torch.bfloat16 if pick_precision(model.device) == "bf16" else None
    steps = max(2, plan.sampling.steps // 4)
    settings = plan.sampling.model_copy(update={"steps": steps, "per_prompt": 1})
    spent = []
    for _ in range(2):
        start = time.monotonic()
        sample(model, text=text, empty=text[:1], settings=settings, seed=0, autocast=autocast)
        spent.append(time.monotonic() - start)
    return min(spent) / count * plan.sampling.steps / steps
