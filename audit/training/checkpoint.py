"""The unfinished state of one pack, on disk so that a killed run goes on bit for bit."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from audit.base.private import make_private
from audit.records import Record
from audit.store import Store, storage_errors
from audit.store.listing import checkpoints_of
from audit.store.sound import MOST_BYTES, is_regular, read_regular, remove_below
from audit.training.loop import State


class Stand(Record):
    """How far a pack has come: step.json of its checkpoint."""

    step: int = Field(ge=0)
    alive: tuple[int, ...]
    """Indices of the cells that are still trained."""
    cells: int = Field(ge=1)
    keys: tuple[str, ...]


class Checkpoint:
    """The unfinished state of one pack: a file per cell in one folder that is replaced as a whole.

    Its name is made of the keys of all that the pack stores: of one cell, an adapter for each length of training.
    """

    def __init__(self, store: Store, keys: Sequence[str]) -> None:
        self.keys = list(keys)
        self.store, self.root = store, store.root
        self.folder = store.root / "checkpoints" / store.key("pack", list(keys), [])

    def save(self, state: State) -> None:
        """Replace the checkpoint; a run killed at any instant finds a whole one."""
        with storage_errors(self.root):
            partial = self.store.room.new("checkpoint")
            make_private(partial)
            try:
                for index in range(len(state.losses)):
                    tensors = {"losses": state.losses[index].cpu()}
                    for name, values in (("p", state.params), ("m", state.exp_avg), ("v", state.exp_avg_sq)):
                        tensors |= {f"{name}{i:04d}": value[index].cpu() for i, value in enumerate(values)}
                    _write_synced(partial / f"cell{index:04d}.safetensors", save(_contiguous(tensors)))
                _write_synced(
                    partial / "step.json",
                    json.dumps(
                        {"step": state.step, "alive": state.alive, "cells": len(state.losses), "keys": self.keys}
                    ).encode("ascii"),
                )
                make_private(self.folder.parent)
                # Two renames, so that at every instant one whole state is on disk.
                old = self.folder.with_suffix(".old")
                remove_below(self.root, old)
                # Another process at work on the same pack may win either rename; its state is as good.
                with contextlib.suppress(FileNotFoundError):
                    os.replace(self.folder, old)
                try:
                    os.replace(partial, self.folder)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                remove_below(self.root, old)
            finally:
                remove_below(self.root, partial)

    def exists(self) -> bool:
        """Whether a run of this very pack was stopped, and may be gone on with."""
        return self.store.reuse and any(
            (folder / "step.json").exists() for folder in (self.folder, self.folder.with_suffix(".old"))
        )

    def load(self) -> State | None:
        """The newest whole checkpoint; a damaged one is dropped, and without any the pack starts anew."""
        if not self.store.reuse:
            return None
        for folder in (self.folder, self.folder.with_suffix(".old")):
            if not (folder / "step.json").exists():
                continue
            try:
                return self._read(folder)
            except (OSError, ValueError, LookupError, RuntimeError, SafetensorError):
                self._remove(folder)
        return None

    def _read(self, folder: Path) -> State:
        stand = Stand.model_validate_json(read_regular(folder / "step.json", limit=MOST_BYTES))
        if stand.keys != tuple(self.keys) or not set(stand.alive) <= set(range(stand.cells)):
            raise ValueError("of another pack")
        files = [folder / f"cell{i:04d}.safetensors" for i in range(stand.cells)]
        if not all(map(is_regular, files)):
            raise ValueError("not plain files")
        cells = [load_file(path) for path in files]

        def stacked(prefix: str) -> list[torch.Tensor]:
            names = sorted(n for n in cells[0] if n[0] == prefix and n[1:].isdigit())
            return [torch.stack([cell[n] for cell in cells]) for n in names]

        return State(
            step=stand.step,
            alive=list(stand.alive),
            params=stacked("p"),
            exp_avg=stacked("m"),
            exp_avg_sq=stacked("v"),
            losses=torch.stack([cell["losses"] for cell in cells]),
        )

    def drop(self) -> None:
        for folder in (self.folder, self.folder.with_suffix(".old")):
            self._remove(folder)

    def _remove(self, folder: Path) -> None:
        with storage_errors(self.root):
            remove_below(self.root, folder)


def drop_finished(store: Store, keys: Sequence[str]) -> None:
    """Delete what is left of packs of these cells that no training will go on with, since all their cells are done.

    A pack is cut anew when memory, device or the count of replicates change, and the old one's state would stay.
    """
    for folder, of in checkpoints_of(store.root, set(keys)):
        if of and all(store.has("adapter", key) for key in of):
            with storage_errors(store.root):
                remove_below(store.root, folder)


def _contiguous(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Own memory for each tensor: safetensors refuses views of one storage."""
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
