"""The reading of subjects: do models still draw what they are asked for? Beside the style reading, never in it."""

from __future__ import annotations

from dataclasses import dataclass

from audit.judge.gains import BASE, clean_name
from audit.judge.intervals import Interval
from audit.judge.subjects import METRIC, by_concept, read_conditions
from audit.records import Estimate
from audit.report.locale import NBSP
from audit.report.results_view import ResultsView
from audit.report.table import Table


@dataclass(frozen=True)
class Subjects:
    lines: tuple[str, ...]
    overview: Table
    tables: tuple[Table, ...]
    """One for each condition, by concept."""


def subjects(facts: ResultsView) -> Subjects | None:
    """None where subjects were not read."""
    v, results = facts.voice, facts.results
    names = read_conditions(results)
    clean = clean_name(results)
    tested = [n for n in names if n not in (BASE, clean)]
    if not tested:
        return None
    lines = [
        v.say(
            "Some protections, such as Nightshade, aim at what a picture shows and not at its style. So every model "
            "was also asked for the subjects of your works, and a program said what its pictures show."
        ),
        *_blind(facts, clean),
        *(line for n in tested if (line := _line(facts, n))),
        v.say(
            "Nightshade is made for training on very many pictures, and its makers advise against judging it by small "
            "trainings like these."
        ),
    ]
    overview = Table(
        v.say("Pictures that show what was asked for"),
        (v.say("Trained on"), v.say("Shows the subject"), v.say("Lost against unprotected"), v.say("Trainings")),
        tuple(_row(facts, n) for n in names),
    )
    head = (v.say("Subject"), v.say("Unprotected"), v.say("Here"), v.say("Lost against unprotected"))
    tables = tuple(
        Table(
            v.say("By subject: {condition}", condition=facts.short(n)),
            head,
            tuple(
                (c.name, v.percent(c.clean), v.percent(c.treated), _with_range(facts, c.shift))
                for c in by_concept(results, n)
            ),
        )
        for n in tested
    )
    return Subjects(tuple(lines), overview, tables)


def _blind(facts: ResultsView, clean: str) -> tuple[str, ...]:
    """A warning where the subject is hardly found in the unprotected models' pictures either."""
    v, plan = facts.voice, facts.results.plan
    chance = 1 / len({*plan.concepts, *plan.prompts})
    found = facts.estimate("subject_found", clean, metric=METRIC)
    if found is None or found.value is None or (found.low if found.low is not None else found.value) > chance:
        return ()
    return (
        v.say(
            "The program finds the subject in {share} of the unprotected models' pictures, and chance alone would be "
            "{chance}. So this reading says little here.",
            share=v.percent(found.value), chance=v.percent(chance),
        ),
    )  # fmt: skip


def _line(facts: ResultsView, condition: str) -> str:
    v = facts.voice
    shift = facts.estimate("subject_shift", condition, metric=METRIC)
    if shift is None or shift.value is None:
        return ""
    return v.say(
        "{condition}: {share} of the pictures lost their subject against the unprotected models, on balance {range}.",
        condition=facts.short(condition), share=v.percent(shift.value),
        range=v.say("(likely {low} to {high})", low=v.percent(shift.low), high=v.percent(shift.high))
        if shift.low is not None
        else v.say("(no range)"),
    )  # fmt: skip


def _row(facts: ResultsView, condition: str) -> tuple[str, ...]:
    v = facts.voice
    found = facts.estimate("subject_found", condition, metric=METRIC)
    shift = facts.estimate("subject_shift", condition, metric=METRIC)
    return (
        facts.short(condition),
        _with_range(facts, found) if found else v.missing,
        _with_range(facts, shift) if shift else v.say("does not apply"),
        str(found.n) if found else v.say("none"),
    )


def _with_range(facts: ResultsView, found: Estimate | Interval) -> str:
    v = facts.voice
    if found.value is None or found.low is None or found.high is None:
        return v.percent(found.value)
    text = v.say("({low} to {high})", low=v.percent(found.low), high=v.percent(found.high)).replace(" ", NBSP)
    return f"{v.percent(found.value)} {text}"
