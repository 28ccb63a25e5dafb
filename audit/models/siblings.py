"""A second model that draws what the first one learned: people train on undistilled weights and draw with the distilled
ones. Only a model of the same shape can carry the same adapter."""

from __future__ import annotations

from typing import Any

import torch

from audit.base.errors import BadInput
from audit.models.layout import Source, open_source
from audit.models.loader import CLASSES, describe, stated
from audit.models.opening import empty
from audit.records import ModelFacts


def describe_sibling(name: str, *, trained: str, facts: ModelFacts) -> ModelFacts:
    """The facts of the model that draws.

    Args:
        name: of it, or its path; trained: of the model that is trained on; facts: that one's.

    Raises:
        BadInput: `draw-with`, no sibling of the trained one. BadModel: as `describe`.
    """
    found = describe(name, skip=facts.clip_skip)
    for told in ("family", "resolution", "prediction_type"):
        if getattr(found, told) != getattr(facts, told):
            seen, expected = str(getattr(found, told)), str(getattr(facts, told))
            raise BadInput("draw-with", name=found.name, trained=facts.name, seen=seen, expected=expected)
    if _shapes(open_source(name, asked=stated(found))) != _shapes(open_source(trained, asked=stated(facts))):
        raise BadInput("draw-with.shape", name=found.name, trained=facts.name)
    return found


def _shapes(source: Source) -> dict[str, tuple[int, ...]]:
    """Shape of every weight that may carry an adapter, by its full name."""
    found: dict[str, tuple[int, ...]] = {}
    for part in (source.family.denoiser, *source.family.text_encoders):
        kind: Any = CLASSES[source.family.opened_as.get(part, source.family.components[part])]
        with torch.device("meta"):
            module = empty(kind, source.configs[part])
        found |= {f"{part}.{name}": tuple(weight.shape) for name, weight in module.named_parameters()}
    return found
