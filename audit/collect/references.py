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
        raise BadInput(
            "reference-artists-few",
            f"Folder '{printable(folder.absolute().name)}' holds {len(folders)} subfolders of reference artists, but "
            f"at least {MIN_ARTISTS} are needed; give each other artist a subfolder of pictures.",
        )
    own = {work.pixels: work.name for work in works}
    found = []
    for each in folders:
        read = [read_picture(p, "reference", save, known=()) for p in list_pictures(each, "reference", [])]
        pixels = tuple(dict.fromkeys(p.stored for p in read))
        shared = next((own[p] for p in pixels if p in own), None)
        if shared is not None:
            raise BadInput(
                "reference-artist-same",
                f"'{printable(shared)}' lies among the originals and in reference folder '{printable(each.name)}'; "
                "a reference artist must be somebody else, so take that folder out.",
            )
        if len(pixels) < MIN_WORKS:
            raise BadInput(
                "reference-artists-few",
                f"Reference artist '{printable(each.name)}' has {len(pixels)} different pictures, but at least "
                f"{MIN_WORKS} are needed; add some or take the folder out.",
            )
        found.append(ReferenceArtist(name=printable(each.name, limit=80), pixels=pixels))
    return tuple(found)
