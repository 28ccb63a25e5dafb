"""The only door to picture files: hostile bytes in, upright 8-bit sRGB pixels and facts out.

Everything is refused from the file's status or header where possible, before a decoder runs.
Reading sets warning filters for its duration (`warnings.catch_warnings`), so decode in one thread.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from audit.base.errors import BadInput
from audit.records import Digest, Record

Pixels: TypeAlias = npt.NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_FILE_BYTES = 100 * 2**20
MAX_PIXELS = 80_000_000
_MAGIC = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF....WEBP", re.DOTALL)
_ORIENTATION = 0x0112
_FINGERPRINT_SIDE = 16
_BAND_ROWS = 256
# A profile that moves no colour by more than this is sRGB but for rounding: pixels are then left as
# they are, so that a copy whose profile was stripped stays comparable bit by bit.
_SRGB_LEVELS = 2

IccState = Literal["none", "srgb", "converted", "unusable"]


class PictureFacts(Record):
    """What was found in the file, beside its pixels."""

    format: Literal["PNG", "JPEG", "WEBP"]
    mode: str
    """Pillow's mode as stored, for instance `P`, `CMYK`, `I;16`."""
    width: int
    """Upright, in pixels."""
    height: int
    frames: int
    """Frames of an animation; only the first is used."""
    sha256: Digest
    """Of the file's bytes."""
    lossy: bool
    """JPEG, or WebP with a lossy bitstream."""
    icc: IccState
    """`srgb`: embedded but no change needed; `unusable`: damaged or of another colour space, ignored."""
    rotated: bool
    """True when an EXIF orientation was applied."""
    transparent: bool
    """True when any pixel was not opaque; composited on white."""


def refusal(slug: str, path: Path) -> BadInput:
    """The error for a picture file, by slug."""
    if slug == "picture-too-large":
        return BadInput(slug, file=path.name, mib=MAX_FILE_BYTES // 2**20, millions=MAX_PIXELS // 10**6)
    return BadInput(slug, file=path.name)


def read_regular(path: Path, *, limit: int) -> bytes:
    """Read a regular file without following links or waiting on pipes and devices.

    Args:
        path: the file; its name appears in errors, its folder never.
        limit: greatest size in bytes.

    Raises:
        BadInput: `picture-symlink`, `picture-hard-link`, `picture-not-a-file`, `picture-unreadable`,
            `picture-too-large`.
    """
    # The file may be swapped after lstat: never follow it then, nor wait for a FIFO's writer.
    flags = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, flag, 0)
    try:
        mode = os.lstat(path).st_mode
        if not stat.S_ISREG(mode):
            raise refusal("picture-symlink" if stat.S_ISLNK(mode) else "picture-not-a-file", path)
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise refusal("picture-not-a-file", path)
            # Another name may lie in somebody else's folder, and what is written there would change this file.
            if status.st_nlink > 1:
                raise refusal("picture-hard-link", path)
            data = file.read(limit + 1) if status.st_size <= limit else None
    except (OSError, ValueError) as exc:
        raise refusal("picture-unreadable", path) from exc
    if data is None or len(data) > limit:
        raise refusal("picture-too-large", path)
    return data


def open_picture(path: Path) -> tuple[Pixels, PictureFacts]:
    """Read one PNG, JPEG or WebP file of any mode.

    EXIF orientation is applied, an embedded ICC profile converted to sRGB (relative colorimetric, black
    point compensation), transparency composited on white, CMYK without a profile converted naively, and
    16 bits cut to their upper 8 in grey as in colour.

    Returns:
        Pixels, uint8 (H, W, 3), and the facts.

    Raises:
        BadInput: `picture-not-an-image`, `picture-truncated`, `picture-too-large`, and those of
            `read_regular`.
    """
    return decode_picture(read_regular(path, limit=MAX_FILE_BYTES), path)


def decode_picture(data: bytes, path: Path) -> tuple[Pixels, PictureFacts]:
    """`open_picture` of bytes that were read already; `path` only gives errors a name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise refusal("picture-too-large", path)
                image.load()
                return _decode(image, data)
        except BadInput:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as exc:
            raise refusal("picture-too-large", path) from exc
        except Exception as exc:  # whatever a parser trips over is the file's fault
            unknown = isinstance(exc, UnidentifiedImageError) and not _MAGIC.match(data)
            raise refusal("picture-not-an-image" if unknown else "picture-truncated", path) from exc


def encode_png(pixels: Pixels) -> bytes:
    """Encode uint8 (H, W, 3) as PNG: same pixels, same bytes (of one zlib build), and no metadata."""
    buffer = io.BytesIO()
    Image.fromarray(_checked(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def decode_png(data: bytes) -> Pixels:
    """Decode what `encode_png` wrote; returns uint8 (H, W, 3).

    Raises:
        ValueError: the bytes are not a whole 8-bit RGB PNG.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.mode != "RGB" or image.width * image.height > MAX_PIXELS:
                raise ValueError(f"expected an RGB PNG, found {image.mode} of {image.width} x {image.height}")
            return np.array(image, dtype=np.uint8)
    except (OSError, SyntaxError) as exc:
        raise ValueError("not a whole PNG") from exc


