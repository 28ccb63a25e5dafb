"""What families under rectified flow share: the shift of the noise, which depends on the size of a picture, and Euler
steps along the flow.

Read from the stock pipelines of diffusers, which all begin from evenly spaced shares of noise that the scheduler then
shifts: by its own number, or by one that grows with the count of image tokens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel
from audit.models.allowed import allowed
from audit.models.families.base import Configs, Latent

if TYPE_CHECKING:
    from torch import Tensor

    from audit.models.noising import Noising

SIDE = 2
"""Latent cells along one side of an image token."""


def check_flow(configs: Configs) -> None:
    """The scheduler must be one of flow matching.

    Raises:
        BadModel: `model-prediction.flow`.
    """
    kind = str(configs["scheduler"].get("_class_name", ""))
    if not kind.startswith("FlowMatch"):
        raise BadModel("model-prediction.flow", scheduler=kind)


def image_tokens(latent: Latent) -> int:
    """How many tokens a picture of this latent is."""
    return (latent[1] // SIDE) * (latent[2] // SIDE)


def log_shift(scheduler: Mapping[str, Any], latent: Latent) -> float:
    """mu of the stock pipelines: a line through (256 tokens, 0.5) and (4096 tokens, 1.15), or what the config says."""
    first, last = scheduler.get("base_image_seq_len", 256), scheduler.get("max_image_seq_len", 4096)
    low, high = scheduler.get("base_shift", 0.5), scheduler.get("max_shift", 1.15)
    slope = (high - low) / (last - first)
    return float(image_tokens(latent) * slope + low - slope * first)


def flow_noising(scheduler: Mapping[str, Any], prediction: str, latent: Latent) -> Noising:
    """Training sees noise shifted as the model is drawn with at this size (kohya's `flux_shift`)."""
    from audit.models.noising import Flow, flow_of

    if not scheduler.get("use_dynamic_shifting"):
        return flow_of(scheduler)
    mu = log_shift(scheduler, latent)
    return Flow.shifted(math.exp(mu) if scheduler.get("time_shift_type", "exponential") == "exponential" else mu)


def flow_sampler(scheduler: Mapping[str, Any], steps: int, latent: Latent) -> Any:
    """Euler steps whose shift grows with the picture where the scheduler says so."""
    return euler_steps(scheduler, steps, mu=log_shift(scheduler, latent))


def euler_steps(scheduler: Mapping[str, Any], steps: int, *, mu: float) -> Any:
    """Euler steps from evenly spaced shares of noise, 1 to 1 / steps, shifted as the scheduler says.

    Args:
        mu: the shift where it is no number of the scheduler's own.
    """
    import numpy as np
    from diffusers import FlowMatchEulerDiscreteScheduler

    made = FlowMatchEulerDiscreteScheduler.from_config(allowed("FlowMatchEulerDiscreteScheduler", scheduler))
    made.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps).tolist(), mu=mu)
    return made


def folded(latents: Tensor) -> Tensor:
    """(N, C, h, w) -> a row of channels for each square of cells, (N, tokens, 4 C)."""
    count, channels, height, width = latents.shape
    cut = latents.view(count, channels, height // SIDE, SIDE, width // SIDE, SIDE)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, channels * SIDE * SIDE)


def unfolded(rows: Tensor, latent: Latent) -> Tensor:
    """Back to (N, C, h, w)."""
    channels, height, width = latent
    cut = rows.view(len(rows), height // SIDE, width // SIDE, channels, SIDE, SIDE)
    return cut.permute(0, 3, 1, 4, 2, 5).reshape(len(rows), channels, height, width)
