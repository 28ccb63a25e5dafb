"""Which subject each model's pictures show, for protections that work on meaning."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from audit.records.base import Record


class SubjectReading(Record):
    """One model's pictures of the training works' subjects."""

    condition: str
    replicate: int
    found: tuple[Annotated[int, Field(ge=0)], ...]
    """Nearest subject of each picture, concept-major: below the number of the plan's concepts it is a
    concept, from there on one of the plan's prompts."""
