"""Published architectures at full size without a byte of weights, and a machine that only pretends to compute."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import torch
from torch._subclasses.fake_tensor import FakeTensor

from audit.models.cards import cards
from audit.models.families import FAMILIES
from audit.models.hollow import hollow
from audit.models.loader import CLASSES
from audit.models.model import Model
from audit.models.opening import empty
from audit.records import ModelFacts
from tests.tiny import write_tokenizer

SD35 = {
    "transformer": {
        "sample_size": 128,
        "patch_size": 2,
        "in_channels": 16,
        "out_channels": 16,
        "num_layers": 24,
        "attention_head_dim": 64,
        "num_attention_heads": 24,
        "joint_attention_dim": 4096,
        "caption_projection_dim": 1536,
        "pooled_projection_dim": 2048,
        "pos_embed_max_size": 384,
        "dual_attention_layers": list(range(13)),
        "qk_norm": "rms_norm",
    },
    "vae": {"latent_channels": 16, "scaling_factor": 1.5305, "shift_factor": 0.0609, "use_quant_conv": False,
            "use_post_quant_conv": False},
    "scheduler": {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0},
}  # fmt: skip
"""What SD 3.5 Medium adds to SDXL's parts; the card's counts of weights tell whether it is right."""


FLUX_VAE = {"latent_channels": 16, "scaling_factor": 0.3611, "shift_factor": 0.1159, "sample_size": 1024,
            "use_quant_conv": False, "use_post_quant_conv": False}  # fmt: skip
ZIMAGE = {
    "transformer": {"in_channels": 16, "dim": 3840, "n_layers": 30, "n_refiner_layers": 2, "n_heads": 30,
                    "n_kv_heads": 30, "cap_feat_dim": 2560, "axes_dims": [32, 48, 48], "axes_lens": [1536, 512, 512]},
    "text_encoder": {"vocab_size": 151936, "hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36,
                     "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
                     "max_position_embeddings": 40960},
    "scheduler": {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 6.0},
}  # fmt: skip
"""Z-Image and Qwen3-4B, as their config.json have it."""
FLUX2 = {
    "transformer": {"in_channels": 128, "num_layers": 5, "num_single_layers": 20, "attention_head_dim": 128,
                    "num_attention_heads": 24, "joint_attention_dim": 7680, "mlp_ratio": 3.0, "guidance_embeds": False,
                    "axes_dims_rope": [32, 32, 32, 32]},
    "text_encoder": {**ZIMAGE["text_encoder"], "tie_word_embeddings": True},
    "vae": {"block_out_channels": [128, 256, 512, 512], "latent_channels": 32, "sample_size": 1024,
            "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4},
    "scheduler": {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0, "use_dynamic_shifting": True},
}  # fmt: skip
"""FLUX.2 klein base 4B, as its config.json have it."""
QWEN_IMAGE = {
    "transformer": {"in_channels": 64, "out_channels": 16, "num_layers": 60, "attention_head_dim": 128,
                    "num_attention_heads": 24, "joint_attention_dim": 3584, "axes_dims_rope": [16, 56, 56]},
    "text_encoder": {"vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
                     "num_attention_heads": 28, "num_key_value_heads": 4, "max_position_embeddings": 128000,
                     "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "rope_theta": 1000000.0},
    "vae": {"base_dim": 96, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2,
            "temperal_downsample": [False, True, True]},
    "scheduler": {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True, "max_shift": 0.9,
                  "max_image_seq_len": 8192, "shift_terminal": 0.02},
}  # fmt: skip
"""Qwen-Image, and the language part of Qwen2.5-VL-7B, as their config.json have it."""
KREA2 = {
    "transformer": {"in_channels": 64, "num_layers": 28, "attention_head_dim": 128, "num_attention_heads": 48,
                    "num_key_value_heads": 12, "intermediate_size": 16384, "text_hidden_dim": 2560,
                    "num_text_layers": 12, "text_num_attention_heads": 20, "text_num_key_value_heads": 20,
                    "text_intermediate_size": 6912, "axes_dims_rope": [32, 48, 48]},
    "text_encoder": {**ZIMAGE["text_encoder"], "max_position_embeddings": 262144,
                     "rope_scaling": {"rope_type": "default", "mrope_section": [24, 20, 20]}, "rope_theta": 5000000.0},
    "vae": QWEN_IMAGE["vae"],
    "scheduler": {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True, "max_shift": 1.15,
                  "max_image_seq_len": 6400},
}  # fmt: skip
"""Krea 2 as diffusers' class has it by default, with the language part of Qwen3-VL-4B and Qwen-Image's VAE."""
FLUX1 = {
    "transformer": {"in_channels": 64, "num_layers": 19, "num_single_layers": 38, "attention_head_dim": 128,
                    "num_attention_heads": 24, "joint_attention_dim": 4096, "pooled_projection_dim": 768,
                    "guidance_embeds": True, "axes_dims_rope": [16, 56, 56]},
    "text_encoder_2": {"vocab_size": 32128, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24,
                       "num_heads": 64, "feed_forward_proj": "gated-gelu"},
    "scheduler": {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0, "use_dynamic_shifting": True},
}  # fmt: skip
"""FLUX.1 dev and T5-XXL's encoder, as their config.json have it; CLIP is Stable Diffusion 1.5's."""


def configs_of(name):
    """Config of every component of a published model."""
    alone = {"flux2-klein": FLUX2, "qwen-image": QWEN_IMAGE, "krea2-raw": KREA2}
    if name in alone:
        return alone[name]
    if name in ("zimage", "flux1-dev"):
        clip = {} if name == "zimage" else {"text_encoder": cards()["sd15"].configs["text_encoder"]}
        return {"vae": {**cards()["sdxl"].configs["vae"], **FLUX_VAE}, **clip, **(FLUX1 if clip else ZIMAGE)}
    if name != "sd35-medium":
        return cards()[name].configs
    xl = cards()["sdxl"].configs
    text = {"text_encoder": {**xl["text_encoder"], "projection_dim": 768}, "text_encoder_2": xl["text_encoder_2"]}
    vae = {**xl["vae"], **SD35["vae"]}
    return {**text, "transformer": SD35["transformer"], "vae": vae, "scheduler": SD35["scheduler"]}


def published(name, folder, *, device):
    """A model of a published architecture on the meta device, which says that it lies on `device`."""
    card, configs = cards()[name], configs_of(name)
    family = FAMILIES[{"sd1": "sd", "sd2": "sd"}.get(card.family, card.family)]
    # Buffers, too: the table of places of SD 3.5 alone is 900 MB.
    with torch.device("meta"):
        made = {
            part: empty(CLASSES[family.opened_as.get(part, kind)], configs[part]).requires_grad_(False).eval()
            for part, kind in family.components.items()
            if part not in family.tokenizers
        }
    for part in family.text_encoders:
        # Weights that T5 uses twice count once, as they do when loaded.
        made[part].tie_weights()
    tokenizer = write_tokenizer(folder)
    facts = ModelFacts(
        name=name,
        family=card.family,
        sha256="0" * 64,
        resolution=card.resolution,
        prediction_type=card.prediction,
        lab=False,
    )
    return Model(
        facts=facts,
        family=family,
        denoiser=made[family.denoiser],
        vae=made["vae"],
        text_encoders={part: made[part] for part in family.text_encoders},
        tokenizers=tuple(tokenizer for _ in family.tokenizers),
        scheduler_config=configs["scheduler"],
        noising=family.noising(
            configs["scheduler"], card.prediction, family.latent(configs, (card.resolution, card.resolution))
        ),
        device=device,
    )


def _backward(loss, *args, **kwargs):
    """Give every parameter that a loss depends on a gradient of its shape; nothing runs back."""
    assert loss.requires_grad
    queue, seen = [loss.grad_fn], set()
    while queue:
        node = queue.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if (variable := getattr(node, "variable", None)) is not None:
            variable.grad = torch.zeros_like(variable)
        queue += [following for following, _ in node.next_functions]


def _grad(outputs, inputs, *args, **kwargs):
    assert outputs.requires_grad
    inputs = (inputs,) if isinstance(inputs, torch.Tensor) else inputs
    return tuple(torch.zeros_like(each) for each in inputs)


@contextlib.contextmanager
def walked(model, device, monkeypatch):
    """A hollow model on a device that need not be there: shapes, types and devices are checked, nothing is computed.

    What the host would have to wait for is made up: truths are false, numbers are 0, pictures are grey.
    """
    samplers = {}

    def sampler(config, steps, latent):
        return samplers[steps]

    for steps in (2, 3):
        samplers[steps] = model.sampler(steps)
        # Else it looks for its place among the timesteps, whose numbers nothing knows inside.
        samplers[steps].set_begin_index(0)
    with monkeypatch.context() as patch:
        patch.setattr(torch.autograd, "backward", _backward)
        patch.setattr(torch.Tensor, "backward", _backward)
        patch.setattr(torch.autograd, "grad", _grad)
        patch.setattr(FakeTensor, "__bool__", lambda self: False, raising=False)
        patch.setattr(FakeTensor, "__float__", lambda self: 0.0, raising=False)
        patch.setattr(FakeTensor, "tolist", lambda self: [False] * len(self), raising=False)
        with hollow(model, device=device) as empty_one:
            yield replace(empty_one, family=replace(model.family, sampler=sampler))
