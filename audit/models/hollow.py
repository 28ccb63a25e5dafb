"""A model whose tensors have shapes and no numbers: what a pass takes is counted without taking it.

The tensors are torch's own fakes, which know device, type and size. A pass over a model of any size takes about a
second and hardly any memory, and gives the same counts in every run.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from accelerate.hooks import remove_hook_from_module
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from audit.models.model import Model


@contextmanager
def hollow(model: Model, *, halved: Collection[str] = (), device: torch.device | None = None) -> Iterator[Model]:
    """The model with fakes for its tensors, all parts on one device; tensors made inside are fakes, too.

    Args:
        halved: names of the denoiser's weights that are kept in bfloat16.
        device: to pretend; None for the model's own.
    """
    # Schedules of noise and generators stay what they are.
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    small = {id(p) for name, p in model.denoiser.named_parameters() if name in halved}
    memo: dict[int, Any] = {}
    where: Any = device or model.device
    with mode:
        for part in model.parts():
            for tensor in (*part.parameters(), *part.buffers()):
                dtype = torch.bfloat16 if id(tensor) in small else tensor.dtype
                fake: Any = torch.empty(tensor.shape, dtype=dtype, device=where)
                memo[id(tensor)] = nn.Parameter(fake, requires_grad=False) if isinstance(tensor, nn.Parameter) else fake
    denoiser, vae = copy.deepcopy(model.denoiser, memo), copy.deepcopy(model.vae, memo)
    texts = copy.deepcopy(dict(model.text_encoders), memo)
    for part in (denoiser, vae, *texts.values()):
        # Of parts that share a room.
        remove_hook_from_module(part)
    with mode:
        yield replace(model, denoiser=denoiser, vae=vae, text_encoders=texts, room=None, device=where)


def same_memory(tensor: Tensor) -> int:
    """What is equal for two tensors that lie in the same memory, fakes or not, as long as both are held."""
    return int(tensor.untyped_storage()._cdata)


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The greatest number of bytes that tensors made inside hold at once; a view of what was there is nothing new.

    Args:
        there: tensors that are held before and after.
    """

    def __init__(self, there: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._there = {same_memory(tensor) for tensor in there}
        self._seen: dict[int, weakref.finalize[Any, Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if not isinstance(tensor, Tensor):
                continue
            place = same_memory(tensor)
            if place not in self._seen and place not in self._there:
                size = tensor.untyped_storage().nbytes()
                self._seen[place] = weakref.finalize(tensor.untyped_storage(), self._gone, place, size)
                self.now += size
                self.peak = max(self.peak, self.now)
        return made

    def _gone(self, place: int, size: int) -> None:
        del self._seen[place]
        self.now -= size
