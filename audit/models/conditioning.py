"""What a denoiser is told about a picture's text, row by row, whatever the family."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor


class Rows:
    """Base of frozen dataclasses whose fields have one first dimension: tensors, `Ragged`, `Rows` again, or any of
    these by name."""

    def _map(self, change: Callable[[Any], Any]) -> Self:
        return type(self)(**{f.name: _each(getattr(self, f.name), change) for f in fields(self)})  # type: ignore[arg-type]

    def __len__(self) -> int:
        first = getattr(self, fields(self)[0].name)  # type: ignore[arg-type]
        return len(next(iter(first.values())) if isinstance(first, Mapping) else first)

    def __getitem__(self, rows: slice | Sequence[int] | Tensor) -> Self:
        return self._map(lambda part: part[rows])

    def to(self, target: torch.device | torch.dtype) -> Self:
        """On a device; or in a floating type, which leaves what is not floating as it is."""
        return self._map(lambda part: part if _stays(part, target) else part.to(target))

    def repeat_interleave(self, times: int) -> Self:
        """Every row `times` times, one after the other."""
        return self._map(
            lambda part: (
                part.repeat_interleave(times, dim=0) if isinstance(part, Tensor) else part.repeat_interleave(times)
            )
        )

    def expand(self, rows: int) -> Self:
        """A single row seen as many."""
        return self._map(
            lambda part: part.expand(rows, *part.shape[1:]) if isinstance(part, Tensor) else part.expand(rows)
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All rows of all parts, in order."""

        def whole(pieces: Sequence[Any]) -> Any:
            first = pieces[0]
            if isinstance(first, Mapping):
                return {name: whole([piece[name] for piece in pieces]) for name in first}
            return torch.cat(list(pieces)) if isinstance(first, Tensor) else type(first).joined(pieces)

        return cls(**{f.name: whole([getattr(part, f.name) for part in parts]) for f in fields(cls)})  # type: ignore[arg-type]


def _each(part: Any, change: Callable[[Any], Any]) -> Any:
    return {name: change(value) for name, value in part.items()} if isinstance(part, Mapping) else change(part)


def _stays(part: Any, target: torch.device | torch.dtype) -> bool:
    return isinstance(part, Tensor) and isinstance(target, torch.dtype) and not part.is_floating_point()


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, for families that do not fill short texts up.

    Attributes:
        rows: for each text, float (its tokens, width).
    """

    rows: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice | Sequence[int] | Tensor) -> Ragged:
        if isinstance(rows, slice):
            return Ragged(self.rows[rows])
        return Ragged(tuple(self.rows[int(row)] for row in rows))

    def to(self, target: torch.device | torch.dtype) -> Ragged:
        return Ragged(tuple(row.to(target) for row in self.rows))

    def repeat_interleave(self, times: int) -> Ragged:
        return Ragged(tuple(row for row in self.rows for _ in range(times)))

    def expand(self, rows: int) -> Ragged:
        return Ragged(self.rows * rows)

    @classmethod
    def joined(cls, parts: Sequence[Ragged]) -> Ragged:
        return cls(tuple(row for part in parts for row in part.rows))


@dataclass(frozen=True)
class Text(Rows):
    """Encoded texts, as a family's `encode` made them and its `predict` takes them.

    Attributes:
        parts: by the family's names, float (N, ...) or rows of different lengths.
    """

    parts: Mapping[str, Tensor | Ragged]

    def tensor(self, name: str) -> Tensor:
        """A part whose rows are alike, (N, ...)."""
        part = self.parts[name]
        assert isinstance(part, Tensor)
        return part

    def rows(self, name: str) -> tuple[Tensor, ...]:
        """A part whose rows differ in length, a tensor for each text."""
        part = self.parts[name]
        assert isinstance(part, Ragged)
        return part.rows

    @property
    def hidden(self) -> Tensor:
        """What attention reads, (N, tokens, width)."""
        return self.tensor("hidden")

    @property
    def pooled(self) -> Tensor:
        """One vector a text, (N, width), where the family has one."""
        return self.tensor("pooled")


@dataclass(frozen=True)
class Tokens(Rows):
    """Texts that text encoders still have to read.

    Attributes:
        ids: token ids by the tokenizer's folder, int64 (N, its tokens).
        mask: 1 where a token is the text's, 0 where it fills up; int64, the same shapes.
    """

    ids: Mapping[str, Tensor]
    mask: Mapping[str, Tensor]
