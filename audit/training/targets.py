"""Which layers of a U-Net carry LoRA, in the field's usual three choices."""

from __future__ import annotations

from torch import nn

from audit.records import TrainSettings

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
FEED_FORWARD = ("ff.net.0.proj", "ff.net.2")
CONVOLUTIONS = ("proj_in", "proj_out", "conv1", "conv2", "conv_shortcut", "time_emb_proj")

SUFFIXES: dict[str, tuple[str, ...]] = {
    "attention": ATTENTION,
    "attention+ff": ATTENTION + FEED_FORWARD,
    "all": ATTENTION + FEED_FORWARD + CONVOLUTIONS,
}


def target_names(unet: nn.Module, settings: TrainSettings) -> list[str]:
    """Dotted names of the target Linear and Conv2d modules, in the module tree's order."""
    suffixes = SUFFIXES[settings.targets]
    return [
        name
        for name, module in unet.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and name.endswith(tuple("." + s for s in suffixes))
    ]
