"""How sure is this: range, chance and smallest visible effect of the headline condition, and the numbers of all."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.sure.chance import chance
from audit.report.sections.sure.numbers import numbers, other_readings
from audit.report.sections.sure.scores import scores
from audit.report.sections.sure.slopes import slopes
from audit.report.table import Drawing, Table


@dataclass(frozen=True)
class Sureness:
    sentences: tuple[str, ...]
    slopes: Drawing | None
    chance: Drawing | None
    scores: Drawing | None
    no_drawing: str
    table: Table
    readings: Table | None
    """Estimates that no other table holds; None without any."""
    withheld: bool
    """No verdict: figures are for experts."""
    gaps: str
    """Sentence about trainings without scores; may be empty."""


def build(view: ResultsView, _: Shelf) -> Sureness:
    """Range, chance and smallest visible effect of the headline condition; numbers of all in a table."""
    loc, plan = view.locale, view.results.plan
    drawn = slopes(view, key="slopes")
    return Sureness(
        sentences=tuple(_sentences(view)),
        slopes=drawn,
        chance=chance(view, key="chance"),
        scores=scores(view, key="scores"),
        no_drawing="" if drawn else loc.say("There is no pair of trainings to draw."),
        table=numbers(view),
        readings=other_readings(view),
        withheld=view.verdict.label == "not-valid",
        gaps=_gaps(
            view,
            [
                loc.say("{condition} (run {run})", condition=view.short(c.name), run=r)
                for c in plan.conditions
                for r in range(1, view.results.replicates + 1)
                if view.mean_score(c.name, r) is None
            ],
        ),
    )


def _gaps(view: ResultsView, gone: list[str]) -> str:
    if not gone:
        return ""
    loc = view.locale
    named = loc.join(gone[:12]) if len(gone) <= 12 else loc.say("{names} and more", names=", ".join(gone[:12]))
    return loc.many(
        len(gone),
        "{n} training could not be used. It is left out, never counted as zero: {named}.",
        "{n} trainings could not be used. They are left out, never counted as zero: {named}.",
        named=named,
    )


def _placebo(view: ResultsView) -> list[str]:
    """What random noise did by itself, where that is sure and too much to go unsaid."""
    noise = view.estimate("protection_index", view.placebo.name) if view.placebo else None
    if noise is None or noise.low is None or noise.high is None or noise.low <= 0 <= noise.high:
        return []
    loc = view.locale
    values = {"low": loc.percent(noise.low), "high": loc.percent(noise.high)}
    if noise.high < 0:
        return [
            loc.say(
                "Random noise in place of a protection surely brought the models nearer to your style here, by this "
                "score (an index from {low} to {high}), so a protection starts from below zero.",
                **values,
            )
        ]
    return [
        loc.say(
            "Random noise in place of a protection surely kept some style away by itself (an index from {low} to "
            "{high}).",
            **values,
        )
    ]


def _sentences(view: ResultsView) -> list[str]:
    loc, headline = view.locale, view.headline
    if headline is None or view.verdict.label == "not-valid":
        return [loc.say("This cannot be said, because there is no verdict. The numbers are kept for experts.")]
    said = []
    index = view.index(headline.name)
    if index is not None and index.low is not None and index.high is not None:
        said.append(
            loc.say(
                "The range of the protection index runs from {low} to {high}. It is built so that, in {level} of tests "
                "like this with these prompts and this base model, the range covers the true value.",
                low=loc.percent(index.low), high=loc.percent(index.high), level=loc.percent(index.level),
            )
        )  # fmt: skip
        wide = view.estimate("index_over_prompts", headline.name)
        if wide is not None and wide.low is not None and wide.high is not None:
            said.append(
                loc.say(
                    "It speaks of these prompts. If prompts, too, are counted as drawn by chance from others of their "
                    "kind, the range is {low} to {high}.",
                    low=loc.percent(wide.low), high=loc.percent(wide.high),
                )
            )  # fmt: skip
    elif index is not None and index.value is not None:
        reason = view.locale.render(index.why) or loc.say("too few trainings")
        said.append(
            loc.say("There is no range around {value}: {reason}.", value=loc.percent(index.value), reason=reason)
        )
    equal = view.estimate("index_at_equal_noise", headline.name)
    if equal is not None and equal.low is not None and equal.high is not None:
        said.append(
            loc.say(
                "Models trained on the protected works drew noisier pictures, and noise alone can move the score. With "
                "as much noise in all pictures the protection index would be {value} ({low} to {high}).",
                value=loc.percent(equal.value),
                low=loc.percent(equal.low),
                high=loc.percent(equal.high),
            )
        )
        if view.reading(headline.name).softened:
            said.append(loc.say("The answer above is what both figures allow."))
    same = view.estimate("index_at_equal_treatment", headline.name)
    if same is not None and same.low is not None and same.high is not None:
        said.append(
            loc.say(
                "Whoever trains may do the same to unprotected works. Against models trained on those, the protection "
                "index would be {value} ({low} to {high}).",
                value=loc.percent(same.value), low=loc.percent(same.low), high=loc.percent(same.high),
            )
        )  # fmt: skip
    chance = view.estimate("p_sign_flip", headline.name)
    if chance is not None and chance.value is not None:
        said.append(
            loc.say(
                "If the protection did nothing, a difference at least this large would still turn up by chance with "
                "probability {p}; with {runs} pairs of trainings the smallest that can be found is {least}.",
                p=loc.p_value(chance.value), runs=chance.n, least=loc.p_value(view.reading(headline.name).least_p),
            )
        )  # fmt: skip
    said += _placebo(view)
    smallest = view.estimate("mde_protection_index", headline.name)
    if smallest is not None and smallest.value is not None:
        said.append(
            loc.say(
                "The smallest effect this run could be expected to notice is about {share}. A smaller one may be there "
                "unseen.",
                share=loc.percent(smallest.value),
            )
        )
        runs, pictures = (view.estimate(f"mde_twice_{name}", headline.name) for name in ("replicates", "pictures"))
        if runs is not None and runs.value is not None and pictures is not None and pictures.value is not None:
            said.append(
                loc.say(
                    "With twice the trainings it would be about {runs}; with twice the pictures of each model about "
                    "{pictures}.",
                    runs=loc.percent(runs.value), pictures=loc.percent(pictures.value),
                )
            )  # fmt: skip
    return said
