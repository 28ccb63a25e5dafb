"""Named random streams: a seed is a hash of names, so no draw depends on what was drawn before.

torch is loaded by `torch_rng` alone, so that draws of a plan are made again where it is not installed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def stream_seed(*parts: object) -> int:
    """A 63-bit seed from any printable parts; different parts give independent seeds."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") >> 1


def rng(*parts: object) -> np.random.Generator:
    """A numpy generator for the named stream."""
    return np.random.default_rng(stream_seed(*parts))


def torch_rng(*parts: object) -> torch.Generator:
    """A CPU torch generator for the named stream; draws on the CPU are the same on every device."""
    import torch

    return torch.Generator().manual_seed(stream_seed(*parts))


def drawn_rows(*, seed: int, variant: str, replicate: int, pool: int, wanted: int) -> tuple[int, ...]:
    """Which works of a pool a replicate trains on: sorted rows, without repetition.

    Args:
        variant: '' for all ordinary conditions; `clean-again` names another.
    """
    draw = rng("cloakcheck", seed, variant, "works", replicate)
    return tuple(sorted(int(i) for i in draw.choice(pool, size=min(pool, wanted), replace=False)))
