"""K LoRAs over one frozen denoiser (and its text encoders) in one forward and backward pass.

Batch rows are grouped by cell: rows k*b .. (k+1)*b-1 belong to cell k. The frozen layers see one
large batch; each target layer adds s * B_k A_k x to the rows of cell k through batched matrix
products over stacked A (K, r, in) and B (K, out, r). No frozen layer of a Stable Diffusion model
mixes rows (there is no batch norm), so the gradient of the summed per-cell losses is each cell's
own gradient, and clipping and AdamW, which work per cell and per element, leave it so.

LoRA: Hu et al., 2022. Layers that read the same input (q, k, v of self-attention; k, v of cross-
attention) share one product with their stacked A matrices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audit.models.families.base import Family
from audit.records import TrainSettings
from audit.training.draws import Streams
from audit.training.targets import find_module, find_targets

SHARED_INPUT = (
    ("attn1", ("to_q", "to_k", "to_v")),
    ("attn2", ("to_k", "to_v")),
    ("attn", ("to_q", "to_k", "to_v", "to_gate")),
    ("attention", ("to_q", "to_k", "to_v")),
    ("attn", ("add_q_proj", "add_k_proj", "add_v_proj")),
    ("self_attn", ("q_proj", "k_proj", "v_proj")),
)


def draw_lora_a(streams: Streams, name: str, shape: Sequence[int]) -> Tensor:
    """The initial A of one module: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), as PEFT draws it; float32."""
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    return torch.empty(*shape).uniform_(-bound, bound, generator=streams.lora_init(name))


@dataclass
class Group:
    """Target layers that read one input; the low-rank product of that input is made once.

    Attributes:
        a: Parameter (K, n * r, fan_in) for n Linear layers, or (K, r, in, kh, kw) for one Conv2d.
        members: names of the layers, in order.
    """

    a: nn.Parameter
    members: list[str]
    rank: int
    _input: Tensor | None = None
    _taken: int = 0
    _low: list[Tensor] = field(default_factory=list)

    def low(self, x: Tensor, member: str) -> Tensor:
        """The rank-r product of a member's input: x (N, ..., in) -> (K, N/K * ..., r)."""
        if self._input is not x:
            cells = self.a.shape[0]
            # autocast casts a and the input alike, as it does for the frozen layer.
            product = torch.bmm(x.reshape(cells, -1, x.shape[-1]), self.a.transpose(1, 2))
            self._low = list(torch.split(product, self.rank, dim=-1))
            self._input, self._taken = x, 0
        low = self._low[self.members.index(member)]
        self._taken += 1
        if self._taken == len(self.members):
            # Nothing of the batch outlives the last reader.
            self._input, self._low = None, []
        return low


class PackedLinear(nn.Module):
    """A frozen Linear plus K low-rank updates, one per cell."""

    def __init__(self, base: nn.Linear, group: Group, name: str, b: nn.Parameter, scale: float) -> None:
        super().__init__()
        self.base = base
        self.b = b
        self.scale = scale
        self._group = group
        self._name = name

    def forward(self, x: Tensor) -> Tensor:
        """x (K * rows, ..., in) -> (K * rows, ..., out)."""
        # As a matrix: of more dimensions, a Linear's answer is a view, and writing into views costs a copy.
        y: Tensor = self.base(x.reshape(-1, x.shape[-1]))
        low = self._group.low(x, self._name)
        return _add_product(y, low, self.b.transpose(1, 2), self.scale).view(*x.shape[:-1], -1)


