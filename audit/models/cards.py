"""The base models that CloakCheck knows by name. A card is data; weights are checked by digest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LAB = HERE / "lab"
LAB_MODEL = LAB / "model"
LAB_OPENCLIP = LAB / "openclip"
LAB_ARTISTS = LAB / "artists"
LAB_PROMPTS = LAB / "prompts.txt"


@dataclass(frozen=True)
class Card:
    """A base model that a user may have on disk.

    Attributes:
        title: how people call it.
        resolution: side in pixels.
        licence: SPDX id or the licence's own name.
    """

    title: str
    resolution: int
    licence: str


MODELS: dict[str, Card] = {
    "sd15": Card("Stable Diffusion 1.5", 512, "CreativeML OpenRAIL-M"),
    "sd21": Card("Stable Diffusion 2.1", 768, "CreativeML OpenRAIL++-M"),
}
