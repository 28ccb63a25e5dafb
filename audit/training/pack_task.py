"""One pack of cells as a task: trained side by side, resumed where it was stopped, halved where memory runs out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from audit.executor import Engine, Task, Worker
from audit.images.tensors import autocast_of
from audit.models.encode import encode_picture, encode_texts, tokenize
from audit.models.kernels import training_attention
from audit.models.loader import Model
from audit.models.memory import free_unused, is_out_of_memory, too_short
from audit.records import TrainSettings
from audit.store import Store
from audit.training.adapters import save_adapter, save_updates
from audit.training.batches import CellData
from audit.training.checkpoint import Checkpoint
from audit.training.draws import Streams
from audit.training.footprint import base_of
from audit.training.full import train_full
from audit.training.loop import State, loss_curve, train_pack
from audit.training.saving import recompute, saved

CHECKPOINT_SECONDS = 15.0
CHECKPOINT_SHARE = 30.0
"""Work between two checkpoints, in times that writing one took."""


@dataclass(frozen=True)
class TrainingCell:
    """One LoRA to train.

    Attributes:
        label: names a planted control, so that it is trained for itself even where its pictures are
            another condition's; '' for ordinary conditions, which share an adapter when all they
            read is the same. Clean is named too where `identity` must be bit-equal to it, so that
            both are trained in this run, side by side.
        works: ids of the works drawn; pixels: their stored pictures; captions: full training captions.
    """

    condition: str
    replicate: int
    label: str
    streams: Streams
    works: tuple[str, ...]
    pixels: tuple[str, ...]
    captions: tuple[str, ...]

    def key(self, *, model: str, settings: TrainSettings, precision: str) -> str:
        """Key of the adapter that training it on a model, by its digest, gives."""
        named = {
            "settings": settings.model_dump(mode="json"),
            "streams": [self.streams.seed, self.streams.replicate, self.streams.variant],
            "captions": list(self.captions),
            "precision": precision,
            "label": self.label,
        }
        return Store.key("adapter", named, [model, *self.pixels])


@dataclass(frozen=True)
class TrainPack(Task[None]):
    """Train some cells in one pass and store an adapter for each.

    Attributes:
        model: digest of the base model.
        precision: what the adapters' keys hold, so that a worker trains in it whatever its own would be.
        weight: cells of the plan that the pack answers for; some share an adapter, some were found finished.
    """

    shares: ClassVar[bool] = True
    cells: tuple[TrainingCell, ...]
    model: str
    settings: TrainSettings
    precision: str
    weight: int

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the cells' adapters."""
        return tuple(
            cell.key(model=self.model, settings=self.settings, precision=self.precision) for cell in self.cells
        )

    @property
    def key(self) -> str:
        return Store.key("pack", list(self.keys), [])

    @property
    def units(self) -> int:
        """Optimiser steps of all its cells."""
        return self.weight * self.settings.steps

    @contextmanager
    def ready(self, engine: Engine) -> Iterator[Mapping[str, Tensor]]:
        with training_attention(engine.model), saved(engine.model, self.settings, engine.packing.saving):
            yield {}

    def run(self, worker: Worker) -> None:
        def report(steps: int) -> None:
            worker.check()
            worker.tell(steps * self.weight)

        _Pass(self.cells, self.keys, self.settings, self.precision, worker.engine, report).train()


@dataclass(frozen=True)
class _Pass:
    """Cells in one pass over a model; `report` is told how many steps all of them have done."""

    cells: Sequence[TrainingCell]
    keys: Sequence[str]
    settings: TrainSettings
    precision: str
    engine: Engine
    report: Callable[[int], None]

    def train(self) -> None:
        """Train it; where memory runs out, its halves one after the other.

        Raises:
            MemoryShort: a single cell does not fit.
        """
        model, full = self.engine.model, self.settings.method == "full"
        try:
            self._train()
            return
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(self.cells) == 1 and recompute(model.denoiser):
                raise too_short("memory-for.training" if full else "memory-for.lora") from error
        # Outside the handler: the exception would keep the failed pass's tensors alive.
        free_unused(model.device)
        middle = -(-len(self.cells) // 2) if len(self.cells) > 1 else 0
        # A single LoRA is tried once more, with its activations computed twice from here on.
        for first, last in ((0, middle), (middle, len(self.cells))) if middle else ((0, 1),):
            self._part(first, last).train()

    def _part(self, first: int, last: int) -> _Pass:
        """Some of the cells; each part covers its share of the bar."""

        def report(done: int) -> None:
            self.report((first * self.settings.steps + (last - first) * done) // len(self.cells))

        cells, keys = self.cells[first:last], self.keys[first:last]
        return _Pass(cells, keys, self.settings, self.precision, self.engine, report)

    def _train(self) -> None:
        model, settings, store = self.engine.model, self.settings, self.engine.store
        data = [_cell_data(cell, model, settings, store) for cell in self.cells]
        keeper = _Keeper(Checkpoint(store, self.keys), steps=settings.steps, report=self.report)
        started = time.monotonic()
        made: list[Callable[[Path], None]]
        base, autocast, resume = base_of(model), autocast_of(self.precision), keeper.checkpoint.load()
        after = keeper.after_step
        if settings.method == "full":
            updates, state = train_full(base, data, settings, autocast=autocast, resume=resume, after_step=after)
            made = [partial(save_updates, updates=of_cell) for of_cell in updates]
        else:
            adapters, state = train_pack(base, data, settings, autocast=autocast, resume=resume, after_step=after)
            made = [partial(save_adapter, cell=of_cell, alpha=settings.alpha) for of_cell in adapters]
        seconds = (time.monotonic() - started) / len(self.cells)
        for index, key in enumerate(self.keys):
            if store.has("adapter", key):
                continue
            facts = {"losses": loss_curve(state, index), "seconds": seconds}
            with store.writing("adapter", key) as folder:
                made[index](folder / "adapter.safetensors")
                (folder / "facts.json").write_text(json.dumps(facts), encoding="ascii")
        keeper.checkpoint.drop()


class _Keeper:
    """Writes a pack's state now and then, less often where that takes long."""

    def __init__(self, checkpoint: Checkpoint, *, steps: int, report: Callable[[int], None]) -> None:
        self.checkpoint = checkpoint
        self._steps, self._report = steps, report
        self._saved, self._wait = time.monotonic(), CHECKPOINT_SECONDS

    def after_step(self, done: int, state: Callable[[], State]) -> None:
        self._report(done)
        # The last state is always kept: adapters are written one by one, and a run that is killed
        # between two of them must write the others from this very state.
        now = time.monotonic()
        if now - self._saved > self._wait or done == self._steps:
            self.checkpoint.save(state())
            self._saved = time.monotonic()
            # Large states are written less often.
            self._wait = max(CHECKPOINT_SECONDS, CHECKPOINT_SHARE * (self._saved - now))


def _cell_data(cell: TrainingCell, model: Model, settings: TrainSettings, store: Store) -> CellData:
    latents = [encode_picture(model, store, pixels) for pixels in cell.pixels]
    return CellData(
        streams=cell.streams,
        mean=torch.stack([x.mean for x in latents]),
        std=torch.stack([x.std for x in latents]),
        text=tokenize(model, cell.captions) if settings.text_encoder else encode_texts(model, store, cell.captions),
    )
