"""A folder of folders -> works by other artists, to recognise the artist among."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.text import printable
from audit.collect.folders import list_pictures, read_picture
from audit.images import Pixels
from audit.records import ReferenceArtist, Work

MIN_ARTISTS = 3
MIN_WORKS = 5


def collect_references(
    folder: Path, *, works: Sequence[Work], save: Callable[[Pixels], str]
) -> tuple[ReferenceArtist, ...]:
    """One artist per subfolder, in the order of their names.

    Args:
        works: of the audited artist; none of them may be among the references.
        save: stores uint8 RGB (H, W, 3) and returns the store's digest.

    Raises:
        BadInput: `reference-artists-few`, `reference-artist-same`, and all that reading pictures raises.
    """
    folders = sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] != ".") if folder.is_dir() else []
    if len(folders) < MIN_ARTISTS:
        raise BadInput("reference-artists-few", folder=folder.absolute().name, count=len(folders), least=MIN_ARTISTS)
    own = {work.pixels: work.name for work in works}
    found = []
    for each in folders:
        read = [read_picture(p, "reference", save, known=()) for p in list_pictures(each, "reference", [])]
        pixels = tuple(dict.fromkeys(p.stored for p in read))
        shared = next((own[p] for p in pixels if p in own), None)
        if shared is not None:
            raise BadInput("reference-artist-same", picture=shared, folder=each.name)
        if len(pixels) < MIN_WORKS:
            raise BadInput("reference-artists-few.pictures", artist=each.name, count=len(pixels), least=MIN_WORKS)
        found.append(ReferenceArtist(name=printable(each.name, limit=80), pixels=pixels))
    return tuple(found)
