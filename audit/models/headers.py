"""What stands at the head of a safetensors file: names, types and shapes of its tensors, and its metadata.

Read without torch and without the weights, so a file of several GB is looked at in an instant.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from audit.base.errors import BadModel
from audit.base.files import open_regular

MOST_HEADER_BYTES = 100_000_000
"""The limit of the format's own library."""
BITS = {
    "F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "I8": 8, "U8": 8, "BOOL": 8,
}  # fmt: skip
FLOAT_BYTES = 4
"""Of a weight in memory, whatever the file holds."""
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
BEGINNINGS = (
    (b"PK\x03\x04", "model-unsafe.renamed"),
    (b"\x80\x02", "model-unsafe.renamed"),
    (b"\x80\x04", "model-unsafe.renamed"),
    (b"GGUF", "model-other-kind.gguf"),
    (b"version https://git-lfs", "model-other-kind.pointer"),
    (b"<", "model-other-kind.web-page"),
)
"""How files begin that only are called .safetensors, and what to say of them."""


@dataclass(frozen=True)
class Entry:
    """One tensor: its type as the format names it, its shape, and where its bytes lie after the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def numbers(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Header:
    """A file's tensors by name, its metadata, and where in the file the tensors begin."""

    path: Path
    tensors: Mapping[str, Entry]
    metadata: Mapping[str, str]
    data_at: int

    def has(self, *beginnings: str) -> bool:
        """Whether a tensor's name begins so."""
        return any(name.startswith(beginnings) for name in self.tensors)


def read_header(path: Path) -> Header:
    """The head of a safetensors file, checked against the file's size.

    Raises:
        BadModel: `model-incomplete`, no whole safetensors file; `model-unsafe`, `model-other-kind`, another format
            under that name.
    """
    try:
        with open_regular(path) as handle:
            size = os.fstat(handle.fileno()).st_size
            length = struct.unpack("<Q", handle.read(8))[0]
            if not 2 <= length <= min(MOST_HEADER_BYTES, size - 8):
                raise ValueError("no header")
            table = json.loads(handle.read(length))
        metadata = dict((table.pop("__metadata__", None) or {}).items())
        tensors = {name: _entry(row) for name, row in table.items()}
        at = 0
        for entry in sorted(tensors.values(), key=lambda entry: (entry.start, entry.end)):
            if entry.start != at:
                raise ValueError("a gap, or two tensors in one place")
            at = entry.end
        if size != 8 + length + at:
            raise ValueError("cut")
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
        struct.error,
    ) as error:
        raise BadModel(_what_else(path), file=path.name) from error
    return Header(path, tensors, {str(k): str(v) for k, v in metadata.items()}, 8 + length)


def _what_else(path: Path) -> str:
    """The message for a file that is no whole safetensors file."""
    try:
        with open_regular(path) as handle:
            start = handle.read(32).lstrip()
    except OSError:
        start = b""
    return next((slug for beginning, slug in BEGINNINGS if start.startswith(beginning)), "model-incomplete.checkpoint")


def _entry(row: Mapping[str, Any]) -> Entry:
    start, end = map(index, row["data_offsets"])
    entry = Entry(str(row["dtype"]), tuple(map(index, row["shape"])), start, end)
    bits = BITS.get(entry.dtype)
    if (
        start < 0
        or end < start
        or any(side < 0 for side in entry.shape)
        or (bits is not None and entry.numbers * bits != 8 * (end - start))
    ):
        raise ValueError("offsets")
    return entry


def last_number(header: Header, name: str) -> float | None:
    """The last number of a small tensor; None where it is of no type that is read here, or empty."""
    entry = header.tensors[name]
    if entry.dtype not in FLOATS or entry.numbers == 0:
        return None
    kind = np.dtype(FLOATS[entry.dtype])
    with header.path.open("rb") as handle:
        handle.seek(header.data_at + entry.end - kind.itemsize)
        return float(np.frombuffer(handle.read(kind.itemsize), kind)[0])