class _AddProduct(torch.autograd.Function):
    """y += scale * left @ right for stacks of matrices, in place: an update as large as y is never held.

    No frozen Linear or Conv2d keeps its output for the backward pass, so writing into it is safe. The gradient of y
    is handed on as it is; torch's own in-place product on a view of y would copy it twice.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, left: Tensor, right: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(left, right)
        ctx.scale = scale
        ctx.mark_dirty(y)
        y.view(*left.shape[:2], -1).baddbmm_(left, right, alpha=scale)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        left, right = ctx.saved_tensors
        grad = grads[0].reshape(*left.shape[:2], -1)
        of_left = torch.bmm(grad, right.transpose(1, 2)) * ctx.scale
        of_right = torch.bmm(left.transpose(1, 2), grad) * ctx.scale
        return grads[0], of_left, of_right, None


def _add_product(y: Tensor, left: Tensor, right: Tensor, scale: float) -> Tensor:
    """y + scale * left @ right, in y's place; left (n, ..., r) and right (n, r, ...) are stacks of matrices.

    Autocast leaves in-place products alone, hence the casts.
    """
    made: Tensor = _AddProduct.apply(y, left.to(y.dtype), right.to(y.dtype), scale)
    return made


class PackedConv2d(nn.Module):
    """A frozen Conv2d of stride 1 that keeps the size, plus K low-rank updates: k x k to rank r, then 1 x 1."""

    def __init__(self, base: nn.Conv2d, a: nn.Parameter, b: nn.Parameter, scale: float) -> None:
        super().__init__()
        self.base = base
        self.a = a
        self.b = b
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """x (K * rows, in, H, W) -> (K * rows, out, H, W)."""
        y: Tensor = self.base(x)
        cells, rank = self.a.shape[:2]
        rows = x.shape[0] // cells
        # Every tap of the kernel as a matrix product of the input as it lies in memory, then the products
        # shifted and added (fold): a grouped convolution with so few outputs is several times slower.
        taps = self.a.flip(-2, -1).permute(0, 1, 3, 4, 2).reshape(cells, 1, -1, x.shape[1])
        spread = torch.matmul(taps, x.view(cells, rows, x.shape[1], -1)).flatten(0, 1)
        # A kernel of odd side that keeps the size: shifting back needs the same padding.
        low = F.fold(spread, x.shape[-2:], self.base.kernel_size, padding=tuple(k // 2 for k in self.base.kernel_size))
        out = self.b.to(y.dtype).repeat_interleave(rows, dim=0)
        return _add_product(y, out, low.view(len(x), rank, -1), self.scale)


class PackedLora:
    """K LoRAs attached to one base; use as a context manager, which restores the base on leaving.

    Args:
        roots: the frozen denoiser, and text encoders where they are trained too; family: the model's.
        settings: rank, alpha and targets.
        streams: one per cell; cells of one replicate start from the same A.
        device: of A and B; dtype: of A and B; float32 for training, float64 for exactness tests.
    """

    def __init__(
        self,
        roots: Mapping[str, nn.Module],
        *,
        family: Family,
        settings: TrainSettings,
        streams: Sequence[Streams],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.roots = roots
        self.scale = settings.alpha / settings.rank
        self.rank = settings.rank
        self.names = find_targets(roots, family, settings)
        self.bases: dict[str, nn.Linear | nn.Conv2d] = {}
        self.groups: list[Group] = []
        self.b: dict[str, nn.Parameter] = {}
        self._conv_a: dict[str, nn.Parameter] = {}
        taken: set[str] = set()
        for name in self.names:
            base = find_module(roots, name)
            assert isinstance(base, nn.Linear | nn.Conv2d)
            self.bases[name] = base
            out = base.weight.shape[0]
            self.b[name] = nn.Parameter(torch.zeros(len(streams), out, self.rank, dtype=dtype, device=device))
            if name in taken:
                continue
            members = _sharing(name, self.names)
            taken.update(members)
            stacked = []
            for stream in streams:
                rows = [draw_lora_a(stream, m, (self.rank, *base.weight.shape[1:])) for m in members]
                stacked.append(torch.cat(rows))
            a = nn.Parameter(torch.stack(stacked).to(device=device, dtype=dtype))
            if isinstance(base, nn.Conv2d):
                self._conv_a[name] = a
            else:
                self.groups.append(Group(a=a, members=members, rank=self.rank))

    # --- attaching -----------------------------------------------------------------------------------

    def __enter__(self) -> PackedLora:
        group_of = {member: group for group in self.groups for member in group.members}
        for name, base in self.bases.items():
            if isinstance(base, nn.Conv2d):
                packed: nn.Module = PackedConv2d(base, self._conv_a[name], self.b[name], self.scale)
            else:
                packed = PackedLinear(base, group_of[name], name, self.b[name], self.scale)
            self._set(name, packed)
        return self

    def __exit__(self, *exception: object) -> None:
        for name, base in self.bases.items():
            self._set(name, base)

    def _set(self, name: str, module: nn.Module) -> None:
        parent, _, child = name.rpartition(".")
        owner = find_module(self.roots, parent)
        if isinstance(owner, nn.ModuleList):
            owner[int(child)] = module
        else:
            setattr(owner, child, module)

    # --- the K adapters --------------------------------------------------------------------------------

    def named(self) -> list[tuple[str, nn.Parameter]]:
        """Stacked parameters, first dimension K, in a fixed order, each with a module that it belongs to."""
        return [*((g.members[0], g.a) for g in self.groups), *self._conv_a.items(), *self.b.items()]

    def parameters(self) -> list[nn.Parameter]:
        """The same without names."""
        return [parameter for _, parameter in self.named()]

    def cell(self, index: int) -> dict[str, tuple[Tensor, Tensor]]:
        """A and B of one cell by full module name: (r, in[, kh, kw]) and (out, r)."""
        a = {m: g.a[index, i * self.rank : (i + 1) * self.rank] for g in self.groups for i, m in enumerate(g.members)}
        a |= {name: value[index] for name, value in self._conv_a.items()}
        return {name: (a[name].detach(), self.b[name][index].detach()) for name in self.names}


def _sharing(name: str, names: Sequence[str]) -> list[str]:
    """The target layers that read the same input as `name`, itself included."""
    parent, _, child = name.rpartition(".")
    for attention, children in SHARED_INPUT:
        if parent.rpartition(".")[2] == attention and child in children:
            return [f"{parent}.{c}" for c in children if f"{parent}.{c}" in names]
    return [name]
