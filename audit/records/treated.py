"""What a plan says about its treatments, and what they reached."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit.base.messages import Said
from audit.base.record import Finite, Record
from audit.records.judged import english

Way = Literal["", "jpeg", "tone", "purifier", "noisy-upscaling"]
"""A kind of countermeasure that a protection must have been tried against before it is called held; '' for another."""


class ProtectSettings(Record):
    """How treatments run that take steps; a budget or strength is part of their name."""

    steps: int | None = Field(None, ge=1, le=10_000)
    """Optimisation steps of every reference protection; None for each one's own number."""
    counter_steps: int | None = Field(None, ge=1, le=10_000)
    """The same of countermeasures that optimise or sample, and of a style transfer."""
    crop: Literal["squares", "tiles"] = "squares"
    """Where a model is shown the picture: through squares as high as its short side, resized as
    training does, or through tiles of the model's own resolution, for trainings on crops."""


class Recipe(Record):
    """One treatment as the plan fixes it."""

    step: str
    """Name and argument as applied: `denoiser-pgd:16`."""
    kind: Literal["protection", "placebo", "control", "counter"]
    follows: Said
    """The publication it follows."""
    source: str = Field(default_factory=lambda data: english(data.get("follows")))
    usual: Said | None = None
    """The settings it was published with."""
    published: str = Field(default_factory=lambda data: english(data.get("usual")))
    fixed: dict[str, Said] = Field(default_factory=dict)
    """What else fixes the outcome."""
    settings: dict[str, str] = Field(
        default_factory=lambda data: {name: english(said) for name, said in data.get("fixed", {}).items()}
    )
    approximate: bool = False
    """Whether what it imitates is known only approximately."""
    way: Way = ""
    """Of a countermeasure or placebo: which kind of it; '' where it is none of these, or too weak to count as one."""


class Objective(Record):
    """What an optimised treatment measures, and which way it pushes it."""

    said: Said
    direction: Literal["up", "down"]
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))


class Reached(Record):
    """What an optimised treatment achieved on one picture."""

    condition: str
    step: str
    work: str
    objective: Objective
    first: Finite
    """On the picture as it came."""
    last: Finite
    """On the picture as delivered, after rounding; measured with draws that the treatment never saw."""
