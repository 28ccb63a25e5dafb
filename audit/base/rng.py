"""Named random streams: a seed is a hash of names, so no draw depends on what was drawn before."""

from __future__ import annotations

import hashlib

import numpy as np
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
    return torch.Generator().manual_seed(stream_seed(*parts))
