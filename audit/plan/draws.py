"""What every replicate draws before any training: the works that it holds out, those it trains on, and its prompts.

Works and prompts drawn once would leave their chance out of every interval over runs; drawn anew for each run,
they are part of what the runs differ by (reports/lab/draws-simulation.md). Without torch, so that `verify` can draw
again.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.base.rng import drawn_rows, rng, stream_seed
from audit.collect import apart_notes, reference_works
from audit.records import ArtistSet, Note, Plan, ReplicateDraw

AGAIN = "again"
"""Variant of the streams of `clean-again`, whose draws are its own."""


def draw_replicates(plan: Plan, *, asked: int) -> tuple[ReplicateDraw, ...]:
    """The draws of every replicate, each from streams named by the plan's seed and replicate alone.

    Args:
        plan: with its seed and with the works that look alike; what it says of draws is not looked at.
        asked: how many of its prompts a replicate draws, where it lists so many.
    """
    seed, wanted, prompts = plan.seed, plan.training.works, len(plan.prompts)
    place = {work.id: index for index, work in enumerate(plan.works)}
    alike = [(place[one], place[other]) for one, other in plan.alike or ()]
    contents = [work.pixels for work in plan.works]
    again = any(c.truth == "same-works" for c in plan.conditions)
    found = []
    for replicate in range(1, plan.replicates + 1):
        held_out = reference_works(contents, seed=stream_seed("cloakcheck", seed, "held out", replicate), alike=alike)
        rest = [work.id for work in plan.works if work.pixels not in held_out]
        first, second = (
            tuple(
                rest[i]
                for i in drawn_rows(seed=seed, variant=variant, replicate=replicate, pool=len(rest), wanted=wanted)
            )
            for variant in ("", AGAIN)
        )
        places = rng("cloakcheck", seed, "prompts", replicate).choice(prompts, size=min(prompts, asked), replace=False)
        found.append(
            ReplicateDraw(
                replicate=replicate,
                held_out=tuple(work.id for work in plan.works if work.pixels in held_out),
                trained=first,
                trained_again=second if again else (),
                prompts=tuple(sorted(int(i) for i in places)),
            )
        )
    return tuple(found)


def draw_notes(artist: ArtistSet, draws: Sequence[ReplicateDraw]) -> tuple[Note, ...]:
    """What the reader must know about the draws: works that look almost the same which one of them parted."""
    return apart_notes(artist, [({*d.held_out}, {*d.trained, *d.trained_again}) for d in draws])
