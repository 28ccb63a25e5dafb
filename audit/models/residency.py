"""Which parts of a model are on its device: all of them or, where they do not fit together, those at work.

A part that is called comes onto the device by itself and sends the others to main memory first, through the
hooks of accelerate that diffusers' own classes honour (also in `vae.encode` and `vae.decode`). What a
gradient runs through in one go has to be there together: `Room.together`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from torch import nn

SHARE_FOR_WEIGHTS = 0.6
"""Of the budget: larger models share a room, for pictures and gradients need the rest."""


class Room:
    """A device's room, shared by the parts of one model."""

    def __init__(self, parts: Sequence[nn.Module], device: torch.device) -> None:
        self.device = device
        self._parts = list(parts)
        self._there: list[nn.Module] = []
        self._pinned: list[nn.Module] = []
        for part in self._parts:
            add_hook_to_module(part, _Guest(self))

    def enter(self, part: nn.Module) -> None:
        """Bring a part onto the device; those that are not pinned leave first."""
        if _among(part, self._there):
            return
        self.clear()
        part.to(self.device)
        self._there.append(part)

    def clear(self) -> None:
        """Send home what is not pinned."""
        for part in self._there:
            if not _among(part, self._pinned):
                part.to("cpu")
        self._there = [part for part in self._there if _among(part, self._pinned)]

    def expel(self, part: nn.Module) -> None:
        """Send a part home, pinned or not."""
        part.to("cpu")
        self._there = [other for other in self._there if other is not part]

    @contextmanager
    def together(self, *parts: nn.Module) -> Iterator[None]:
        """Keep parts on the device for a while, all at once."""
        before = self._pinned
        self._pinned = [*before, *parts]
        try:
            for part in parts:
                self.enter(part)
            yield
        finally:
            self._pinned = before


class _Guest(ModelHook):  # type: ignore[misc]
    """Brings its module in before it is called."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def pre_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        self.room.enter(module)
        return args, kwargs


def _among(part: nn.Module, parts: Sequence[nn.Module]) -> bool:
    return any(part is other for other in parts)


def must_share(parts: Sequence[nn.Module], device: torch.device, budget: float | None) -> bool:
    """Whether the parts' weights are too large to lie on the device together, under a budget in bytes.

    Main memory and that of Apple's chips is the device's own: nothing is won by moving weights there.
    """
    if budget is None or device.type != "cuda":
        return False
    return sum(p.numel() * p.element_size() for part in parts for p in part.parameters()) > SHARE_FOR_WEIGHTS * budget
