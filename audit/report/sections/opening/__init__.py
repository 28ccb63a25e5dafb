"""The first screen: verdict, number on its scale, picture pairs, and the line for every other condition."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Condition, Estimate, Results, VerdictLabel
from audit.report.locale import Spoken
from audit.report.pictures import InlinePicture, Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.opening.scale import Scale, scale

PAIRS = 3
LONG = 110
"""Characters of a verdict's first sentence beyond which it is set smaller."""


@dataclass(frozen=True)
class PicturePair:
    prompt: str
    unprotected: InlinePicture
    protected: InlinePicture


@dataclass(frozen=True)
class Standing:
    """One condition in the list of all."""

    label: str
    typed: str
    slot: str
    primary: bool
    verdict: VerdictLabel | None
    word: str
    estimate: Estimate | None
    change: str
    likely: str
    equal: str
    """Figure at equal noise that made the label more careful; else empty."""


@dataclass(frozen=True)
class Opening:
    artist: str
    label: VerdictLabel
    word: str
    answer: Spoken
    """First sentence of the verdict."""
    figures: str
    """The rest of it, in the same language; may be empty."""
    long: bool
    """Whether the answer needs smaller type to leave room for the number below it."""
    note: str
    condition: str
    """The headline condition in words; may be empty."""
    short: str
    """The headline condition in a word or two."""
    slot: str
    number: Estimate | None
    """Protection index to show; None when it is withheld or missing."""
    change: str
    """The number in the words that the verdict's sentence uses: "35 % less"."""
    likely: str
    """Its range in words; when there is none, that and why."""
    number_missing: str
    trainings: str
    scale: Scale | None
    pairs: tuple[PicturePair, ...]
    standings: tuple[Standing, ...]
    lab: bool
    seed: int


def build(view: ResultsView, shelf: Shelf) -> Opening:
    """Everything on the first screen."""
    results, verdict, headline, loc = view.results, view.verdict, view.headline, view.locale
    estimate = view.index(headline.name) if headline else None
    number, missing = _shown_number(view, verdict.label, estimate)
    answer, figures = loc.parted(verdict.said)
    return Opening(
        artist=results.plan.artist,
        label=verdict.label,
        word=view.word(verdict.label),
        answer=answer,
        figures=figures,
        long=len(answer.text) > LONG,
        note=_note(view, results, verdict.label),
        condition=view.label(headline.name) if headline else "",
        short=view.short(headline.name) if headline else "",
        slot=view.slot(headline.name) if headline else "ink",
        number=number,
        change=view.change(number) if number else "",
        likely=_range(view, number) if number else "",
        number_missing=missing,
        trainings=loc.many(number.n, "{n} paired training", "{n} paired trainings") if number else "",
        scale=scale(view, number) if number else None,
        pairs=_pairs(view, shelf, headline) if headline else (),
        standings=tuple(_standing(view, c) for c in view.tested),
        lab=results.plan.model.lab,
        seed=results.plan.seed,
    )


def _shown_number(view: ResultsView, label: VerdictLabel, estimate: Estimate | None) -> tuple[Estimate | None, str]:
    loc = view.locale
    if label == "not-valid":
        return None, loc.say("There is no number and no verdict, because a check on the test itself failed.")
    if estimate is None:
        return None, loc.say("No number could be worked out from this run.")
    if estimate.value is None:
        reason = view.locale.render(estimate.why) or loc.missing
        return None, loc.say("No number could be worked out from this run: {reason}.", reason=reason)
    return estimate, ""


def _range(view: ResultsView, number: Estimate) -> str:
    if number.n == 1:
        return view.locale.say("no range, as there was one training only")
    reason = view.locale.render(number.why) or view.locale.say("too few trainings")
    return view.likely(number) or view.locale.say("no range: {reason}", reason=reason)


def _note(view: ResultsView, results: Results, label: VerdictLabel) -> str:
    loc, plan = view.locale, results.plan
    if label == "exploratory":
        return loc.many(
            results.replicates,
            "This run has {n} paired training. A verdict needs at least {least}, because trainings differ by chance. "
            "Read the number as a hint.",
            "This run has {n} paired trainings. A verdict needs at least {least}, because trainings differ by chance. "
            "Read the number as a hint.",
            least=plan.margins.min_replicates,
        )
    notes: dict[VerdictLabel, str] = {
        "held": loc.say("Some of the style may still come through: look at the pictures."),
        "partly-held": loc.say("A part of the style still came through: look at the pictures."),
        "did-not-hold": loc.say("That is about the method in this test, not about you."),
        "inconclusive": loc.say("It does not mean your protection failed. A larger test can give an answer."),
        "not-valid": loc.say("That says nothing about your protection, good or bad."),
    }
    return notes[label]


def _pairs(view: ResultsView, shelf: Shelf, headline: Condition) -> tuple[PicturePair, ...]:
    plan = view.results.plan
    cells = [view.cell(name, 1) for name in ("clean", headline.name)]
    pairs = []
    for index, prompt in enumerate(plan.prompts[:PAIRS]):
        at = index * plan.sampling.per_prompt
        files = [c.generations.files[at] if c and at < len(c.generations.files) else "" for c in cells]
        first, second = (shelf.preview(f) for f in files)
        if first is not None and second is not None:
            pairs.append(PicturePair(prompt, first, second))
    return tuple(pairs)


def _standing(view: ResultsView, condition: Condition) -> Standing:
    found = view.verdict.per_condition.get(condition.name)
    # With a failed check no condition's number is given on the open part; the tables keep it for experts.
    withheld = view.verdict.label == "not-valid"
    estimate = None if withheld else view.index(condition.name)
    return Standing(
        label=view.label(condition.name),
        typed=condition.name,
        slot=view.slot(condition.name),
        primary=condition.primary,
        verdict=found.label if found else None,
        word=view.word(found.label) if found else view.locale.say("For comparison"),
        estimate=estimate,
        change=view.change(estimate) if estimate else "",
        likely=view.likely(estimate) if estimate else "",
        equal=_equal(view, condition) if estimate else "",
    )


def _equal(view: ResultsView, condition: Condition) -> str:
    """The index at equal noise, where it made the label more careful; else nothing."""
    found = view.estimate("index_at_equal_noise", condition.name)
    if found is None or not view.reading(condition.name).softened:
        return ""
    if found.value is None or found.low is None or found.high is None:
        return ""
    loc = view.locale
    return loc.say(
        "{value} with as much noise in all pictures ({low} to {high})",
        value=loc.percent(found.value), low=loc.percent(found.low), high=loc.percent(found.high),
    )  # fmt: skip
