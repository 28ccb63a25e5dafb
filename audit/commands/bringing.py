"""Pictures that a plan names by their pixels, out of folders where they may be called anything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from audit.base.errors import BadInput
from audit.base.messages import say
from audit.base.progress import Progress
from audit.collect.folders import PICTURE_SUFFIXES
from audit.images import Ground, Pixels, pixels_digest
from audit.images.decoder import open_isolated
from audit.store import Store


def bring(wanted: Iterable[str], folders: Iterable[Path], store: Store, progress: Progress) -> set[str]:
    """Put the pictures of these digests that lie directly in the folders into the store; those not found.

    Other files of the folders, and pictures that cannot be read, are passed over. The progress counts files.
    """
    left = set(wanted)
    paths = [p for folder in folders for p in sorted(folder.iterdir()) if p.suffix.lower() in PICTURE_SUFFIXES]
    progress.stage(say("stage.read"), len(paths))
    for done, path in enumerate(paths, start=1):
        pixels = _wanted_of(path, left)
        if pixels is not None:
            left.discard(store.put_pixels(pixels))
        progress.update(done)
    progress.close()
    return left


def _wanted_of(path: Path, left: set[str]) -> Pixels | None:
    """The picture on the ground that an audit may have laid under its transparent parts; None where none is wanted."""
    seen: set[str] = set()
    for ground in get_args(Ground):
        try:
            pixels, _ = open_isolated(path, ground=ground)
        except BadInput:
            return None
        digest = pixels_digest(pixels)
        if digest in left:
            return pixels
        if digest in seen:  # nothing shines through
            return None
        seen.add(digest)
    return None


def artists_in(folder: Path | None) -> list[Path]:
    """A subfolder for each other artist; none without a folder."""
    return [] if folder is None or not folder.is_dir() else [f for f in sorted(folder.iterdir()) if f.is_dir()]
