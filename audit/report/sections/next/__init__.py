"""What to do next."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import VerdictLabel
from audit.report.locale import ReportLocale
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView


@dataclass(frozen=True)
class NextSteps:
    lines: tuple[str, ...]


def build(view: ResultsView, _: Shelf) -> NextSteps:
    """What fits the verdict, then what fits any."""
    after = _after(view.locale, view.verdict.label)
    if view.results.pending:
        after = (view.locale.say("Wait until the run has ended. It writes this page again, with its controls."),)
    return NextSteps((*_elsewhere(view), *after, *_always(view.locale)))


def _elsewhere(view: ResultsView) -> tuple[str, ...]:
    """The lab model answers for itself alone."""
    if not view.results.plan.model.lab:
        return ()
    return (
        view.locale.say(
            "Test on a real base model: this one was the lab's. “cloakcheck models” lists what can be fetched. "
            "Then give the same command with --model."
        ),
    )


def _after(loc: ReportLocale, label: VerdictLabel) -> tuple[str, ...]:
    online = loc.say("Test the files that are online now. Sites often shrink and re-save pictures.")
    compare = loc.say("Compare other settings or other tools on the same works.")
    steps: dict[VerdictLabel, tuple[str, ...]] = {
        "held": (
            online,
            loc.say("Test again when you update the tool, or when new ways around it are published."),
        ),
        "held-plain": (
            loc.say("Run the test again with the usual ways around it: JPEG, levels, a purifier, noisy upscaling."),
            online,
        ),
        "partly-held": (compare, online),
        "models-broke": (
            loc.say("Look at the picture grid yourself: do the pictures still show what was asked for?"),
            loc.say("Test with fewer training steps or a lower learning rate, as somebody who wants the style would."),
        ),
        "did-not-hold": (
            compare,
            loc.say("Look at the picture grid yourself. A score is one view, your eye is another."),
        ),
        "inconclusive": (
            loc.say("Run the test again with more trainings. The range gets narrower with each one."),
            loc.say("Add more works, if you have them."),
        ),
        "not-valid": (
            loc.say("Read the failed check above. It says what went wrong."),
            loc.say("Mend that, then run the test again. Finished steps are kept."),
        ),
        "exploratory": (
            loc.say("Run the full test, with at least as many trainings as a verdict needs."),
            loc.say("Until then, treat the number as a hint."),
        ),
    }
    return steps[label]


def _always(loc: ReportLocale) -> tuple[str, ...]:
    return (
        loc.say("Keep this file together with the whole run folder, so that others can check it."),
        loc.say(
            "If you plan to use it in a dispute, talk to a lawyer first. This report is a measurement for an expert "
            "to explain, and no legal advice."
        ),
    )
