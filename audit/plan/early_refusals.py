"""What a glance at folders and names tells, before anything large is loaded: most mistakes are of this kind."""

from __future__ import annotations

from audit.base.errors import BadInput
from audit.base.messages import Said, say
from audit.collect import MIN_WORKS, list_folders
from audit.collect.by_hand import read_pairs
from audit.collect.captions import read_captions
from audit.collect.pairing import refuse_swapped
from audit.models.layout import resolve
from audit.plan.spec import Spec

MANY_WORKS = 120
ENOUGH_WORKS = 60
"""With more, the range of an index reaches hardly less far (`judge.reach`): 9 points with 60 works, 7 with 400."""


def refuse_early(spec: Spec) -> tuple[Said, ...]:
    """Refuse folders and models that are absent or of another kind, folders that were swapped, and too few works.

    Returns: advice, for a folder of very many works.

    Raises:
        BadInput: as `collect` of the same folders; `nothing-to-test`; those of a captions file and of a file of pairs.
        BadModel: as `resolve`.
    """
    works, arms = list_folders(originals=spec.originals, protected=spec.protected, notes=[], least=MIN_WORKS)
    for arm in arms:
        refuse_swapped([p.name for p in works], [p.name for p in arm.listed])
    if not spec.protected and not spec.protect and not spec.planted_only:
        raise BadInput("nothing-to-test")
    if spec.pairs is not None:
        read_pairs(spec.pairs)
    if spec.captions is not None:
        read_captions(spec.captions)
    for model in filter(None, (spec.model, spec.surrogate, spec.draw_with)):
        resolve(model)
    if len(works) <= MANY_WORKS:
        return ()
    return (say("now.many-works", works=len(works), enough=ENOUGH_WORKS, each=len(works) // ENOUGH_WORKS),)
