"""Who a picture is taken for: how often the nearest artist is this one."""

from __future__ import annotations

from audit.records import BASE, Estimate
from audit.report.estimates import rounded
from audit.report.results_view import ResultsView
from audit.report.table import Table

RATE = "recognised_rate"


def recognition_sentences(view: ResultsView) -> tuple[str, ...]:
    """How often pictures are taken for the artist's, by the primary metric; empty where nobody looked."""
    loc, headline = view.locale, view.headline
    known = next((r for r in view.results.recognition if r.metric == view.primary), None)
    names = [BASE, view.clean, *([headline.name] if headline else [])]
    rates = [_rate(view, name) for name in names]
    if known is None or headline is None or any(e is None or e.value is None for e in rates):
        return ()
    clean, treated = (_with_range(view, e) if e else "" for e in rates[1:])
    base = _of_one_model(view)
    said: tuple[str, ...] = (
        loc.say(
            "We also asked which of {count} artists a picture is nearest to, by {metric}. Taken for yours: {clean} of "
            "the pictures by the unprotected models, {treated} of those by models trained on {condition}, and {base} "
            "of the base model's. A "
            "picture can be taken for yours and still be further away than before: this asks only who is nearest.",
            count=len(known.artists) + 1, metric=view.primary, clean=clean, treated=treated, base=base,
            condition=view.label(headline.name),
        ),
        loc.say(
            "Of your real works {own} are taken for yours, and {wrong} of the works by the others.",
            own=loc.percent(known.own_rate), wrong=loc.percent(known.false_rate),
        ),
    )  # fmt: skip
    if len(view.results.recognition) > 1:
        said = (
            *said,
            loc.say(
                "The shares differ by score, because each score reads other features: one may find the nearest artist "
                "by colour, another by line. Compare shares of one score only."
            ),
        )
    if view.results.plan.reference_artists:
        return said
    return (
        *said,
        loc.say(
            "The others are the {count} sets of icons and emoji that the built-in model learned to draw from, so that "
            "its own pictures are near to them says little.",
            count=len(known.artists),
        ),
    )


def _of_one_model(view: ResultsView) -> str:
    """Base's rate as a count: there is one base model, so no range over trainings."""
    counted = next((b for b in view.readings.base_recognised if b.metric == view.primary), None)
    if counted is None:
        return view.locale.missing
    return view.locale.say("{far} of {all}", far=counted.taken, all=counted.pictures)


def _with_range(view: ResultsView, rate: Estimate) -> str:
    loc = view.locale
    if rate.low is None or rate.high is None:
        return rounded(loc, rate)
    return loc.say(
        "{value} ({low} to {high})",
        value=rounded(loc, rate),
        low=loc.percent(rate.low),
        high=loc.percent(rate.high),
    )


def recognition_table(view: ResultsView) -> Table | None:
    """Share of pictures taken for the artist's, for every model and metric."""
    loc = view.locale
    metrics = [r.metric for r in view.results.recognition]
    rows = tuple(
        (view.short(name), metric, rounded(loc, e), loc.percent(e.low), loc.percent(e.high), str(e.n))
        for name in (BASE, view.clean, *(c.name for c in view.tested))
        for metric in metrics
        if (e := view.estimate(RATE, name, metric=metric)) is not None
    )
    real = tuple(
        (name, r.metric, loc.percent(rate), "", "", "")
        for name, rates in (
            (loc.say("your real works"), [r.own_rate for r in view.results.recognition]),
            (loc.say("works by the others"), [r.false_rate for r in view.results.recognition]),
        )
        for r, rate in zip(view.results.recognition, rates, strict=True)
    )
    head = (
        loc.say("Drawn by the model trained on"),
        loc.say("Metric"),
        loc.say("Taken for yours"),
        loc.say("Low"),
        loc.say("High"),
        loc.say("Units counted"),
    )
    return Table(loc.say("Share of pictures taken for yours"), head, (*real, *rows)) if rows else None


def _rate(view: ResultsView, name: str) -> Estimate | None:
    return view.estimate(RATE, name)
