"""LPIPS: how far two versions of a picture are apart to people's eyes (Zhang et al., 2018), AlexNet, version 0.1.

Features of AlexNet's five convolutions, each place scaled to unit length over its channels, squared
differences weighted by heads that were fitted to human judgements, averaged over places, summed over layers. 0 is
the same picture; two works of the lab's first demo artist are 0.57 apart. Weights: `scripts/lab/fetch_lpips.py`;
against the authors' package: tests/test_lpips.py.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import alexnet

from audit.images.tensors import to_tensor

WEIGHTS = Path(__file__).parent / "weights" / "lpips-alex.safetensors"
LAYERS = (1, 4, 7, 9, 11)
"""Places in AlexNet's features whose output is compared: each convolution after its ReLU."""
MEAN = (-0.030, -0.088, -0.188)
DEVIATION = (0.458, 0.448, 0.450)
"""Of ImageNet's pictures in -1..1, as the authors give them."""
TILE = 512
"""Larger pictures are compared in tiles of at most this side, so that memory stays bounded."""
LEAST = 32
"""Of a smaller picture nothing would be left at the last layer; it is extended at its edges."""


@lru_cache(maxsize=4)
def _network(device: torch.device) -> tuple[nn.Sequential, tuple[Tensor, ...]]:
    """AlexNet's convolutions and the five heads, (1, C, 1, 1) each, ready on a device."""
    weights = {name: tensor.float() for name, tensor in load_file(WEIGHTS).items()}
    heads = tuple(weights.pop(f"head.{i}").view(1, -1, 1, 1).to(device) for i in range(len(LAYERS)))
    # Its classifier has 58 million weights that are not needed: none of them is ever allocated.
    with torch.device("meta"):
        network = alexnet(weights=None).features
    network.load_state_dict(weights, assign=True)
    for layer in network:
        # In place, a ReLU would write over what the backward pass of attacks still needs.
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return network.eval().requires_grad_(False).to(device), heads


def _layers(pictures: Tensor) -> list[Tensor]:
    """Features of five layers, unit length over channels; pictures (N, 3, H, W) in -1..1."""
    height, width = pictures.shape[-2:]
    if min(height, width) < LEAST:
        pictures = F.pad(pictures, (0, max(0, LEAST - width), 0, max(0, LEAST - height)), mode="replicate")
    mean, deviation = (pictures.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
    x = (pictures - mean) / deviation
    found = []
    for place, layer in enumerate(_network(x.device)[0]):
        x = layer(x)
        if place in LAYERS:
            found.append(F.normalize(x, dim=1, eps=1e-10))
        if place == LAYERS[-1]:
            break
    return found


def lpips(a: Tensor, b: Tensor) -> Tensor:
    """Distance of each pair, (N, 3, H, W) in -1..1 each -> (N,); differentiable in both."""
    heads = _network(a.device)[1]
    apart = [
        ((x - y).pow(2) * head).sum(dim=1).flatten(1).mean(dim=1)
        for x, y, head in zip(_layers(a), _layers(b), heads, strict=True)
    ]
    total: Tensor = torch.stack(apart).sum(dim=0)
    return total


@torch.no_grad()
def lpips_distance(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Distance of two pictures of one size, uint8 (H, W, 3); tiles count by their area."""
    height, width = a.shape[:2]
    total = 0.0
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            part = np.s_[top : top + TILE, left : left + TILE]
            x, y = to_tensor(a[part]), to_tensor(b[part])
            total += float(lpips(x, y)) * x.shape[-2] * x.shape[-1]
    return float(total / (height * width))
