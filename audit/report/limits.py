"""The fixed text of "What this does not tell you": the only sentences that may use banned words, to deny them."""

from __future__ import annotations

from audit.report.locale import Voice

LAB_LIMIT = (
    "Lab model: shows how the method works and compares protections; says nothing about your art under "
    "Stable Diffusion."
)


def limits(v: Voice, *, full: bool = False) -> tuple[str, ...]:
    """The limits of every test, in the page's language.

    Args:
        full: whole models were trained, not add-ons.
    """
    kind = v.say(
        "It tells you about one kind of imitation: small add-on trainings (LoRA) of one base model, on your "
        "pictures, with the settings listed below."
    )
    if full:
        kind = v.say(
            "It tells you about one kind of imitation: training a whole base model on your pictures, with the "
            "settings listed below."
        )
    return (
        kind,
        v.say(
            "It does not cover other ways to imitate: picture-to-picture tools, style transfer, painting into a "
            "picture, or adapters that read a picture directly."
        ),
        v.say("It does not cover closed services or models that were not tested."),
        v.say("It does not cover later versions of a protection, or later ways around one."),
        v.say("It does not tell who trained a model on your work, or whether anyone did."),
        v.say(
            "A style score is a measurement. It is not a legal finding on whether a picture infringes a right, was "
            "copied or is substantially similar."
        ),
        v.say(
            "A run on another machine gives other pictures. We expect the same answer within the range shown, not "
            "the same pixels."
        ),
        v.say(
            "The lines between the verdict words are choices made before the run. They have not been checked against "
            "what people see."
        ),
    )
