"""One LoRA at a time with PEFT's own layers: the slow definition that packed training must match.

It shares the streams, batches and loss with the packed loop, and nothing else: PEFT injects the
layers, autograd runs through them, and torch clips and steps one cell.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor

from audit.records import TrainSettings
from audit.training.batches import Base, Batches, CellData, by_rate, learning_rate
from audit.training.packed import draw_lora_a
from audit.training.targets import find_module, find_targets


def train_one(
    base: Base,
    cell: CellData,
    settings: TrainSettings,
    *,
    dtype: torch.dtype = torch.float32,
    autocast: torch.dtype | None = None,
) -> dict[str, tuple[Tensor, Tensor]]:
    """Train one LoRA through PEFT; returns A (r, in[, kh, kw]) and B (out, r) by full module name."""
    base = copy.deepcopy(base)
    roots = base.roots(settings)
    names = find_targets(roots, base.family, settings)
    for root, module in roots.items():
        inner = [n.partition(".")[2] for n in names if n.startswith(f"{root}.")]
        if not inner:
            # A text encoder that is read and never trained.
            continue
        config = LoraConfig(
            r=settings.rank, lora_alpha=settings.alpha, target_modules=inner, lora_dropout=0.0, bias="none"
        )
        inject_adapter_in_model(config, module)
    params: list[torch.nn.Parameter] = []
    named: list[tuple[str, torch.nn.Parameter]] = []
    pairs = {}
    for name in names:
        layer: Any = find_module(roots, name)
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        with torch.no_grad():
            a.copy_(draw_lora_a(cell.streams, name, a.shape))
            b.zero_()
        params += [a, b]
        named += [(name, a), (name, b)]
        pairs[name] = (a, b)
    device = base.device
    optimiser = torch.optim.AdamW(
        by_rate(named, base.family, settings),
        lr=settings.learning_rate,
        betas=(0.9, 0.999),
        weight_decay=settings.weight_decay,
    )
    batches = Batches(cell, base, settings, dtype)
    for step in range(settings.steps):
        made = batches.batch(step).to(device)
        seen = base.predict(made, autocast)
        error = (seen.to(dtype) - made.target).pow(2).flatten(1).mean(dim=1)
        loss = (error * made.weight).mean()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        if settings.clip:
            torch.nn.utils.clip_grad_norm_(params, settings.clip)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, settings) * group["share"]
        optimiser.step()
    return {name: (a.detach(), b.detach().flatten(1)) for name, (a, b) in pairs.items()}
