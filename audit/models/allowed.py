"""Which words of a model's config files reach a library: those listed here for its class, and no other.

The libraries act on more than a class's own numbers: an attention implementation named `someone/repo` is fetched and
run, `auto_map` names code, `vocab_file` leads to any file of the machine, `return_dict` changes what a model answers.
All words stay under the model's digest, passed on or not. This list names what its class takes, in the releases
that pyproject.toml allows; a word that only a newer release knows is not passed on until it stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ATTENTION = "sdpa"
"""How text encoders attend: torch's own kernel, the libraries' choice where nothing is said; never a folder's word."""
_NOISE = (
    "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "variance_type",
    "prediction_type", "thresholding", "dynamic_thresholding_ratio", "sample_max_value", "timestep_spacing",
    "steps_offset", "rescale_betas_zero_snr",
)  # fmt: skip
_BLOCKS = ("down_block_types", "up_block_types", "block_out_channels", "layers_per_block", "act_fn", "norm_num_groups")
_TEXT = (
    "vocab_size", "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads",
    "max_position_embeddings", "hidden_act", "layer_norm_eps", "attention_dropout", "initializer_range",
    "initializer_factor", "pad_token_id", "bos_token_id", "eos_token_id",
)  # fmt: skip
_QWEN3 = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings", "initializer_range",
    "rms_norm_eps", "tie_word_embeddings", "rope_parameters", "rope_theta", "attention_bias",
    "use_sliding_window", "sliding_window", "max_window_layers", "layer_types", "attention_dropout",
    "pad_token_id", "bos_token_id", "eos_token_id",
)  # fmt: skip
_WORDS = (
    "add_prefix_space", "bos_token", "eos_token", "unk_token", "pad_token", "model_max_length", "errors",
    "clean_up_tokenization_spaces", "split_special_tokens", "added_tokens_decoder", "additional_special_tokens",
    "padding_side", "truncation_side",
)  # fmt: skip
ALLOWED: dict[str, frozenset[str]] = {
    "UNet2DConditionModel": frozenset((
        *_BLOCKS, "sample_size", "in_channels", "out_channels", "center_input_sample", "flip_sin_to_cos", "freq_shift",
        "mid_block_type", "only_cross_attention", "downsample_padding", "mid_block_scale_factor", "dropout", "norm_eps",
        "cross_attention_dim", "transformer_layers_per_block", "reverse_transformer_layers_per_block",
        "encoder_hid_dim", "encoder_hid_dim_type", "attention_head_dim", "num_attention_heads", "dual_cross_attention",
        "use_linear_projection", "class_embed_type", "addition_embed_type", "addition_time_embed_dim",
        "num_class_embeds", "upcast_attention", "resnet_time_scale_shift", "resnet_skip_time_act",
        "resnet_out_scale_factor", "time_embedding_type", "time_embedding_dim", "time_embedding_act_fn",
        "timestep_post_act", "time_cond_proj_dim", "conv_in_kernel", "conv_out_kernel",
        "projection_class_embeddings_input_dim", "attention_type", "class_embeddings_concat",
        "mid_block_only_cross_attention", "cross_attention_norm", "addition_embed_type_num_heads",
    )),
    "SD3Transformer2DModel": frozenset((
        "sample_size", "patch_size", "in_channels", "num_layers", "attention_head_dim", "num_attention_heads",
        "joint_attention_dim", "caption_projection_dim", "pooled_projection_dim", "out_channels", "pos_embed_max_size",
        "dual_attention_layers", "qk_norm",
    )),
    "ZImageTransformer2DModel": frozenset((
        "all_patch_size", "all_f_patch_size", "in_channels", "dim", "n_layers", "n_refiner_layers", "n_heads",
        "n_kv_heads", "norm_eps", "qk_norm", "cap_feat_dim", "siglip_feat_dim", "rope_theta", "t_scale", "axes_dims",
        "axes_lens",
    )),
    "FluxTransformer2DModel": frozenset((
        "patch_size", "in_channels", "out_channels", "num_layers", "num_single_layers", "attention_head_dim",
        "num_attention_heads", "joint_attention_dim", "pooled_projection_dim", "guidance_embeds", "axes_dims_rope",
    )),
    "Flux2Transformer2DModel": frozenset((
        "patch_size", "in_channels", "out_channels", "num_layers", "num_single_layers", "attention_head_dim",
        "num_attention_heads", "joint_attention_dim", "timestep_guidance_channels", "mlp_ratio", "axes_dims_rope",
        "rope_theta", "eps", "guidance_embeds",
    )),
    "AutoencoderKLFlux2": frozenset((
        *_BLOCKS, "decoder_block_out_channels", "in_channels", "out_channels", "latent_channels", "sample_size",
        "use_quant_conv", "use_post_quant_conv", "mid_block_add_attention", "batch_norm_eps", "batch_norm_momentum",
        "patch_size",
    )),
    "QwenImageTransformer2DModel": frozenset((
        "patch_size", "in_channels", "out_channels", "num_layers", "attention_head_dim", "num_attention_heads",
        "joint_attention_dim", "guidance_embeds", "axes_dims_rope",
    )),
    "Krea2Transformer2DModel": frozenset((
        "in_channels", "num_layers", "attention_head_dim", "num_attention_heads", "num_key_value_heads",
        "intermediate_size", "timestep_embed_dim", "text_hidden_dim", "num_text_layers", "text_num_attention_heads",
        "text_num_key_value_heads", "text_intermediate_size", "num_layerwise_text_blocks", "num_refiner_text_blocks",
        "axes_dims_rope", "rope_theta", "norm_eps",
    )),
    "AutoencoderKLQwenImage": frozenset((
        "base_dim", "z_dim", "dim_mult", "num_res_blocks", "attn_scales", "temperal_downsample", "dropout",
        "input_channels", "latents_mean", "latents_std",
    )),
    "Qwen2_5_VLTextModel": frozenset((*_QWEN3, "rope_scaling")) - {"head_dim", "attention_bias", "tie_word_embeddings"},
    "Qwen3VLTextModel": frozenset((
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings", "initializer_range",
        "rms_norm_eps", "rope_parameters", "rope_theta", "rope_scaling", "attention_bias", "attention_dropout",
        "pad_token_id",
    )),
    "AutoencoderKL": frozenset((
        *_BLOCKS, "in_channels", "out_channels", "latent_channels", "sample_size", "scaling_factor", "shift_factor",
        "latents_mean", "latents_std", "force_upcast", "use_quant_conv", "use_post_quant_conv",
        "mid_block_add_attention",
    )),
    "CLIPTextModel": frozenset(_TEXT),
    "CLIPTextModelWithProjection": frozenset(_TEXT),
    "Qwen3Model": frozenset(_QWEN3),
    "Qwen3ForCausalLM": frozenset(_QWEN3),
    "T5EncoderModel": frozenset((
        "vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers", "num_heads",
        "relative_attention_num_buckets", "relative_attention_max_distance", "dropout_rate", "layer_norm_epsilon",
        "initializer_factor", "feed_forward_proj", "pad_token_id", "eos_token_id",
    )),
    "CLIPTokenizer": frozenset((*_WORDS, "do_lower_case")),
    "Qwen2Tokenizer": frozenset(_WORDS),
    "T5Tokenizer": frozenset((*_WORDS, "extra_ids", "legacy")),
    "DDPMScheduler": frozenset((*_NOISE, "clip_sample", "clip_sample_range")),
    "DPMSolverMultistepScheduler": frozenset((
        *_NOISE, "solver_order", "algorithm_type", "solver_type", "lower_order_final", "euler_at_final",
        "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas",
        "flow_shift", "final_sigmas_type", "lambda_min_clipped", "use_dynamic_shifting", "time_shift_type",
    )),
    "FlowMatchEulerDiscreteScheduler": frozenset((
        "num_train_timesteps", "shift", "use_dynamic_shifting", "base_shift", "max_shift", "base_image_seq_len",
        "max_image_seq_len", "invert_sigmas", "shift_terminal", "use_karras_sigmas", "use_exponential_sigmas",
        "use_beta_sigmas", "time_shift_type", "stochastic_sampling",
    )),
}  # fmt: skip
"""Class -> words of its config that are passed on to it."""


def allowed(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a config reaches a class."""
    return {word: value for word, value in config.items() if word in ALLOWED[kind]}
