"""How visible a treatment is on the delivered files: greatest and typical change, PSNR, LPIPS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from audit.images import Pixels, at_size_of, linf, psnr, rms
from audit.records import ImageSet, Visibility
from audit.store import Store
from audit.style.lpips import lpips_distance


@dataclass(frozen=True)
class PictureChange:
    """How far a picture is from its original; see `Visibility`."""

    linf: float
    rms: float
    psnr: float | None
    lpips: float


def pairs_of(images: ImageSet, originals: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Each picture's original and itself, as stored; `originals` by work id."""
    return tuple((originals[work], digest) for work, digest in zip(images.works, images.pixels, strict=True))


def visibility_key(pairs: Sequence[tuple[str, str]]) -> str:
    """Key of the step that measures pairs of pictures."""
    return Store.key("visibility", {}, [digest for pair in pairs for digest in pair])


def picture_changes(pairs: Sequence[tuple[str, str]], store: Store) -> tuple[PictureChange, ...]:
    """Every pair of stored pictures, (original, treated); measured once."""

    def compute() -> list[dict[str, float | None]]:
        return [asdict(_apart(store.get_pixels(before), store.get_pixels(after))) for before, after in pairs]

    found = store.json_step("visibility", {}, [digest for pair in pairs for digest in pair], compute)
    return tuple(PictureChange(**values) for values in found)


def visibility_of(images: ImageSet, changes: Sequence[PictureChange]) -> list[Visibility]:
    """The record of a condition's pictures."""
    return [
        Visibility(condition=images.condition, work=work, **asdict(change))
        for work, change in zip(images.works, changes, strict=True)
    ]


def _apart(before: Pixels, after: Pixels) -> PictureChange:
    # A copy delivered at another size is compared at the original's size, as a viewer would.
    after = at_size_of(before, after)
    same = bool(np.array_equal(before, after))
    return PictureChange(
        linf=linf(before, after),
        rms=rms(before, after),
        psnr=None if same else psnr(before, after),
        lpips=0.0 if same else lpips_distance(before, after),
    )
