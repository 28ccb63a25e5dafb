"""The training stage: one LoRA per cell, many cells per pass, each finished adapter stored by content.

Or, as an option, the whole denoiser for each cell, one after the other.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from audit.base.errors import StorageError
from audit.images.tensors import autocast_of
from audit.models.encode import encode_picture, encode_texts, tokenize
from audit.models.kernels import training_attention
from audit.models.loader import Model
from audit.models.memory import free_unused, is_out_of_memory, too_short
from audit.records import Adapter, TrainSettings
from audit.store import Store
from audit.training.adapters import norm_of, save_adapter, save_updates
from audit.training.batches import CellData
from audit.training.checkpoint import Checkpoint, drop_finished
from audit.training.draws import Streams
from audit.training.footprint import base_of
from audit.training.full import train_full
from audit.training.loop import State, loss_curve, train_pack
from audit.training.packs import Packing, make_packs
from audit.training.saving import recompute, saved
from audit.training.workers import side_by_side

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

    def key(self, model: Model, settings: TrainSettings, precision: str, store: Store) -> str:
        named = {
            "settings": settings.model_dump(mode="json"),
            "streams": [self.streams.seed, self.streams.replicate, self.streams.variant],
            "captions": list(self.captions),
            "precision": precision,
            "label": self.label,
        }
        return store.key("adapter", named, [model.facts.sha256, *self.pixels])


def train(
    cells: Sequence[TrainingCell],
    *,
    model: Model,
    settings: TrainSettings,
    precision: str,
    packing: Packing,
    store: Store,
    progress: Callable[[int], None] | None = None,
) -> list[tuple[Adapter, Path]]:
    """Train every cell that is not in the store yet.

    Args:
        precision: `bf16` (autocast; LoRA parameters stay float32) or `fp32`.
        packing: packs are cut from the whole list, whatever is finished already, so that a resumed
            run forms the same packs.
        progress: called with the number of cell-steps (cell x optimiser step) done so far.

    Returns:
        Per cell, in order, its record and its adapter file.

    Raises:
        StorageError: `adapter-damaged`, when the store holds one that no training here can have left.
    """
    keys = [cell.key(model, settings, precision, store) for cell in cells]
    first_of = {key: index for index, key in reversed(list(enumerate(keys)))}
    sound = {key for key in first_of if store.verified("adapter", key) is not None}
    # Cells that learn the same (clean and `identity`) side by side, so that they share a pack and its rounding.
    same: dict[tuple[Any, ...], int] = {}
    for i in sorted(first_of.values()):
        same.setdefault((cells[i].streams, cells[i].pixels, cells[i].captions), i)
    unlike = sorted(first_of.values(), key=lambda i: (same[cells[i].streams, cells[i].pixels, cells[i].captions], i))
    packs = make_packs([cells[i].replicate for i in unlike], unlike, packing)
    shown = _Sum(progress)
    tasks = []
    for rows in packs:
        weight = sum(keys.count(keys[i]) for i in rows)
        missing = [i for i in rows if keys[i] not in sound]
        # A pack that was stopped goes on as it was; of any other, only what no earlier run has left is trained.
        wanted = rows if missing and Checkpoint(store, [keys[i] for i in rows]).exists() else missing
        part = shown.part()
        if not wanted:
            part(weight * settings.steps)
            continue

        def task(
            model: Model,
            check: Callable[[], None],
            wanted: Sequence[int] = wanted,
            part: Callable[[int], None] = part,
            weight: int = weight,
        ) -> None:
            def report(steps: int) -> None:
                check()
                part(steps * weight)

            _train_rows(
                [cells[i] for i in wanted],
                [keys[i] for i in wanted],
                model=model,
                settings=settings,
                precision=precision,
                store=store,
                progress=report,
            )

        tasks.append(task)
    # Encoding too: another attention kernel would round another way than in a run of one worker.
    with training_attention(model):
        if packing.workers > 1 or packing.saving.offload or model.room is not None:
            # Workers would encode the works that they share once each; and what encodes may be away later.
            for pixels in sorted({p for i in unlike if keys[i] not in sound for p in cells[i].pixels}):
                encode_picture(model, store, pixels)
            captions = sorted({text for i in unlike if keys[i] not in sound for text in cells[i].captions})
            if captions and not settings.text_encoder:
                encode_texts(model, store, captions)
        with saved(model, settings, packing.saving):
            side_by_side(tasks, model=model, workers=packing.workers)
    drop_finished(store, keys)
    return [_read_adapter(cell, key, store) for cell, key in zip(cells, keys, strict=True)]


class _Sum:
    """Adds up what packs side by side report, each its own steps so far."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self._progress = progress
        self._parts: list[int] = []
        self._lock = threading.Lock()

    def part(self) -> Callable[[int], None]:
        index = len(self._parts)
        self._parts.append(0)

        def report(done: int) -> None:
            with self._lock:
                self._parts[index] = done
                if self._progress is not None:
                    self._progress(sum(self._parts))

        return report


