"""Formats that artists work in, beside those that websites take: TIFF, AVIF, Photoshop's flat picture, and HEIC.

All are read by Pillow, behind the same limits and in the same process of their own; HEIC by a package that is an extra,
since its libraries have licences of their own.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache

from PIL import Image

FORMATS = ("TIFF", "AVIF", "PSD")
SUFFIXES = (".tif", ".tiff", ".avif", ".psd")
HEIC_SUFFIXES = (".heic", ".heif")
_HEIC = "pi_heif"
_VERSION_INFO = 1057
"""Photoshop's resource that says whether a file holds a flat picture beside its layers."""
_DEEP = frozenset(("F", "I", "LAB"))
"""Pillow's modes for floats, 32 bits and Lab: of these no picture as a viewer sees it can be told."""
_NCLX = re.compile(rb"colrnclx(..)(..)", re.DOTALL)
_HDR = (16, 18)


@cache
def reads_heic() -> bool:
    """Whether the extra `heic` is installed."""
    return importlib.util.find_spec(_HEIC) is not None


def suffixes() -> frozenset[str]:
    """Endings of these formats that can be read here."""
    return frozenset((*SUFFIXES, *(HEIC_SUFFIXES if reads_heic() else ())))


@cache
def formats() -> tuple[str, ...]:
    """Names by which Pillow knows these formats here."""
    if not reads_heic():
        return FORMATS
    __import__(_HEIC).register_heif_opener()
    return (*FORMATS, "HEIF")


def refused(image: Image.Image) -> str | None:
    """Slug of the error for an opened file whose picture cannot be told; None for one that can be read."""
    if image.mode in _DEEP:
        return "picture-mode"
    if image.format == "PSD" and not _has_flat(image):
        return "picture-no-flat"
    return None


def _has_flat(image: Image.Image) -> bool:
    for number, _, data in getattr(image, "resources", ()):
        if number == _VERSION_INFO and len(data) > 4:
            return bool(data[4])
    return True


def frames_of(image: Image.Image) -> int:
    """Frames of an animation or pages; the layers of a Photoshop file are none."""
    return 1 if image.format == "PSD" else getattr(image, "n_frames", 1)


def is_lossy(image: Image.Image) -> bool:
    """Whether it was saved with loss: as AVIF and HEIC are in practice, and TIFF with JPEG inside."""
    return image.format in ("AVIF", "HEIF") or image.info.get("compression") in ("jpeg", "tiff_jpeg")


def stated_colours(data: bytes) -> dict[bytes, bytes]:
    """What an AVIF tells about its colours, as a PNG's cICP would; {} where that is plain sRGB."""
    found = _NCLX.search(data[: 64 << 10])
    if found is None:
        return {}
    primaries, curve = (int.from_bytes(part) for part in found.groups())
    wide = primaries in (9, 12) and curve in (4, 5, 8, 13)
    return {b"cICP": bytes((primaries & 255, curve, 0, 1))} if wide or curve in _HDR else {}
