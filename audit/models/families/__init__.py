"""The model families that CloakCheck trains: one file each, one row here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.models.families.base import Family
from audit.models.families.flux1 import FLUX1
from audit.models.families.flux2 import FLUX2
from audit.models.families.krea2 import KREA2
from audit.models.families.qwenimage import QWEN_IMAGE
from audit.models.families.sd import SD
from audit.models.families.sd3 import SD3, SD3_T5, T5
from audit.models.families.sdxl import SDXL
from audit.models.families.zimage import ZIMAGE

FAMILIES: dict[str, Family] = {
    family.name: family for family in (SD, SDXL, SD3, SD3_T5, ZIMAGE, FLUX1, FLUX2, QWEN_IMAGE, KREA2)
}

LABELS = {"sd1": "sd", "sd2": "sd"}
"""Family as the plan names it -> its key here, where that is another."""
MAY_LACK = frozenset(T5)
"""Components that a folder's model_index.json may name and people leave out, because they are large."""


def family_of(index: Mapping[str, Any]) -> Family:
    """The family that a model_index.json comes nearest to; its classes are checked afterwards.

    The most demanding family whose folders it names: SDXL's are a superset of SD's. Of those with the same folders,
    the one that shares most classes.
    """
    fitting = [f for f in FAMILIES.values() if set(f.components) <= set(index)]
    return max(fitting, key=lambda family: (len(family.components), _shared(family, index)), default=SD)


def _shared(family: Family, index: Mapping[str, Any]) -> int:
    """How many components are of the family's classes."""
    return sum(isinstance(index[part], list) and kind in index[part] for part, kind in family.components.items())
