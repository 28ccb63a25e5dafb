"""Which subjects the models are asked for, and the words that are put to them."""

from __future__ import annotations

import re
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.files import read_bounded
from audit.base.text import printable
from audit.models.cards import LAB_PROMPTS
from audit.plan.spec import MOST_BYTES, Spec
from audit.records import ArtistSet

PROMPTS = {"quick": 12, "standard": 24, "court": 24}
MAX_PROMPTS = 500


def check_prompts(spec: Spec) -> None:
    """Find a prompt file that cannot be used before any picture is read.

    Raises:
        BadInput: `prompts-unreadable`, `prompts-count`.
    """
    if spec.prompts is not None:
        _read_prompts(spec.prompts)


def choose_prompts(spec: Spec, artist: ArtistSet) -> tuple[str, ...]:
    """Subjects in the list's order that share no word with any work's caption, so that content cannot leak.

    When fewer remain than the preset wants, the list is filled up with the first of the others.
    A file given by the user is taken as it is.
    """
    wanted = PROMPTS[spec.preset]
    if spec.prompts is not None:
        return _read_prompts(spec.prompts)
    listed = _read_prompts(LAB_PROMPTS)
    shown = {word for work in artist.works for word in _words(work.caption)}
    fresh = [p for p in listed if not shown & set(_words(p))]
    return tuple([*fresh, *(p for p in listed if p not in fresh)][:wanted])


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]{3,}", text.lower())


def _read_prompts(path: Path) -> tuple[str, ...]:
    try:
        text = read_bounded(path, limit=MOST_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        raise BadInput("prompts-unreadable", file=path.name) from error
    lines = [printable(line.strip()) for line in text.splitlines()]
    prompts = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not 1 <= len(prompts) <= MAX_PROMPTS:
        raise BadInput("prompts-count", file=path.name, count=len(prompts), most=MAX_PROMPTS)
    return prompts


def full_prompt(subject: str, trigger: str) -> str:
    """What the text encoder reads, in training captions and in prompts alike."""
    return f"{subject} by {trigger}"
