"""Conditions by the names that are typed, as the plan makes them, without its torch.

`tests/test_condition_words.py` holds them to `audit.plan.conditions`.
"""

from __future__ import annotations

from audit import records as r
from audit.base.messages import words

PLAIN = {
    "clean": r.Condition(
        name="clean", role="clean", words=words("your unprotected originals"), label=words("unprotected")
    ),
    "protected": r.Condition(
        name="protected",
        role="protected",
        source="protected-files",
        primary=True,
        words=words("your protected files"),
        label=words("protected"),
    ),
    "clean-again": r.Condition(
        name="clean-again",
        role="control",
        truth="same-works",
        words=words("your originals trained once more"),
        label=words("originals again"),
    ),
    "other-artist": r.Condition(
        name="other-artist",
        role="control",
        source="other-artist",
        truth="other-works",
        words=words("works by another artist"),
        label=words("another artist"),
    ),
    "diluted:0.5": r.Condition(
        name="diluted:0.5",
        role="control",
        source="other-artist",
        truth="part-works",
        other_share=0.5,
    ),
    "null": r.Condition(
        name="null",
        role="control",
        steps=("null",),
        truth="same-pictures",
        words=words("a change too small to see"),
        label=words("tiny change"),
    ),
    "identity": r.Condition(
        name="identity",
        role="control",
        steps=("identity",),
        truth="same-pixels",
        words=words("unchanged copies of your originals"),
        label=words("unchanged copies"),
    ),
}
COUNTERS = {"jpeg:50": words("JPEG compression at quality {arg}", arg="50")}


def condition(name: str, **changes: object) -> r.Condition:
    """The condition of that name, for instance `clean`, `encoder-pgd:16`, `placebo:16`, `protected+jpeg:50`."""
    first, *counters = name.split("+")
    made = _first(first) if not counters else _under(_first(first), *counters)
    return made.model_copy(update=changes)


def conditions(*names: str) -> tuple[r.Condition, ...]:
    """Several, with the twins of those under countermeasures where they are among them."""
    made = [condition(name) for name in names]
    return tuple(c if c.twin is None or c.twin in names else c.model_copy(update={"twin": None}) for c in made)


WAYS: dict[str, r.Way] = {
    "jpeg:50": "jpeg", "tone:0.05": "tone", "diffusion:0.1": "purifier", "noisy-upscale:26": "noisy-upscaling",
}  # fmt: skip
RECIPES = tuple(r.Recipe(step=step, kind="counter", follows=words("made up"), way=way) for step, way in WAYS.items())
"""What a plan says of the whole battery of ways around a protection."""


def tried(of: r.Condition) -> r.Condition:
    """A protection after the whole battery at once, beside the primary ones."""
    return r.Condition(
        name=f"{of.name}+all", role="counter", source=of.source, steps=(*of.steps, *WAYS), of=of.name,
        treated_by=tuple(WAYS), words=words("{of} after all of it", of=of.words), label=words("all of it"),
    )  # fmt: skip


def _first(name: str) -> r.Condition:
    if name in PLAIN:
        return PLAIN[name]
    kind, _, budget = name.partition(":")
    if kind == "placebo":
        return r.Condition(
            name=name,
            role="placebo",
            steps=(f"placebo:{budget or 16}",),
            words=words("random noise at strength {arg} of 255", arg=budget)
            if budget
            else words("random noise in place of a protection"),
            label=words("random noise"),
            budget=float(budget or 16),
        )
    said = words("the reference protection {name} at strength {arg} of 255", name=kind, arg=budget)
    return r.Condition(
        name=name, role="protected", steps=(name,), primary=True, words=said, label=words("{name}", name=name)
    )


def _under(of: r.Condition, *counters: str) -> r.Condition:
    treatment, label = COUNTERS[counters[0]], words("{label} + {step}", label=of.label, step=counters[0])
    for step in counters[1:]:
        treatment = words("{first} and then {second}", first=treatment, second=COUNTERS[step])
        label = words("{label} + {step}", label=label, step=step)
    return r.Condition(
        name="+".join((of.name, *counters)),
        role="counter",
        source=of.source,
        steps=(*of.steps, *counters),
        primary=of.role != "clean",
        words=words("{pictures} after {treatment}", pictures=of.words, treatment=treatment),
        label=label,
        of=of.name,
        treated_by=counters,
        twin=None if of.role == "clean" else "+".join(("clean", *counters)),
    )
