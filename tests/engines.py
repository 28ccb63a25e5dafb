"""Engines for tests: a model and a store with everything else as small as it can be."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

from audit.base.messages import say
from audit.base.progress import Progress
from audit.executor import Engine
from audit.executor.packing import Packing, Saving
from audit.executor.side_by_side import SideBySide
from audit.models.model import Model
from audit.plan.machine import step_environment
from audit.records import Adapter, TrainSettings
from audit.store import Store
from audit.training import adapter_file, train
from audit.training.pack_task import TrainingCell


class Heard(Progress):
    """Progress that tells a function how much is done."""

    def __init__(self, hear: Callable[[int], object]) -> None:
        super().__init__(io.StringIO())
        self.hear = hear
        self.stage(say("stage.train"), 0)

    def update(self, done: int) -> None:
        super().update(done)
        self.hear(done)


def engine_of(
    model: Model,
    store: Store,
    *,
    pack: int = 8,
    workers: int = 1,
    saving: Saving | None = None,
    precision: str = "fp32",
    progress: Callable[[int], object] | None = None,
) -> Engine:
    environment = step_environment(model.device, precision)
    return Engine(
        model=model,
        device=model.device,
        precision=precision,
        packing=Packing(cells=pack, workers=workers, saving=saving or Saving()),
        store=store.working(environment),
        progress=Heard(progress or (lambda done: None)),
        environment=environment,
        executor=SideBySide(workers),
    )


def train_files(cells: Sequence[TrainingCell], settings: TrainSettings, engine: Engine) -> list[tuple[Adapter, Path]]:
    """Train cells; each one's record and the adapter's file."""
    return [(cell.adapter, adapter_file(engine.store, cell.key)) for cell in train(cells, settings, engine)]
