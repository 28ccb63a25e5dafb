"""Where the encoders' weights lie. They are the user's: put there once, never downloaded by a run."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors import SafetensorError

from audit.base.errors import BadModel
from audit.base.messages import Said, say, words

NOT_OPENED = (
    OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, SafetensorError
)  # fmt: skip
"""What the libraries raise on weights that are damaged or of another model."""


def encoders_folder() -> Path:
    """$CLOAKCHECK_ENCODERS, else the user's data folder; a subfolder for each encoder."""
    if "CLOAKCHECK_ENCODERS" in os.environ:
        return Path(os.environ["CLOAKCHECK_ENCODERS"])
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "cloakcheck" / "encoders"


def safetensors_in(name: str, *, source: str) -> list[Path]:
    """The weight files of an encoder and its configuration, sorted by name.

    Args:
        name: of the encoder and its folder.
        source: how to get it, from "get" on.

    Raises:
        BadModel: `encoder-missing`, when the folder holds no safetensors file.
    """
    folder = encoders_folder() / name
    found = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not found:
        raise BadModel("encoder-missing", name=name, source=words(source))
    return [*found, *sorted(folder.glob("*.json"))]


def unsuitable(name: str, why: Said) -> BadModel:
    """The error for weights that are not what the encoder needs."""
    return BadModel("encoder-unsuitable", name=name, why=why)


def not_opened(name: str, library: str, error: Exception) -> BadModel:
    """The error for weights that a library refused."""
    return unsuitable(name, say("weights.not-opened", library=library, kind=type(error).__name__))
