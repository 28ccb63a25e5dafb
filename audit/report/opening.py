"""The first screen: verdict, number on its scale, picture pairs, and the line for every other condition."""

from __future__ import annotations

from dataclasses import dataclass

from audit.judge.words import LABEL_WORDS
from audit.records import Condition, Estimate, Results, VerdictLabel
from audit.report.filters import count, percent
from audit.report.lookup import Facts, change, likely
from audit.report.pictures import Picture, Shelf

PAIRS = 3
LONG = 110
"""Characters of a verdict's sentence beyond which it is set smaller."""

NOTES: dict[VerdictLabel, str] = {
    "held": "Some of the style may still come through: look at the pictures.",
    "partly-held": "A part of the style still came through: look at the pictures.",
    "did-not-hold": "That is about the method in this test, not about you.",
    "inconclusive": "This test was too small or too noisy to tell. It does not mean your protection failed.",
    "not-valid": "That says nothing about your protection, good or bad.",
}


@dataclass(frozen=True)
class Mark:
    """One thing on the scale; positions are percent of the scale's width, as SVG wants them."""

    x: str
    low: str
    width: str
    anchor: str
    """Where the label's text starts, so that it stays on the page near the edges."""


@dataclass(frozen=True)
class Scale:
    """The line from 0 % (as if unprotected) to 100 % (never saw your art), with room at both ends."""

    zero: str
    one: str
    span: str
    held: str
    held_span: str
    held_label: str
    main: Mark
    placebo: Mark | None
    description: str
    overflow: str
    """Sentence about a range that runs off the scale; may be empty."""


@dataclass(frozen=True)
class Pair:
    prompt: str
    unprotected: Picture
    protected: Picture


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


@dataclass(frozen=True)
class Opening:
    artist: str
    finished: str
    report_id: str
    label: VerdictLabel
    word: str
    sentence: str
    long: bool
    """Whether the sentence needs smaller type to leave room for the number below it."""
    note: str
    condition: str
    """The headline condition in words; may be empty."""
    slot: str
    number: Estimate | None
    """Protection index to show; None when it is withheld or missing."""
    change: str
    """The number in the words that the verdict's sentence uses: "35 % less"."""
    likely: str
    """Its range in words; empty when there is none."""
    number_missing: str
    trainings: str
    scale: Scale | None
    pairs: tuple[Pair, ...]
    pairs_rule: str
    standings: tuple[Standing, ...]
    lab: bool


def opening(facts: Facts, shelf: Shelf) -> Opening:
    """Everything on the first screen."""
    results, verdict, headline = facts.results, facts.verdict, facts.headline
    estimate = facts.estimate("protection_index", headline.name) if headline else None
    number, missing = _shown_number(verdict.label, estimate)
    note = _note(results, verdict.label, verdict.sentence)
    return Opening(
        artist=results.plan.artist,
        finished=results.provenance.finished,
        report_id=results.digest()[:12],
        label=verdict.label,
        word=LABEL_WORDS[verdict.label],
        sentence=verdict.sentence,
        long=len(verdict.sentence) > LONG,
        note=note,
        condition=facts.label(headline.name) if headline else "",
        slot=facts.slot(headline.name) if headline else "ink",
        number=number,
        change=change(number) if number else "",
        likely=likely(number) if number else "",
        number_missing=missing,
        trainings=count(number.n, "paired training", "paired trainings") if number else "",
        scale=_scale(facts, number) if number else None,
        pairs=_pairs(facts, shelf, headline) if headline else (),
        pairs_rule=(
            f"Picture pairs are not hand-picked: they are the first {PAIRS} prompts of the plan, run 1, with "
            "the same starting noise in both."
        ),
        standings=tuple(_standing(facts, c) for c in facts.tested),
        lab=results.plan.model.lab,
    )


def _shown_number(label: VerdictLabel, estimate: Estimate | None) -> tuple[Estimate | None, str]:
    if label == "not-valid":
        return None, "There is no number and no verdict, because a check on the test itself failed."
    if estimate is None:
        return None, "No number could be worked out from this run."
    if estimate.value is None:
        return None, f"No number could be worked out from this run: {estimate.note or 'not measured'}."
    return estimate, ""