def _train_rows(
    cells: Sequence[TrainingCell],
    keys: Sequence[str],
    *,
    model: Model,
    settings: TrainSettings,
    precision: str,
    store: Store,
    progress: Callable[[int], None],
) -> None:
    """Train a pack; where memory runs out, its halves one after the other.

    Raises:
        MemoryShort: a single cell does not fit.
    """
    try:
        _train_one_pack(
            cells, keys, model=model, settings=settings, precision=precision, store=store, progress=progress
        )
        return
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        if len(cells) == 1 and recompute(model.denoiser):
            raise too_short("memory-for.training" if settings.method == "full" else "memory-for.lora") from error
    # Outside the handler: the exception would keep the failed pass's tensors alive.
    free_unused(model.device)
    middle = -(-len(cells) // 2) if len(cells) > 1 else 0
    # A single LoRA is tried once more, with its activations computed twice from here on.
    for first, last in ((0, middle), (middle, len(cells))) if middle else ((0, 1),):
        _train_rows(
            cells[first:last],
            keys[first:last],
            model=model,
            settings=settings,
            precision=precision,
            store=store,
            # Steps of the pack as a whole: the halves cover one half of the bar each.
            progress=lambda done, at=first, end=last: progress(  # type: ignore[misc]
                (at * settings.steps + (end - at) * done) // len(cells)
            ),
        )


def _train_one_pack(
    cells: Sequence[TrainingCell],
    keys: Sequence[str],
    *,
    model: Model,
    settings: TrainSettings,
    precision: str,
    store: Store,
    progress: Callable[[int], None],
) -> None:
    data = [_cell_data(cell, model, settings, store) for cell in cells]
    checkpoint = Checkpoint(store, keys)
    started = time.monotonic()
    saved, wait = started, CHECKPOINT_SECONDS

    def after_step(done: int, state: Callable[[], State]) -> None:
        nonlocal saved, wait
        progress(done)
        # The last state is always kept: adapters are written one by one, and a run that is killed
        # between two of them must write the others from this very state.
        now = time.monotonic()
        if now - saved > wait or done == settings.steps:
            checkpoint.save(state())
            saved = time.monotonic()
            # Large states are written less often.
            wait = max(CHECKPOINT_SECONDS, CHECKPOINT_SHARE * (saved - now))

    made: list[Callable[[Path], None]]
    base, autocast, resume = base_of(model), autocast_of(precision), checkpoint.load()
    if settings.method == "full":
        updates, state = train_full(base, data, settings, autocast=autocast, resume=resume, after_step=after_step)
        made = [partial(save_updates, updates=of_cell) for of_cell in updates]
    else:
        adapters, state = train_pack(base, data, settings, autocast=autocast, resume=resume, after_step=after_step)
        made = [partial(save_adapter, cell=of_cell, alpha=settings.alpha) for of_cell in adapters]
    seconds = (time.monotonic() - started) / len(cells)
    for index, key in enumerate(keys):
        if store.has("adapter", key):
            continue
        facts = {"losses": loss_curve(state, index), "seconds": seconds}
        with store.writing("adapter", key) as folder:
            made[index](folder / "adapter.safetensors")
            (folder / "facts.json").write_text(json.dumps(facts), encoding="ascii")
    checkpoint.drop()


def _cell_data(cell: TrainingCell, model: Model, settings: TrainSettings, store: Store) -> CellData:
    latents = [encode_picture(model, store, pixels) for pixels in cell.pixels]
    return CellData(
        streams=cell.streams,
        mean=torch.stack([x.mean for x in latents]),
        std=torch.stack([x.std for x in latents]),
        text=tokenize(model, cell.captions) if settings.text_encoder else encode_texts(model, store, cell.captions),
    )


def _read_adapter(cell: TrainingCell, key: str, store: Store) -> tuple[Adapter, Path]:
    """A finished cell from the store. Training never leaves a number that is not finite, so one was put there."""
    folder = store.folder("adapter", key)
    try:
        return _adapter_in(folder, cell)
    except (ValueError, LookupError, TypeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageError("adapter-damaged", condition=cell.condition, replicate=cell.replicate) from error


def _adapter_in(folder: Path, cell: TrainingCell) -> tuple[Adapter, Path]:
    facts = json.loads((folder / "facts.json").read_text(encoding="ascii"))
    path = folder / "adapter.safetensors"
    digest = json.loads((folder / "manifest.json").read_text(encoding="ascii"))[path.name]
    losses = tuple(facts["losses"])
    record = Adapter(
        condition=cell.condition,
        replicate=cell.replicate,
        works=cell.works,
        sha256=digest,
        norm=norm_of(path),
        losses=losses,
        finite=all(loss is not None for loss in losses),
        seconds=facts["seconds"],
    )
    return record, path
