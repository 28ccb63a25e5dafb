"""Where the encoders' weights lie. They are the user's: put there once, never downloaded by a run."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors import SafetensorError

from audit.base.errors import BadModel

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
        raise BadModel(
            "encoder-missing",
            f"The weights of the style metric '{name}' are not on this machine: {source}, in the folder '{name}' under "
            "the encoders' folder (`cloakcheck encoder list` shows where), or score by a built-in metric with "
            "--primary-metric channel_stats.",
        )
    return [*found, *sorted(folder.glob("*.json"))]


def unsuitable(name: str, seen: str) -> BadModel:
    """The error for weights that are not what the encoder needs."""
    return BadModel(
        "encoder-unsuitable",
        f"The weights in the encoders' folder '{name}' cannot be used ({seen}); put the files there as they were "
        "published (`cloakcheck encoder list` names them).",
    )
