"""Real, tiny, random models of exactly the classes that the real families use."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    DDIMScheduler,
    DDPMScheduler,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    Krea2Pipeline,
    Krea2Transformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionUpscalePipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers import pre_tokenizers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    Qwen3VLConfig,
    Qwen3VLModel,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from audit.base.rng import torch_rng
from audit.models.autoencoders import LatentScale
from audit.models.conditioning import Ragged, Text, Tokens
from audit.models.families import qwenimage
from audit.models.families.base import TextPart
from audit.models.families.sd import SD
from audit.models.model import Model
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
        text_shape={"hidden": TextPart((6, 12))},
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
        text=of_ids({"tokenizer": torch.randint(0, 28, (works, 6), generator=words)})
        if tokens
        else Text({"hidden": torch.randn(works, 6, 12, generator=words)}),
    )


def of_ids(ids: dict[str, torch.Tensor]) -> Tokens:
    """Token ids of which none fills up."""
    return Tokens(ids, {name: torch.ones_like(each) for name, each in ids.items()})


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


def qwen_tokenizer(*more: str) -> Qwen2Tokenizer:
    """A Qwen tokenizer of single bytes, and of some whole words."""
    words = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<|endoftext|>"]
    made = Qwen2Tokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=96)
    made.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    made.add_tokens(list(more))
    return made


def t5_tokenizer() -> T5Tokenizer:
    """A T5 tokenizer of single letters."""
    ends = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    letters = [(letter, -2.0) for letter in "▁abcdefghijklmnopqrstuvwxyz"]
    return T5Tokenizer(vocab=[*ends, *letters], extra_ids=0, model_max_length=32)


def flow_vae(side: int) -> AutoencoderKL:
    """FLUX.1's kind: six channels, shifted, without the layers around the latent."""
    return tiny_vae(
        side=side, channels=6, scaling_factor=0.36, shift_factor=0.12, use_quant_conv=False, use_post_quant_conv=False
    )


def tiny_zimage(side: int) -> DiffusionPipeline:
    """Z-Image: one refiner of noise, one of text, two layers; text of 32."""
    tokenizer = qwen_tokenizer()
    text = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=96,
    )
    transformer = ZImageTransformer2DModel(
        in_channels=6,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=32,
        axes_dims=[4, 6, 6],
        axes_lens=[256, 32, 32],
    )
    return ZImagePipeline(
        transformer=transformer,
        vae=flow_vae(side),
        text_encoder=Qwen3Model(text),
        tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def template_tokenizer() -> Qwen2Tokenizer:
    """A Qwen tokenizer that has the words of Qwen-Image's template whole, as Qwen's own has."""
    before = qwenimage.WORDING[0].replace("<|im_start|>", "").replace("<|im_end|>", "")
    return qwen_tokenizer(*sorted(set(re.findall(r" ?[A-Za-z]+", before))), "assistant")


def qwen_vae() -> AutoencoderKLQwenImage:
    """Qwen-Image's kind: six channels, a clip of one frame."""
    return AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=6,
        dim_mult=[1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True],
        latents_mean=[0.1, -0.2, 0.3, 0.0, -0.1, 0.2],
        latents_std=[1.2, 0.8, 1.0, 1.5, 0.7, 1.1],
    )


def tiny_krea2(*, distilled: bool = False) -> DiffusionPipeline:
    """Krea 2: two blocks, one of each kind of text fusion; 36 layers of Qwen3-VL, of which twelve are read."""
    tokenizer = template_tokenizer()
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 36,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "max_position_embeddings": 96,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [2, 1, 1]},
    }
    sees = {
        "depth": 1,
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_heads": 1,
        "out_hidden_size": 16,
        "num_position_embeddings": 4,
        "deepstack_visual_indexes": [0],
    }
    return Krea2Pipeline(
        transformer=Krea2Transformer2DModel(
            in_channels=24,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=48,
            timestep_embed_dim=16,
            text_hidden_dim=16,
            text_num_attention_heads=2,
            text_num_key_value_heads=2,
            text_intermediate_size=24,
            num_layerwise_text_blocks=1,
            num_refiner_text_blocks=1,
            axes_dims_rope=(4, 6, 6),
        ),
        vae=qwen_vae(),
        text_encoder=Qwen3VLModel(Qwen3VLConfig(text_config=text, vision_config=sees)),
        tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, max_image_seq_len=6400),
        is_distilled=distilled,
    )


def tiny_qwen_image() -> DiffusionPipeline:
    """Qwen-Image: two joint blocks."""
    tokenizer = template_tokenizer()
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 96,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
    }
    sees = {"depth": 1, "hidden_size": 8, "intermediate_size": 8, "num_heads": 1, "out_hidden_size": 16}
    return QwenImagePipeline(
        transformer=QwenImageTransformer2DModel(
            in_channels=24,
            out_channels=6,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=16,
            axes_dims_rope=(4, 6, 6),
        ),
        vae=qwen_vae(),
        text_encoder=Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=sees)),
        tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, max_shift=0.9, shift_terminal=0.02),
    )


