"""The training stage: one LoRA per cell, many cells per pass, each finished adapter stored by content.

Or, as an option, the whole denoiser for each cell, one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from audit.base.errors import StorageError
from audit.executor import Ahead, Engine, Task
from audit.executor.encoding import Encode
from audit.models.tokens import overlong
from audit.records import Adapter, Finite, Record, TrainSettings
from audit.store import Store
from audit.store.sound import MOST_BYTES, read_regular
from audit.training.adapters import norm_of
from audit.training.checkpoint import Checkpoint, drop_finished
from audit.training.pack_task import TrainingCell, TrainPack, at
from audit.training.packs import make_packs


class TrainedFacts(Record):
    """What is stored beside an adapter: mean losses over the training, None where not finite, and its wall time."""

    losses: tuple[Finite | None, ...]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Trained:
    """A finished cell: its record, and the key of its adapter in the store."""

    adapter: Adapter
    key: str


def adapter_file(store: Store, key: str) -> Path:
    """The adapter of a finished training."""
    return store.folder("adapter", key) / "adapter.safetensors"


def train(cells: Sequence[TrainingCell], settings: TrainSettings, engine: Engine) -> list[Trained]:
    """Train every cell that is not in the store yet: `train_along` with one end for all, the settings' steps.

    Cells that no machine of a cluster could train are left out.
    """
    made = train_along(cells, [(settings.steps,)] * len(cells), settings, engine)
    return [cell for (cell,) in made if cell is not None]


def all_trained(cells: Sequence[TrainingCell], settings: TrainSettings, engine: Engine) -> bool:
    """Whether the store holds the adapter of every cell."""
    model, precision = engine.model.facts.sha256, engine.precision
    return all(
        engine.store.has("adapter", cell.key(model=model, settings=settings, precision=precision))
        for cell in _told_cut(cells, engine)
    )


def _told_cut(cells: Sequence[TrainingCell], engine: Engine) -> list[TrainingCell]:
    """The cells, each with whether a caption of it is longer than the model reads."""
    long = overlong(engine.model, sorted({text for cell in cells for text in cell.captions}))
    return [replace(cell, cut=not long.isdisjoint(cell.captions)) for cell in cells]


def train_along(
    cells: Sequence[TrainingCell],
    ends: Sequence[tuple[int, ...]],
    settings: TrainSettings,
    engine: Engine,
    *,
    then: Callable[[Trained, int], Sequence[Ahead]] | None = None,
) -> list[tuple[Trained | None, ...]]:
    """Train what is not in the store yet, and store each cell at several lengths of one training.

    The progress counts cell-steps (cell x optimiser step). Packs are cut from the whole list, whatever is finished
    already, so that a resumed run forms the same packs.

    Args:
        ends: a row for each cell: steps after which it is stored, ascending; it ends at the last.
        settings: of every training but for its steps; more than one end needs a constant schedule.
        then: what may begin with a cell that is trained, and its steps, while others train.

    Returns:
        Every cell, in order, at each of its ends; None where no machine of a cluster could train it, each time with
        the same error.

    Raises:
        StorageError: `adapter-damaged`, when the store holds one that no training here can have left.
    """
    store, model, precision = engine.store, engine.model.facts.sha256, engine.precision
    cells = _told_cut(cells, engine)
    named = [cell.key(model=model, settings=settings, precision=precision) for cell in cells]
    first_of = {name: index for index, name in reversed(list(enumerate(named)))}
    # Cells that share an adapter share the longest of their trainings.
    ends_of = {name: set[int]() for name in named}
    for name, own in zip(named, ends, strict=True):
        ends_of[name] |= set(own)
    rows_of = {i: tuple(sorted(ends_of[name])) for name, i in first_of.items()}

    def key(index: int, steps: int) -> str:
        return cells[index].key(model=model, settings=at(settings, steps), precision=precision)

    lacking = {
        i for i, own in rows_of.items() if not all([store.verified("adapter", key(i, s)) is not None for s in own])
    }
    # Cells that learn the same (clean and `identity`) side by side, so that they share a pack and its rounding.
    same: dict[tuple[Any, ...], int] = {}
    for i in sorted(rows_of):
        same.setdefault((cells[i].streams, cells[i].pixels, cells[i].captions), i)
    unlike = sorted(rows_of, key=lambda i: (same[cells[i].streams, cells[i].pixels, cells[i].captions], i))
    work = {i: sum(own[-1] for own, name in zip(ends, named, strict=True) if name == named[i]) for i in unlike}
    longest = at(settings, max((own[-1] for own in ends), default=settings.steps))
    tasks = []
    of_packs = [cells[i].replicate for i in unlike], unlike, engine.packing
    for rows in make_packs(*of_packs, beats=[cells[i].beat for i in unlike]):
        missing = [i for i in rows if i in lacking]
        # A pack that was stopped goes on as it was; of any other, only what no earlier run has left is trained.
        whole = [key(i, s) for i in rows for s in rows_of[i]]
        wanted = rows if missing and Checkpoint(store, whole).exists() else missing
        engine.progress.advance(sum(work[i] for i in rows if i not in wanted))
        if wanted:
            tasks.append(
                TrainPack(
                    tuple(cells[i] for i in wanted),
                    ends=tuple(rows_of[i] for i in wanted),
                    model=model,
                    settings=longest,
                    precision=precision,
                    work=tuple(work[i] for i in wanted),
                )
            )
    # Workers would encode the works that they share once each; and what encodes may be away later.
    new = [cells[i] for i in unlike if i in lacking]
    pictures = sorted({view for cell in new for view in cell.views}, key=str)
    left_out = {""} if settings.caption_dropout and new else set()
    captions = [] if settings.text_encoder else sorted({text for cell in new for text in cell.captions} | left_out)
    if pictures:
        engine.run([Encode(tuple(pictures), tuple(captions), model=model, training=True)])

    def after(task: Task[Any], lost: frozenset[str]) -> list[Ahead]:
        assert isinstance(task, TrainPack)
        begun: list[Ahead] = []
        for cell, at_ends, keys in zip(task.cells, task.ends, task.keys, strict=True):
            for steps, made in zip(at_ends, keys, strict=True):
                if then is not None and made not in lost:
                    begun += then(_read(cell, made, store), steps)
        return begun

    lost = frozenset[str]().union(*engine.run(tasks, after=after))
    drop_finished(store, [key(i, s) for i in unlike for s in rows_of[i]])
    return [
        tuple(None if (k := key(i, s)) in lost else _read(cells[i], k, store) for s in own)
        for i, own in enumerate(ends)
    ]


def _read(cell: TrainingCell, key: str, store: Store) -> Trained:
    """A finished cell from the store. Training never leaves a number that is not finite, so one was put there."""
    try:
        return Trained(_adapter_in(store, key, cell), key)
    except (OSError, ValueError, LookupError, TypeError) as error:
        store.drop("adapter", key)
        raise StorageError("adapter-damaged", condition=cell.condition, replicate=cell.replicate) from error


def _adapter_in(store: Store, key: str, cell: TrainingCell) -> Adapter:
    path = adapter_file(store, key)
    facts = TrainedFacts.model_validate_json(read_regular(path.parent / "facts.json", limit=MOST_BYTES))
    return Adapter(
        condition=cell.condition,
        replicate=cell.replicate,
        works=cell.works,
        sha256=json.loads((path.parent / "manifest.json").read_text(encoding="ascii"))[path.name],
        norm=norm_of(path),
        losses=facts.losses,
        finite=all(loss is not None for loss in facts.losses),
        seconds=facts.seconds,
    )
