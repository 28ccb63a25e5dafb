"""Safetensors files of any size that hold nothing: a header, and a hole where the weights would be."""

from __future__ import annotations

import json
import struct
from math import prod

from audit.models.cards import cards
from audit.models.headers import BITS
from audit.models.original import clip_places, open_clip_places, unet_places, vae_places

TEXT = {
    "sd15": [("cond_stage_model.transformer.text_model.", "text_encoder", clip_places)],
    "sd21": [("cond_stage_model.model.", "text_encoder", lambda c: open_clip_places(c, projects=False))],
    "sdxl": [
        ("conditioner.embedders.0.transformer.text_model.", "text_encoder", clip_places),
        ("conditioner.embedders.1.model.", "text_encoder_2", lambda c: open_clip_places(c, projects=True)),
    ],
}


def write(path, shapes, *, dtype="F16", metadata=None):
    """A file with tensors of these shapes; a pair of type and shape sets another type."""
    header, at = {}, 0
    for name, given in shapes.items():
        kind, shape = given if given and isinstance(given[0], str) else (dtype, given)
        end = at + prod(shape) * BITS[kind] // 8
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    if metadata:
        header["__metadata__"] = metadata
    text = json.dumps(header).encode()
    with path.open("wb") as handle:
        handle.write(struct.pack("<Q", len(text)) + text)
        handle.truncate(8 + len(text) + at)
    return path


def published(kind):
    """Names and shapes of a whole published checkpoint: `sd15`, `sd21` or `sdxl`."""
    configs = cards()[kind].configs
    parts = [("model.diffusion_model.", "unet", unet_places), ("first_stage_model.", "vae", vae_places), *TEXT[kind]]
    return {f"{prefix}{p.theirs}": p.shape for prefix, part, places in parts for p in places(configs[part])}
