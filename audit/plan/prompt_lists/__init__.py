"""Lists of subjects by name, from which every replicate draws its prompts: nobody picks what suits a result.

A new list is one TOML file beside this one and one row of `LISTS`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

from audit.models.cards import LAB_PROMPTS
from audit.records import canonical_json


def _lab() -> tuple[str, ...]:
    lines = [line.strip() for line in LAB_PROMPTS.read_text(encoding="utf-8").splitlines()]
    return tuple(line for line in lines if line and not line.startswith("#"))


def _shipped(name: str) -> tuple[str, ...]:
    text = files("audit.plan.prompt_lists").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["subjects"])


LISTS: dict[str, Callable[[], tuple[str, ...]]] = {"lab": _lab, "everyday": lambda: _shipped("everyday")}
"""Name -> its subjects. `lab`: what the lab model was taught; `everyday`: for models of photographs and paintings."""


@cache
def subjects(name: str) -> tuple[str, ...]:
    """The subjects of a list of `LISTS`."""
    return LISTS[name]()


def list_digest(prompts: Sequence[str]) -> str:
    """SHA-256 of a list of subjects, in order."""
    return hashlib.sha256(canonical_json(list(prompts)).encode("ascii")).hexdigest()
