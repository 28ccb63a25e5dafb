"""Which files of a model folder are opened: these, and no other, are under its digest.

Nothing is left to the libraries' own search, which follows indexes and opens any format that they name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadModel
from audit.base.messages import say
from audit.models.configs import read_config

UNSAFE = {".bin", ".ckpt", ".pt", ".pth"}
BASES = ("diffusion_pytorch_model", "model", "pytorch_model")
"""How the libraries call a component's weights."""
WHOLE = re.compile(rf"({'|'.join(BASES)})(?:\.(?P<variant>\w+))?\.safetensors")
SHARD = re.compile(
    rf"({'|'.join(BASES)})(?:\.(?P<variant>\w+))?-(?P<at>\d{{5}})-of-(?P<n>\d{{5}})(?:\.(?P<late>\w+))?\.safetensors"
)
INDEX = re.compile(rf"({'|'.join(BASES)})\.safetensors\.index(?:\.(?P<variant>\w+))?\.json")
ORDER = ("", "fp32", "fp16", "bf16")
"""Variants of the same weights, the one to open first; any other comes after them, by name."""


@dataclass(frozen=True)
class Weights:
    """The files that hold one component's weights.

    Attributes:
        files: safetensors files, each read whole; index: what lists them, where there is one.
        variant: as file names call it, '' for the plain one.
    """

    files: tuple[Path, ...]
    variant: str
    index: Path | None = None

    @property
    def opened(self) -> tuple[Path, ...]:
        return self.files if self.index is None else (*self.files, self.index)


def weights_of(place: Path) -> Weights:
    """The weights of one component's folder.

    Raises:
        BadModel: `model-unsafe`, weights that could run code, or an index or config that leads elsewhere;
            `model-incomplete`, none, or not all parts.
    """
    config = place / "config.json"
    if config.exists() and "transformers_weights" in read_config(config):
        raise BadModel("model-unsafe.redirected", part=place.name, how=say("convert-model"))
    variant = _first_variant(place)
    if variant is not None:
        return _variant(place, variant)
    unsafe = sorted(path.name for path in place.glob("*") if path.suffix in UNSAFE)
    if unsafe:
        raise BadModel("model-unsafe.alone", part=place.name, file=unsafe[0], how=say("convert-model"))
    others = sorted(path.name for path in place.glob("*.safetensors"))
    if others:
        raise BadModel("model-incomplete.names", part=place.name, file=others[0])
    raise BadModel("model-incomplete.weights", part=place.name, how=say("convert-model"))


def _first_variant(place: Path) -> str | None:
    """The variant to open, of those that a folder holds; None where it holds none."""
    names = set()
    for path in filter(Path.is_file, place.glob("*")):
        for pattern in (WHOLE, SHARD, INDEX):
            if found := pattern.fullmatch(path.name):
                names.add(_name_of(found))
    return min(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name), default=None)


def _name_of(found: re.Match[str]) -> str:
    given = found.groupdict()
    return given.get("variant") or given.get("late") or ""


def _variant(place: Path, variant: str) -> Weights:
    def matching(pattern: re.Pattern[str]) -> dict[str, re.Match[str]]:
        found = {path.name: pattern.fullmatch(path.name) for path in sorted(place.glob("*")) if path.is_file()}
        return {name: match for name, match in found.items() if match is not None and _name_of(match) == variant}

    whole, shards, indexes = list(matching(WHOLE)), matching(SHARD), list(matching(INDEX))
    if len(whole) > 1:
        raise BadModel("model-incomplete.twice", part=place.name, first=whole[0], second=whole[1])
    if indexes:
        index = place / indexes[0]
        return Weights(_listed(index, whole), variant, index)
    if whole:
        return Weights((place / whole[0],), variant)
    for name, found in shards.items():
        for at in range(1, int(found["n"]) + 1):
            part = name.replace(f"-{found['at']}-of-", f"-{at:05d}-of-")
            if part not in shards:
                raise BadModel("model-incomplete.part", part=place.name, file=part)
    return Weights(tuple(place / name for name in shards), variant)


def _listed(index: Path, whole: list[str]) -> tuple[Path, ...]:
    """The parts that an index lists, all of them safetensors files beside it."""
    part = index.parent.name
    named = read_config(index).get("weight_map")
    parts = {str(name) for name in named.values()} if isinstance(named, dict) else set()
    present = {path.name for path in index.parent.glob("*.safetensors") if path.is_file()}
    odd = sorted(name for name in parts if not SHARD.fullmatch(name) and name not in present)
    if whole or odd or not parts:
        first = [*odd, *whole, index.name][0]
        raise BadModel("model-unsafe.index", part=part, file=index.name, odd=first, how=say("convert-model"))
    absent = sorted(parts - present)
    if absent:
        raise BadModel("model-incomplete.part", part=part, file=absent[0])
    return tuple(index.parent / name for name in sorted(parts))
