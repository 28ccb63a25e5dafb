"""The training stage: one LoRA per cell, many cells per pass, each finished adapter stored by content.

Or, as an option, the whole denoiser for each cell, one after the other.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.base.errors import StorageError
from audit.executor import Engine
from audit.executor.encoding import Encode
from audit.records import Adapter, TrainSettings
from audit.store import Store
from audit.training.adapters import norm_of
from audit.training.checkpoint import Checkpoint, drop_finished
from audit.training.pack_task import TrainingCell, TrainPack
from audit.training.packs import make_packs


@dataclass(frozen=True)
class Trained:
    """A finished cell: its record, and the key of its adapter in the store."""

    adapter: Adapter
    key: str


def adapter_file(store: Store, key: str) -> Path:
    """The adapter of a finished training."""
    return store.folder("adapter", key) / "adapter.safetensors"


def train(cells: Sequence[TrainingCell], settings: TrainSettings, engine: Engine) -> list[Trained]:
    """Train every cell that is not in the store yet; the progress counts cell-steps (cell x optimiser step).

    Packs are cut from the whole list, whatever is finished already, so that a resumed run forms the same packs.

    Returns:
        Every cell, in order.

    Raises:
        StorageError: `adapter-damaged`, when the store holds one that no training here can have left.
    """
    store, model, precision = engine.store, engine.model.facts.sha256, engine.precision
    keys = [cell.key(model=model, settings=settings, precision=precision) for cell in cells]
    first_of = {key: index for index, key in reversed(list(enumerate(keys)))}
    sound = {key for key in first_of if store.verified("adapter", key) is not None}
    # Cells that learn the same (clean and `identity`) side by side, so that they share a pack and its rounding.
    same: dict[tuple[Any, ...], int] = {}
    for i in sorted(first_of.values()):
        same.setdefault((cells[i].streams, cells[i].pixels, cells[i].captions), i)
    unlike = sorted(first_of.values(), key=lambda i: (same[cells[i].streams, cells[i].pixels, cells[i].captions], i))
    tasks = []
    for rows in make_packs([cells[i].replicate for i in unlike], unlike, engine.packing):
        weight = sum(keys.count(keys[i]) for i in rows)
        missing = [i for i in rows if keys[i] not in sound]
        # A pack that was stopped goes on as it was; of any other, only what no earlier run has left is trained.
        wanted = rows if missing and Checkpoint(store, [keys[i] for i in rows]).exists() else missing
        if wanted:
            chosen = tuple(cells[i] for i in wanted)
            tasks.append(TrainPack(chosen, model=model, settings=settings, precision=precision, weight=weight))
        else:
            engine.progress.advance(weight * settings.steps)
    # Workers would encode the works that they share once each; and what encodes may be away later.
    new = [cells[i] for i in unlike if keys[i] not in sound]
    pixels = sorted({p for cell in new for p in cell.pixels})
    captions = [] if settings.text_encoder else sorted({text for cell in new for text in cell.captions})
    if pixels:
        engine.run([Encode(tuple(pixels), tuple(captions), model=model, training=True)])
    engine.run(tasks)
    drop_finished(store, keys)
    return [_read(cell, key, store) for cell, key in zip(cells, keys, strict=True)]


def _read(cell: TrainingCell, key: str, store: Store) -> Trained:
    """A finished cell from the store. Training never leaves a number that is not finite, so one was put there."""
    try:
        return Trained(_adapter_in(store, key, cell), key)
    except (ValueError, LookupError, TypeError) as error:
        shutil.rmtree(store.folder("adapter", key), ignore_errors=True)
        raise StorageError("adapter-damaged", condition=cell.condition, replicate=cell.replicate) from error


def _adapter_in(store: Store, key: str, cell: TrainingCell) -> Adapter:
    path = adapter_file(store, key)
    facts = json.loads((path.parent / "facts.json").read_text(encoding="ascii"))
    losses = tuple(facts["losses"])
    return Adapter(
        condition=cell.condition,
        replicate=cell.replicate,
        works=cell.works,
        sha256=json.loads((path.parent / "manifest.json").read_text(encoding="ascii"))[path.name],
        norm=norm_of(path),
        losses=losses,
        finite=all(loss is not None for loss in losses),
        seconds=facts["seconds"],
    )
