"""Stable Diffusion 1.x and 2.x: a U-Net, one CLIP text encoder (Rombach et al., 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel
from audit.models.allowed import allowed
from audit.models.families.base import (
    TEXT_ATTENTION,
    Configs,
    Family,
    Latent,
    TextPart,
    TextShape,
    denoisers_size,
    odd_text,
    same_channels,
    shortest,
    tiers,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text, Tokens
    from audit.models.noising import Diffusion

UNET_BLOCKS = ("ResnetBlock2D", "BasicTransformerBlock")
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
FEED_FORWARD = ("ff.net.0.proj", "ff.net.2")
CONVOLUTIONS = ("proj_in", "proj_out", "conv1", "conv2", "conv_shortcut", "time_emb_proj")
UNET_TARGETS = tiers(ATTENTION, FEED_FORWARD, CONVOLUTIONS)


def diffusion_prediction(configs: Configs) -> str:
    """What a diffusion model of this folder predicts.

    Raises:
        BadModel: `model-prediction`, `model-edm`.
    """
    scheduler = configs["scheduler"]
    kind = str(scheduler.get("_class_name", ""))
    if kind.startswith("EDM"):
        raise BadModel("model-edm.folder", scheduler=kind)
    if kind.startswith("FlowMatch") or not ("beta_start" in scheduler or scheduler.get("trained_betas")):
        raise BadModel("model-prediction.schedule", scheduler=kind or None)
    if any(configs["vae"].get(name) for name in ("latents_mean", "latents_std")):
        raise BadModel("model-family.vae")
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in ("epsilon", "v_prediction"):
        raise BadModel("model-prediction", file="scheduler/scheduler_config.json", seen=str(prediction))
    return str(prediction)


def diffusion_noising(scheduler: Mapping[str, Any], prediction: str, latent: Latent) -> Diffusion:
    """The schedule as trained, from a scheduler's config."""
    from diffusers import DDPMScheduler

    from audit.models.noising import Diffusion

    schedule = DDPMScheduler.from_config(allowed("DDPMScheduler", scheduler))
    return Diffusion(schedule.alphas_cumprod.double(), prediction)


def dpm_sampler(scheduler: Mapping[str, Any], steps: int, latent: Latent) -> Any:
    """DPM-Solver++ 2M (Lu et al., 2022) on the model's own noise schedule."""
    from diffusers import DPMSolverMultistepScheduler

    config = allowed("DPMSolverMultistepScheduler", scheduler)
    # Trailing steps start from pure noise, as a zero-terminal-SNR schedule was trained; the solver itself
    # keeps the last cumulative product just above zero, where its log-SNR is still finite.
    config["timestep_spacing"] = "trailing"
    made = DPMSolverMultistepScheduler.from_config(
        config, algorithm_type="dpmsolver++", solver_order=2, final_sigmas_type="zero", use_karras_sigmas=False
    )
    made.set_timesteps(steps)
    return made


def unet_cells(configs: Configs) -> int:
    """A U-Net halves its latent at every level but the last."""
    return int(2 ** (len(configs["unet"].get("block_out_channels", (0,) * 4)) - 1))


def _check(configs: Configs) -> None:
    unet, width = configs["unet"], configs["text_encoder"].get("hidden_size")
    same_channels(configs, "unet", usual=4)
    if unet.get("addition_embed_type"):
        raise BadModel("model-family.encoders")
    if unet.get("time_cond_proj_dim"):
        raise BadModel("model-family.distilled")
    if unet.get("cross_attention_dim") != width:
        raise odd_text(SD.title, unet.get("cross_attention_dim"), width)


def _text_shape(unet: Mapping[str, Any], lengths: Mapping[str, int]) -> TextShape:
    return {"hidden": TextPart((lengths["tokenizer"], int(unet["cross_attention_dim"])))}


def _encode(encoders: Mapping[str, nn.Module], tokens: Tokens, shape: TextShape) -> Text:
    from audit.models.conditioning import Text

    return Text({"hidden": encoders["text_encoder"](tokens.ids["tokenizer"]).last_hidden_state})


def _predict(unet: nn.Module, noisy: Tensor, told: Tensor, text: Text, frames: Tensor, guidance: float) -> Tensor:
    seen: Tensor = unet(noisy, told, text.hidden).sample
    return seen


SD = Family(
    name="sd",
    title="Stable Diffusion 1.x/2.x",
    pipeline="StableDiffusionPipeline",
    denoiser="unet",
    components={
        "unet": "UNet2DConditionModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModel",
        "tokenizer": "CLIPTokenizer",
    },
    text_encoders=("text_encoder",),
    tokenizers=("tokenizer",),
    targets=UNET_TARGETS,
    text_targets={"text_encoder": TEXT_ATTENTION},
    blocks=UNET_BLOCKS,
    cells=unet_cells,
    label=lambda configs: "sd2" if configs["unet"].get("cross_attention_dim") == 1024 else "sd1",
    prediction=diffusion_prediction,
    lengths=shortest,
    text_shape=_text_shape,
    check=_check,
    resolution=denoisers_size("unet"),
    encode=_encode,
    predict=_predict,
    noising=diffusion_noising,
    sampler=dpm_sampler,
)
