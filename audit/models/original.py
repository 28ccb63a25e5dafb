"""Every tensor of a single-file checkpoint, under the name it has there and under the one it has here.

Facts of the layout: CompVis/latent-diffusion, Stability-AI/generative-models and mlfoundations/open_clip, whose
names the published checkpoints keep. Worked out from the configs of a model in diffusers layout, without torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]


@dataclass(frozen=True)
class KeyPlace:
    """One tensor of the file.

    Attributes:
        theirs: name in the file, after the part's prefix; ours: names in the module, which share its first axis evenly.
        shape: as the file holds it; turned: whether the module holds it transposed.
    """

    theirs: str
    ours: tuple[str, ...]
    shape: tuple[int, ...]
    turned: bool = False


def _affine(theirs: str, ours: str, *shape: int, bias: bool = True) -> Iterator[KeyPlace]:
    yield KeyPlace(f"{theirs}.weight", (f"{ours}.weight",), shape)
    if bias:
        yield KeyPlace(f"{theirs}.bias", (f"{ours}.bias",), shape[:1])


# --- U-Net -----------------------------------------------------------------------------------------


def unet_places(config: Config) -> Iterator[KeyPlace]:
    """The U-Net of Stable Diffusion 1.x, 2.x and XL."""
    widths: Sequence[int] = config["block_out_channels"]
    layers, levels, first = int(config["layers_per_block"]), len(widths), widths[0]
    depths = config.get("transformer_layers_per_block", 1)
    depths = [depths] * levels if isinstance(depths, int) else list(depths)
    block = _Blocks(4 * first, int(config["cross_attention_dim"]), linear=bool(config.get("use_linear_projection")))
    yield from _affine("input_blocks.0.0", "conv_in", first, int(config["in_channels"]), 3, 3)
    yield from _affine("time_embed.0", "time_embedding.linear_1", 4 * first, first)
    yield from _affine("time_embed.2", "time_embedding.linear_2", 4 * first, 4 * first)
    if config.get("addition_embed_type") == "text_time":
        told = int(config["projection_class_embeddings_input_dim"])
        yield from _affine("label_emb.0.0", "add_embedding.linear_1", 4 * first, told)
        yield from _affine("label_emb.0.2", "add_embedding.linear_2", 4 * first, 4 * first)
    skips, width, at = [first], first, 1
    for level, wide in enumerate(widths):
        for layer in range(layers):
            yield from block.resnet(f"input_blocks.{at}.0", f"down_blocks.{level}.resnets.{layer}", width, wide)
            if "CrossAttn" in config["down_block_types"][level]:
                where = f"down_blocks.{level}.attentions.{layer}"
                yield from block.attention(f"input_blocks.{at}.1", where, wide, depths[level])
            width, at = wide, at + 1
            skips.append(wide)
        if level < levels - 1:
            where = f"down_blocks.{level}.downsamplers.0.conv"
            yield from _affine(f"input_blocks.{at}.0.op", where, wide, wide, 3, 3)
            at += 1
            skips.append(wide)
    yield from block.resnet("middle_block.0", "mid_block.resnets.0", width, width)
    yield from block.attention("middle_block.1", "mid_block.attentions.0", width, depths[-1])
    yield from block.resnet("middle_block.2", "mid_block.resnets.1", width, width)
    at = 0
    for level, wide in enumerate(reversed(widths)):
        attends = "CrossAttn" in config["up_block_types"][level]
        for layer in range(layers + 1):
            where = f"up_blocks.{level}.resnets.{layer}"
            yield from block.resnet(f"output_blocks.{at}.0", where, width + skips.pop(), wide)
            if attends:
                where = f"up_blocks.{level}.attentions.{layer}"
                yield from block.attention(f"output_blocks.{at}.1", where, wide, depths[levels - 1 - level])
            width = wide
            if layer == layers and level < levels - 1:
                where = f"up_blocks.{level}.upsamplers.0.conv"
                yield from _affine(f"output_blocks.{at}.{2 if attends else 1}.conv", where, wide, wide, 3, 3)
            at += 1
    yield from _affine("out.0", "conv_norm_out", first)
    yield from _affine("out.2", "conv_out", int(config["out_channels"]), first, 3, 3)


@dataclass(frozen=True)
class _Blocks:
    """A U-Net's blocks: `told` is the width of its time embedding, `text` that of a text."""

    told: int
    text: int
    linear: bool

    def resnet(self, theirs: str, ours: str, given: int, wide: int) -> Iterator[KeyPlace]:
        yield from _affine(f"{theirs}.in_layers.0", f"{ours}.norm1", given)
        yield from _affine(f"{theirs}.in_layers.2", f"{ours}.conv1", wide, given, 3, 3)
        yield from _affine(f"{theirs}.emb_layers.1", f"{ours}.time_emb_proj", wide, self.told)
        yield from _affine(f"{theirs}.out_layers.0", f"{ours}.norm2", wide)
        yield from _affine(f"{theirs}.out_layers.3", f"{ours}.conv2", wide, wide, 3, 3)
        if given != wide:
            yield from _affine(f"{theirs}.skip_connection", f"{ours}.conv_shortcut", wide, given, 1, 1)

    def attention(self, theirs: str, ours: str, wide: int, depth: int) -> Iterator[KeyPlace]:
        ends = (wide, wide) if self.linear else (wide, wide, 1, 1)
        yield from _affine(f"{theirs}.norm", f"{ours}.norm", wide)
        yield from _affine(f"{theirs}.proj_in", f"{ours}.proj_in", *ends)
        for at in range(depth):
            for name, shape, bias in self._layers(wide):
                inner = f"transformer_blocks.{at}.{name}"
                yield from _affine(f"{theirs}.{inner}", f"{ours}.{inner}", *shape, bias=bias)
        yield from _affine(f"{theirs}.proj_out", f"{ours}.proj_out", *ends)

    def _layers(self, wide: int) -> Iterator[tuple[str, tuple[int, ...], bool]]:
        for kind, seen in (("attn1", wide), ("attn2", self.text)):
            yield f"{kind}.to_q", (wide, wide), False
            yield f"{kind}.to_k", (wide, seen), False
            yield f"{kind}.to_v", (wide, seen), False
            yield f"{kind}.to_out.0", (wide, wide), True
        yield "ff.net.0.proj", (8 * wide, wide), True
        yield "ff.net.2", (wide, 4 * wide), True
        for norm in ("norm1", "norm2", "norm3"):
            yield norm, (wide,), True


