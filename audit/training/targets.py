"""Which layers carry LoRA: of the U-Net in the field's usual three choices, of the text encoder its attention."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from audit.records import TrainSettings

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
FEED_FORWARD = ("ff.net.0.proj", "ff.net.2")
CONVOLUTIONS = ("proj_in", "proj_out", "conv1", "conv2", "conv_shortcut", "time_emb_proj")
TEXT_ATTENTION = ("q_proj", "k_proj", "v_proj", "out_proj")

SUFFIXES: dict[str, tuple[str, ...]] = {
    "attention": ATTENTION,
    "attention+ff": ATTENTION + FEED_FORWARD,
    "all": ATTENTION + FEED_FORWARD + CONVOLUTIONS,
}


def target_names(unet: nn.Module, settings: TrainSettings) -> list[str]:
    """Dotted names of the U-Net's target Linear and Conv2d modules, in the module tree's order."""
    return _named(unet, SUFFIXES[settings.targets])


def find_targets(roots: Mapping[str, nn.Module], settings: TrainSettings) -> list[str]:
    """Names of all target modules, each with its root before it: `unet.down_blocks...`.

    Args:
        roots: `unet`, and `text_encoder` where it is trained too.
    """
    names = [f"unet.{name}" for name in target_names(roots["unet"], settings)]
    if settings.text_encoder:
        names += [f"text_encoder.{name}" for name in _named(roots["text_encoder"], TEXT_ATTENTION)]
    return names


def find_module(roots: Mapping[str, nn.Module], name: str) -> nn.Module:
    """The module that a full name stands for."""
    root, _, inner = name.partition(".")
    return roots[root].get_submodule(inner)


def _named(root: nn.Module, suffixes: tuple[str, ...]) -> list[str]:
    return [
        name
        for name, module in root.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and name.endswith(tuple("." + s for s in suffixes))
    ]
