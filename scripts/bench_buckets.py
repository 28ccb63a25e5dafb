"""Time of a training sample in aspect buckets beside squares, on the lab model: `python -m scripts.bench_buckets`.

Turns alternate, so that what else the machine does falls on both alike. Packs of other sizes are timed beside, because
buckets put trainings of different replicates into passes of their own.
"""

from __future__ import annotations

import time

import torch

from audit.models.frames import frame_of
from audit.models.kernels import training_attention
from audit.models.loader import load
from audit.models.model import Model
from audit.plan.buckets import bucket_shapes, nearest
from audit.plan.settings import LAB_TRAINING
from audit.training.batches import CellData
from audit.training.draws import Streams
from audit.training.footprint import base_of
from audit.training.loop import train_pack

SIZES = ((3, 2), (1, 1), (9, 16))
WORKS, STEPS, TURNS = 12, 4, 2


def cell(model: Model, *, buckets: bool) -> CellData:
    side = model.facts.resolution
    shapes = bucket_shapes(side, multiple=8) if buckets else ((side, side),)
    seen = [nearest(*SIZES[i % len(SIZES)], shapes) for i in range(WORKS)]
    sizes = [model.latent_of(shape) for shape in seen]
    return CellData(
        streams=Streams(seed=0, replicate=1),
        mean=tuple(torch.zeros(2, *size) for size in sizes),
        std=tuple(torch.ones(2, *size) for size in sizes),
        text=model.blank_text(WORKS),
        frames=tuple(frame_of(height=h, width=w, shape=(h, w)) for h, w in seen),
    )


def seconds(model: Model, *, cells: int, buckets: bool) -> float:
    """Of one sample."""
    settings = LAB_TRAINING.model_copy(update={"steps": STEPS, "batch": 4})
    data = [cell(model, buckets=buckets)] * cells
    begun = time.perf_counter()
    with training_attention(model):
        train_pack(base_of(model), data, settings)
    return (time.perf_counter() - begun) / (STEPS * cells * settings.batch)


def main() -> None:
    model = load("lab", device=torch.device("cpu"))
    ways = [(cells, buckets) for cells in (4, 8) for buckets in (False, True)]
    for way in ways:
        seconds(model, cells=way[0], buckets=way[1])
    least = {
        (cells, buckets): min(times)
        for (cells, buckets), times in zip(
            ways,
            zip(*([seconds(model, cells=c, buckets=b) for c, b in ways] for _ in range(TURNS)), strict=True),
            strict=True,
        )
    }
    for (cells, buckets), took in least.items():
        shape = "buckets" if buckets else "squares"
        print(f"{cells} cells, {shape}: {took / least[4, False]:.2f} of the time of a sample of 4 cells in squares")


if __name__ == "__main__":
    main()
