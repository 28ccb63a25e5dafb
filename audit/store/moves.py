"""How a finished step takes its place, and leaves it: in one move each, so that nobody ever finds a part of one.

Several processes may work on one store, and one of them may make everything anew. So what stands in a step's place may
change between two looks at it. Only what was moved into this process's own room is judged, and deleted.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from audit.store.room import Workroom
from audit.store.sound import MANIFEST, is_sound, move_below, remove_below

TRIES = 5
"""How often a finished step is put in its place while other processes put theirs there."""


def put(root: Path, room: Workroom, partial: Path, final: Path, *, over: bool) -> None:
    """Give a sealed folder its final name.

    Args:
        over: whether a finished step that stands there gives way; else it stays, since its result is the same.

    Raises:
        OSError: it cannot be renamed.
    """
    for left in reversed(range(TRIES)):
        if over or not (final / MANIFEST).exists():
            take_away(root, room, final)
        try:
            os.replace(partial, final)
            return
        except OSError:
            # Another process put its own there meanwhile. Systems differ in how they refuse to put a folder over it.
            if (final / MANIFEST).exists() and not (over and left):
                return
            if not left:
                raise


def take_away(root: Path, room: Workroom, folder: Path) -> None:
    """Delete what stands in a step's place, if anything does; OSError where it cannot be."""
    if (aside := _aside(root, room, folder)) is not None:
        remove_below(root, aside)


def put_back(root: Path, room: Workroom, folder: Path) -> bool:
    """Take away what stands in a step's place and looked unsound; put it back where it is sound after all.

    Returns whether a sound step stands there in the end. OSError: it cannot be moved.
    """
    aside = _aside(root, room, folder)
    if aside is None:
        return False
    try:
        if not is_sound(aside):
            return False
        with contextlib.suppress(OSError):
            os.replace(aside, folder)
        return is_sound(folder)
    finally:
        remove_below(root, aside)


def _aside(root: Path, room: Workroom, folder: Path) -> Path | None:
    """Move what stands in a step's place into this process's room; None where nothing stands there."""
    aside = room.new("old")
    return aside if move_below(root, folder, aside) else None
