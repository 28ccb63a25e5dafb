"""Picture files of a run -> data URIs: small previews, contact sheets, lossless crops and differences.

File names come from results.json, which a stranger may have written: only plain names directly inside the
images folder are opened, only as PNG, JPEG or WebP, and only up to a bounded number of pixels.
"""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from audit.base.files import read_bounded

MAX_PIXELS = 40_000_000
MOST_BYTES = 256 << 20
"""Of a file beside the pictures whose digest is shown."""
PREVIEW = 384
THUMB = 96
CROP = 224
STRONGEST = 16
"""Greatest factor by which differences are amplified."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class InlinePicture:
    """One inlined picture; width and height in CSS pixels."""

    uri: Markup
    width: int
    height: int
    pixelated: bool = False
    full: str = ""
    """Where the picture itself lies, beside the page; '' where that is not known."""


@dataclass(frozen=True)
class Crops:
    """The same place of an original and its treated version, pixel for pixel."""

    original: InlinePicture
    treated: InlinePicture
    difference: InlinePicture | None
    factor: int
    """How many times stronger the differences are drawn."""
    zoom: int
    """CSS pixels per picture pixel and side; 1 unless the picture is tiny."""
    whole: bool
    """True when the crop is the whole picture."""


class Shelf:
    """Opens pictures by name and counts the characters of all data URIs handed out.

    Browsers put JPEG into a PDF as it is but unpack WebP there, so pages made to be printed take JPEG.
    """

    def __init__(
        self,
        folder: Path,
        *,
        lossy: Literal["webp", "jpeg"] = "webp",
        hidden: frozenset[str] = frozenset(),
        side: int = PREVIEW,
    ) -> None:
        self._folder = folder
        self._side = side
        self._hidden = hidden
        self._lossy = lossy
        self._previews: dict[str, InlinePicture | None] = {}
        self.spent = 0

    def open(self, name: str) -> Image.Image | None:
        """The picture as RGB, or None when there is no such picture to be had."""
        if not name or name in self._hidden or name != Path(name).name or "\\" in name or "\0" in name:
            return None
        path = self._folder / name
        try:
            if path.is_symlink() or not path.is_file():
                return None
            with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return None
                return picture.convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None

    def digests_beside(self, *names: str) -> tuple[tuple[str, str], ...]:
        """File name and SHA-256 of its bytes, as `sha256sum` prints it, of those files that lie in the run folder."""
        found = []
        for name in names:
            try:
                data = read_bounded(self._folder.parent / name, limit=MOST_BYTES)
            except OSError:
                continue
            found.append((name, hashlib.sha256(data).hexdigest()))
        return tuple(found)

    def preview(self, name: str) -> InlinePicture | None:
        """A lossy preview, at most the shelf's `side` pixels a side; tiny ones stay as they are, in square pixels."""
        if name not in self._previews:
            self._previews[name] = self._shrunk(name)
        elif (again := self._previews[name]) is not None:
            self.spent += len(again.uri)
        return self._previews[name]

    def _shrunk(self, name: str) -> InlinePicture | None:
        picture = self.open(name)
        if picture is None:
            return None
        tiny = max(picture.size) <= self._side // 2
        shown = _within(picture, self._side)
        factor = self._side / max(shown.size)
        width, height = (max(1, round(v * factor)) for v in shown.size)
        return InlinePicture(self._uri(shown, lossless=tiny), width, height, pixelated=tiny, full=f"images/{name}")

    def thumb(self, name: str) -> InlinePicture | None:
        """A small lossy preview, for the sheet of all pictures of a training."""
        picture = self.open(name)
        if picture is None:
            return None
        shown = _within(picture, THUMB)
        factor = THUMB / max(shown.size)
        width, height = (max(1, round(v * factor)) for v in shown.size)
        return InlinePicture(self._uri(shown, quality=75), width, height, full=f"images/{name}")

    def crops(self, original: str, treated: str) -> Crops | None:
        """The place where two pictures differ most, lossless, and their difference made visible.

        None when either cannot be opened. There is no difference picture when the sizes differ, for then
        no pixel of one belongs to a pixel of the other; both are cropped at their middle instead.
        """
        first, second = self.open(original), self.open(treated)
        if first is None or second is None:
            return None
        a, b = np.asarray(first), np.asarray(second)
        if a.shape != b.shape:
            middle = [self._exact(_middle(x), zoom=1) for x in (a, b)]
            return Crops(middle[0], middle[1], difference=None, factor=1, zoom=1, whole=False)
        top, left, height, width = _busiest(a, b)
        place = (slice(top, top + height), slice(left, left + width))
        a_crop, b_crop = a[place], b[place]
        zoom = max(1, CROP // max(height, width))
        signed = b_crop.astype(np.int16) - a_crop.astype(np.int16)
        factor = int(np.clip(120 // max(1, int(np.abs(signed).max())), 1, STRONGEST))
        shown = np.clip(128 + signed * factor, 0, 255).astype(np.uint8)
        return Crops(
            self._exact(a_crop, zoom=zoom),
            self._exact(b_crop, zoom=zoom),
            self._exact(shown, zoom=zoom),
            factor=factor,
            zoom=zoom,
            whole=(height, width) == a.shape[:2],
        )

    def _exact(self, pixels: Pixels, *, zoom: int) -> InlinePicture:
        height, width = pixels.shape[:2]
        uri = self._uri(Image.fromarray(pixels), lossless=True)
        return InlinePicture(uri, width * zoom, height * zoom, pixelated=True)

    def _uri(self, picture: Image.Image, *, lossless: bool = False, quality: int = 85) -> Markup:
        # A new image of the bare pixels: comments, EXIF and colour profiles stay behind.
        bare = Image.fromarray(np.asarray(picture))
        data = io.BytesIO()
        kind = "webp" if lossless else self._lossy
        if lossless:
            bare.save(data, format="WEBP", lossless=True, exact=True, quality=60, method=4)
        else:
            bare.save(data, format=kind.upper(), quality=quality)
        # Base64 needs no escaping; Markup also spares megabytes the search for control characters.
        uri = Markup(f"data:image/{kind};base64,{base64.b64encode(data.getvalue()).decode('ascii')}")
        self.spent += len(uri)
        return uri


def _within(picture: Image.Image, side: int) -> Image.Image:
    if max(picture.size) <= side:
        return picture
    shown = picture.copy()
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    return shown


def _middle(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    top, left = max(0, (height - CROP) // 2), max(0, (width - CROP) // 2)
    return pixels[top : top + CROP, left : left + CROP]


def _busiest(a: Pixels, b: Pixels) -> tuple[int, int, int, int]:
    """Top, left, height and width of the window with the greatest total difference (first one on ties)."""
    change = np.abs(a.astype(np.int64) - b.astype(np.int64)).sum(axis=2)
    height, width = min(CROP, a.shape[0]), min(CROP, a.shape[1])
    total = np.zeros((a.shape[0] + 1, a.shape[1] + 1), dtype=np.int64)
    total[1:, 1:] = change.cumsum(axis=0).cumsum(axis=1)
    lower, upper = total[height:], total[:-height]
    window = lower[:, width:] - upper[:, width:] - lower[:, :-width] + upper[:, :-width]
    top, left = np.unravel_index(int(window.argmax()), window.shape)
    return int(top), int(left), height, width
