#!/usr/bin/env python
"""How much memory a GPU needs to train one LoRA of each base model: counted, as a Markdown table.

The published architectures run on fakes, tensors of shapes without numbers, as in the plan's own count
(`audit.training.footprint`). Settings are those that hold for the model's family where nothing is said, in bfloat16,
with everything done that saves memory. No GPU was asked.

Run from the repository root: python -m scripts.memory_table [--models sd15 sdxl]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import torch

from audit.models.cards import cards
from audit.models.model import Model
from audit.models.residency import Room
from audit.plan.machine import SHARE_OF_DEVICE
from audit.plan.trainers import presets_of, usual_of
from audit.records import TrainSettings
from audit.training.footprint import measure
from audit.training.saving import kept_small, ladder, weights_bytes
from tests.hollow_models import published

SIZES = (8, 12, 16, 24, 48, 80)
"""Of graphics cards, in GB."""
MODELS = ("sd15", "sdxl", "sd35-medium", "zimage", "flux1-dev", "flux2-klein", "qwen-image", "krea2-raw")
CPU, CUDA, HALF = torch.device("cpu"), torch.device("cuda"), torch.bfloat16


def by_turns(model: Model) -> Model:
    """The model as it is opened where its parts do not fit onto the device together."""
    return replace(model, room=Room(model.parts(), CPU))


def needed(model: Model, settings: TrainSettings) -> tuple[float, float]:
    """Bytes for training one LoRA with all that saves memory, and of the largest text encoder, which works before."""
    saving = ladder(CUDA, autocast=HALF)[-1]
    small = kept_small(model, saving)
    kept = measure(model, settings, autocast=HALF, checkpointing=saving.checkpointing, halved=small)
    alone = by_turns(model)
    return (
        weights_bytes(alone, settings, saving) + kept.bytes(1, batch=settings.batch),
        max(sum(p.numel() * p.element_size() for p in part.parameters()) for part in model.text_encoders.values()),
    )


def smallest(most: float) -> str:
    """The smallest card of whose memory a run may take so much."""
    return next((f"{size} GB" for size in SIZES if SHARE_OF_DEVICE * size * 1e9 >= most), "more than 80 GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    print("| base model | preset, batch | training, GB | text encoder, GB | smallest card for training |", flush=True)
    print("|---|---|---|---|---|", flush=True)
    for name in parser.parse_args().models:
        card = cards()[name]
        preset = usual_of(card.family)
        settings = presets_of(card.family)[preset].settings
        with tempfile.TemporaryDirectory() as folder:
            model = published(name, Path(folder) / "words", device=CPU)
        # The made tokenizer reads 77 tokens; the family and the encoder say how many a text really has.
        model = replace(model, tokenizers=tuple(SimpleNamespace(model_max_length=1 << 20) for _ in model.tokenizers))
        found = needed(model, settings)
        cells = " | ".join(f"{each / 1e9:.1f}" for each in found)
        print(f"| {card.title} | `{preset}`, {settings.batch} | {cells} | {smallest(max(found))} |", flush=True)


if __name__ == "__main__":
    main()
