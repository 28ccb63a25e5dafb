"""Works by another artist, for the planted success: a model trained on them never saw the artist audited."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from audit.base.errors import BadInput
from audit.collect.folders import list_pictures, read_picture
from audit.collect.names import caption_for
from audit.collect.sidecars import Sidecars
from audit.images import Pixels
from audit.models.cards import LAB_OTHER
from audit.records import ArtistSet, Work


def other_works(
    folder: Path | None, *, artist: ArtistSet, least: int, save: Callable[[Pixels], str]
) -> tuple[Work, ...]:
    """Read the pictures of another artist.

    Args:
        folder: of another artist's works; None for the built-in ones.
        artist: the artist audited, whose works must not be among them.
        least: fewer different works than this are refused.
        save: stores uint8 RGB (H, W, 3) and returns the store's digest.

    Raises:
        BadInput: `other-artist-same`, `other-artist-few`, and those of reading a folder.
    """
    folder = folder or LAB_OTHER
    own = {work.pixels for work in artist.works}
    found: dict[str, Work] = {}
    paths = list_pictures(folder, "other artist's", [])
    sidecars = Sidecars(folder)
    for path in paths:
        picture = read_picture(path, "other artist's", save, known=found.keys())
        if picture.content in found:
            continue
        if picture.stored in own:
            raise BadInput("other-artist-same", picture=picture.name)
        found[picture.content] = Work(
            id=f"o{len(found):03d}",
            name=picture.name,
            caption=caption_for(picture.file, sidecar=sidecars.text(path.name)),
            sha256=picture.facts.sha256,
            pixels=picture.stored,
            width=picture.facts.width,
            height=picture.facts.height,
        )
    if len(found) < least:
        raise BadInput("other-artist-few", folder=folder.absolute().name, count=len(found), least=least)
    return tuple(found.values())
