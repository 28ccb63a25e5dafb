"""The first screen: verdict, number on its scale, picture pairs, and the line for every other condition."""

from __future__ import annotations

import re
from dataclasses import dataclass

from audit.judge.verdict import is_claim, softened
from audit.records import Condition, Estimate, Results, VerdictLabel
from audit.report import wording
from audit.report.locale import Text
from audit.report.pictures import Picture, Shelf
from audit.report.results_view import ResultsView, change, likely
from audit.report.retold import retold
from audit.report.scale import Scale, scale

PAIRS = 3
LONG = 110
"""Characters of a verdict's first sentence beyond which it is set smaller."""


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
    equal: str
    """Figure at equal noise that made the label more careful; else empty."""


@dataclass(frozen=True)
class Opening:
    artist: str
    finished: str
    report_id: str
    label: VerdictLabel
    word: str
    answer: Text
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
    pairs: tuple[Pair, ...]
    standings: tuple[Standing, ...]
    lab: bool
    seed: int


def opening(facts: ResultsView, shelf: Shelf) -> Opening:
    """Everything on the first screen."""
    results, verdict, headline, v = facts.results, facts.verdict, facts.headline, facts.voice
    estimate = facts.index(headline.name) if headline else None
    number, missing = _shown_number(facts, verdict.label, estimate)
    said = wording.sentence(v, results)
    answer, figures = _parted(said.text)
    return Opening(
        artist=retold(facts.voice, results.plan.artist).text,
        finished=results.provenance.finished,
        report_id=results.digest()[:12],
        label=verdict.label,
        word=wording.label(v, verdict.label),
        answer=Text(answer, said.foreign),
        figures=figures,
        long=len(answer) > LONG,
        note=_note(facts, results, verdict.label),
        condition=facts.label(headline.name) if headline else "",
        short=facts.short(headline.name) if headline else "",
        slot=facts.slot(headline.name) if headline else "ink",
        number=number,
        change=change(facts, number) if number else "",
        likely=_range(facts, number) if number else "",
        number_missing=missing,
        trainings=v.many(number.n, "{n} paired training", "{n} paired trainings") if number else "",
        scale=scale(facts, number) if number else None,
        pairs=_pairs(facts, shelf, headline) if headline else (),
        standings=tuple(_standing(facts, c) for c in facts.tested),
        lab=results.plan.model.lab,
        seed=results.plan.seed,
    )


def _parted(sentence: str) -> tuple[str, str]:
    """The verdict's answer and the figures that follow it, at the first full stop that ends a sentence."""
    parts = re.split(r"(?<=[a-z0-9)][.])\s+(?=[^\W\d_a-z])", sentence, maxsplit=1)
    return parts[0], parts[1] if len(parts) > 1 else ""


def _shown_number(facts: ResultsView, label: VerdictLabel, estimate: Estimate | None) -> tuple[Estimate | None, str]:
    v = facts.voice
    if label == "not-valid":
        return None, v.say("There is no number and no verdict, because a check on the test itself failed.")
    if estimate is None:
        return None, v.say("No number could be worked out from this run.")
    if estimate.value is None:
        reason = v.known(estimate.note).text or v.missing
        return None, v.say("No number could be worked out from this run: {reason}.", reason=reason)
    return estimate, ""


def _range(facts: ResultsView, number: Estimate) -> str:
    if number.n == 1:
        return facts.voice.say("no range, as there was one training only")
    reason = facts.voice.known(number.note).text or facts.voice.say("too few trainings")
    return likely(facts, number) or facts.voice.say("no range: {reason}", reason=reason)


def _note(facts: ResultsView, results: Results, label: VerdictLabel) -> str:
    v, plan = facts.voice, results.plan
    if label == "exploratory":
        return v.many(
            results.replicates,
            "This run has {n} paired training. A verdict needs at least {least}, because trainings differ by chance. "
            "Read the number as a hint.",
            "This run has {n} paired trainings. A verdict needs at least {least}, because trainings differ by chance. "
            "Read the number as a hint.",
            least=plan.margins.min_replicates,
        )
    notes: dict[VerdictLabel, str] = {
        "held": v.say("Some of the style may still come through: look at the pictures."),
        "partly-held": v.say("A part of the style still came through: look at the pictures."),
        "did-not-hold": v.say("That is about the method in this test, not about you."),
        "inconclusive": v.say("It does not mean your protection failed. A larger test can give an answer."),
        "not-valid": v.say("That says nothing about your protection, good or bad."),
    }
    return notes[label]


def _pairs(facts: ResultsView, shelf: Shelf, headline: Condition) -> tuple[Pair, ...]:
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


def _standing(facts: ResultsView, condition: Condition) -> Standing:
    found = facts.verdict.per_condition.get(condition.name)
    # With a failed check no condition's number is given on the open part; the tables keep it for experts.
    withheld = facts.verdict.label == "not-valid"
    estimate = None if withheld else facts.index(condition.name)
    return Standing(
        label=facts.label(condition.name),
        typed=condition.name,
        slot=facts.slot(condition.name),
        primary=condition.primary,
        verdict=found.label if found else None,
        word=wording.label(facts.voice, found.label) if found else facts.voice.say("For comparison"),
        estimate=estimate,
        change=change(facts, estimate) if estimate else "",
        likely=likely(facts, estimate) if estimate else "",
        equal=_equal(facts, condition) if estimate else "",
    )


def _equal(facts: ResultsView, condition: Condition) -> str:
    """The index at equal noise, where it made the label more careful; else nothing."""
    found = facts.estimate("index_at_equal_noise", condition.name)
    if not is_claim(condition) or found is None or not softened(facts.results, condition.name):
        return ""
    if found.value is None or found.low is None or found.high is None:
        return ""
    v = facts.voice
    return v.say(
        "{value} with as much noise in all pictures ({low} to {high})",
        value=v.percent(found.value), low=v.percent(found.low), high=v.percent(found.high),
    )  # fmt: skip
