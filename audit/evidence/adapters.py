"""What becomes of the trained add-ons: a LoRA of a living artist is itself the harm, so it goes unless asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audit.base.files import file_digest
from audit.base.messages import Said, say
from audit.records import Results
from audit.store import storage_errors
from audit.store.listing import checkpoints_of, steps_of
from audit.store.sound import is_regular, remove_below

FILE = "adapter.safetensors"


@dataclass(frozen=True)
class Adapters:
    """The adapters of one run that were found in a store.

    Attributes:
        store: where they were looked for.
        found: digest -> one adapter file of that content; copies: every file, for equal adapters lie twice.
        keep: whether they go into the bundle and stay in the store.
    """

    store: Path
    found: dict[str, Path]
    copies: tuple[Path, ...]
    keep: bool

    @property
    def state(self) -> Literal["deleted", "kept", "absent"]:
        """What becomes of them when the bundle is made."""
        if not self.found:
            return "absent"
        return "kept" if self.keep else "deleted"

    @property
    def fate(self) -> Said:
        """The same, as bundle and certification say it."""
        return say(f"told.adapters-{self.state}")

    def kept(self) -> dict[str, Path]:
        return dict(self.found) if self.keep else {}

    def settle(self) -> None:
        """Delete what is not to be kept, with the states of trainings that hold it or do not say what they hold.

        Raises:
            StorageError: the store cannot be written.
        """
        if self.keep:
            return
        states = checkpoints_of(self.store, {path.parent.name for path in self.copies}) if self.copies else []
        for folder in [*(path.parent for path in self.copies), *(folder for folder, _ in states)]:
            with storage_errors(folder):
                remove_below(self.store, folder)


def find_adapters(results: Results, store: Path, *, keep: bool) -> Adapters:
    """Look for a run's adapters, by content, in a store; an absent store holds none."""
    wanted = {cell.adapter.sha256 for cell in results.cells if cell.adapter}
    found, copies = {}, []
    for path in (folder / FILE for folder in steps_of(store, "adapter")):
        digest = file_digest(path) if is_regular(path) else ""
        if digest in wanted:
            found[digest] = path
            copies.append(path)
    return Adapters(store, found, tuple(copies), keep)
