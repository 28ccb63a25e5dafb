"""Which attention kernel training runs with; sampling, which has no backward, keeps torch's choice."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

from torch.nn.attention import SDPBackend, sdpa_kernel

from audit.models.model import Model

PLAIN_UP_TO = 1024
"""Latent cells up to which the plain kernel's square of attention weights is small change."""


def training_attention(model: Model) -> AbstractContextManager[None]:
    """The plain (materialised) kernel on a CPU with small latents, torch's own choice elsewhere.

    The CPU's flash attention spends a quarter of a training step of the lab model in its backward
    (docs/decisions, "Packs on a CPU"). At 64x64 latents its saving of memory is needed.
    """
    _, height, width = model.latent_shape
    if model.device.type == "cpu" and height * width <= PLAIN_UP_TO:
        return sdpa_kernel(SDPBackend.MATH)
    return contextlib.nullcontext()
