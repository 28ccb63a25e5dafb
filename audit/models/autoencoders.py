"""How a family's VAE is spoken to, whatever its class: pictures to latents and back.

A latent here has the VAE's own channels and cells, (N, C, h, w). Where a denoiser wants them folded otherwise, its
family's `predict` folds and unfolds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn


class Scaling(Protocol):
    """Between a VAE's posterior and the latents that a denoiser knows, both (N, C, h, w)."""

    def into(self, posterior: Tensor) -> Tensor:
        """To what the denoiser knows."""
        ...

    def out_of(self, latent: Tensor) -> Tensor:
        """Back to what the VAE decodes."""
        ...


@dataclass(frozen=True)
class LatentScale:
    """One number for all: (mean - shift) * factor."""

    factor: float
    shift: float = 0.0

    def into(self, posterior: Tensor) -> Tensor:
        return (posterior - self.shift) * self.factor

    def out_of(self, latent: Tensor) -> Tensor:
        return latent / self.factor + self.shift


@dataclass(frozen=True)
class ChannelScale:
    """A mean and a deviation for every channel, (C,) each."""

    mean: Tensor
    deviation: Tensor

    def into(self, posterior: Tensor) -> Tensor:
        return (posterior - _by_channel(self.mean, posterior)) / _by_channel(self.deviation, posterior)

    def out_of(self, latent: Tensor) -> Tensor:
        return latent * _by_channel(self.deviation, latent) + _by_channel(self.mean, latent)


def _by_channel(values: Tensor, latent: Tensor) -> Tensor:
    return values.to(latent).view(-1, 1, 1)


@dataclass(frozen=True)
class FoldedScale:
    """A mean and a deviation for every channel of squares of two by two cells, (4 C,) each."""

    mean: Tensor
    deviation: Tensor

    def into(self, posterior: Tensor) -> Tensor:
        mean, deviation = self._like(posterior)
        return (posterior - mean) / deviation

    def out_of(self, latent: Tensor) -> Tensor:
        mean, deviation = self._like(latent)
        return latent * deviation + mean

    def _like(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Both as a latent's cells have them, (C, h, w)."""
        channels, height, width = latent.shape[-3:]
        mean, deviation = (
            each.to(latent).view(channels, 2, 2).repeat(1, height // 2, width // 2)
            for each in (self.mean, self.deviation)
        )
        return mean, deviation


@dataclass(frozen=True, kw_only=True)
class Autoencoder:
    """A kind of VAE.

    Attributes:
        channels: config -> channels of a latent.
        factor: config -> pixels per latent cell along one side.
        scale: the module -> its `Scaling`.
        posterior: module, pictures (N, 3, H, W) in -1..1 -> mean and deviation (N, C, h, w); differentiable.
        decode: module, unscaled latents -> pictures (N, 3, H, W); differentiable.
    """

    channels: Callable[[Mapping[str, Any]], int]
    factor: Callable[[Mapping[str, Any]], int]
    scale: Callable[[nn.Module], Scaling]
    posterior: Callable[[nn.Module, Tensor], tuple[Tensor, Tensor]]
    decode: Callable[[nn.Module, Tensor], Tensor]


def _scale(vae: nn.Module) -> LatentScale:
    config: Any = vae.config
    return LatentScale(float(config.scaling_factor), float(config.get("shift_factor") or 0.0))


def _posterior(vae: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor]:
    known: Any = vae
    seen = known.encode(pictures).latent_dist
    return seen.mean, seen.std


def _decode(vae: nn.Module, latents: Tensor) -> Tensor:
    known: Any = vae
    pictures: Tensor = known.decode(latents).sample
    return pictures


KL = Autoencoder(
    channels=lambda config: int(config.get("latent_channels", 4)),
    factor=lambda config: int(2 ** (len(config["block_out_channels"]) - 1)),
    scale=_scale,
    posterior=_posterior,
    decode=_decode,
)
"""diffusers' AutoencoderKL: Stable Diffusion, FLUX.1, Z-Image."""


def _folded_scale(vae: nn.Module) -> FoldedScale:
    known: Any = vae
    spread = known.bn.running_var + known.config.batch_norm_eps
    return FoldedScale(known.bn.running_mean, spread.sqrt())


FLUX2_KL = Autoencoder(
    channels=lambda config: int(config.get("latent_channels", 32)),
    factor=lambda config: int(2 ** (len(config["block_out_channels"]) - 1)),
    scale=_folded_scale,
    posterior=_posterior,
    decode=_decode,
)
"""diffusers' AutoencoderKLFlux2, which keeps the statistics of its latents."""


def _channel_scale(vae: nn.Module) -> ChannelScale:
    import torch

    config: Any = vae.config
    return ChannelScale(torch.tensor(config.latents_mean), torch.tensor(config.latents_std))


def _frame_posterior(vae: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor]:
    mean, deviation = _posterior(vae, pictures.unsqueeze(2))
    return mean.squeeze(2), deviation.squeeze(2)


QWEN = Autoencoder(
    channels=lambda config: int(config.get("z_dim", 16)),
    factor=lambda config: int(2 ** len(config.get("temperal_downsample", (False, True, True)))),
    scale=_channel_scale,
    posterior=_frame_posterior,
    decode=lambda vae, latents: _decode(vae, latents.unsqueeze(2)).squeeze(2),
)
"""diffusers' AutoencoderKLQwenImage, a VAE of clips: a picture is a clip of one frame."""
