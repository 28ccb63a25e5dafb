"""The draws of a replicate: every one is a pure function of (seed, name, replicate, step).

All conditions of a replicate share these draws (common random numbers), so that only the pixels
differ between them. Nothing here depends on how cells are packed, on the device, or on what ran
before, which is what makes a resumed run the same run.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
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
        return self.order_within([0] * works, steps=steps, batch=batch)

    def order_within(self, kinds: Sequence[Hashable], *, steps: int, batch: int) -> NDArray[np.int64]:
        """Row of each training sample, (steps, batch), all rows of a step of one kind.

        A step's kind is that of the next work in shuffled passes over all works, from a stream of its own, so that
        every work is seen equally often. Within each kind, whole passes over its works, each shuffled.

        Args:
            kinds: of each work.
        """
        generator = rng(*self._name("order"))
        rows = {kind: np.array([i for i, other in enumerate(kinds) if other == kind]) for kind in kinds}
        # With one kind there is nothing to draw.
        leads = _passes(rng(*self._name("kinds")), len(kinds), steps) if len(rows) > 1 else np.zeros(steps, np.int64)
        waiting: dict[Hashable, list[int]] = {kind: [] for kind in rows}
        found = np.empty((steps, batch), np.int64)
        for step, lead in enumerate(leads):
            kind = kinds[lead]
            while len(waiting[kind]) < batch:
                waiting[kind] += rows[kind][generator.permutation(len(rows[kind]))].tolist()
            found[step], waiting[kind] = waiting[kind][:batch], waiting[kind][batch:]
        return found

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


def _passes(generator: np.random.Generator, works: int, needed: int) -> NDArray[np.int64]:
    """So many rows of whole passes over the works, each shuffled."""
    return np.concatenate([generator.permutation(works) for _ in range(-(-needed // works))])[:needed]


@dataclass(frozen=True)
class StepDraws:
    """Timesteps (batch,), noise and posterior noise (batch, C, h, w), channel offset (batch, C, 1, 1)."""

    timesteps: Tensor
    noise: Tensor
    posterior: Tensor
    offset: Tensor
