"""What a denoiser is told about a picture's text, row by row, whatever the family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor


class Rows:
    """Base of frozen dataclasses whose fields are tensors, or `Rows` again, of one first dimension."""

    def _map(self, change: Callable[[Any], Any]) -> Self:
        return type(self)(**{f.name: change(getattr(self, f.name)) for f in fields(self)})  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))  # type: ignore[arg-type]

    def __getitem__(self, rows: slice | Sequence[int] | Tensor) -> Self:
        return self._map(lambda part: part[rows])

    def to(self, target: torch.device | torch.dtype) -> Self:
        """On a device; or in a floating type, which leaves what is not floating as it is."""
        return self._map(lambda part: part if _stays(part, target) else part.to(target))

    def repeat_interleave(self, times: int) -> Self:
        """Every row `times` times, one after the other."""
        return self._map(lambda part: part.repeat_interleave(times, dim=0) if isinstance(part, Tensor) else part)

    def expand(self, rows: int) -> Self:
        """A single row seen as many."""
        return self._map(lambda part: part.expand(rows, *part.shape[1:]))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All rows of all parts, in order."""

        def whole(name: str) -> Any:
            pieces = [getattr(part, name) for part in parts]
            return torch.cat(pieces) if isinstance(pieces[0], Tensor) else type(pieces[0]).joined(pieces)

        return cls(**{f.name: whole(f.name) for f in fields(cls)})  # type: ignore[arg-type]


def _stays(part: Any, target: torch.device | torch.dtype) -> bool:
    return isinstance(part, Tensor) and isinstance(target, torch.dtype) and not part.is_floating_point()


@dataclass(frozen=True)
class Text(Rows):
    """Encoded texts.

    Attributes:
        hidden: what attention reads, float (N, tokens, width).
        pooled: one vector a text, float (N, width); width 0 where the family has none.
    """

    hidden: Tensor
    pooled: Tensor


@dataclass(frozen=True)
class Tokens(Rows):
    """Texts that a text encoder in training still has to read: token ids, int64 (N, encoders, tokens)."""

    ids: Tensor
