"""Which shapes works are trained on in: aspect buckets, as the trainers of every family but the lab's have them.

A bucket has at most as many pixels as a square of the model's own size, sides between half and twice that square's,
and steps of 64 pixels; among all such shapes those that are as high as they may be for their width, and as wide for
their height. These are the shapes that kohya-ss/sd-scripts (library/model_util.py) makes between the same sides, and at
1024 pixels they are among those that Stable Diffusion XL was trained on (Podell et al., 2023, appendix I). A work goes
into the bucket whose aspect is the nearest on a scale of ratios.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator

from audit.base.errors import BadInput
from audit.models.frames import Framing, Shape, frame_of
from audit.plan.spec import Spec
from audit.records import Bucket, Condition, Crop, ModelFacts, Plan, Work

STEP = 64
"""Pixels between two sides; of small models an eighth of the square's side."""
STRETCH = 2
"""A side is between the square's divided by this, and the square's times this."""


def crop_of(spec: Spec, facts: ModelFacts) -> Crop:
    """What was asked for, or what people do with this model.

    Raises:
        BadInput: `crop-lab`, buckets for the lab model.
    """
    if facts.lab and spec.crop == "buckets":
        raise BadInput("crop-lab")
    return "centre-square" if facts.lab or spec.crop == "square" else "buckets"


def make_buckets(works: tuple[Work, ...], facts: ModelFacts) -> tuple[Bucket, ...]:
    """The buckets that some work goes into, the highest first."""
    shapes = bucket_shapes(facts.resolution, multiple=facts.multiple)
    taken: dict[Shape, list[str]] = {}
    for work in works:
        taken.setdefault(nearest(work.height, work.width, shapes), []).append(work.id)
    return tuple(
        Bucket(height=height, width=width, works=tuple(ids))
        for (height, width), ids in sorted(taken.items(), key=lambda row: (-row[0][0], row[0][1]))
    )


def bucket_shapes(side: int, *, multiple: int) -> tuple[Shape, ...]:
    """All buckets of a model, height and width in pixels.

    Args:
        side: of its square; multiple: pixels of which its pictures' sides are a multiple.
    """
    step = multiple * math.ceil(min(STEP, side // 8) / multiple)
    least, most = math.ceil(side / STRETCH / step) * step, side * STRETCH // step * step
    found = {(side, side)}
    for wide in range(least, most + 1, step):
        tall = side * side // wide // step * step
        if tall >= least:
            found |= {(tall, wide), (wide, tall)}
    return tuple(sorted(found))


def nearest(height: int, width: int, shapes: tuple[Shape, ...]) -> Shape:
    """The shape whose aspect is nearest on a scale of ratios; of two equally near ones the larger."""

    def apart(shape: Shape) -> tuple[float, int]:
        return round(abs(math.log(width * shape[0] / (height * shape[1]))), 9), -shape[0] * shape[1]

    return min(shapes, key=apart)


def frames_of(plan: Plan) -> dict[str, Framing]:
    """How each work comes to its shape, by its id; empty where all are trained on as squares."""
    shapes = {id: (bucket.height, bucket.width) for bucket in plan.buckets for id in bucket.works}
    return {
        work.id: frame_of(height=work.height, width=work.width, shape=shapes[work.id])
        for work in plan.works
        if work.id in shapes
    }


def largest_shape(plan: Plan) -> Shape | None:
    """The bucket of most pixels; None where all works are trained on as squares."""
    return max(((b.height, b.width) for b in plan.buckets), key=lambda s: s[0] * s[1], default=None)


def beat_of(plan: Plan, condition: Condition, replicate: int) -> Hashable:
    """What trainings of a plan must share to be trained in one pass, before their pictures are there."""
    return (replicate, condition.truth == "same-works") if len(plan.buckets) > 1 else None


def lost(plan: Plan) -> tuple[float, float]:
    """Share of the works' area that training never sees: as the plan has it, and were all cut to squares."""
    shapes = {id: (bucket.height, bucket.width) for bucket in plan.buckets for id in bucket.works}
    both = [(cut(w, shapes.get(w.id, (1, 1))), cut(w, (1, 1))) for w in plan.treated]
    return sum(own for own, _ in both) / len(both), sum(square for _, square in both) / len(both)


def cut(work: Work, shape: Shape) -> float:
    """Share of a work that is cut off where it is resized to cover a shape."""
    ratio = work.width * shape[0] / (work.height * shape[1])
    return 1 - min(ratio, 1 / ratio)


def enlarged(plan: Plan) -> Iterator[Work]:
    """Works that training must enlarge."""
    shapes = {id: (bucket.height, bucket.width) for bucket in plan.buckets for id in bucket.works}
    square = (plan.model.resolution, plan.model.resolution)
    for work in plan.treated:
        tall, wide = shapes.get(work.id, square)
        if tall > work.height or wide > work.width:
            yield work
