"""Readings from outside the main comparison: who a picture is taken for, and the card of planted truths."""

from __future__ import annotations

from audit.records import Estimate
from audit.report.results_view import ResultsView
from audit.report.table import Table

RATE = "recognised_rate"


def recognition_sentences(facts: ResultsView) -> tuple[str, ...]:
    """How often pictures are taken for the artist's, by the primary metric; empty where nobody looked."""
    v, headline = facts.voice, facts.headline
    known = next((r for r in facts.results.recognition if r.metric == facts.primary), None)
    names = ["base", "clean", *([headline.name] if headline else [])]
    rates = [_rate(facts, name) for name in names]
    if known is None or headline is None or any(e is None or e.value is None for e in rates):
        return ()
    clean, treated = (_with_range(facts, e) if e else "" for e in rates[1:])
    base = _of_one_model(facts)
    said = (
        v.say(
            "We also asked which of {count} artists a picture is nearest to, by {metric}. Taken for yours: {clean} of "
            "the pictures by the unprotected models, {treated} by the protected ones, and {base} by the base model. A "
            "picture can be taken for yours and still be further away than before: this asks only who is nearest.",
            count=len(known.artists) + 1, metric=facts.primary, clean=clean, treated=treated, base=base,
        ),
        v.say(
            "Of your real works {own} are taken for yours, and {wrong} of the works by the others.",
            own=v.percent(known.own_rate), wrong=v.percent(known.false_rate),
        ),
    )  # fmt: skip
    if facts.results.plan.reference_artists:
        return said
    return (
        *said,
        v.say(
            "The others are the {count} sets of icons and emoji that the built-in model learned to draw from, so that "
            "its own pictures are near to them says little.",
            count=len(known.artists),
        ),
    )


def _of_one_model(facts: ResultsView) -> str:
    """Base's rate as a count: there is one base model, so no range over trainings."""
    cell = next((c for c in facts.results.cells if c.condition == "base"), None)
    taken = [index for index in cell.nearest.get(facts.primary, ()) if index >= 0] if cell else []
    return facts.voice.say("{far} of {all}", far=sum(index == 0 for index in taken), all=len(taken))


def _with_range(facts: ResultsView, rate: Estimate) -> str:
    v = facts.voice
    if rate.low is None or rate.high is None:
        return v.percent(rate.value)
    return v.say(
        "{value} ({low} to {high})", value=v.percent(rate.value), low=v.percent(rate.low), high=v.percent(rate.high)
    )


def recognition_table(facts: ResultsView) -> Table | None:
    """Share of pictures taken for the artist's, for every model and metric."""
    v = facts.voice
    metrics = [r.metric for r in facts.results.recognition]
    rows = tuple(
        (facts.short(name), metric, v.percent(e.value), v.percent(e.low), v.percent(e.high), str(e.n))
        for name in ("base", "clean", *(c.name for c in facts.tested))
        for metric in metrics
        if (e := facts.estimate(RATE, name, metric=metric)) is not None
    )
    real = tuple(
        (name, r.metric, v.percent(rate), "", "", "")
        for name, rates in (
            (v.say("your real works"), [r.own_rate for r in facts.results.recognition]),
            (v.say("works by the others"), [r.false_rate for r in facts.results.recognition]),
        )
        for r, rate in zip(facts.results.recognition, rates, strict=True)
    )
    head = (
        v.say("Drawn by the model trained on"), v.say("Metric"), v.say("Taken for yours"), v.say("Low"), v.say("High"),
        v.say("Units counted"),
    )  # fmt: skip
    return Table(v.say("Share of pictures taken for yours"), head, (*real, *rows)) if rows else None


def calibration_table(facts: ResultsView) -> Table | None:
    """What audits of planted truths showed about this very setup; None without a card."""
    v, card = facts.voice, facts.results.calibration
    if card is None:
        return None
    rows = tuple(
        (
            facts.short(t.condition),
            t.metric,
            v.say("held") if t.truth == "held" else t.truth,
            v.say("{far} of {all}", far=t.wrong, all=t.audits),
            str(t.alarms),
            v.percent(t.rate_at_most),
            v.percent(t.mean),
        )
        for t in card.truths
    )
    head = (
        v.say("Planted"), v.say("Metric"), v.say("True answer"), v.say("Tests that were wrong"),
        v.say("Of these, alarms"), v.say("Rate at most"), v.say("Mean index"),
    )  # fmt: skip
    caption = v.many(
        card.audits,
        "What {n} test of planted truths showed (card {digest})",
        "What {n} tests of planted truths showed (card {digest})",
        digest=card.digest()[:12],
    )
    return Table(caption, head, rows)


def calibration_note(facts: ResultsView) -> str:
    """What counts as wrong and as an alarm in the table of planted truths."""
    return facts.voice.say(
        "A test is wrong if its range leaves out the true index. Where models learned from another artist's works, "
        "it is wrong if that full success would not be called held; the index can lie beyond 100 % there, because any "
        "art teaches a model something. It counts as an alarm only if the range also reaches "
        "further than {limit} from it: that is what stops a test. One level of noise in every work ({name}) is little, "
        "not nothing, so those ranges may leave 0 out more often than chance alone would.",
        name=facts.short("null"),
        limit=facts.voice.percent(facts.results.plan.margins.no_alarm_within),
    )


def _rate(facts: ResultsView, name: str) -> Estimate | None:
    return facts.estimate(RATE, name)
