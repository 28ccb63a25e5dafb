"""Where the encoders' weights lie. They are the user's: put there once, never downloaded by a run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from audit.base.errors import BadModel
from audit.base.files import user_folder
from audit.base.messages import Said, say

CONVERTED_FROM = "converted_from"
"""Where a converted file's header states the SHA-256 of the published one."""
NOT_OPENED = (
    OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, SafetensorError
)  # fmt: skip
"""What the libraries raise on weights that are damaged or of another model."""


def encoders_folder() -> Path:
    """$CLOAKCHECK_ENCODERS, else the user's data folder; a subfolder for each encoder."""
    if "CLOAKCHECK_ENCODERS" in os.environ:
        return Path(os.environ["CLOAKCHECK_ENCODERS"])
    return user_folder("XDG_DATA_HOME", ".local", "share") / "cloakcheck" / "encoders"


@dataclass(frozen=True)
class Published:
    """Where an encoder's weights are published.

    Attributes:
        repo: on the Hugging Face hub; files: those that are needed of it; gb: their size.
        licence: of the weights; sha256: of the last file, where several public sources state the same; '' elsewhere.
    """

    repo: str
    files: tuple[str, ...]
    gb: float
    licence: str
    sha256: str = ""

    @property
    def address(self) -> str:
        """The page that states the licence."""
        return f"https://huggingface.co/{self.repo}"

    def told(self) -> Said:
        """Which files those are, and what they weigh, within a sentence."""
        return say("encoder.published", files=self.files, repo=self.repo, gb=self.gb, licence=self.licence)


def safetensors_in(name: str, *, published: Published) -> list[Path]:
    """The weight files of an encoder and its configuration, sorted by name.

    Args:
        name: of the encoder and its folder.
        published: where a user gets them.

    Raises:
        BadModel: `encoder-missing`, when the folder holds no safetensors file.
    """
    folder = encoders_folder() / name
    found = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not found:
        raise BadModel("encoder-missing", name=name, published=published.told())
    return [*found, *sorted(folder.glob("*.json"))]


def unsuitable(name: str, why: Said) -> BadModel:
    """The error for weights that are not what the encoder needs."""
    return BadModel("encoder-unsuitable", name=name, why=why)


def not_opened(name: str, library: str, error: Exception) -> BadModel:
    """The error for weights that a library refused."""
    return unsuitable(name, say("weights.not-opened", library=library, kind=type(error).__name__))
