"""What `protect` and `treat` write beside the pictures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit.base.messages import Said
from audit.base.record import Digest, Finite, Record
from audit.records.judged import english
from audit.records.plan import ModelFacts
from audit.records.treated import Reached, Recipe
from audit.records.versions import Versioned
from audit.records.works import Note


class Copy(Record):
    """One picture as `protect` or `treat` wrote it."""

    source: str
    """Name of the file that was read, without folder."""
    file: str
    """Name of the file that was written."""
    source_sha256: Digest
    """Of the bytes read."""
    sha256: Digest
    """Of the bytes written."""
    width: int
    height: int
    linf: Finite
    """Greatest difference of any channel to the picture read, 0..255, at its size."""
    rms: Finite
    psnr: float | None
    lpips: float | None
    reached: tuple[Reached, ...] = ()


class Copies(Versioned):
    """What `protect` or `treat` did, written beside the pictures."""

    command: Literal["protect", "treat"]
    tool_version: str
    made: str
    """ISO 8601, UTC."""
    warned: Said
    """What the copies are, and are not."""
    caution: str = Field(default_factory=lambda data: english(data.get("warned")))
    declared: Said | None = None
    """What the person declared about rights in the pictures; None when nobody did."""
    declaration: str = Field(default_factory=lambda data: english(data.get("declared")))
    treatment: str
    recipes: tuple[Recipe, ...]
    model: ModelFacts
    surrogate: ModelFacts
    seed: int
    packages: dict[str, str]
    notes: tuple[Note, ...]
    files: tuple[Copy, ...]
