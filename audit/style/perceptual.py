"""How far two versions of a picture are apart to the eye, as far as a network's features tell.

The form is that of LPIPS (Zhang et al., 2018): features of several layers, each place scaled to
unit length over its channels, squared differences, averaged over places and layers. The network is
EfficientNet-Lite0 with its ImageNet weights, and no linear layer was fitted to human judgements:
LPIPS's own backbones are not to be had without a download. So this is **not LPIPS**, its numbers are
on another scale, and no budget published in LPIPS can be compared with them. It is called
`perceptual distance` everywhere. 0 is the same picture; figures for known changes: DECISIONS.md.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from audit.style.channel_stats import block_features
from audit.tensors import to_tensor

TILE = 512
"""Larger pictures are compared in tiles of at most this side, so that memory stays bounded."""
LEAST = 32
"""The network halves a picture five times; smaller ones are extended at their edges."""


def _layers(pictures: Tensor) -> list[Tensor]:
    """Features of five blocks, unit length over channels; pictures (N, 3, H, W) in -1..1."""
    height, width = pictures.shape[-2:]
    if min(height, width) < LEAST:
        pictures = F.pad(pictures, (0, max(0, LEAST - width), 0, max(0, LEAST - height)), mode="replicate")
    # The network was trained on (level - 127) / 128.
    scaled = (pictures + 1) * (127.5 / 128) - 127 / 128
    return [F.normalize(layer, dim=1, eps=1e-6) for layer in block_features(scaled)]


def perceptual(a: Tensor, b: Tensor) -> Tensor:
    """Distance of each pair, (N, 3, H, W) in -1..1 each -> (N,); differentiable in both."""
    apart = [(x - y).pow(2).sum(dim=1).flatten(1).mean(dim=1) for x, y in zip(_layers(a), _layers(b), strict=True)]
    mean: Tensor = torch.stack(apart).mean(dim=0)
    return mean


@torch.no_grad()
def perceptual_distance(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Distance of two pictures of one size, uint8 (H, W, 3); tiles count by their area."""
    height, width = a.shape[:2]
    total = 0.0
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            part = np.s_[top : top + TILE, left : left + TILE]
            x, y = to_tensor(a[part]), to_tensor(b[part])
            total += float(perceptual(x, y)) * x.shape[-2] * x.shape[-1]
    return float(total / (height * width))
