"""What stands beside the number on the first screen: the placebos, and how visible the protection is."""

from __future__ import annotations

from collections.abc import Iterator

from audit.base.messages import say
from audit.records import Condition
from audit.records.rounding import wide
from audit.report.results_view import ResultsView

MOSTLY_KEPT = 0.5
"""Of a change, the share left at the model's size, below which that is told beside the answer."""


def beside(view: ResultsView, headline: Condition) -> tuple[str, ...]:
    """A sentence for each placebo as strong as the protection, and one on what the eye sees of the protection."""
    name = headline.of or headline.name
    return (*_placebos(view, name), *_seen(view, name), *_shrunk(view, name))


def _placebos(view: ResultsView, protection: str) -> Iterator[str]:
    loc = view.locale
    for condition in view.results.plan.conditions:
        if condition.matches and protection not in condition.matches:
            continue
        index = view.estimate("protection_index", condition.name) if condition.role == "placebo" else None
        if index is None or index.value is None:
            continue
        # In the words of the table of all that was tested, so that one result has one figure.
        placebo, learned, likely = view.label(condition.name), view.change(index), view.likely(index)
        if not likely:
            yield loc.say("For comparison, with {placebo}: {learned}.", placebo=placebo, learned=learned)
        elif wide(index):
            yield loc.say("For comparison, with {placebo}: {likely}.", placebo=placebo, likely=likely)
        else:
            yield loc.say(
                "For comparison, with {placebo}: {learned} ({likely}).",
                placebo=placebo, learned=learned, likely=likely,
            )  # fmt: skip


def _seen(view: ResultsView, protection: str) -> Iterator[str]:
    loc, seen = view.locale, view.reading(protection).seen
    if seen is None or seen.eye is None or seen.psnr is None:
        return
    figures = f"PSNR {loc.number(seen.psnr, digits=1)} dB"
    if seen.lpips is not None:
        figures += f", LPIPS {loc.number(seen.lpips)}"
    words = loc.render(seen.eye)
    yield loc.say(
        "To the eye, by a rule of thumb, the protection is {words} ({figures}).", words=words, figures=figures
    )


def _shrunk(view: ResultsView, protection: str) -> Iterator[str]:
    seen = view.reading(protection).seen
    if seen is not None and seen.kept is not None and seen.kept < MOSTLY_KEPT:
        yield view.locale.render(say("shrunk", side=view.results.plan.model.resolution, share=seen.kept))
