"""What audits of planted truths showed about this very setup."""

from __future__ import annotations

from audit.base.text import printable
from audit.report.results_view import ResultsView
from audit.report.table import Table


def calibration_table(view: ResultsView) -> Table | None:
    """What audits of planted truths showed about this very setup; None without a card."""
    loc, card = view.locale, view.results.calibration
    if card is None:
        return None
    rows = tuple(
        (
            printable(loc.render(t.label), limit=60),
            t.metric,
            loc.say("held") if t.truth == "held" else t.truth,
            loc.say("{far} of {all}", far=t.wrong, all=t.audits),
            str(t.alarms),
            loc.percent(t.rate_at_most),
            loc.percent(t.mean),
        )
        for t in card.truths
    )
    head = (
        loc.say("Planted"), loc.say("Metric"), loc.say("True answer"), loc.say("Tests that were wrong"),
        loc.say("Of these, alarms"), loc.say("Rate at most"), loc.say("Mean index"),
    )  # fmt: skip
    caption = loc.many(
        card.audits,
        "What {n} test of planted truths showed (card {digest})",
        "What {n} tests of planted truths showed (card {digest})",
        digest=card.digest()[:12],
    )
    return Table(caption, head, rows)


def calibration_note(view: ResultsView) -> str:
    """What counts as wrong and as an alarm in the table of planted truths."""
    return view.locale.say(
        "A test is wrong if its range leaves out the true index. Where models learned from another artist's works, "
        "it is wrong if that full success would not be called held; the index can lie beyond 100 % there, because any "
        "art teaches a model something. It counts as an alarm only if the range also reaches "
        "further than {limit} from it: that is what stops a test. One level of noise in every work ({name}) is little, "
        "not nothing, so those ranges may leave 0 out more often than chance alone would.",
        name=view.locale.say("tiny change"),
        limit=view.locale.percent(view.results.plan.margins.no_alarm_within),
    )
