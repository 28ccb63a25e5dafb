"""Real, tiny, random models of exactly the classes that Stable Diffusion 1.x uses."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from tokenizers import pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from audit.models.conditioning import Text, Tokens
from audit.models.families.base import TextShape
from audit.models.families.sd import SD
from audit.models.loader import LatentScale
from audit.models.noising import Diffusion
from audit.streams import torch_rng
from audit.training.batches import Base, CellData
from audit.training.streams import Streams


def tiny_unet(seed: int = 0) -> UNet2DConditionModel:
    torch.manual_seed(seed)
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=12,
        attention_head_dim=2,
        norm_num_groups=4,
    ).requires_grad_(False)


def tiny_text_encoder(seed: int = 0) -> CLIPTextModel:
    torch.manual_seed(seed)
    config = CLIPTextConfig(
        vocab_size=30,
        hidden_size=12,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=6,
        bos_token_id=28,
        eos_token_id=29,
    )
    return CLIPTextModel(config).requires_grad_(False).eval()


def tiny_base(dtype: torch.dtype, *, prediction: str = "epsilon") -> Base:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 100, dtype=torch.float64) ** 2
    return Base(
        family=SD,
        denoiser=tiny_unet().to(dtype),
        noising=Diffusion((1 - betas).cumprod(0), prediction),
        scale=LatentScale(0.7),
        side=8,
        text_shape=TextShape(extra=0, width=12, pooled=0),
        text_encoders={"text_encoder": tiny_text_encoder().to(dtype)},
    )


def tiny_cell(
    replicate: int, *, pictures: str = "clean", works: int = 5, seed: int = 3, tokens: bool = False
) -> CellData:
    """Random latents under a name; `tokens` gives token ids in place of text embeddings."""
    generator = torch_rng("tiny-cell", pictures)
    words = torch_rng("tiny-text")
    return CellData(
        streams=Streams(seed=seed, replicate=replicate),
        mean=torch.randn(works, 2, 4, 8, 8, generator=generator),
        std=torch.rand(works, 2, 4, 8, 8, generator=generator) * 0.1,
        text=Tokens(torch.randint(0, 28, (works, 1, 6), generator=words))
        if tokens
        else Text(torch.randn(works, 6, 12, generator=words), torch.zeros(works, 0)),
    )


def write_tiny_model(folder: Path, *, prediction: str = "epsilon", side: int = 32) -> Path:
    """Save a whole random SD-shaped pipeline in plain diffusers layout; about 200 kB."""
    torch.manual_seed(5)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = [*letters, *(c + "</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    source = folder / "vocabulary"
    source.mkdir(parents=True)
    (source / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(vocabulary)}), encoding="utf-8")
    (source / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    tokenizer = CLIPTokenizer(str(source / "vocab.json"), str(source / "merges.txt"), model_max_length=20)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(vocabulary),
            hidden_size=12,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=20,
            bos_token_id=len(vocabulary) - 2,
            eos_token_id=len(vocabulary) - 1,
        )
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=side,
        mid_block_add_attention=False,
    )
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=tiny_unet(),
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            prediction_type=prediction,
            steps_offset=1,
            clip_sample=False,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"