def _note(results: Results, label: VerdictLabel, sentence: str) -> str:
    plan = results.plan
    if label == "exploratory":
        runs = count(plan.replicates, "paired training", "paired trainings")
        return (
            f"This run has {runs}. A verdict needs at least {plan.margins.min_replicates}, because trainings "
            "differ by chance. Read the number as a hint."
        )
    first, _, rest = NOTES[label].partition(". ")
    return rest if rest and first.lower() in sentence.lower() else NOTES[label]


def _scale(facts: Facts, estimate: Estimate) -> Scale | None:
    value = estimate.value
    if value is None:
        return None
    low = value if estimate.low is None else estimate.low
    high = value if estimate.high is None else estimate.high
    left = min(max(min(0.0, low), -0.5), 0.0) - 0.1
    right = max(min(max(1.0, high), 1.5), 1.0) + 0.1

    def at(share: float) -> float:
        return 100 * (min(max(share, left), right) - left) / (right - left)

    def mark(point: float, start: float, end: float) -> Mark:
        place = at(point)
        anchor = "start" if place < 20 else "end" if place > 80 else "middle"
        return Mark(_pc(place), _pc(at(start)), _pc(at(end) - at(start)), anchor)

    margin = facts.results.plan.margins.held
    placebo = facts.estimate("protection_index", facts.placebo.name) if facts.placebo else None
    floor = None
    if placebo is not None and placebo.value is not None and facts.placebo != facts.headline:
        floor = mark(placebo.value, placebo.value, placebo.value)
    beyond = [percent(low)] if low < left else []
    beyond += [percent(high)] if high > right else []
    span = ""
    if estimate.low is not None and estimate.high is not None:
        span = f", with a range from {percent(estimate.low)} to {percent(estimate.high)}"
    return Scale(
        zero=_pc(at(0)),
        one=_pc(at(1)),
        span=_pc(at(1) - at(0)),
        held=_pc(at(margin)),
        held_span=_pc(at(1) - at(margin)),
        # A wide range squeezes the middle of the scale; the label would then run into its neighbours.
        held_label=f"held above {percent(margin)}" if at(1) - at(0) > 65 else "held",
        main=mark(value, low, high),
        placebo=floor,
        description=f"Scale from 0 percent, as if unprotected, to 100 percent, never saw your art. "
        f"The result is {percent(value)}{span}.",
        overflow=f"The range goes on past the edge, to {' and '.join(beyond)}." if beyond else "",
    )


def _pc(value: float) -> str:
    return f"{value:.2f}%"


def _pairs(facts: Facts, shelf: Shelf, headline: Condition) -> tuple[Pair, ...]:
    plan = facts.results.plan
    cells = [facts.cell(name, 1) for name in ("clean", headline.name)]
    pairs = []
    for index, prompt in enumerate(plan.prompts[:PAIRS]):
        at = index * plan.sampling.per_prompt
        files = [c.generations.files[at] if c and at < len(c.generations.files) else "" for c in cells]
        first, second = (shelf.preview(f) for f in files)
        if first is not None and second is not None:
            pairs.append(Pair(prompt, first, second))
    return tuple(pairs)


def _standing(facts: Facts, condition: Condition) -> Standing:
    found = facts.verdict.per_condition.get(condition.name)
    # With a failed check no condition's number is given on the open part; the tables keep it for experts.
    withheld = facts.verdict.label == "not-valid"
    estimate = None if withheld else facts.estimate("protection_index", condition.name)
    return Standing(
        label=facts.label(condition.name),
        typed=condition.name,
        slot=facts.slot(condition.name),
        primary=condition.primary,
        verdict=found.label if found else None,
        word=LABEL_WORDS[found.label] if found else "For comparison",
        estimate=estimate,
        change=change(estimate) if estimate else "",
        likely=likely(estimate) if estimate else "",
    )
