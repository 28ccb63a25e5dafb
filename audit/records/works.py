"""The artist's pictures, as collected."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit.base.messages import Said
from audit.base.record import Digest, Finite, Record
from audit.records.judged import english

NEUTRAL_CAPTION = "a picture"
"""Of a work that nothing says anything about."""


class Note(Record):
    """Something found while collecting that the reader must know but that does not stop the run."""

    said: Said
    slug: str = Field(default_factory=lambda data: data["said"].slug)
    """Key of the entry in MESSAGES.md, for instance `protected-other-format`."""
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))
    """The same in English, with the file's display name where it concerns one file."""
    work: str | None = None
    """Id of the work concerned, if one."""


class Work(Record):
    """One picture by the artist."""

    id: str
    """Neutral ASCII id, `w000`, `w001`, ... in the order of the sorted file names."""
    name: str
    """File name without folder, made printable; for display only."""
    caption: str
    """What the picture shows, without style words; never empty."""
    sha256: Digest
    """Digest of the file's bytes as delivered."""
    pixels: Digest
    """Store digest of the decoded upright 8-bit RGB PNG."""
    width: int
    height: int
    split: Literal["drawn", "pool", "reference"] = "drawn"
    """`drawn`: the plan says which replicates hold it out. Of works parted once, `pool` may be trained on and
    `reference` is only ever scored against."""


class ProtectedFile(Record):
    """The artist's protected version of one work, as delivered."""

    arm: str = "protected"
    """Set of protected copies that it belongs to."""
    work: str
    name: str
    sha256: Digest
    pixels: Digest
    width: int
    height: int
    matched_by: Literal["name", "perceptual-hash", "hand"]
    claimed_tools: tuple[str, ...] = ()
    """Tools that the file name suggests (`Glaze`, `Nightshade`, ...), in order of use; a claim, not a fact."""
    claimed_tool: str = Field(default_factory=lambda data: " + ".join(data.get("claimed_tools", ())))
    """The same in a line."""
    claimed_levels: tuple[str, ...] = Field((), exclude_if=lambda levels: not levels)
    """The settings of these tools that the file name claims, in order of use (`LOW-V2`), made printable."""
    lossy: bool = False
    """JPEG, or WebP with loss."""
    shift: Finite = 0.0
    """How far the copy lies from its original, as a share of the side; 0 where nothing was found."""
    scale: Finite = 1.0
    """Size of what it shows against the original; above 1 it was cropped and enlarged."""


class ReferenceArtist(Record):
    """Another artist, to recognise this one among."""

    name: str
    pixels: tuple[Digest, ...]
    """Store digests of the decoded pictures, without repetition."""


class ArtistSet(Record):
    """Everything the run knows about the artist's pictures."""

    artist: str
    works: tuple[Work, ...]
    protected: tuple[ProtectedFile, ...] = ()
    notes: tuple[Note, ...] = ()
    alike: tuple[tuple[str, str], ...] = ()
    """Works (ids) that look almost the same, in pairs: what is held out of them should not be trained on."""
