"""Which subjects the models are asked for, and the words that are put to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.files import read_bounded
from audit.base.messages import say
from audit.base.text import printable
from audit.models.tokens import JOINT
from audit.plan.prompt_lists import LISTS, list_digest, subjects
from audit.plan.spec import MOST_BYTES, Spec
from audit.records import ArtistSet, Note, Plan, PromptList

PROMPTS = {"quick": 12, "standard": 24, "court": 24}
"""How many a replicate draws from the list; all of them where there are no more."""
MAX_PROMPTS = 2000
JOINING = frozenset(
    "the and with for from into over under onto near beside between among behind above below his her its their "
    "two three full picture".split()
)
"""Words of three letters and more that do not tell a subject."""


def check_prompts(spec: Spec) -> None:
    """Find prompts that cannot be used before any picture is read.

    Raises:
        BadInput: `prompts-unreadable`, `prompts-count`, `prompt-list-unknown`, `prompts-twice`.
    """
    if spec.prompt_list and spec.prompt_list not in LISTS:
        raise BadInput("prompt-list-unknown", name=spec.prompt_list, choices=tuple(LISTS))
    if spec.prompts is not None:
        if spec.prompt_list:
            raise BadInput("prompts-twice")
        _read_prompts(spec.prompts)


def choose_prompts(spec: Spec, artist: ArtistSet, *, lab: bool) -> tuple[str, ...]:
    """The declared list, from which every replicate draws: all subjects that share no word with any work's caption.

    So content cannot leak. When fewer remain than a replicate asks for, the list is filled up with the first of the
    others. A file given by the user is taken as it is; `prompt_list_of` says what of it is shared.

    Args:
        lab: whether the base model is the lab's, which has a list of its own.
    """
    if spec.prompts is not None:
        return _read_prompts(spec.prompts)
    listed = subjects(_name(spec, lab=lab))
    shared = shared_prompts(listed, artist)
    fresh = [p for p in listed if p not in shared]
    return (*fresh, *shared[: max(0, PROMPTS[spec.preset] - len(fresh))])


def prompt_list_of(spec: Spec, artist: ArtistSet, prompts: Sequence[str], *, lab: bool) -> PromptList:
    """Where a plan's prompts come from, and how many of them share a word with captions."""
    name = "" if spec.prompts is not None else _name(spec, lab=lab)
    whole = subjects(name) if name else prompts
    return PromptList(
        name=name, listed=len(whole), sha256=list_digest(whole), shared=len(shared_prompts(prompts, artist))
    )


def prompt_notes(plan: Plan) -> tuple[Note, ...]:
    """What the reader must know about prompts that name what training works show."""
    source = plan.prompt_list
    if source is None or not source.shared:
        return ()
    return (Note(said=say("prompts-overlap", n=source.shared, all=len(plan.prompts))),)


def shared_prompts(prompts: Sequence[str], artist: ArtistSet) -> tuple[str, ...]:
    """Prompts that share a word with the caption of any work: a model may draw the work itself for them."""
    shown = {word for work in artist.works for word in _words(work.caption)}
    return tuple(p for p in prompts if shown & set(_words(p)))


def _name(spec: Spec, *, lab: bool) -> str:
    return spec.prompt_list or ("lab" if lab else "everyday")


def _words(text: str) -> list[str]:
    """Words that tell what is shown; what joins them tells nothing."""
    return [word for word in re.findall(r"[a-z]{3,}", text.lower()) if word not in JOINING]


def _read_prompts(path: Path) -> tuple[str, ...]:
    try:
        text = read_bounded(path, limit=MOST_BYTES).decode("utf-8")
    except FileNotFoundError as error:
        raise BadInput("prompts-unreadable.absent", file=path.name) from error
    except (OSError, ValueError) as error:
        raise BadInput("prompts-unreadable", file=path.name) from error
    lines = [printable(line.strip()) for line in text.splitlines()]
    prompts = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not 1 <= len(prompts) <= MAX_PROMPTS:
        raise BadInput("prompts-count", file=path.name, count=len(prompts), most=MAX_PROMPTS)
    return prompts


def full_prompt(subject: str, trigger: str) -> str:
    """What the text encoder reads, in training captions and in prompts alike."""
    return f"{subject}{JOINT}{trigger}"
