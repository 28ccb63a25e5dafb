"""How sure is this: range, chance and smallest visible effect of the headline condition, and the numbers of all."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import WITHOUT_NUMBER, Estimate
from audit.report.estimates import rounded
from audit.report.locale import ReportLocale
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.sure.chance import chance
from audit.report.sections.sure.grid import grid_figure, grid_sentences, grid_table
from audit.report.sections.sure.numbers import definitions, numbers, other_readings
from audit.report.sections.sure.scores import scores
from audit.report.sections.sure.slopes import slopes
from audit.report.table import Drawing, Table


@dataclass(frozen=True)
class Sureness:
    sentences: tuple[str, ...]
    more: tuple[str, ...]
    """What an expert asks next."""
    slopes: Drawing | None
    chance: Drawing | None
    scores: Drawing | None
    lengths: Drawing | None
    """Index against training steps, where models of several lengths were judged."""
    grid: Table | None
    """By setting, where a mimic could choose."""
    no_drawing: str
    table: Table
    readings: Table | None
    """Estimates that no other table holds; None without any."""
    definitions: Table | None
    """What they are."""
    withheld: bool
    """No verdict: figures are for experts."""
    gaps: str
    """Sentence about trainings without scores; may be empty."""


def build(view: ResultsView, _: Shelf) -> Sureness:
    """Range, chance and smallest visible effect of the headline condition; numbers of all in a table."""
    loc, plan = view.locale, view.results.plan
    drawn = slopes(view, key="slopes")
    first, more = _sentences(view)
    return Sureness(
        sentences=tuple(first),
        more=tuple(more),
        slopes=drawn,
        chance=chance(view, key="chance"),
        scores=scores(view, key="scores"),
        lengths=grid_figure(view, key="lengths"),
        grid=grid_table(view),
        no_drawing="" if drawn else loc.say("There is no pair of trainings to draw."),
        table=numbers(view),
        readings=other_readings(view),
        definitions=definitions(view),
        withheld=view.verdict.label in WITHOUT_NUMBER,
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


def _range(view: ResultsView, headline: str, index: Estimate) -> list[str]:
    """What the range of the headline's index covers, and the wider one."""
    loc, drawn = view.locale, bool(view.results.plan.draws)
    bounds = {"low": loc.percent(index.low), "high": loc.percent(index.high), "level": loc.percent(index.level)}
    if drawn:
        said = [
            loc.say(
                "The range of the protection index runs from {low} to {high}. It is built so that, in {level} of "
                "tests like this with these works, this list of prompts and this base model, the range covers the true "
                "value.",
                **bounds,
            )
        ]
    else:
        said = [
            loc.say(
                "The range of the protection index runs from {low} to {high}. It is built so that, in {level} of tests "
                "like this with these prompts and this base model, the range covers the true value.",
                **bounds,
            )
        ]
    wide = view.estimate("index_at_large" if drawn else "index_over_prompts", headline)
    if wide is None or wide.low is None or wide.high is None:
        return said
    wider = {"low": loc.percent(wide.low), "high": loc.percent(wide.high)}
    if drawn:
        said.append(
            loc.say(
                "It speaks of these works and prompts. If they, too, are counted as drawn by chance from others of "
                "their kind, the range is {low} to {high}.",
                **wider,
            )
        )
    else:
        said.append(
            loc.say(
                "It speaks of these prompts. If prompts, too, are counted as drawn by chance from others of their "
                "kind, the range is {low} to {high}.",
                **wider,
            )
        )
    return said


def _paired(view: ResultsView) -> list[str]:
    """Why trainings may scatter more than the difference that is claimed."""
    again = next((c for c in view.tested if c.truth == "same-works"), None)
    loc = view.locale
    said = [
        loc.say(
            "Trainings differ by chance, at times by more than the difference that is claimed here. That does not "
            "count against it: each run compares models that share works, order, prompts and noise, and what they "
            "share falls out of the difference."
        )
    ]
    if again is not None:
        said.append(
            loc.say(
                "“{again}” shares none of that with its run. So it shows the full scatter, and lies further apart than "
                "pairs do.",
                again=view.short(again.name),
            )
        )
    return said


