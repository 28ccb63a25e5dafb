"""Which layers carry LoRA: of the denoiser in the field's usual three choices, of text encoders their attention."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from audit.models.families.base import Family
from audit.records import TrainSettings


def find_targets(roots: Mapping[str, nn.Module], family: Family, settings: TrainSettings) -> list[str]:
    """Names of all target Linear and Conv2d modules, in the module trees' order: `unet.down_blocks...`.

    Args:
        roots: the denoiser, and the text encoders where they are trained too, by the family's names.
    """
    wanted = {family.denoiser: family.targets[settings.targets]}
    if settings.text_encoder:
        wanted |= family.text_targets
    return [f"{root}.{name}" for root, suffixes in wanted.items() for name in _named(roots[root], suffixes)]


def find_module(roots: Mapping[str, nn.Module], name: str) -> nn.Module:
    """The module that a full name stands for."""
    root, _, inner = name.partition(".")
    return roots[root].get_submodule(inner)


def find_parameter(roots: Mapping[str, nn.Module], name: str) -> nn.Parameter:
    """The weight that a full name stands for: `unet.conv_in.weight`."""
    root, _, inner = name.partition(".")
    return roots[root].get_parameter(inner)


def _named(root: nn.Module, suffixes: tuple[str, ...]) -> list[str]:
    return [
        name
        for name, module in root.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and name.endswith(tuple("." + s for s in suffixes))
    ]
