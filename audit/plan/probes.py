"""A few steps of training and of drawing at full size, as tasks: how long do they take here?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor

from audit.executor import Bench, Task, Worker, with_model
from audit.images.tensors import autocast_of
from audit.models.frames import Shape
from audit.models.kernels import training_attention
from audit.models.memory import synchronize
from audit.models.model import Model
from audit.models.tokens import tokenize
from audit.records import SampleSettings, TrainSettings
from audit.sampling import Execution, sample
from audit.training.batches import CellData
from audit.training.draws import Streams
from audit.training.footprint import base_of
from audit.training.full import train_full
from audit.training.loop import train_pack
from audit.training.saving import saved, saved_drawing

PROBE_STEPS = 3
DRAWN_STEPS = 3
"""Of which the first pays for warm-up."""


@dataclass(frozen=True)
class ProbeTraining(Task[float]):
    """Train `pack` blank cells for the settings' few steps; answers seconds per step, without the first.

    Attributes:
        shape: of the pictures, height and width; None for squares of the model's own size.
    """

    shares: ClassVar[bool] = True
    settings: TrainSettings
    pack: int
    precision: str
    shape: Shape | None = None

    @property
    def units(self) -> int:
        """Steps."""
        return self.settings.steps

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Mapping[str, Tensor]]:
        engine = with_model(bench)
        with saved(engine.model, self.settings, engine.packing.saving), training_attention(engine.model):
            yield {}

    def run(self, worker: Worker) -> float:
        model, settings = worker.engine.model, self.settings
        base, data, autocast = base_of(model), self._blank(model), autocast_of(self.precision)
        times: list[float] = []

        def note(done: int, state: object) -> None:
            worker.check()
            synchronize(model.device)
            times.append(time.monotonic())
            worker.tell(done)

        if settings.method == "full":
            train_full(base, [data], settings, autocast=autocast, after_step=note)
        else:
            train_pack(base, [data] * self.pack, settings, autocast=autocast, after_step=note)
        # The first step pays for warm-up.
        return (times[-1] - times[0]) / (len(times) - 1)

    def _blank(self, model: Model) -> CellData:
        channels, height, width = model.latent_shape if self.shape is None else model.latent_of(self.shape)
        works = self.settings.batch
        texts = works + bool(self.settings.caption_dropout)
        return CellData(
            streams=Streams(seed=0, replicate=1, variant="probe"),
            mean=torch.zeros(works, 2, channels, height, width),
            std=torch.ones(works, 2, channels, height, width),
            text=tokenize(model, [""] * texts) if self.settings.text_encoder else model.blank_text(texts),
        )


@dataclass(frozen=True)
class ProbeDrawing(Task[tuple[float, float]]):
    """Draw some pictures of no text in a few steps; answers the seconds of a step, and of what comes after the last."""

    shares: ClassVar[bool] = True
    settings: SampleSettings
    training: TrainSettings
    pictures: int
    precision: str

    @property
    def units(self) -> int:
        """Steps."""
        return self.settings.steps

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Mapping[str, Tensor]]:
        engine = with_model(bench)
        with saved_drawing(engine.model, self.training, engine.packing.saving) as masters:
            yield masters

    def run(self, worker: Worker) -> tuple[float, float]:
        engine = worker.engine
        text, autocast = engine.model.blank_text(self.pictures), autocast_of(self.precision)
        times: list[float] = []

        def note() -> None:
            worker.check()
            synchronize(engine.device)
            times.append(time.monotonic())
            worker.tell(len(times) - 1)

        sample(
            engine.model,
            text=text,
            empty=text[:1],
            settings=self.settings,
            seed=0,
            on=Execution(fitting=engine.fitting, autocast=autocast, check=note),
        )
        synchronize(engine.device)
        # Where memory ran out, only the last batch was drawn to its end.
        steps = times[-self.settings.steps :]
        step = min(after - before for before, after in pairwise(steps))
        return step, max(0.0, time.monotonic() - steps[-1] - step)
