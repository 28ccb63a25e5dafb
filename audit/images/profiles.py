"""Colours of a decoded picture -> sRGB: by a profile, or by what a PNG tells without one."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

from audit.images.chunks import Lean
from audit.images.colours import converted, told

# A profile that moves no colour by more than this is sRGB but for rounding: pixels are then left as
# they are, so that a copy whose profile was stripped stays comparable bit by bit.
_SRGB_LEVELS = 2

IccState = Literal["none", "srgb", "converted", "unusable"]


def in_srgb(base: Image.Image, profile: bytes | None, lean: Lean) -> tuple[Image.Image, IccState]:
    """Converted by what counts: cICP before a profile, a profile before gAMA and cHRM."""
    colours = told(lean.colours, profile=profile is not None)
    if colours == "unusable":
        return base.convert("RGB"), "unusable"
    if colours == "srgb":
        overruled = b"cICP" in lean.colours
        return (base.convert("RGB"), "srgb") if overruled else _to_srgb(base, profile)
    try:
        return Image.fromarray(converted(np.asarray(base.convert("RGB")), colours)), "converted"
    except ValueError:
        return base.convert("RGB"), "unusable"


def _to_srgb(base: Image.Image, profile: bytes | None) -> tuple[Image.Image, IccState]:
    if profile == b"":
        return base.convert("RGB"), "unusable"
    if profile is None:
        return base.convert("RGB"), "none"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        tagged = base.convert("RGB") if space == "RGB" and base.mode == "L" else base
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            tagged.mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if tagged.mode != "CMYK" and _is_identity(transform, tagged.mode):
            return base.convert("RGB"), "srgb"
        converted = ImageCms.applyTransform(tagged, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return base.convert("RGB"), "unusable"
    return (base.convert("RGB"), "unusable") if converted is None else (converted, "converted")


def _is_identity(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.arange(256, dtype=np.uint8)
    if mode == "L":
        probe = levels[None, :]
    else:
        axis = levels[::15]
        probe = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(axis.size, -1, 3)
    before = Image.fromarray(probe)
    after = ImageCms.applyTransform(before, transform)
    return after is not None and _apart(before.convert("RGB"), after) <= _SRGB_LEVELS


def _apart(a: Image.Image, b: Image.Image) -> int:
    return int(np.abs(np.asarray(a, dtype=np.int16) - np.asarray(b, dtype=np.int16)).max())