# --- VAE -------------------------------------------------------------------------------------------

VAE_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}


def vae_places(config: Config) -> Iterator[KeyPlace]:
    """The autoencoder of the same models."""
    widths: Sequence[int] = config["block_out_channels"]
    layers, levels, latent = int(config["layers_per_block"]), len(widths), int(config["latent_channels"])
    yield from _affine("encoder.conv_in", "encoder.conv_in", widths[0], int(config["in_channels"]), 3, 3)
    width = widths[0]
    for level, wide in enumerate(widths):
        for layer in range(layers):
            where = f"encoder.down_blocks.{level}.resnets.{layer}"
            yield from _vae_resnet(f"encoder.down.{level}.block.{layer}", where, width, wide)
            width = wide
        if level < levels - 1:
            where = f"encoder.down_blocks.{level}.downsamplers.0.conv"
            yield from _affine(f"encoder.down.{level}.downsample.conv", where, wide, wide, 3, 3)
    yield from _vae_middle("encoder", width)
    yield from _affine("encoder.norm_out", "encoder.conv_norm_out", width)
    yield from _affine("encoder.conv_out", "encoder.conv_out", 2 * latent, width, 3, 3)
    yield from _affine("quant_conv", "quant_conv", 2 * latent, 2 * latent, 1, 1)
    yield from _affine("post_quant_conv", "post_quant_conv", latent, latent, 1, 1)
    yield from _affine("decoder.conv_in", "decoder.conv_in", width, latent, 3, 3)
    yield from _vae_middle("decoder", width)
    for level, wide in enumerate(reversed(widths)):
        theirs = f"decoder.up.{levels - 1 - level}"
        for layer in range(layers + 1):
            where = f"decoder.up_blocks.{level}.resnets.{layer}"
            yield from _vae_resnet(f"{theirs}.block.{layer}", where, width, wide)
            width = wide
        if level < levels - 1:
            where = f"decoder.up_blocks.{level}.upsamplers.0.conv"
            yield from _affine(f"{theirs}.upsample.conv", where, wide, wide, 3, 3)
    yield from _affine("decoder.norm_out", "decoder.conv_norm_out", width)
    yield from _affine("decoder.conv_out", "decoder.conv_out", int(config["out_channels"]), width, 3, 3)


