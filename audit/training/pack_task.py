"""One pack of cells as a task: trained side by side, resumed where it was stopped, halved where memory runs out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from audit.executor import Bench, Engine, Needs, Task, Worker, with_model
from audit.images.tensors import autocast_of
from audit.models.encode import encode_picture, encode_texts, latents_key, text_key
from audit.models.frames import Framing, Shape
from audit.models.kernels import training_attention
from audit.models.memory import free_unused, is_out_of_memory, too_short
from audit.models.model import Model
from audit.models.tokens import tokenize
from audit.records import TrainSettings
from audit.store import Store
from audit.training.adapters import save_adapter, save_updates
from audit.training.batches import Base, CellData
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
        cut: whether a caption is longer than the model reads.
        frames: how each work comes to its shape, by its own size; () for squares of the model's own size. Pictures in
            the place of a work come to the work's shape, so that all conditions of a replicate share every draw.
    """

    condition: str
    replicate: int
    label: str
    streams: Streams
    works: tuple[str, ...]
    pixels: tuple[str, ...]
    captions: tuple[str, ...]
    cut: bool = False
    frames: tuple[Framing, ...] = ()

    @property
    def views(self) -> tuple[tuple[str, Shape | None], ...]:
        """Its pictures, each with the shape that it is seen in."""
        shapes: list[Shape | None] = [frame.shape for frame in self.frames]
        shapes = shapes or [None] * len(self.pixels)
        return tuple(zip(self.pixels, shapes, strict=True))

    @property
    def beat(self) -> Hashable:
        """What cells must share to be trained in one pass: at every step, one shape."""
        shapes = tuple(frame.shape for frame in self.frames)
        return (self.streams, shapes) if len(set(shapes)) > 1 else shapes[:1]

    def key(self, *, model: str, settings: TrainSettings, precision: str) -> str:
        """Key of the adapter that training it on a model, by its digest, gives."""
        named: dict[str, Any] = {
            "settings": settings.model_dump(mode="json"),
            "streams": [self.streams.seed, self.streams.replicate, self.streams.variant],
            "captions": list(self.captions),
            "precision": precision,
            "label": self.label,
        }
        if self.frames:
            named["frames"] = [list(frame) for frame in self.frames]
        if self.cut:
            # Their end was cut once, style word and all.
            named["style kept"] = True
        return Store.key("adapter", named, [model, *self.pixels])


@dataclass(frozen=True)
class TrainPack(Task[frozenset[str]]):
    """Train some cells in one pass and store the adapters of each; answers the keys of those that could not be made.

    A cell is stored at each of its `ends`, in steps, and leaves the pass at the last: what it is after half of them
    is what a training of half the steps would have made of it, and has that one's key.

    Attributes:
        ends: a row for each cell, ascending; more than one end only under a constant schedule.
        model: digest of the base model.
        settings: of the longest training.
        precision: what the adapters' keys hold, so that a worker trains in it whatever its own would be.
        work: what the progress counts for each cell, in optimiser steps; trainings of the plan can share one.
    """

    shares: ClassVar[bool] = True
    cells: tuple[TrainingCell, ...]
    ends: tuple[tuple[int, ...], ...]
    model: str
    settings: TrainSettings
    precision: str
    work: tuple[int, ...]

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """Of the cells' adapters, a row for each cell."""
        return tuple(
            tuple(cell.key(model=self.model, settings=at(self.settings, s), precision=self.precision) for s in ends)
            for cell, ends in zip(self.cells, self.ends, strict=True)
        )

    @property
    def key(self) -> str:
        return Store.key("pack", flat(self.keys), [])

    @property
    def units(self) -> int:
        """Optimiser steps of all trainings that it answers for."""
        return sum(self.work)

    def needs(self, bench: Bench) -> Needs:
        """Latents and texts, which are encoded already; pictures where they are not; the adapters that are finished."""
        model, store = with_model(bench).model, bench.store
        latents = {view: latents_key(model, *view) for cell in self.cells for view in cell.views}
        absent = {digest for (digest, _), key in latents.items() if not store.has("latents", key)}
        texts = {text for cell in self.cells for text in cell.captions} | (
            {""} if self.settings.caption_dropout else set()
        )
        encoded = [] if self.settings.text_encoder else [("text", text_key(model, text)) for text in sorted(texts)]
        return Needs(
            pictures=tuple(sorted(absent)),
            steps=(
                *(("latents", key) for key in sorted(latents.values())),
                *encoded,
                *(("adapter", key) for key in flat(self.keys)),
            ),
            checkpoint=self.key,
        )

    @property
    def rows(self) -> int:
        """Cells."""
        return len(self.cells)

    def halves(self) -> tuple[TrainPack, ...]:
        if len(self.cells) == 1:
            return (self,)
        middle = -(-len(self.cells) // 2)
        return tuple(
            replace(self, cells=self.cells[part], ends=self.ends[part], work=self.work[part])
            for part in (slice(middle), slice(middle, None))
        )

    def joined(self, answers: Sequence[frozenset[str]]) -> frozenset[str]:
        return frozenset().union(*answers)

    def lacking(self) -> frozenset[str]:
        """All of them: the judge knows what to make of a model that is missing."""
        return frozenset(flat(self.keys))

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Mapping[str, Tensor]]:
        engine = with_model(bench)
        with training_attention(engine.model), saved(engine.model, self.settings, engine.packing.saving):
            yield {}

    def run(self, worker: Worker) -> frozenset[str]:
        def report(units: int) -> None:
            worker.check()
            worker.tell(units)

        rows = tuple(map(_Row, self.cells, self.ends, self.keys, self.work))
        _Pass(rows, self.settings, self.precision, worker.engine, report).train()
        return frozenset()