def pixels_digest(pixels: Pixels) -> str:
    """SHA-256 hex over shape and bytes of uint8 (H, W, 3); unlike a PNG's, the same on every machine."""
    height, width, _ = _checked(pixels).shape
    digest = hashlib.sha256(f"{height} {width} 3\n".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def fingerprint(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Reduce a picture to 16 x 16 mean colours, whatever its size: float32 (768,), 0..255.

    Two fingerprints are compared by root mean square difference. Measured on 600 drawings under
    perturbations of up to 32/255 with resize and JPEG: copies lie within 18 levels of their original,
    99 % of other works beyond 43, and the original is always the nearest; a 64-bit DCT hash (pHash)
    confused 5 % of them, since flat drawings have many coefficients near its threshold.
    """
    side = (_FINGERPRINT_SIDE, _FINGERPRINT_SIDE)
    small = Image.fromarray(_checked(pixels)).resize(side, Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).ravel()


def linf(a: Pixels, b: Pixels) -> float:
    """Greatest absolute difference of any channel, 0..255; ValueError if shapes differ."""
    return float(max(int(np.abs(block).max()) for block in _differences(a, b)))


def rms(a: Pixels, b: Pixels) -> float:
    """Root mean square difference over pixels and channels, 0..255; ValueError if shapes differ."""
    total = sum(int(np.square(block).sum(dtype=np.int64)) for block in _differences(a, b))
    return math.sqrt(total / a.size)


def psnr(a: Pixels, b: Pixels) -> float | None:
    """Peak signal-to-noise ratio in dB with peak 255; None when the pictures are identical."""
    error = rms(a, b)
    return None if error == 0 else 20 * math.log10(255 / error)


def at_size_of(reference: Pixels, pixels: Pixels) -> Pixels:
    """`pixels` resized (Lanczos) to the height and width of `reference`; unchanged when they agree."""
    if pixels.shape == reference.shape:
        return pixels
    size = (reference.shape[1], reference.shape[0])
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _checked(pixels: Pixels) -> Pixels:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(f"expected uint8 (H, W, 3), found {pixels.dtype} {pixels.shape}")
    return pixels


def _differences(a: Pixels, b: Pixels) -> Iterator[npt.NDArray[np.int32]]:
    """a - b, signed, since uint8 wraps around; in bands of rows, since int32 takes four times the room."""
    if _checked(a).shape != _checked(b).shape:
        raise ValueError(f"pictures of {a.shape} and {b.shape} cannot be compared pixel by pixel")
    for top in range(0, len(a), _BAND_ROWS):
        yield np.subtract(a[top : top + _BAND_ROWS], b[top : top + _BAND_ROWS], dtype=np.int32)


def _decode(image: Image.Image, data: bytes) -> tuple[Pixels, PictureFacts]:
    upright, rotated = _upright(image)
    base, alpha = _split_alpha(upright)
    rgb, icc = _to_srgb(base, image.info.get("icc_profile"))
    transparent = alpha is not None and alpha.getextrema()[0] != 255
    if alpha is not None:
        rgb = Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)
    # The further pictures of an MPO (a phone's JPEG) are gain maps or thumbnails, not an animation.
    jpeg = image.format in ("JPEG", "MPO")
    facts = PictureFacts.model_validate(
        {
            "format": "JPEG" if jpeg else image.format,
            "mode": image.mode,
            "width": rgb.width,
            "height": rgb.height,
            "frames": 1 if jpeg else getattr(image, "n_frames", 1),
            "sha256": hashlib.sha256(data).hexdigest(),
            "lossy": jpeg or (image.format == "WEBP" and _webp_is_lossy(data)),
            "icc": icc,
            "rotated": rotated,
            "transparent": transparent,
        }
    )
    return np.array(rgb, dtype=np.uint8), facts


def _webp_is_lossy(data: bytes) -> bool:
    """Whether the first bitstream in the RIFF container is `VP8 ` (lossy) and not `VP8L`."""
    at = 12
    while at + 8 <= len(data):
        tag, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if tag in (b"VP8 ", b"VP8L"):
            return tag == b"VP8 "
        # A frame of an animation holds chunks of its own behind 16 bytes of header.
        at += 8 + (16 if tag == b"ANMF" else size + size % 2)
    return True


def _upright(image: Image.Image) -> tuple[Image.Image, bool]:
    try:
        if image.getexif().get(_ORIENTATION, 1) not in range(2, 9):
            return image, False
        return ImageOps.exif_transpose(image), True
    except Exception:  # damaged metadata must not cost the picture
        return image, False


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colour as L, RGB or CMYK, and alpha as L where there is any."""
    key = image.info.get("transparency")
    if image.mode.startswith("I;16"):
        # convert("L") clips at 255 instead of scaling.
        deep = np.asarray(image)
        alpha = None if not isinstance(key, int) else Image.fromarray(np.uint8(255) * (deep != key))
        return Image.fromarray((deep >> 8).astype(np.uint8)), alpha
    if image.mode == "LA":
        return image.getchannel("L"), image.getchannel("A")
    if image.mode in ("RGBA", "PA") or key is not None:
        full = image.convert("RGBA")
        return full.convert("RGB"), full.getchannel("A")
    if image.mode in ("1", "L"):
        return image.convert("L"), None
    return (image if image.mode in ("RGB", "CMYK") else image.convert("RGB")), None


def _to_srgb(base: Image.Image, profile: bytes | None) -> tuple[Image.Image, IccState]:
    if not profile:
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
    return after is not None and linf(np.asarray(before.convert("RGB")), np.asarray(after)) <= _SRGB_LEVELS
