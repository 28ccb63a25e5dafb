"""A few steps of training and of drawing at full size, as tasks: how long do they take here?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from audit.executor import Engine, Task, Worker
from audit.images.tensors import autocast_of
from audit.models.encode import tokenize
from audit.models.kernels import training_attention
from audit.models.loader import Model
from audit.records import SampleSettings, TrainSettings
from audit.sampling import sample
from audit.training.batches import CellData
from audit.training.draws import Streams
from audit.training.footprint import base_of
from audit.training.full import train_full
from audit.training.loop import train_pack
from audit.training.saving import saved

PROBE_STEPS = 3


@dataclass(frozen=True)
class ProbeTraining(Task[float]):
    """Train `pack` blank cells for the settings' few steps; answers seconds per step, without the first."""

    shares: ClassVar[bool] = True
    settings: TrainSettings
    pack: int
    precision: str

    @property
    def units(self) -> int:
        return 0

    @contextmanager
    def ready(self, engine: Engine) -> Iterator[Mapping[str, Tensor]]:
        with saved(engine.model, self.settings, engine.packing.saving), training_attention(engine.model):
            yield {}

    def run(self, worker: Worker) -> float:
        model, settings = worker.engine.model, self.settings
        base, data, autocast = base_of(model), self._blank(model), autocast_of(self.precision)
        times: list[float] = []

        def note(done: int, state: object) -> None:
            worker.check()
            times.append(time.monotonic())

        if settings.method == "full":
            train_full(base, [data], settings, autocast=autocast, after_step=note)
        else:
            train_pack(base, [data] * self.pack, settings, autocast=autocast, after_step=note)
        # The first step pays for warm-up.
        return (times[-1] - times[0]) / (len(times) - 1)

    def _blank(self, model: Model) -> CellData:
        channels, height, width = model.latent_shape
        works = self.settings.batch
        return CellData(
            streams=Streams(seed=0, replicate=1, variant="probe"),
            mean=torch.zeros(works, 2, channels, height, width),
            std=torch.ones(works, 2, channels, height, width),
            text=tokenize(model, [""] * works) if self.settings.text_encoder else model.blank_text(works),
        )


@dataclass(frozen=True)
class ProbeDrawing(Task[float]):
    """Draw some pictures of no text, twice; answers the seconds of the faster time."""

    shares: ClassVar[bool] = True
    settings: SampleSettings
    pictures: int
    precision: str

    @property
    def units(self) -> int:
        return 0

    def run(self, worker: Worker) -> float:
        model = worker.engine.model
        text, autocast, spent = model.blank_text(self.pictures), autocast_of(self.precision), []
        for _ in range(2):
            start = time.monotonic()
            sample(
                model, text=text, empty=text[:1], settings=self.settings, seed=0, autocast=autocast, check=worker.check
            )
            spent.append(time.monotonic() - start)
        return min(spent)
