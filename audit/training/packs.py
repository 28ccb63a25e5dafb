"""Which cells are trained in one pass, and how many passes run side by side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise

from audit.executor.packing import Packing


def make_packs(
    replicates: Sequence[int], rows: Sequence[int], packing: Packing, *, beats: Sequence[Hashable] = ()
) -> list[list[int]]:
    """Cut cells into packs, whole replicates together where they fit.

    Kernels round differently for other pack sizes, so what is compared cell by cell belongs in one
    pack. Packs are of even size: a small last one would run at the speed of a small batch. Of all
    cuts into whole replicates the one is taken that leaves the busiest worker least to do.

    Args:
        replicates: replicate of each cell; rows: the cells' indices, in the same order.
        beats: of each cell, what those of one pack must share; () where any go together.
    """
    if len(set(beats)) > 1:
        apart = [[i for i, other in enumerate(beats) if other == beat] for beat in dict.fromkeys(beats)]
        packs = [
            pack for own in apart for pack in make_packs([replicates[i] for i in own], [rows[i] for i in own], packing)
        ]
        return sorted(packs, key=len, reverse=True)
    groups: dict[int, list[int]] = {}
    for replicate, row in zip(replicates, rows, strict=True):
        groups.setdefault(replicate, []).append(row)
    most = packing.cells
    per_pack = max(1, most // max((len(g) for g in groups.values()), default=1))
    ordered = list(groups.values())
    cuts = []
    for count in range(-(-len(ordered) // per_pack), len(ordered) + 1):
        packs = []
        for index in range(count):
            share = ordered[index * len(ordered) // count : (index + 1) * len(ordered) // count]
            cells = [row for group in share for row in group]
            pieces = -(-len(cells) // most)
            # Rounded up, so that of three cells in two pieces the first two stay together.
            ends = [-(-i * len(cells) // pieces) for i in range(pieces + 1)]
            packs += [cells[first:last] for first, last in pairwise(ends)]
        # Large ones first, so that small ones fill the workers' ends.
        cuts.append(sorted(packs, key=len, reverse=True))
    return min(cuts, key=lambda packs: busiest(packs, packing.workers), default=[])


def busiest(packs: Sequence[Sequence[int]], workers: int) -> int:
    """Cells of the worker with most to do, when each worker takes the next pack as it becomes free."""
    loads = [0] * workers
    for pack in packs:
        loads[loads.index(min(loads))] += len(pack)
    return max(loads)
