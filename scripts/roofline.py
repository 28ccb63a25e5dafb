#!/usr/bin/env python
"""What bounds a training step and a picture on a GPU: counted operation by operation, calculated, as Markdown tables.

The published architectures run without weights (meta tensors) in bfloat16; every operation tells its floating point
operations, the bytes that it reads and writes, and that it is one kernel. An operation takes the longer of both
over the card's published peak and bandwidth (roofline: Williams, Waterman and Patterson, 2009). Attention counts as
one fused kernel, forwards and backwards (FlashAttention: Dao et al., 2022). Views cost nothing. What a host needs
to start a kernel is assumed, not measured: `HOST`. No GPU was asked; what kernels really reach lies below these bounds.

Run from the repository root: python -m scripts.roofline [--cells 1 24] [--models sd15 sdxl flux1-dev]
"""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from audit.base.progress import duration
from audit.models.autoencoders import LatentScale
from audit.models.cards import cards
from audit.models.conditioning import Text
from audit.models.families import FAMILIES
from audit.models.families.base import TRAINED_AT
from audit.models.hollow import same_memory
from audit.models.loader import CLASSES
from audit.models.noising import Flow
from audit.models.opening import empty
from audit.plan.prompts import PROMPTS
from audit.plan.settings import SAMPLING, SD_SAMPLING, SD_TRAINING
from audit.training.batches import Base, Batch
from audit.training.draws import Streams
from audit.training.packed import PackedLora
from tests.hollow_models import configs_of

HOST = 6e-6
"""Seconds of the host for each operation of PyTorch without a graph: assumed, of the size that profilers show."""
TOKENS = {"flux1-dev": 512}
USUAL_TOKENS = 77


@dataclass(frozen=True)
class Card:
    """Published figures: dense bfloat16 with float32 sums and dense fp8, TFLOP/s; memory, GB/s. Makers' data sheets."""

    name: str
    bf16: float
    fp8: float | None
    bandwidth: float


CARDS = (
    Card("RTX 4090", 165.2, 330.3, 1008),
    Card("A100 80 GB", 312.0, None, 2039),
    Card("H100 SXM", 989.4, 1978.9, 3352),
)


