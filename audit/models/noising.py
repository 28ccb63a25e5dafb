"""From a clean latent to what a denoiser sees and what it should answer; one class for each kind of schedule.

A *level* is an index into the noise levels that training draws from evenly: whatever the family, a
replicate's streams draw the same levels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from audit.records import TrainSettings


class Noising(Protocol):
    """All latents are (N, C, h, w); levels int64 (N,), on the CPU."""

    @property
    def levels(self) -> int:
        """How many noise levels there are; the last is the noisiest."""
        ...

    def told(self, level: Tensor) -> Tensor:
        """What the denoiser is told of a level, (N,)."""
        ...

    def level_at(self, strength: float) -> int:
        """The level to which `strength` (0..1) of the schedule leads."""
        ...

    def noised(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """A clean latent with noise at a level."""
        ...

    def wanted(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """What a perfect denoiser answers."""
        ...

    def as_noise(self, answer: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The noise that an answer says is in `noisy`."""
        ...

    def as_clean(self, answer: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The clean latent that an answer says is under `noisy`."""
        ...

    def weight(self, settings: TrainSettings) -> Tensor:
        """Loss weight of each level, float64 (levels,)."""
        ...


@dataclass(frozen=True)
class Diffusion:
    """Variance-preserving diffusion over discrete timesteps (Ho et al., 2020).

    Attributes:
        alphas_cumprod: float64 (timesteps,).
        prediction: `epsilon`, or `v_prediction` (Salimans and Ho, 2022).
    """

    alphas_cumprod: Tensor
    prediction: str

    @property
    def levels(self) -> int:
        return len(self.alphas_cumprod)

    def told(self, level: Tensor) -> Tensor:
        return level

    def level_at(self, strength: float) -> int:
        return min(self.levels - 1, max(0, round(strength * self.levels) - 1))

    def _share(self, level: Tensor, like: Tensor) -> Tensor:
        return self.alphas_cumprod[level].to(like.dtype).view(-1, 1, 1, 1).to(like.device)

    def noised(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        share = self._share(level, clean)
        return share.sqrt() * clean + (1 - share).sqrt() * noise

    def wanted(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        if self.prediction == "epsilon":
            return noise
        share = self._share(level, clean)
        return share.sqrt() * noise - (1 - share).sqrt() * clean

    def as_noise(self, answer: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        if self.prediction == "epsilon":
            return answer
        share = self._share(level, noisy)
        return share.sqrt() * answer + (1 - share).sqrt() * noisy

    def as_clean(self, answer: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        share = self._share(level, noisy)
        if self.prediction == "epsilon":
            return (noisy - (1 - share).sqrt() * answer) / share.sqrt().clamp_min(1e-4)
        return share.sqrt() * noisy - (1 - share).sqrt() * answer

    def weight(self, settings: TrainSettings) -> Tensor:
        """Min-SNR-gamma (Hang et al., 2023, eq. 4 and its v form).

        SNR = a / (1 - a). Epsilon loss: min(SNR, gamma) / SNR; v loss: min(SNR, gamma) / (SNR + 1).
        """
        if settings.min_snr is None:
            return torch.ones_like(self.alphas_cumprod)
        snr = self.alphas_cumprod / (1 - self.alphas_cumprod)
        capped = snr.clamp_max(settings.min_snr)
        return capped / snr.clamp_min(1e-12) if self.prediction == "epsilon" else capped / (snr + 1)


LEVELS = 1000
"""Quantiles of the logit-normal density that rectified flow trains on."""


@dataclass(frozen=True)
class Flow:
    """Rectified flow (Liu et al., 2023) with logit-normal timesteps (Esser et al., 2024, section 3.1).

    Training draws a level evenly; level i stands for the (i + 1/2) / LEVELS quantile of a standard
    logit-normal, moved toward noise by the resolution shift (section 5.3.2). So the density of
    timesteps carries the weight, and the streams draw what they draw for every family.

    Attributes:
        times: share of noise of each level, float64 (LEVELS,), rising, in (0, 1).
    """

    times: Tensor

    @classmethod
    def shifted(cls, shift: float) -> Flow:
        middle = (torch.arange(LEVELS, dtype=torch.float64) + 0.5) / LEVELS
        time = torch.sigmoid(torch.special.ndtri(middle))
        return cls(shift * time / (1 + (shift - 1) * time))

    @property
    def levels(self) -> int:
        return len(self.times)

    def told(self, level: Tensor) -> Tensor:
        # The scale of the published models' time embedding, whatever the number of steps.
        return (self.times[level] * 1000).float()

    def level_at(self, strength: float) -> int:
        return min(self.levels - 1, int(torch.searchsorted(self.times, strength)))

    def _time(self, level: Tensor, like: Tensor) -> Tensor:
        return self.times[level].to(like.dtype).view(-1, 1, 1, 1).to(like.device)

    def noised(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        time = self._time(level, clean)
        return (1 - time) * clean + time * noise

    def wanted(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        return noise - clean

    def as_noise(self, answer: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        return noisy + (1 - self._time(level, noisy)) * answer

    def as_clean(self, answer: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        return noisy - self._time(level, noisy) * answer

    def weight(self, settings: TrainSettings) -> Tensor:
        """1 everywhere: Min-SNR is of diffusion, and here the density of timesteps weighs."""
        return torch.ones_like(self.times)


def flow_of(scheduler: Mapping[str, Any]) -> Flow:
    """The flow that a FlowMatchEulerDiscreteScheduler's config describes."""
    return Flow.shifted(float(scheduler.get("shift", 1.0)))
