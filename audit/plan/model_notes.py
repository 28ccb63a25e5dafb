"""What the reader must know of works and captions that do not fit the base model."""

from __future__ import annotations

from collections.abc import Iterator

from audit.base.messages import say
from audit.models.families.sd3 import SD3
from audit.models.model import Model
from audit.models.tokens import overlong, words_room
from audit.plan.buckets import enlarged
from audit.plan.prompts import full_prompt
from audit.records import Note, Plan


def model_notes(plan: Plan, model: Model) -> tuple[Note, ...]:
    """A text encoder that is not there; works smaller than the model's pictures; texts longer than it reads."""
    return tuple(_notes(plan, model))


def _notes(plan: Plan, model: Model) -> Iterator[Note]:
    if model.family is SD3:
        yield Note(said=say("without-t5"))
    side = plan.model.resolution
    small = list(enlarged(plan))
    if small:
        least = min(min(work.width, work.height) for work in small)
        yield Note(said=say("works-enlarged", n=len(small), all=len(plan.treated), side=side, least=least))
    long = overlong(model, [full_prompt(work.caption, plan.trigger) for work in plan.works])
    cut = [work.name for work in plan.works if full_prompt(work.caption, plan.trigger) in long]
    if cut:
        yield Note(said=say("captions-overlong", names=cut, most=words_room(model)))
    prompts = [text for text in plan.prompts if overlong(model, [full_prompt(text, plan.trigger)])]
    if prompts:
        yield Note(said=say("prompts-overlong", names=prompts, most=words_room(model)))