@dataclass
class Counts(TorchDispatchMode):
    """Every operation inside: floating point operations, bytes, and whether it is a matrix product."""

    rows: list[tuple[float, float, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        read, made = _tensors((args, kwargs)), _tensors(out)
        before = {same_memory(t) for t in read}
        new = [t for t in made if same_memory(t) not in before]
        in_place = func._schema.is_mutable
        if (new or in_place) and "empty" not in str(func):
            count = flop_registry.get(func.overloadpacket)
            flops = float(count(*args, **(kwargs or {}), out_val=out)) if count else 0.0
            written = new or made
            self.add(flops, sum(map(_bytes, read)) + sum(map(_bytes, written)), count is not None)
        return out

    def add(self, flops: float, moved: float, product: bool) -> None:
        self.rows.append((flops, float(moved), product))


def _tensors(tree: Any) -> list[Tensor]:
    leaves = torch.utils._pytree.tree_leaves(tree)
    return list({id(leaf): leaf for leaf in leaves if isinstance(leaf, Tensor)}.values())


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


class _Attention(torch.autograd.Function):
    """One fused kernel each way: reads q, k and v, writes the answer; backwards it makes the scores again."""

    @staticmethod
    def forward(ctx: Any, counts: Counts, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        ctx.counts = counts
        ctx.save_for_backward(q, k, v)
        counts.add(_products(q, k, v), sum(map(_bytes, (q, k, v, q))), True)
        return torch.empty_like(q)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v = ctx.saved_tensors
        # Five products in place of two, one of them the scores anew (Dao et al., 2022).
        ctx.counts.add(2.5 * _products(q, k, v), 2 * sum(map(_bytes, (q, k, v, q))), True)
        return None, torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def _products(q: Tensor, k: Tensor, v: Tensor) -> float:
    return 2.0 * math.prod(q.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])


@contextlib.contextmanager
def counted() -> Iterator[Counts]:
    counts, kept = Counts(), F.scaled_dot_product_attention

    def fused(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
        made: Tensor = _Attention.apply(counts, query, key, value)
        return made

    F.scaled_dot_product_attention = fused
    try:
        with counts:
            yield counts
    finally:
        F.scaled_dot_product_attention = kept


def base_of(name: str) -> tuple[Base, nn.Module]:
    """The denoiser of a published model in bfloat16, as training sees it, and its VAE; both without weights."""
    card, configs = cards()[name], configs_of(name)
    family = FAMILIES[{"sd1": "sd", "sd2": "sd"}.get(card.family, card.family)]
    denoiser = empty(CLASSES[family.components[family.denoiser]], configs[family.denoiser]).to(torch.bfloat16)
    vae = empty(CLASSES[family.components["vae"]], configs["vae"]).to(torch.bfloat16)
    assert sum(p.numel() for p in denoiser.parameters()) == card.parameters["denoiser"]
    base = Base(
        family=family,
        denoiser=denoiser.requires_grad_(False).eval(),
        noising=Flow.shifted(3.0),
        scale=LatentScale(1.0),
        side=card.resolution,
        text_shape=family.text_shape(denoiser.config, dict.fromkeys(family.tokenizers, TOKENS.get(name, USUAL_TOKENS))),
        device=torch.device("meta"),
    )
    return base, vae.requires_grad_(False).eval()


def batch_of(base: Base, vae: nn.Module, rows: int) -> Batch:
    def zeros(*shape: int) -> Tensor:
        return torch.zeros(rows, *shape, device="meta", dtype=torch.bfloat16)

    noisy = zeros(int(vae.config.latent_channels), base.side // 8, base.side // 8)
    text = Text({name: zeros(*part.shape) for name, part in base.text_shape.items()})
    return Batch(noisy=noisy, target=noisy, told=zeros(), text=text, weight=zeros())


def predicted(base: Base, batch: Batch) -> Tensor:
    assert isinstance(batch.text, Text)
    return base.family.predict(base.denoiser, batch.noisy, batch.told, batch.text, base.side, TRAINED_AT)


def step_of(base: Base, vae: nn.Module, cells: int) -> Counts:
    """One step of a pack, without the optimiser, whose share is below a hundredth."""
    batch = batch_of(base, vae, cells * SD_TRAINING.batch)
    streams = [Streams(seed=0, replicate=0)] * cells
    lora = PackedLora(
        base.roots(SD_TRAINING), family=base.family, settings=SD_TRAINING, streams=streams,
        device=torch.device("meta"), dtype=torch.bfloat16,
    )  # fmt: skip
    with lora, counted() as counts:
        torch.autograd.backward(predicted(base, batch).float().pow(2).mean())
    return counts


def picture_of(name: str, base: Base, vae: nn.Module) -> Counts:
    """One picture: a denoiser call with and without the text in every step, and one decoding."""
    sampling = SAMPLING.get(cards()[name].family, SD_SAMPLING)
    once = base.family.embeds_guidance(base.denoiser.config)
    batch = batch_of(base, vae, 1 if once else 2)
    with torch.no_grad(), counted() as passed:
        predicted(base, batch)
    with torch.no_grad(), counted() as decoded:
        vae.decode(batch.noisy[:1])
    return Counts(passed.rows * sampling.steps + decoded.rows)


def seconds(counts: Counts, card: Card, *, peak: float | None = None, fused: bool = False) -> float:
    """The sum of every operation's bound. fused: all but the matrix products ride along with these, free."""
    top = 1e12 * (peak or card.bf16)
    rows = [row for row in counts.rows if row[2] or not fused]
    return sum(max(flops / top, moved / (1e9 * card.bandwidth)) for flops, moved, _ in rows)


def steps_table(name: str, base: Base, vae: nn.Module, cells: Sequence[int]) -> Iterator[str]:
    for count in cells:
        counts = step_of(base, vae, count)
        flops, moved = (sum(row[i] for row in counts.rows) for i in (0, 1))
        weights = sum(map(_bytes, base.denoiser.parameters()))
        for card in CARDS:
            bound, fused = seconds(counts, card), seconds(counts, card, fused=True)
            eight = "-" if card.fp8 is None else _ms(seconds(counts, card, peak=card.fp8, fused=True))
            yield (
                f"| {cards()[name].title} | {count} | {card.name} | {flops / 1e12:.1f} | {weights / 1e9:.1f} | "
                f"{moved / 1e9:.0f} | {len(counts.rows):,} | {_ms(flops / card.bf16 / 1e12)} | {_ms(bound)} | "
                f"{_ms(len(counts.rows) * HOST)} | {_ms(fused)} | {eight} | {flops / card.bf16 / 1e12 / bound:.0%} |"
            )


def _ms(value: float) -> str:
    return f"{1e3 * value:.0f}"


def audit_row(name: str, base: Base, vae: nn.Module, cells: int) -> str:
    """A `standard` audit of so many LoRAs in packs of all of them: training and pictures."""
    step, picture = step_of(base, vae, cells), picture_of(name, base, vae)
    pictures = (cells + 1) * PROMPTS["standard"]

    def whole(card: Card, **ways: Any) -> str:
        return duration(SD_TRAINING.steps * seconds(step, card, **ways) + pictures * seconds(picture, card, **ways))

    times = " | ".join(f"{whole(card)} | {whole(card, fused=True)}" for card in CARDS)
    return f"| {cards()[name].title} | {times} |"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[1, 24], help="LoRAs of a pack")
    parser.add_argument("--models", nargs="+", default=["sd15", "sdxl", "flux1-dev"])
    options = parser.parse_args(words)
    bases = {name: base_of(name) for name in options.models}
    heads = [
        "base model",
        "LoRAs",
        "card",
        "TFLOP",
        "weights, GB",
        "moved, GB",
        "kernels",
        "ms at peak",
        "ms, roofline",
    ]
    heads += ["ms, host", "ms, fused", "ms, fused in fp8", "share of peak"]
    print(f"One training step at batch {SD_TRAINING.batch} a LoRA:\n")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, (base, vae) in bases.items():
        print("\n".join(steps_table(name, base, vae, options.cells)), flush=True)
    cells = max(options.cells)
    pictures = (cells + 1) * PROMPTS["standard"]
    print(f"\nA `standard` audit, {cells} LoRAs of {SD_TRAINING.steps} steps and {pictures} pictures:\n")
    heads = ["base model", *(f"{card.name}{way}" for card in CARDS for way in ("", ", fused"))]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, (base, vae) in bases.items():
        print(audit_row(name, base, vae, cells), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
