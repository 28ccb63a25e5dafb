"""What a condition's name meant in schema version 1, where everything about it was read from its name.

Frozen: today's conditions carry these facts as fields, and their words come from the rows of treatments. Nothing here
follows when those change.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from audit.base.messages import Said, words
from audit.base.text import printable

# A name without an argument reads as the first text, one with an argument as the second.
SUBJECTS: dict[str, tuple[str, str]] = {
    "clean": ("your unprotected originals", "your unprotected originals ({arg})"),
    "clean-again": ("your originals trained once more", "your originals trained once more ({arg})"),
    "protected": ("your protected files", "your protected files ({arg})"),
    "placebo": ("random noise in place of a protection", "random noise at strength {arg} of 255"),
    "placebo-lpips": ("random noise as visible as the protection", "random noise at distance {arg}"),
    "style-cloak": ("the reference protection style-cloak", "the reference protection style-cloak at distance {arg}"),
    "null": ("a change too small to see", "a change too small to see ({arg})"),
    "identity": ("unchanged copies of your originals", "unchanged copies of your originals ({arg})"),
    "other-artist": ("works by another artist", "works by another artist ({arg})"),
    "mixed": ("a mix of protected and unprotected files", "a mix with a share of {arg} left unprotected"),
    "as-published": ("your files as a website shows them", "your files as a website shows them ({arg})"),
}
COUNTERMEASURES: dict[str, tuple[str, str]] = {
    "jpeg": ("JPEG compression", "JPEG compression at quality {arg}"),
    "resize": ("resizing", "resizing ({arg})"),
    "bilateral": ("edge-keeping smoothing", "edge-keeping smoothing ({arg} passes)"),
    "bits": ("fewer colours", "fewer colours ({arg} bits)"),
    "tv": ("total-variation smoothing", "total-variation smoothing ({arg})"),
    "noisy-upscale": ("noise and repainting", "noise at strength {arg} of 255 and repainting"),
    "impress": ("the purifier IMPRESS", "the purifier IMPRESS ({arg})"),
    "as-published": ("publishing on a website", "publishing on {arg}"),
    "mixed": ("putting part of the originals back", "putting a share of {arg} of the originals back"),
    "noise": ("added noise", "added noise at strength {arg} of 255"),
    "blur": ("blurring", "blurring ({arg})"),
    "median": ("a median filter", "a median filter ({arg})"),
    "vae": ("a pass through an autoencoder", "a pass through an autoencoder ({arg})"),
    "diffusion": ("repainting by a diffusion model", "repainting by a diffusion model ({arg})"),
}
SHORT = {
    "clean": "unprotected",
    "protected": "protected",
    "placebo": "random noise",
    "null": "tiny change",
    "clean-again": "originals again",
    "identity": "unchanged copies",
    "other-artist": "another artist",
    "as-published": "as published",
    "mixed": "mixed",
}
TRUTHS = {
    "identity": "same-pixels",
    "null": "same-pictures",
    "clean-again": "same-works",
    "other-artist": "other-works",
}


def told(condition: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The fields that came with version 2, of a condition of a plan whose conditions have these names."""
    name, steps = condition["name"], tuple(condition.get("steps", ()))
    of, plus, text = name.partition("+")
    parts = text.split("+") if plus else []
    twin = f"clean+{text}"
    protected = bool(plus) and of != "clean" and condition.get("role") == "counter"
    return {
        "words": condition_words(name),
        "label": condition_label(name, names),
        "of": of if plus else None,
        "treated_by": steps[len(steps) - len(parts) :] if plus else (),
        "twin": twin if protected and twin in names else None,
        "budget": _budget(steps) if condition.get("role") == "placebo" else None,
        "truth": TRUTHS.get(name.partition(":")[0]),
    }


def condition_words(name: str) -> Said:
    """A condition as a noun phrase."""
    subject, *treatments = printable(name, limit=80).split("+")
    pictures = _part(subject, SUBJECTS) or _reference_protection(subject)
    if not treatments:
        return pictures
    steps = [_part(treatment, COUNTERMEASURES) or _treatment(treatment) for treatment in treatments]
    chain = reduce(lambda first, second: words("{first} and then {second}", first=first, second=second), steps)
    return words("{pictures} after {treatment}", pictures=pictures, treatment=chain)


def condition_label(name: str, names: Sequence[str]) -> Said:
    """A condition in a word or two, with its argument where another one would be called the same."""
    first, *rest = printable(name, limit=60).split("+")
    kind, _, argument = first.partition(":")
    label = words(SHORT[kind]) if kind in SHORT else words("{name}", name=first)
    alike = sum(n.partition(":")[0] == kind for n in names if "+" not in n and n != "clean")
    if kind in SHORT and argument and alike > 1:
        label = words("{label} {arg}", label=label, arg=argument)
    return reduce(lambda made, step: words("{label} + {step}", label=made, step=step), rest, label)


def _budget(steps: Sequence[str]) -> float | None:
    found = [step.partition(":") for step in steps]
    levels = [float(level) for name, _, level in found if name == "placebo" and level.isdecimal()]
    return max(levels, default=None)


def _part(part: str, table: dict[str, tuple[str, str]]) -> Said | None:
    name, _, arg = part.partition(":")
    if name not in table:
        return None
    without, with_argument = table[name]
    return words(with_argument, arg=arg) if arg else words(without)


def _reference_protection(part: str) -> Said:
    name, _, arg = part.partition(":")
    if not arg:
        return words("the reference protection {name}", name=name)
    if arg.replace(".", "", 1).isdecimal():
        return words("the reference protection {name} at strength {arg} of 255", name=name, arg=arg)
    return words("the reference protection {name} ({arg})", name=name, arg=arg)


def _treatment(part: str) -> Said:
    name, _, arg = part.partition(":")
    return (
        words("the treatment {name} ({arg})", name=name, arg=arg) if arg else words("the treatment {name}", name=name)
    )
