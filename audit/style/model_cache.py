"""Networks that are opened once and kept, until their memory is needed for something else."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, update_wrapper
from typing import ParamSpec, TypeVar

import torch

from audit.models.memory import free_unused

P = ParamSpec("P")
T = TypeVar("T")
_CLEAR: list[Callable[[], None]] = []


def opened(make: Callable[P, T]) -> Callable[P, T]:
    """`functools.cache` for functions that open a network; `release` forgets what they opened."""
    kept = cache(make)
    _CLEAR.append(kept.cache_clear)

    def get(*args: P.args, **kwargs: P.kwargs) -> T:
        return kept(*args, **kwargs)  # type: ignore[arg-type]

    return update_wrapper(get, make)


def release(device: torch.device) -> None:
    """Give the memory of all opened networks back."""
    for clear in _CLEAR:
        clear()
    free_unused(device)
