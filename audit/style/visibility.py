"""How visible a treatment is on the delivered files: greatest and typical change, PSNR, LPIPS."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from audit.images import Pixels, at_size_of, linf, psnr, rms
from audit.records import ImageSet, Visibility
from audit.store import Store
from audit.style.lpips import lpips_distance


def visibility_of(images: ImageSet, originals: Mapping[str, str], store: Store) -> list[Visibility]:
    """Every picture of a condition against its original; measured once per pair of pictures.

    Args:
        originals: work id -> stored original.
    """
    pairs = [(originals[work], digest) for work, digest in zip(images.works, images.pixels, strict=True)]

    def compute() -> list[dict[str, float | None]]:
        return [_apart(store.get_pixels(before), store.get_pixels(after)) for before, after in pairs]

    found = store.json_step("visibility", {}, [digest for pair in pairs for digest in pair], compute)
    return [
        Visibility(condition=images.condition, work=work, **values)
        for work, values in zip(images.works, found, strict=True)
    ]


def _apart(before: Pixels, after: Pixels) -> dict[str, float | None]:
    # A copy delivered at another size is compared at the original's size, as a viewer would.
    after = at_size_of(before, after)
    same = bool(np.array_equal(before, after))
    return {
        "linf": linf(before, after),
        "rms": rms(before, after),
        "psnr": None if same else psnr(before, after),
        "lpips": 0.0 if same else lpips_distance(before, after),
    }
