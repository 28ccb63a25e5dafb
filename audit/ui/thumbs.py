"""Small pictures of the user's own files: decoded in the decoder's process, one at a time, kept with their audit."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.files import read_bounded
from audit.base.private import write_private

SIDE = 320
"""Greatest side, px: sharp at half of that on screens of twice the density."""
MOST_BYTES = 4 << 20
_ONE = threading.Lock()


def thumbnail(path: Path, *, kept: Path) -> bytes | None:
    """A PNG of a picture; None where the file is gone or cannot be read.

    Args:
        kept: folder in which small pictures are kept.
    """
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    named = f"{path}\n{status.st_mtime_ns}\n{status.st_size}".encode("utf-8", "surrogateescape")
    place = kept / f"{hashlib.sha256(named).hexdigest()}.png"
    try:
        return read_bounded(place, limit=MOST_BYTES)
    except OSError:
        pass
    # The decoder answers one question at a time.
    with _ONE:
        try:
            data = _small(path)
        except BadInput:
            return None
    write_private(place, data)
    return data


def _small(path: Path) -> bytes:
    import numpy as np
    from PIL import Image

    from audit.images import encode_png
    from audit.images.decoder import open_isolated

    pixels, _ = open_isolated(path)
    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return encode_png(np.asarray(picture))