def at(settings: TrainSettings, steps: int) -> TrainSettings:
    """The same training with so many steps."""
    return settings.model_copy(update={"steps": steps})


def flat(keys: Sequence[Sequence[str]]) -> list[str]:
    """The keys of all cells in one list."""
    return [key for row in keys for key in row]


@dataclass(frozen=True)
class _Row:
    """One cell of a pass; see `TrainPack`."""

    cell: TrainingCell
    ends: tuple[int, ...]
    keys: tuple[str, ...]
    work: int

    def done(self, steps: int) -> int:
        """Its work after so many steps."""
        return self.work * min(steps, self.ends[-1]) // self.ends[-1]


@dataclass(frozen=True)
class _Pass:
    """Cells in one pass over a model; `report` is told how much of their work is done."""

    rows: Sequence[_Row]
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
            if len(self.rows) == 1 and recompute(model.denoiser):
                raise too_short("memory-for.training" if full else "memory-for.lora") from error
        # Outside the handler: the exception would keep the failed pass's tensors alive.
        free_unused(model.device)
        middle = -(-len(self.rows) // 2) if len(self.rows) > 1 else 0
        # A single LoRA is tried once more, with its activations computed twice from here on.
        for first, last in ((0, middle), (middle, len(self.rows))) if middle else ((0, 1),):
            self._part(first, last).train()

    def _part(self, first: int, last: int) -> _Pass:
        """Some of the cells; each part covers its share of the bar."""
        before = sum(row.work for row in self.rows[:first])

        def report(done: int) -> None:
            self.report(before + done)

        return _Pass(self.rows[first:last], self.settings, self.precision, self.engine, report)

    def _train(self) -> None:
        model, settings, store = self.engine.model, self.settings, self.engine.store
        data = [_cell_data(row.cell, model, settings, store) for row in self.rows]
        missing = [
            [s for s, key in zip(r.ends, r.keys, strict=True) if not store.has("adapter", key)] for r in self.rows
        ]
        ends = sorted({s for row in missing for s in row})
        keeper = _Keeper(
            Checkpoint(store, flat([row.keys for row in self.rows])),
            ends=ends,
            report=lambda steps: self.report(sum(row.done(steps) for row in self.rows)),
        )
        started = time.monotonic()
        base, autocast, state = base_of(model), autocast_of(self.precision), keeper.checkpoint.load()
        if state is not None and any(s < state.step for s in ends):
            # Adapters that it has gone past are gone.
            state = None
        for end in ends:
            if state is not None:
                # Whoever has come to its end leaves, and costs the others nothing more.
                state.alive = [i for i in state.alive if max(missing[i], default=0) > state.step]
            made, state = self._leg(base, data, end, autocast=autocast, state=state, after_step=keeper.after_step)
            seconds = (time.monotonic() - started) / len(self.rows)
            for index, row in enumerate(self.rows):
                if end not in missing[index]:
                    continue
                facts = {"losses": loss_curve(state, index, steps=end), "seconds": seconds}
                with store.writing("adapter", row.keys[row.ends.index(end)]) as folder:
                    made[index](folder / "adapter.safetensors")
                    (folder / "facts.json").write_text(json.dumps(facts), encoding="ascii")
        keeper.checkpoint.drop()

    def _leg(
        self,
        base: Base,
        data: Sequence[CellData],
        end: int,
        *,
        autocast: torch.dtype | None,
        state: State | None,
        after_step: Callable[[int, Callable[[], State]], None],
    ) -> tuple[list[Callable[[Path], None]], State]:
        """Go on to a number of steps; what writes each cell's adapter as it is then."""
        settings = self.settings
        if settings.method == "full":
            updates, state = train_full(
                base, data, settings, autocast=autocast, resume=state, stop_at=end, after_step=after_step
            )
            return [partial(save_updates, updates=of_cell) for of_cell in updates], state
        adapters, state = train_pack(
            base, data, settings, autocast=autocast, resume=state, stop_at=end, after_step=after_step
        )
        return [partial(save_adapter, cell=of_cell, alpha=settings.alpha) for of_cell in adapters], state


class _Keeper:
    """Writes a pack's state now and then, less often where that takes long."""

    def __init__(self, checkpoint: Checkpoint, *, ends: Sequence[int], report: Callable[[int], None]) -> None:
        self.checkpoint = checkpoint
        self._ends, self._report = ends, report
        self._saved, self._wait = time.monotonic(), CHECKPOINT_SECONDS

    def after_step(self, done: int, state: Callable[[], State]) -> None:
        self._report(done)
        # The state at every end is kept: adapters are written one by one, and a run that is killed
        # between two of them must write the others from this very state.
        now = time.monotonic()
        if now - self._saved > self._wait or done in self._ends:
            self.checkpoint.save(state())
            self._saved = time.monotonic()
            # Large states are written less often.
            self._wait = max(CHECKPOINT_SECONDS, CHECKPOINT_SHARE * (self._saved - now))


def _cell_data(cell: TrainingCell, model: Model, settings: TrainSettings, store: Store) -> CellData:
    captions = [*cell.captions, *([""] if settings.caption_dropout else [])]
    latents = [encode_picture(model, store, *view) for view in cell.views]
    return CellData(
        streams=cell.streams,
        mean=tuple(x.mean for x in latents),
        std=tuple(x.std for x in latents),
        frames=cell.frames,
        text=tokenize(model, captions) if settings.text_encoder else encode_texts(model, store, captions),
    )
