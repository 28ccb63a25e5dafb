"""What a glance at folders and names tells, before anything large is loaded: most mistakes are of this kind."""

from __future__ import annotations

from audit.base.errors import BadInput
from audit.collect import MIN_WORKS, list_folders
from audit.collect.by_hand import read_pairs
from audit.collect.captions import read_captions
from audit.collect.pairing import refuse_swapped
from audit.models.layout import resolve
from audit.plan.spec import Spec


def refuse_early(spec: Spec) -> None:
    """Refuse folders and models that are absent or of another kind, folders that were swapped, and too few works.

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
