"""What audits of planted truths showed about this very setup."""

from __future__ import annotations

from collections import Counter

from audit.base.messages import say
from audit.base.text import printable
from audit.report.results_view import ResultsView
from audit.report.table import Table


def calibration_table(view: ResultsView) -> Table | None:
    """What audits of planted truths showed about this very setup; None without a card."""
    loc, card = view.locale, view.results.calibration
    if card is None:
        return None
    # Cards of before know one index and keep no words.
    index = next((t.index for t in card.truths if t.words), "protection_index")
    rows = tuple(
        (
            printable(loc.render(t.label), limit=60),
            t.metric,
            loc.render(say(f"truth.{t.planted}")) if t.planted else t.truth,
            loc.say("{far} of {all}", far=t.wrong, all=t.audits),
            str(t.alarms),
            loc.percent(t.rate_at_most),
            loc.percent(t.mean),
            ", ".join(f"{loc.render(say(f'label.{label}'))}: {n}" for label, n in Counter(t.words).most_common()),
            str(t.too_sure) if t.words else "",
        )
        for t in card.truths
        if t.index == index
    )
    head = (
        loc.say("Planted"), loc.say("Metric"), loc.say("True answer"), loc.say("Tests that were wrong"),
        loc.say("Of these, alarms"), loc.say("Rate at most"), loc.say("Mean index"),
        loc.say("Words given"), loc.say("Of these, surer than true"),
    )  # fmt: skip
    caption = loc.many(
        card.audits,
        "What {n} test of planted truths showed (card with the canonical digest {digest})",
        "What {n} tests of planted truths showed (card with the canonical digest {digest})",
        digest=card.digest()[:12],
    )
    return Table(caption, head, rows)


def calibration_note(view: ResultsView) -> str:
    """What counts as wrong and as an alarm in the table of planted truths; without a card, that there is none."""
    if view.results.calibration is None:
        return view.locale.say(
            "Never calibrated on this model with this preset and score. {command} does it: it runs tests whose true "
            "answer is known, and counts how often they err.",
            command="cloakcheck calibrate",
        )
    return view.locale.say(
        "A test is wrong if its range leaves out the true index. Where models learned from another artist's works, "
        "it is wrong if that full success would not be called held; the index can lie beyond 100 % there, because any "
        "art teaches a model something. It counts as an alarm only if the range also reaches "
        "further than {limit} from it: that is what stops a test. One level of noise in every work ({name}) is little, "
        "not nothing, so those ranges may leave 0 out more often than chance alone would. What lies between nothing "
        "and all has no answer known beforehand: the mean of the other tests stands for it. A word is surer than true "
        "if it claims more protection than that, or less. The rate at most is the upper end of a one-sided 95 % range.",
        name=view.locale.say("tiny change"),
        limit=view.locale.percent(view.results.plan.margins.no_alarm_within),
    )
