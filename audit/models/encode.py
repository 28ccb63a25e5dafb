"""What a base model sees, encoded once and kept: latents of pictures, hidden states of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from audit.models.loader import Model
from audit.store import Store
from audit.tensors import to_model_size, to_tensor

LATENT_VERSION = 1
TEXT_VERSION = 2


@dataclass(frozen=True)
class Latents:
    """Posterior of one picture and of its mirror image, unscaled.

    Attributes:
        mean, std: float32 (2, C, h, w); index 1 is the mirror image.
    """

    mean: Tensor
    std: Tensor


@torch.no_grad()
def encode_picture(model: Model, store: Store, pixels: str) -> Latents:
    """Latents of a stored picture; computed once per picture and VAE."""
    key = store.key("latents", LATENT_VERSION, {"side": model.facts.resolution}, [model.facts.sha256, pixels])
    folder = store.verified("latents", key)
    if folder is None:
        unit = to_model_size(to_tensor(store.get_pixels(pixels)), model.facts.resolution)
        both = torch.cat([unit, unit.flip(-1)]).to(model.device)
        posterior = model.vae.encode(both).latent_dist
        found = {"mean": posterior.mean.float().cpu(), "std": posterior.std.float().cpu()}
        with store.writing("latents", key) as partial:
            (partial / "latents.safetensors").write_bytes(save({k: v.contiguous() for k, v in found.items()}))
    else:
        found = load_file(folder / "latents.safetensors")
    return Latents(mean=found["mean"], std=found["std"])


def tokenize(model: Model, texts: Sequence[str]) -> Tensor:
    """Padded and truncated token ids, int64 (N, tokens)."""
    ids: Tensor = model.tokenizer(
        list(texts), padding="max_length", max_length=model.tokens, truncation=True, return_tensors="pt"
    ).input_ids
    return ids


@torch.no_grad()
def hidden_states(model: Model, texts: Sequence[str]) -> Tensor:
    """Text-encoder hidden states as the model stands now, float32 (N, tokens, width).

    One text per pass, because kernels round differently for other batches: what a text becomes must
    not depend on which others were encoded beside it, or a resumed run would be another run.
    """
    rows = []
    for text in texts:
        tokens = tokenize(model, [text]).to(model.device)
        rows.append(model.text_encoder(tokens).last_hidden_state.float().cpu())
    return torch.cat(rows).contiguous()


def encode_texts(model: Model, store: Store, texts: Sequence[str]) -> Tensor:
    """The base model's hidden states, float32 (N, tokens, width); each text is encoded once per model."""
    return torch.stack([_encode_text(model, store, text) for text in texts])


def _encode_text(model: Model, store: Store, text: str) -> Tensor:
    key = store.key("text", TEXT_VERSION, text, [model.facts.sha256])
    folder = store.verified("text", key)
    if folder is not None:
        return load_file(folder / "text.safetensors")["hidden"]
    hidden = hidden_states(model, [text])[0]
    with store.writing("text", key) as partial:
        (partial / "text.safetensors").write_bytes(save({"hidden": hidden.contiguous()}))
    return hidden
