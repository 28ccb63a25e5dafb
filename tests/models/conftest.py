"""Known models at a size for tests."""

from __future__ import annotations

import pytest

from audit.models import checkpoint
from audit.models.cards import cards


def small(name, configs):
    """A published kind's configs at a size for tests; everything that decides the layout stays."""
    text = {"intermediate_size": 24, "num_attention_heads": 2}
    made = {part: dict(config) for part, config in configs.items()}
    width = {"text_encoder": 12, "text_encoder_2": 16}
    for part, hidden in width.items():
        if part in made:
            # The layout of SDXL is told by its second encoder's tenth layer.
            layers = 10 if part == "text_encoder_2" else 2
            made[part] |= text | {"hidden_size": hidden, "projection_dim": hidden, "num_hidden_layers": layers}
    levels = 3 if name == "sdxl" else 4
    made["unet"] |= {"block_out_channels": [8, 16, 16, 16][:levels], "norm_num_groups": 4, "attention_head_dim": 2}
    made["unet"] |= {"cross_attention_dim": 28 if name == "sdxl" else 12, "sample_size": 8}
    if name == "sdxl":
        made["unet"] |= {"addition_time_embed_dim": 4, "projection_class_embeddings_input_dim": 16 + 24}
        made["unet"] |= {"transformer_layers_per_block": [1, 1, 2]}
    made["vae"] |= {"block_out_channels": [8, 8, 8, 8], "norm_num_groups": 4}
    return made


@pytest.fixture
def tiny_cards(monkeypatch):
    tiny = {
        name: card.model_copy(update={"configs": small(name, card.configs)}) if card.configs else card
        for name, card in cards().items()
    }
    monkeypatch.setattr(checkpoint, "cards", lambda: tiny)
    return tiny
