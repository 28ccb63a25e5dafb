"""The first screen: verdict, number on its scale, and the first pictures."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import BASE, Condition, Estimate, Results, VerdictLabel
from audit.report import attempts, notes
from audit.report.locale import Spoken
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.opening.beside import beside
from audit.report.sections.opening.scale import Scale, scale
from audit.report.sections.see import Row, rows

ROWS = 3
LONG = 110
"""Characters of a verdict's first sentence beyond which it is set smaller."""


@dataclass(frozen=True)
class Evidence:
    """The first prompts of the plan, a row each, and a column for every kind of picture."""

    columns: tuple[tuple[str, str], ...]
    """Name and colour class: the artist's own work, base, unprotected, protected."""
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Opening:
    artist: str
    label: VerdictLabel
    word: str
    by: str
    """Who or what the word rests on; may be empty."""
    answer: Spoken
    """First sentence of the verdict."""
    figures: str
    """The rest of it, in the same language; may be empty."""
    long: bool
    """Whether the answer needs smaller type to leave room for the number below it."""
    note: str
    people: str
    """What people said of the headline, where that stands in no limit; may be empty."""
    limited: tuple[str, ...]
    """What made the headline's word more careful than its number alone, each a sentence."""
    attempts: str
    """That these works were audited before, or that this cannot be known; may be empty."""
    scope: str
    """What the verdict speaks of, in one sentence; may be empty."""
    condition: str
    """The headline condition in words; may be empty."""
    short: str
    """The headline condition in a word or two."""
    slot: str
    number: Estimate | None
    """Protection index to show; None when it is withheld or missing."""
    change: str
    """The number in the words that the verdict's sentence uses: "35 % less"."""
    known: bool
    """Whether the number may stand large: a verdict rests on it, and its range is not so wide that it says nothing."""
    likely: str
    """Its range in words; when there is none, that and why."""
    at_best: str
    """Whose number it is, where a mimic could choose his settings; may be empty."""
    number_missing: str
    beside: tuple[str, ...]
    """The placebos and how visible the protection is, each a sentence; nothing where the number is withheld."""
    trainings: str
    scale: Scale | None
    evidence: Evidence | None
    """None where no pair of pictures can be shown."""
    lab: bool
    lab_note: str
    """What a reader must know first of an audit of the lab model; '' of another."""
    claimed: str
    """Which tools the protected files say by their names that they were made with; may be empty."""
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
        by=view.by,
        answer=answer,
        figures=figures,
        long=len(answer.text) > LONG,
        note=_note(view, results, verdict.label),
        people=_people(view, headline),
        limited=_limited(view, headline.name) if headline else (),
        attempts=_attempts(view),
        scope=loc.render(view.readings.scope) if view.readings.scope and verdict.label != "not-valid" else "",
        condition=view.label(headline.name) if headline else "",
        short=view.short(headline.name) if headline else "",
        slot=view.slot(headline.name) if headline else "ink",
        number=number,
        change=view.change(number, of_style=True) if number else "",
        known=number is not None and view.known(number, verdict.label),
        likely=_range(view, number) if number else "",
        at_best=_at_best(view, number) if number else "",
        number_missing=missing,
        beside=beside(view, headline) if number and headline else (),
        trainings=loc.many(number.n, "{n} paired training", "{n} paired trainings") if number else "",
        scale=scale(view, number) if number else None,
        evidence=_evidence(view, shelf, headline) if headline else None,
        lab=results.plan.model.lab,
        lab_note=loc.render(lab_note) if (lab_note := notes.lab_note(results.plan)) else "",
        claimed=loc.render(claimed) if (claimed := notes.claimed(results.plan)) else "",
        seed=results.plan.seed,
    )


def _attempts(view: ResultsView) -> str:
    found = view.results.attempts
    worth = found is not None and (found.before or found.lost or found.broken or found.unlisted)
    return attempts.told(view.locale, found) if worth else ""


def _shown_number(view: ResultsView, label: VerdictLabel, estimate: Estimate | None) -> tuple[Estimate | None, str]:
    loc = view.locale
    if label == "not-valid":
        return None, loc.say("There is no number and no verdict, because a check on the test itself failed.")
    if label == "models-broke":
        return None, loc.say("There is no number: broken pictures say nothing about style.")
    if estimate is None:
        return None, loc.say("No number could be worked out from this run.")
    if estimate.value is None:
        reason = view.locale.render(estimate.why) or loc.missing
        return None, loc.say("No number could be worked out from this run: {reason}.", reason=reason)
    return estimate, ""


def _at_best(view: ResultsView, number: Estimate) -> str:
    loc, plan = view.locale, view.results.plan
    usual = view.estimate("protection_index", number.condition)
    if number.name != "index_at_best" or usual is None or usual.value is None:
        return ""
    return loc.say(
        "That is for a mimic who picks the best of {settings} settings{around}. With the usual setting it is {usual}.",
        settings=len(plan.grid.settings),
        around=loc.say(" and of every way around") if view.reading(number.condition).ways_around else "",
        usual=view.change(usual),
    )


def _range(view: ResultsView, number: Estimate) -> str:
    if number.n == 1:
        return view.locale.say("no range, as there was one training only")
    reason = view.locale.render(number.why) or view.locale.say("too few trainings")
    return view.likely(number) or view.locale.say("no range: {reason}", reason=reason)


def _note(view: ResultsView, results: Results, label: VerdictLabel) -> str:
    loc, plan = view.locale, results.plan
    red = {check.slug for check in results.checks if check.passed is False}
    if label == "exploratory" and results.pending:
        return loc.say(
            "The run goes on with {conditions}, then writes this page again. Any of them may take the answer back.",
            conditions=loc.join(results.pending),
        )
    if label == "exploratory" and "court-calibrated" in red and "enough-replicates" not in red:
        return loc.say(
            "A court needs to know how often a test errs. cloakcheck calibrate measures that for this model. Until "
            "then, read the number as a hint."
        )
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
        "held-plain": loc.say("A mimic may take the protection away first. A test with ways around it tells."),
        "partly-held": loc.say("A part of the style still came through: look at the pictures."),
        "models-broke": loc.say(
            "That is no success of a protection: whoever trains sees it, and trains again with other settings."
        ),
        "did-not-hold": loc.say("That is about the method in this test, not about you."),
        "inconclusive": loc.say("It does not mean your protection failed. A larger test can give an answer."),
        "not-valid": loc.say("That says nothing about your protection, good or bad."),
    }
    return notes[label]


def _evidence(view: ResultsView, shelf: Shelf, headline: Condition) -> Evidence | None:
    loc = view.locale
    found = [row for row in rows(view, shelf, (BASE, view.clean, headline.name), most=ROWS) if all(row.pictures[-2:])]
    if not found:
        return None
    columns = (
        (loc.say("your own work"), "real"),
        (view.short(BASE), "base"),
        (loc.say("unprotected"), "clean"),
        (view.pictures_of(headline), view.slot(headline.name)),
    )
    return Evidence(columns, tuple(found))


def _limited(view: ResultsView, condition: str) -> tuple[str, ...]:
    return tuple(view.locale.render(limit.said) for limit in view.limits(condition))


def _people(view: ResultsView, headline: Condition | None) -> str:
    people = view.readings.people
    if people is None or headline is None or people.condition != headline.name or not view.by:
        return ""
    return "" if people.answer == "as-close" and view.limits(headline.name) else view.locale.render(people.said)