def _sentences(view: ResultsView) -> tuple[list[str], list[str]]:
    """What every reader is told, and what stands folded."""
    loc, headline = view.locale, view.headline
    if headline is None or view.verdict.label == "not-valid":
        return [loc.say("This cannot be said, because there is no verdict. The numbers are kept for experts.")], []
    if view.verdict.label in WITHOUT_NUMBER:
        return [
            loc.say("This cannot be said: broken pictures say nothing about style. The numbers are kept for experts.")
        ], []
    first: list[str] = []
    said: list[str] = []
    index = view.index(headline.name)
    if index is not None and index.low is not None and index.high is not None:
        covered, *wider = _range(view, headline.name, index)
        first.append(covered)
        said += wider
    elif index is not None and index.value is not None:
        reason = view.locale.render(index.why) or loc.say("too few trainings")
        first.append(loc.say("There is no range around {value}: {reason}.", value=rounded(loc, index), reason=reason))
    said += grid_sentences(view, headline)
    equal = view.estimate("index_at_equal_noise", headline.name)
    if equal is not None and equal.low is not None and equal.high is not None:
        said.append(
            loc.say(
                "Models trained on the protected works drew noisier pictures, and noise alone can move the score. With "
                "as much noise in all pictures the protection index would be {value} ({low} to {high}).",
                value=rounded(loc, equal),
                low=loc.percent(equal.low),
                high=loc.percent(equal.high),
            )
        )
        if any(limit.slug == "equal-noise" for limit in view.limits(headline.name)):
            said.append(loc.say("The answer above is what both figures allow."))
    same = view.estimate("index_at_equal_treatment", headline.name)
    if same is not None and same.low is not None and same.high is not None:
        said.append(
            loc.say(
                "Whoever trains may do the same to unprotected works. Against models trained on those, the protection "
                "index would be {value} ({low} to {high}).",
                value=rounded(loc, same), low=loc.percent(same.low), high=loc.percent(same.high),
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
        adjusted, least = view.estimate("p_holm", headline.name), view.reading(headline.name).least_holm
        if adjusted is not None and adjusted.value is not None and least is not None:
            said.append(
                loc.say(
                    "Holm's method multiplies the smallest of these probabilities by the number of results that are "
                    "tested, {count}. So with so few pairs no p (Holm) of this run can be below {least}.",
                    count=len(view.results.plan.hypotheses), least=loc.p_value(least),
                )
            )  # fmt: skip
    said += _placebo(view)
    said += _coherence(view)
    smallest = view.estimate("mde_protection_index", headline.name)
    if smallest is not None and smallest.value is not None:
        first.append(
            loc.say(
                "The smallest effect this run could be expected to notice is about {share}. A smaller one may be there "
                "unseen.",
                share=rounded(loc, smallest),
            )
            if smallest.value <= 1
            else loc.say(
                "This run could not be expected to notice any effect, not even of a protection that keeps all of the "
                "style away."
            )
        )
        runs, pictures = (view.estimate(f"mde_twice_{name}", headline.name) for name in ("replicates", "pictures"))
        if runs is not None and runs.value is not None and pictures is not None and pictures.value is not None:
            said.append(
                loc.say(
                    "The smallest effect to be expected would be about {runs} with twice the trainings, and about "
                    "{pictures} with twice the pictures of each model.",
                    runs=_effect(loc, runs), pictures=_effect(loc, pictures),
                )
            )  # fmt: skip
    said += [loc.render(told) for told in view.readings.can_tell]
    return [*first, *_paired(view)], said


def _effect(loc: ReportLocale, found: Estimate) -> str:
    """The smallest effect to be seen; above 100 % there is none."""
    over = found.value is not None and found.value > 1
    return loc.say("over {share} %", share=100) if over else rounded(loc, found)


def _coherence(view: ResultsView) -> list[str]:
    """Whether the models still draw what they are asked for, and pictures: style lost or model broke."""
    loc, headline = view.locale, view.headline
    if headline is None:
        return []
    said = []
    lost = view.estimate("prompt_adherence_lost", headline.name, metric="pictures")
    if lost is not None and lost.low is not None:
        said.append(
            loc.say(
                "What a picture shows of its subject, more than of others, fell by {share} ({low} to {high}) against "
                "models that learned from the originals. Surely more than half would count as broken models.",
                share=rounded(loc, lost), low=loc.percent(lost.low), high=loc.percent(lost.high),
            )
        )  # fmt: skip
    unlike = view.estimate("among_real_lost", headline.name, metric="pictures")
    if unlike is not None and unlike.low is not None:
        said.append(
            loc.say(
                "The share of pictures that look like no real work by anyone rose by {share} ({low} to {high}).",
                share=rounded(loc, unlike), low=loc.percent(unlike.low), high=loc.percent(unlike.high),
            )
        )  # fmt: skip
    return said
