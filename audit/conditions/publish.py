"""What a platform does to a picture before anybody can copy it: a smaller JPEG without metadata.

The table is data. Platforms change without notice and treat accounts, formats and sizes apart, so
every row is approximate; where a source names no quality or chroma sampling, the row says that it is
assumed. The picture that most visitors get is meant, not an original behind a download button.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from audit.base.messages import Said, words
from audit.conditions.base import Called, Pixels, Treatment, each, unbounded
from audit.conditions.counter.jpeg import through_jpeg


@dataclass(frozen=True)
class Platform:
    """One row.

    Attributes:
        name: as typed after `as-published:`.
        longest: greatest side in pixels (`width`: of the width alone).
        quality: JPEG quality on libjpeg's scale.
        subsampling: chroma sampling.
        source: where the figures come from, and the day of that source.
        assumed: which of them no source names.
    """

    name: str
    longest: int
    quality: int
    subsampling: str
    source: Said
    assumed: Said | None = None
    by_width: bool = False


PLATFORMS: tuple[Platform, ...] = (
    Platform(
        name="artstation",
        longest=1920,
        quality=90,
        subsampling="4:2:0",
        source=words(
            "its help page (JPG of 90 %, 1920 wide), quoted in mikf/gallery-dl#1422, 2021-04-02; "
            "no limit of height: danbooru/danbooru#4330, 2020-03-07"
        ),
        assumed=words("chroma"),
        by_width=True,
    ),
    Platform(
        name="pixiv",
        longest=1200,
        quality=90,
        subsampling="4:2:0",
        source=words("Nandaka/PixivUtil2#639 (the page shows a version of at most 1200 px), 2020-02-25"),
        assumed=words("quality, chroma"),
    ),
    Platform(
        name="x",
        longest=4096,
        quality=85,
        subsampling="4:2:0",
        source=words("twittercommunity.com/t/118695 (uploads become JPEG of 85 %), 2018-12-27"),
        assumed=words("size, chroma"),
    ),
    Platform(
        name="instagram",
        longest=1080,
        quality=75,
        subsampling="4:2:0",
        source=words("tinimg.com, zipero.fr guides: feed pictures are scaled to 1080 wide, read 2026-11-22"),
        assumed=words("quality, chroma"),
        by_width=True,
    ),
    Platform(
        name="deviantart",
        longest=1280,
        quality=75,
        subsampling="4:2:0",
        source=words(
            "preview URLs (w_1280, q_75) in mikf/gallery-dl#369, 2019-08-02, and danbooru/danbooru#6321, 2026-03-13"
        ),
        assumed=words("chroma"),
        by_width=True,
    ),
    Platform(
        name="cara",
        longest=2048,
        quality=85,
        subsampling="4:2:0",
        source=words("no public figure found, 2026-11-22"),
        assumed=words("all"),
    ),
)


def published(picture: Pixels, platform: Platform) -> Pixels:
    """The picture as a visitor gets it; smaller pictures keep their size."""
    height, width = picture.shape[:2]
    scale = platform.longest / (width if platform.by_width else max(height, width))
    if scale < 1:
        size = (max(1, math.floor(width * scale + 0.5)), max(1, math.floor(height * scale + 0.5)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return through_jpeg(picture, quality=platform.quality, subsampling=platform.subsampling)


def _row(platform: Platform) -> Treatment:
    return Treatment(
        name=f"as-published:{platform.name}",
        called=Called(words("publishing on {arg}", arg=platform.name)),
        kind="counter",
        run=each(lambda picture, argument: published(picture, platform)),
        default=None,
        low=0,
        high=0,
        budget=unbounded,
        version=1,
        source=words("approximate; {source}", source=platform.source),
        settings=lambda argument, surrogate, asked: {
            "size": words("at most {longest} pixels wide", longest=platform.longest)
            if platform.by_width
            else words("at most {longest} pixels a side", longest=platform.longest),
            "format": words(
                "JPEG, quality {quality}, chroma {subsampling}, no metadata",
                quality=platform.quality,
                subsampling=platform.subsampling,
            ),
            "assumed": platform.assumed or words("nothing"),
        },
        tier="cheap",
        approximate=True,
        may_resize=True,
    )


AS_PUBLISHED: tuple[Treatment, ...] = tuple(_row(platform) for platform in PLATFORMS)
