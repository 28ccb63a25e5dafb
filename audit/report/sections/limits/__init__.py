"""The fixed text of "What this does not tell you": the only sentences that may use banned words, to deny them."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.locale import ReportLocale, message
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView

LAB_LIMIT = message(
    "Lab model: shows how the method works and compares protections; says nothing about your art under "
    "Stable Diffusion."
)


@dataclass(frozen=True)
class Limits:
    lines: tuple[str, ...]


def build(view: ResultsView, _: Shelf) -> Limits:
    """The limits of every test, and those of this one."""
    loc, plan = view.locale, view.results.plan
    lab = (loc.say(LAB_LIMIT),) if plan.model.lab else ()
    own = loc.many(
        view.results.replicates,
        "This run used one base model, {n} paired training and {works} works. Other models, settings or works can give "
        "another answer.",
        "This run used one base model, {n} paired trainings and {works} works. Other models, settings or works can "
        "give another answer.",
        works=len(plan.works),
    )
    return Limits((*lab, *limits(loc, full=plan.training.method == "full"), own))


def limits(loc: ReportLocale, *, full: bool = False) -> tuple[str, ...]:
    """The limits of every test, in the page's language.

    Args:
        full: whole models were trained, not add-ons.
    """
    kind = loc.say(
        "It tells you about one kind of imitation: small add-on trainings (LoRA) of one base model, on your "
        "pictures, with the settings listed below."
    )
    if full:
        kind = loc.say(
            "It tells you about one kind of imitation: training a whole base model on your pictures, with the "
            "settings listed below."
        )
    return (
        kind,
        loc.say(
            "It does not cover other ways to imitate: picture-to-picture tools, style transfer, painting into a "
            "picture, or adapters that read a picture directly."
        ),
        loc.say("It does not cover closed services or models that were not tested."),
        loc.say("It does not cover later versions of a protection, or later ways around one."),
        loc.say("It does not tell who trained a model on your work, or whether anyone did."),
        loc.say(
            "A style score is a measurement. It is not a legal finding on whether a picture infringes a right, was "
            "copied or is substantially similar."
        ),
        loc.say(
            "A run on another machine gives other pictures. We expect the same answer within the range shown, not "
            "the same pixels."
        ),
        loc.say(
            "The lines between the verdict words are choices made before the run. They have not been checked against "
            "what people see."
        ),
    )
