"""How visible a treatment is on the delivered files: greatest and typical change, PSNR, LPIPS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import TypeAdapter
from torch import Tensor

from audit.images import Pixels, at_size_of, linf, psnr, rms
from audit.images.tensors import to_model_size, to_tensor
from audit.records import Finite, ImageSet, Record, Visibility
from audit.records.made import Level
from audit.store import Store
from audit.style.lpips import lpips_distance
from audit.style.plain_edit import plain_shares


class PictureChange(Record):
    """How far a picture is from its original; see `Visibility`."""

    linf: Level
    rms: Level
    psnr: Finite | None
    lpips: Finite


SHARES = TypeAdapter(tuple[Finite | None, ...])
CHANGES = TypeAdapter(tuple[PictureChange, ...])


def pairs_of(images: ImageSet, originals: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Each picture's original and itself, as stored; `originals` by work id."""
    return tuple((originals[work], digest) for work, digest in zip(images.works, images.pixels, strict=True))


def visibility_key(pairs: Sequence[tuple[str, str]]) -> str:
    """Key of the step that measures pairs of pictures."""
    return Store.key("visibility", {}, [digest for pair in pairs for digest in pair])


def picture_changes(pairs: Sequence[tuple[str, str]], store: Store) -> tuple[PictureChange, ...]:
    """Every pair of stored pictures, (original, treated); measured once."""

    def compute() -> list[dict[str, float | None]]:
        return [_apart(store.get_pixels(before), store.get_pixels(after)).model_dump() for before, after in pairs]

    def fits(found: tuple[PictureChange, ...]) -> bool:
        # Equal pictures are at no distance.
        same = [before == after for before, after in pairs]
        return len(found) == len(same) and all(row.linf == 0 or not s for row, s in zip(found, same, strict=True))

    inputs = [digest for pair in pairs for digest in pair]
    return store.json_step("visibility", {}, inputs, compute, of=CHANGES, fits=fits)


def kept_shares(pairs: Sequence[tuple[str, str]], store: Store, *, side: int) -> tuple[float | None, ...]:
    """Of every pair's difference, the share that is left at a model's size; see `Visibility.kept`."""

    def compute() -> list[float | None]:
        return [_kept(store.get_pixels(before), store.get_pixels(after), side) for before, after in pairs]

    digests = [digest for pair in pairs for digest in pair]
    return store.json_step(
        "kept", {"side": side}, digests, compute, of=SHARES, fits=lambda found: len(found) == len(pairs)
    )


def _kept(before: Pixels, after: Pixels, side: int) -> float | None:
    change = to_tensor(at_size_of(before, after)) - to_tensor(before)
    # Bicubic shrinking is linear, so the difference may be shrunk in place of both; halved, it cannot be clipped.
    whole = _square(change).pow(2).mean().sqrt().item()
    if whole == 0:
        return None
    return float(to_model_size(change / 2, side).mul(2).pow(2).mean().sqrt().item() / whole)


def _square(pictures: Tensor) -> Tensor:
    """The part that a model sees, at its own size."""
    return to_model_size(pictures / 2, min(pictures.shape[-2:])).mul(2)


def visibility_of(
    images: ImageSet,
    changes: Sequence[PictureChange],
    plain: Sequence[float | None],
    kept: Sequence[float | None],
) -> list[Visibility]:
    """The record of a condition's pictures; `plain` as `plain_parts` gives it, or None for each; `kept` as
    `kept_shares` does."""
    return [
        Visibility(condition=images.condition, work=work, plain=share, kept=left, **change.model_dump())
        for work, change, share, left in zip(images.works, changes, plain, kept, strict=True)
    ]


def plain_key(pairs: Sequence[tuple[str, str]]) -> str:
    """Key of the step that fits plain edits to pairs of pictures."""
    return Store.key("plain-edit", {}, [digest for pair in pairs for digest in pair])


def plain_parts(pairs: Sequence[tuple[str, str]], store: Store) -> tuple[float | None, ...]:
    """`plain_shares` of stored pictures, (original, treated); fitted once."""

    def compute() -> list[float | None]:
        return list(plain_shares([(store.get_pixels(before), store.get_pixels(after)) for before, after in pairs]))

    inputs = [digest for pair in pairs for digest in pair]
    return store.json_step("plain-edit", {}, inputs, compute, of=SHARES, fits=lambda found: len(found) == len(pairs))


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
