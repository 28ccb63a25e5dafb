"""Real, tiny, random models of exactly the classes that the real families use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionUpscalePipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from tokenizers import pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from audit.base.rng import torch_rng
from audit.models.conditioning import Text, Tokens
from audit.models.families.base import TextShape
from audit.models.families.sd import SD
from audit.models.loader import LatentScale, Model
from audit.models.noising import Diffusion
from audit.training.batches import Base, CellData
from audit.training.draws import Streams
from audit.training.footprint import base_of


def tiny_unet(seed: int = 0, *, channels: int = 4, **more: Any) -> UNet2DConditionModel:
    """`channels` in, 4 out; `more` as the class takes it."""
    torch.manual_seed(seed)
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=12,
        attention_head_dim=2,
        norm_num_groups=4,
        **more,
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
        device=torch.device("cpu"),
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


def write_tokenizer(folder: Path) -> CLIPTokenizer:
    """A CLIP tokenizer of single letters."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = [*letters, *(c + "</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(vocabulary)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=20)


def text_config(tokenizer: CLIPTokenizer, *, hidden: int = 12, projection: int = 12, layers: int = 1) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=24,
        num_hidden_layers=layers,
        num_attention_heads=2,
        max_position_embeddings=20,
        projection_dim=projection,
        # At the usual scale the gradients of so small an encoder's queries cancel to float32's rounding, which Adam
        # then magnifies.
        initializer_factor=0.3 if layers > 1 else 1.0,
        bos_token_id=len(tokenizer) - 2,
        eos_token_id=len(tokenizer) - 1,
    )


def tiny_vae(*, side: int, channels: int = 4, **more: Any) -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 8),
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=4,
        sample_size=side,
        mid_block_add_attention=False,
        **more,
    )


def tiny_xl_unet() -> UNet2DConditionModel:
    """Text of 12 + 16, pooled text of 10, sizes at 4 numbers each, linear projections as in SDXL."""
    torch.manual_seed(2)
    return UNet2DConditionModel(
        sample_size=8,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2),
        cross_attention_dim=28,
        attention_head_dim=(1, 2),
        use_linear_projection=True,
        norm_num_groups=4,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=10 + 6 * 4,
    ).requires_grad_(False)


def tiny_dit() -> SD3Transformer2DModel:
    """Three joint blocks, the first with SD 3.5 medium's second attention; text of 32, pooled text of 22."""
    torch.manual_seed(3)
    made = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=6,
        out_channels=6,
        num_layers=3,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=32,
        caption_projection_dim=16,
        pooled_projection_dim=22,
        pos_embed_max_size=12,
        dual_attention_layers=(0,),
        qk_norm="rms_norm",
    )
    return made.requires_grad_(False)


def tiny_pipeline(family: str, folder: Path, *, prediction: str = "epsilon", side: int = 32) -> DiffusionPipeline:
    """A whole random pipeline of a family."""
    torch.manual_seed(5)
    tokenizer = write_tokenizer(folder / "vocabulary")
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    if family == "sd3":
        first, second = text_config(tokenizer, layers=2), text_config(tokenizer, hidden=16, projection=10, layers=2)
        return StableDiffusion3Pipeline(
            transformer=tiny_dit(),
            vae=tiny_vae(
                side=side,
                channels=6,
                scaling_factor=1.5,
                shift_factor=0.06,
                use_quant_conv=False,
                use_post_quant_conv=False,
            ),
            text_encoder=CLIPTextModelWithProjection(first),
            tokenizer=tokenizer,
            text_encoder_2=CLIPTextModelWithProjection(second),
            tokenizer_2=tokenizer,
            text_encoder_3=None,
            tokenizer_3=None,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        )
    scheduler = DDIMScheduler(**schedule, prediction_type=prediction, clip_sample=False)
    if family == "sdxl":
        second = text_config(tokenizer, hidden=16, projection=10, layers=2)
        return StableDiffusionXLPipeline(
            unet=tiny_xl_unet(),
            vae=tiny_vae(side=side, scaling_factor=0.13025),
            text_encoder=CLIPTextModel(text_config(tokenizer, layers=2)),
            tokenizer=tokenizer,
            text_encoder_2=CLIPTextModelWithProjection(second),
            tokenizer_2=tokenizer,
            scheduler=scheduler,
            add_watermarker=False,
        )
    text = CLIPTextModel(text_config(tokenizer))
    return StableDiffusionPipeline(
        vae=tiny_vae(side=side),
        text_encoder=text,
        tokenizer=tokenizer,
        unet=tiny_unet(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write_tiny_model(folder: Path, *, family: str = "sd", prediction: str = "epsilon", side: int = 32) -> Path:
    """Save a whole random pipeline in plain diffusers layout; some 200 kB."""
    pipeline = tiny_pipeline(family, folder, prediction=prediction, side=side)
    pipeline.save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"


def write_tiny_upscaler(models: Path) -> None:
    """A random x4 upscaler of the real classes, where the models folder has its place."""
    torch.manual_seed(6)
    tokenizer = write_tokenizer(models / "vocabulary")
    schedule = {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "scaled_linear"}
    StableDiffusionUpscalePipeline(
        vae=AutoencoderKL(
            scaling_factor=0.08333,
            block_out_channels=(8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            norm_num_groups=4,
            mid_block_add_attention=False,
        ),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=tiny_unet(6, channels=7, num_class_embeds=1000),
        low_res_scheduler=DDPMScheduler(**schedule),
        scheduler=DDIMScheduler(**schedule),
    ).save_pretrained(models / "sd-x4-upscaler", safe_serialization=True)


def base_in(model: Model, dtype: torch.dtype) -> Base:
    """What training needs of a loaded model, in another type."""
    for root in model.roots().values():
        root.to(dtype)
    return base_of(model)


def random_cell(
    model: Model, replicate: int, *, pictures: str = "clean", works: int = 5, tokens: bool = False
) -> CellData:
    """Random latents under a name, and random text of the model's shape, or token ids."""
    generator, words = torch_rng("tiny-cell", pictures), torch_rng("tiny-text")
    blank = model.blank_text(works)
    ids = torch.randint(0, 500, (works, len(model.tokenizers), model.tokens), generator=words)
    text = Text(*(torch.randn(part.shape, generator=words) for part in (blank.hidden, blank.pooled)))
    return CellData(
        streams=Streams(seed=3, replicate=replicate),
        mean=torch.randn(works, 2, *model.latent_shape, generator=generator),
        std=torch.rand(works, 2, *model.latent_shape, generator=generator) * 0.1,
        text=Tokens(ids) if tokens else text,
    )