def tiny_flux2(side: int) -> DiffusionPipeline:
    """FLUX.2 klein: one joint and one single block; 27 layers of Qwen3, of which three are read; latents of their own
    means and deviations."""
    tokenizer = qwen_tokenizer()
    text = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=28,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=96,
        tie_word_embeddings=True,
    )
    vae = AutoencoderKLFlux2(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 8),
        layers_per_block=1,
        latent_channels=6,
        norm_num_groups=4,
        sample_size=side,
        mid_block_add_attention=False,
    )
    vae.bn.running_mean.uniform_(-0.3, 0.3)
    vae.bn.running_var.uniform_(0.5, 2.0)
    return Flux2KleinPipeline(
        transformer=Flux2Transformer2DModel(
            in_channels=24,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=24,
            timestep_guidance_channels=16,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ),
        vae=vae,
        text_encoder=Qwen3ForCausalLM(text),
        tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
    )


def tiny_flux(side: int, tokenizer: CLIPTokenizer) -> DiffusionPipeline:
    """FLUX.1 dev: one joint and one single block; T5 of 24, pooled text of 12."""
    words = t5_tokenizer()
    text = T5Config(
        vocab_size=len(words), d_model=24, d_kv=8, d_ff=32, num_layers=2, num_heads=2, feed_forward_proj="gated-gelu"
    )
    return FluxPipeline(
        transformer=FluxTransformer2DModel(
            in_channels=24,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=24,
            pooled_projection_dim=12,
            guidance_embeds=True,
            axes_dims_rope=(4, 6, 6),
        ),
        vae=flow_vae(side),
        text_encoder=CLIPTextModel(text_config(tokenizer, layers=2)),
        tokenizer=tokenizer,
        text_encoder_2=T5EncoderModel(text),
        tokenizer_2=words,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
    )


def tiny_pipeline(family: str, folder: Path, *, prediction: str = "epsilon", side: int = 32) -> DiffusionPipeline:
    """A whole random pipeline of a family."""
    torch.manual_seed(5)
    if family == "zimage":
        return tiny_zimage(side)
    if family == "flux2":
        return tiny_flux2(side)
    if family == "qwenimage":
        return tiny_qwen_image()
    if family == "krea2":
        return tiny_krea2()
    tokenizer = write_tokenizer(folder / "vocabulary")
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    if family == "flux1":
        return tiny_flux(side, tokenizer)
    if family == "sd3-t5":
        words = t5_tokenizer()
        text = T5Config(
            vocab_size=len(words),
            d_model=32,
            d_kv=8,
            d_ff=32,
            num_layers=2,
            num_heads=2,
            feed_forward_proj="gated-gelu",
        )
        made = tiny_pipeline("sd3", folder / "plain", prediction=prediction, side=side)
        made.register_modules(text_encoder_3=T5EncoderModel(text), tokenizer_3=words)
        return made
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
    if family in ("qwenimage", "krea2"):
        # No file of these families states the size of its pictures.
        config = folder / "model" / "transformer" / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "sample_size": side // 4}))
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


def random_part(blank: torch.Tensor | Ragged, generator: torch.Generator) -> torch.Tensor | Ragged:
    """Random numbers of a blank text's shape; texts of different lengths where the family has those."""
    if isinstance(blank, Ragged):
        return Ragged(tuple(torch.randn(row[i % 3 :].shape, generator=generator) for i, row in enumerate(blank.rows)))
    return torch.randn(blank.shape, generator=generator)


def random_cell(
    model: Model, replicate: int, *, pictures: str = "clean", works: int = 5, tokens: bool = False
) -> CellData:
    """Random latents under a name, and random text of the model's shape, or token ids."""
    generator, words = torch_rng("tiny-cell", pictures), torch_rng("tiny-text")
    blank = model.blank_text(works)
    sizes = dict(zip(model.family.tokenizers, map(len, model.tokenizers), strict=True))
    drawn = {name: torch.randint(0, 500, (works, most), generator=words) for name, most in model.lengths.items()}
    ids = {name: each % sizes[name] for name, each in drawn.items()}
    return CellData(
        streams=Streams(seed=3, replicate=replicate),
        mean=torch.randn(works, 2, *model.latent_shape, generator=generator),
        std=torch.rand(works, 2, *model.latent_shape, generator=generator) * 0.1,
        text=of_ids(ids) if tokens else Text({name: random_part(part, words) for name, part in blank.parts.items()}),
    )