def _vae_resnet(theirs: str, ours: str, given: int, wide: int) -> Iterator[KeyPlace]:
    yield from _affine(f"{theirs}.norm1", f"{ours}.norm1", given)
    yield from _affine(f"{theirs}.conv1", f"{ours}.conv1", wide, given, 3, 3)
    yield from _affine(f"{theirs}.norm2", f"{ours}.norm2", wide)
    yield from _affine(f"{theirs}.conv2", f"{ours}.conv2", wide, wide, 3, 3)
    if given != wide:
        yield from _affine(f"{theirs}.nin_shortcut", f"{ours}.conv_shortcut", wide, given, 1, 1)


def _vae_middle(side: str, wide: int) -> Iterator[KeyPlace]:
    yield from _vae_resnet(f"{side}.mid.block_1", f"{side}.mid_block.resnets.0", wide, wide)
    for theirs, ours in VAE_ATTENTION.items():
        shape = (wide,) if theirs == "norm" else (wide, wide, 1, 1)
        yield from _affine(f"{side}.mid.attn_1.{theirs}", f"{side}.mid_block.attentions.0.{ours}", *shape)
    yield from _vae_resnet(f"{side}.mid.block_2", f"{side}.mid_block.resnets.1", wide, wide)


# --- text encoders ---------------------------------------------------------------------------------


def clip_places(config: Config) -> Iterator[KeyPlace]:
    """A text encoder as transformers names it, without the level `text_model.` that only some files have."""
    wide, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    places, words = int(config["max_position_embeddings"]), int(config["vocab_size"])
    yield from _affine("embeddings.token_embedding", "embeddings.token_embedding", words, wide, bias=False)
    yield from _affine("embeddings.position_embedding", "embeddings.position_embedding", places, wide, bias=False)
    for at in range(int(config["num_hidden_layers"])):
        where = f"encoder.layers.{at}"
        for name, shape in (
            *((f"self_attn.{one}_proj", (wide, wide)) for one in ("q", "k", "v", "out")),
            ("layer_norm1", (wide,)), ("layer_norm2", (wide,)), ("mlp.fc1", (inner, wide)), ("mlp.fc2", (wide, inner)),
        ):  # fmt: skip
            yield from _affine(f"{where}.{name}", f"{where}.{name}", *shape)
    yield from _affine("final_layer_norm", "final_layer_norm", wide)


def open_clip_places(config: Config, *, projects: bool) -> Iterator[KeyPlace]:
    """The same as open_clip names it; `projects` where the module projects its pooled text."""
    wide, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    places, words = int(config["max_position_embeddings"]), int(config["vocab_size"])
    yield KeyPlace("token_embedding.weight", ("embeddings.token_embedding.weight",), (words, wide))
    yield KeyPlace("positional_embedding", ("embeddings.position_embedding.weight",), (places, wide))
    for at in range(int(config["num_hidden_layers"])):
        theirs, ours = f"transformer.resblocks.{at}", f"encoder.layers.{at}"
        for leaf, shape in (("weight", (3 * wide, wide)), ("bias", (3 * wide,))):
            parts = tuple(f"{ours}.self_attn.{one}_proj.{leaf}" for one in "qkv")
            yield KeyPlace(f"{theirs}.attn.in_proj_{leaf}", parts, shape)
        yield from _affine(f"{theirs}.attn.out_proj", f"{ours}.self_attn.out_proj", wide, wide)
        yield from _affine(f"{theirs}.ln_1", f"{ours}.layer_norm1", wide)
        yield from _affine(f"{theirs}.ln_2", f"{ours}.layer_norm2", wide)
        yield from _affine(f"{theirs}.mlp.c_fc", f"{ours}.mlp.fc1", inner, wide)
        yield from _affine(f"{theirs}.mlp.c_proj", f"{ours}.mlp.fc2", wide, inner)
    yield from _affine("ln_final", "final_layer_norm", wide)
    if projects:
        yield KeyPlace(
            "text_projection", ("text_projection.weight",), (wide, int(config["projection_dim"])), turned=True
        )
