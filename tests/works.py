"""Made-up works in folders, and what collecting them gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audit.base.errors import BadInput
from audit.collect import collect
from audit.images import Pixels, pixels_digest
from audit.records import ArtistSet, Note

WORDS = "fox castle rocket tree boat queen lamp river owl bridge apple harp".split()


def work(seed: int, *, height: int = 48, width: int = 64) -> Pixels:
    """A picture of large coloured patches, unlike that of any other seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC))


def cloak(pixels: Pixels, *, seed: int = 99, budget: int = 16) -> Pixels:
    noise = np.random.default_rng(seed).integers(-budget, budget + 1, pixels.shape)
    return np.clip(pixels.astype(int) + noise, 0, 255).astype(np.uint8)


def put(path: Path, pixels: Pixels, **options: object) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def gather(originals: Path, protected: Path | dict[str, Path] | None = None) -> ArtistSet:
    stored: dict[str, Pixels] = {}

    def save(pixels: Pixels) -> str:
        stored[pixels_digest(pixels)] = pixels
        return pixels_digest(pixels)

    arms = {"protected": protected} if isinstance(protected, Path) else protected or {}
    found = collect(originals=originals, protected=arms, artist="Ann", save=save)
    assert {w.pixels for w in found.works} | {p.pixels for p in found.protected} <= set(stored)
    return found


def refused(slug: str, originals: Path, protected: Path | dict[str, Path] | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        gather(originals, protected)
    assert caught.value.slug == slug
    sentence = caught.value.sentence
    assert "\n" not in sentence
    assert str(originals.parent) not in sentence
    return sentence


def note(found: ArtistSet, slug: str) -> Note:
    (hit,) = [n for n in found.notes if n.slug == slug]
    return hit


def slugs(found: ArtistSet) -> set[str]:
    return {n.slug for n in found.notes}


def partners(found: ArtistSet) -> dict[str, str]:
    names = {w.id: w.name for w in found.works}
    return {names[p.work]: p.name for p in found.protected}
