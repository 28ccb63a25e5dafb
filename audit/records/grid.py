"""Which settings a mimic is given to choose from; fixed before any training."""

from __future__ import annotations

from pydantic import Field

from audit.base.record import Record


class Setting(Record):
    """One way to train, as multiples of the plan's `training`."""

    name: str
    """As typed: `default`, `steps:0.5`, `rate:3+steps:0.5`, `rank:4`."""
    steps: float = Field(1.0, gt=0, le=16)
    rate: float = Field(1.0, gt=0, le=100)
    """Of the learning rate."""
    rank: int = Field(1, ge=1, le=32)
    """Of LoRA's rank; alpha grows with it, so that alpha / rank stays."""


DEFAULT = Setting(name="default")


class MimicGrid(Record):
    """The settings, the plan's own first; the unprotected works and every claim are trained with each of them."""

    settings: tuple[Setting, ...] = (DEFAULT,)
    prompts: int | None = Field(None, ge=1)
    """With other settings than the default, a replicate asks for the first so many of its prompts; None for all."""

    @property
    def others(self) -> tuple[Setting, ...]:
        """All but the default."""
        return tuple(s for s in self.settings if s.name != DEFAULT.name)
