"""Pictures that a plan names by their pixels, out of folders where they may be called anything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from audit.base.messages import say
from audit.base.progress import Progress
from audit.images import pixels_digest
from audit.images.decoder import open_isolated
from audit.store import Store

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp")


def bring(wanted: Iterable[str], folders: Iterable[Path], store: Store, progress: Progress) -> set[str]:
    """Put the pictures of these digests that lie directly in the folders into the store; those not found.

    The progress counts files.
    """
    left = set(wanted)
    paths = [p for folder in folders for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES]
    progress.stage(say("stage.read"), len(paths))
    for done, path in enumerate(paths, start=1):
        pixels, _ = open_isolated(path)
        if pixels_digest(pixels) in left:
            left.discard(store.put_pixels(pixels))
        progress.update(done)
    progress.close()
    return left


def artists_in(folder: Path | None) -> list[Path]:
    """A subfolder for each other artist; none without a folder."""
    return [] if folder is None or not folder.is_dir() else [f for f in sorted(folder.iterdir()) if f.is_dir()]
