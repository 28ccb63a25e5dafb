"""The unfinished state of one pack, on disk so that a killed run goes on bit for bit."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from audit.base.private import make_private
from audit.store import Store, checkpoints_of, storage_errors
from audit.training.loop import State


class Checkpoint:
    """The unfinished state of one pack: a file per cell in one folder that is replaced as a whole."""

    def __init__(self, store: Store, keys: Sequence[str]) -> None:
        self.keys = list(keys)
        self.root = store.root
        self.folder = store.root / "checkpoints" / store.key("pack", list(keys), [])

    def save(self, state: State) -> None:
        """Replace the checkpoint; a run killed at any instant finds a whole one."""
        with storage_errors(self.root):
            partial = self.root / "tmp" / f"checkpoint-{uuid.uuid4().hex}"
            make_private(partial)
            try:
                for index in range(len(self.keys)):
                    tensors = {"loss_sum": state.loss_sum[index].cpu(), "loss_count": state.loss_count}
                    for name, values in (("p", state.params), ("m", state.exp_avg), ("v", state.exp_avg_sq)):
                        tensors |= {f"{name}{i:04d}": value[index].cpu() for i, value in enumerate(values)}
                    _write_synced(partial / f"cell{index:04d}.safetensors", save(_contiguous(tensors)))
                _write_synced(
                    partial / "step.json",
                    json.dumps({"step": state.step, "alive": state.alive, "keys": self.keys}).encode("ascii"),
                )
                make_private(self.folder.parent)
                # Two renames, so that at every instant one whole state is on disk.
                old = self.folder.with_suffix(".old")
                shutil.rmtree(old, ignore_errors=True)
                # Another process at work on the same pack may win either rename; its state is as good.
                with contextlib.suppress(FileNotFoundError):
                    os.replace(self.folder, old)
                try:
                    os.replace(partial, self.folder)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                shutil.rmtree(old, ignore_errors=True)
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    def exists(self) -> bool:
        """Whether a run of this very pack was stopped."""
        return any((folder / "step.json").exists() for folder in (self.folder, self.folder.with_suffix(".old")))

    def load(self) -> State | None:
        """The newest whole checkpoint; a damaged one is dropped, and without any the pack starts anew."""
        for folder in (self.folder, self.folder.with_suffix(".old")):
            if not (folder / "step.json").exists():
                continue
            try:
                return self._read(folder)
            except (OSError, ValueError, KeyError, RuntimeError, SafetensorError):
                shutil.rmtree(folder, ignore_errors=True)
        return None

    def _read(self, folder: Path) -> State:
        cells = [load_file(folder / f"cell{i:04d}.safetensors") for i in range(len(self.keys))]

        def stacked(prefix: str) -> list[torch.Tensor]:
            names = sorted(n for n in cells[0] if n[0] == prefix and n[1:].isdigit())
            return [torch.stack([cell[n] for cell in cells]) for n in names]

        stand = json.loads((folder / "step.json").read_text(encoding="ascii"))
        return State(
            step=stand["step"],
            alive=stand["alive"],
            params=stacked("p"),
            exp_avg=stacked("m"),
            exp_avg_sq=stacked("v"),
            loss_sum=torch.stack([cell["loss_sum"] for cell in cells]),
            loss_count=cells[0]["loss_count"],
        )

    def drop(self) -> None:
        for folder in (self.folder, self.folder.with_suffix(".old")):
            shutil.rmtree(folder, ignore_errors=True)


def drop_finished(store: Store, keys: Sequence[str]) -> None:
    """Delete what is left of packs of these cells that no training will go on with, since all their cells are done.

    A pack is cut anew when memory, device or the count of replicates change, and the old one's state would stay.
    """
    for folder, of in checkpoints_of(store.root, set(keys)):
        if of and all(store.has("adapter", key) for key in of):
            shutil.rmtree(folder, ignore_errors=True)


def _contiguous(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Own memory for each tensor: safetensors refuses views of one storage."""
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
