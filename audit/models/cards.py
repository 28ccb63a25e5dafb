"""The base models that CloakCheck knows by name: one JSON card each in `known/`. Weights are checked by digest."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from audit.base.files import file_digest, user_folder
from audit.records import Digest, Record

HERE = Path(__file__).parent
KNOWN = HERE / "known"
LAB = HERE / "lab"
LAB_MODEL = LAB / "model"
LAB_OPENCLIP = LAB / "openclip"
LAB_ARTISTS = LAB / "artists"
LAB_OTHER = LAB / "other" / "fluent-emoji"
"""Works for the planted success: of the lab's largest training set. The demo artists are too alike for it."""
LAB_PROMPTS = LAB / "prompts.txt"


class Download(Record):
    """The one file that `models get` fetches, all components in it."""

    repo: str
    revision: str
    file: str
    bytes: int
    sha256: Digest | Literal[""]
    git_sha1: str = ""
    """Git's digest of a small file, where its publisher states no SHA-256."""


class Card(Record):
    """A base model that a user may have on disk.

    Every digest and size was found in public sources that agree with each other; what was not is left out.
    """

    title: str
    """How people call it."""
    family: str
    """As the plan names it: sd1, sd2, sdxl, sd3, zimage, flux1, flux2, qwenimage or krea2."""
    resolution: int
    """Side in pixels."""
    prediction: str
    latent_scale: float
    targets: tuple[str, ...]
    """Endings of the names of the attention layers that carry LoRA by default."""
    licence: str
    licence_url: str
    """Where its text stands; whoever downloads the model accepts it."""
    download: Download | None = None
    parts: dict[Digest, str] = Field(default_factory=dict)
    """Digest of each weights file of the diffusers layout -> its usual path."""
    parameters: dict[str, int]
    """Number of weights of denoiser, vae and text encoders."""
    configs: dict[str, dict[str, Any]] | None = None
    """Config of each component, for single-file checkpoints of this kind; None where those cannot be opened."""
    drawn_with: str = ""
    """Where its distilled sibling was published, which people draw with; '' where there is none."""
    padding: dict[str, str] = Field(default_factory=dict)
    """Tokenizer folder -> the token that fills its texts up."""

    def weights_bytes(self) -> int:
        """Memory of all weights, as they are loaded (float32)."""
        return 4 * sum(self.parameters.values())


@lru_cache(maxsize=1)
def cards() -> dict[str, Card]:
    """Every known model by name."""
    return {path.stem: Card.model_validate_json(path.read_bytes()) for path in sorted(KNOWN.glob("*.json"))}


def models_folder() -> Path:
    """Where `models get` puts models, and `--model NAME` looks: $CLOAKCHECK_MODELS, else the user's data folder."""
    if "CLOAKCHECK_MODELS" in os.environ:
        return Path(os.environ["CLOAKCHECK_MODELS"])
    return user_folder("XDG_DATA_HOME", ".local", "share") / "cloakcheck" / "models"


def recognise(digests: set[str]) -> str | None:
    """The known model whose weights are all among the digests of some files, whatever those are called."""
    for name, card in cards().items():
        if card.download is not None and card.download.sha256 in digests:
            return name
        if card.parts and set(card.parts) <= digests:
            return name
    return None


@lru_cache(maxsize=1)
def _lab_denoiser() -> str:
    (weights,) = (LAB_MODEL / "unet").glob("*.safetensors")
    return file_digest(weights)


def is_lab(digests: Iterable[str]) -> bool:
    """Whether the lab model's denoiser is among the digests of some files, wherever those lie and whatever they are
    called: what is found with it says nothing about another model."""
    return _lab_denoiser() in digests


def present(name: str) -> Path | None:
    """Where a known model lies: the checkpoint or diffusers folder in the models folder; None when it is not here."""
    folder = models_folder() / name
    if (folder / "model_index.json").is_file():
        return folder
    download = cards()[name].download
    path = folder / download.file if download else None
    return path if path is not None and path.is_file() else None
