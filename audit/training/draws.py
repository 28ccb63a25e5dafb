"""The draws of a replicate: every one is a pure function of (seed, name, replicate, step).

All conditions of a replicate share these draws (common random numbers), so that only the pixels
differ between them. Nothing here depends on how cells are packed, on the device, or on what ran
before, which is what makes a resumed run the same run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.base.rng import drawn_rows, rng, torch_rng


@dataclass(frozen=True)
class Streams:
    """The draws of one replicate.

    Attributes:
        seed: the plan's seed.
        replicate: 1..K.
        variant: '' for all ordinary conditions; `clean-again` uses other draws by naming another.
    """

    seed: int
    replicate: int
    variant: str = ""

    def _name(self, what: str) -> tuple[object, ...]:
        return ("cloakcheck", self.seed, self.variant, what, self.replicate)

    def works(self, *, pool: int, wanted: int) -> tuple[int, ...]:
        """Which pool works this replicate trains on: sorted indices, without repetition."""
        return drawn_rows(seed=self.seed, variant=self.variant, replicate=self.replicate, pool=pool, wanted=wanted)

    def replaced(self, *, works: int, share: float) -> frozenset[int]:
        """In which rows of a training another artist's works stand: so many of `works` rows as the share says, at least
        one and not all."""
        wanted = min(max(round(share * works), 1), works - 1)
        return frozenset(int(i) for i in rng(*self._name("replaced")).permutation(works)[:wanted])

    def order(self, *, works: int, steps: int, batch: int) -> NDArray[np.int64]:
        """Row of each training sample, (steps, batch): whole passes over the works, each shuffled."""
        generator = rng(*self._name("order"))
        needed = steps * batch
        passes = [generator.permutation(works) for _ in range(-(-needed // works))]
        return np.concatenate(passes)[:needed].reshape(steps, batch).astype(np.int64)

    def flips(self, *, steps: int, batch: int) -> NDArray[np.int64]:
        """0 or 1 per training sample, (steps, batch): whether it is mirrored."""
        return rng(*self._name("flips")).integers(0, 2, size=(steps, batch))

    def step(self, *, step: int, batch: int, timesteps: int, latent: tuple[int, int, int]) -> StepDraws:
        """The draws of one optimiser step; `latent` is (channels, height, width)."""
        generator = torch_rng(*self._name("step"), step)
        return StepDraws(
            timesteps=torch.randint(0, timesteps, (batch,), generator=generator),
            noise=torch.randn((batch, *latent), generator=generator),
            posterior=torch.randn((batch, *latent), generator=generator),
            offset=torch.randn((batch, latent[0], 1, 1), generator=generator),
        )

    def dropped(self, *, step: int, batch: int, share: float) -> NDArray[np.bool_]:
        """Of which training samples of a step the caption is left out, (batch,)."""
        return rng(*self._name("dropped"), step).random(batch) < share

    def lora_init(self, module: str) -> torch.Generator:
        """The generator that draws the A matrix of one target module."""
        return torch_rng(*self._name("init"), module)


@dataclass(frozen=True)
class StepDraws:
    """Timesteps (batch,), noise and posterior noise (batch, C, h, w), channel offset (batch, C, 1, 1)."""

    timesteps: Tensor
    noise: Tensor
    posterior: Tensor
    offset: Tensor
