"""The model families that CloakCheck trains: one file each, one row here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.models.families.base import Family
from audit.models.families.sd import SD
from audit.models.families.sd3 import SD3
from audit.models.families.sdxl import SDXL

FAMILIES: dict[str, Family] = {family.name: family for family in (SD, SDXL, SD3)}


def family_of(index: Mapping[str, Any]) -> Family:
    """The family that a model_index.json comes nearest to; its classes are checked afterwards.

    The most demanding family whose folders it names: SDXL's are a superset of SD's.
    """
    fitting = [f for f in FAMILIES.values() if set(f.components) <= set(index)]
    return max(fitting, key=lambda family: len(family.components), default=SD)
