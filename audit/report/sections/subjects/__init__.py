"""The reading of subjects: do models still draw what they are asked for? Beside the style reading, never in it."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import BASE, ConceptReading, Estimate
from audit.report.estimates import rounded, with_range
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.table import Table


@dataclass(frozen=True)
class Subjects:
    lines: tuple[str, ...]
    overview: Table
    tables: tuple[Table, ...]
    """One for each condition, by concept."""


def build(view: ResultsView, _: Shelf) -> Subjects | None:
    """None where subjects were not read."""
    loc, results = view.locale, view.results
    tested = list(dict.fromkeys(c.condition for c in view.readings.concepts))
    if not tested:
        return None
    names = [n for n in (BASE, *(c.name for c in results.plan.conditions)) if _estimate(view, "found", n) is not None]
    lines = [
        loc.say(
            "Some protections, such as Nightshade, aim at what a picture shows and not at its style. So every model "
            "was also asked for the subjects of your works, and a program said what its pictures show."
        ),
        *((loc.render(blind),) if (blind := view.readings.subjects_blind) is not None else ()),
        *(line for n in tested if (line := _line(view, n))),
        loc.say(
            "Nightshade is made for training on very many pictures, and its makers advise against judging it by small "
            "trainings like these."
        ),
    ]
    overview = Table(
        loc.say("Pictures that show what was asked for"),
        (
            loc.say("Trained on"),
            loc.say("Shows the subject"),
            loc.say("Lost against unprotected"),
            loc.say("Trainings"),
        ),
        tuple(_row(view, n) for n in names),
    )
    head = (loc.say("Subject"), loc.say("Unprotected"), loc.say("Here"), loc.say("Lost against unprotected"))
    tables = tuple(
        Table(
            loc.say("By subject: {condition}", condition=view.short(n)),
            head,
            tuple(
                (c.concept, loc.percent(c.clean), loc.percent(c.treated), _with_range(view, c.shift, c))
                for c in view.readings.concepts
                if c.condition == n
            ),
        )
        for n in tested
    )
    return Subjects(tuple(lines), overview, tables)


def _line(view: ResultsView, condition: str) -> str:
    loc = view.locale
    shift = _estimate(view, "shift", condition)
    if shift is None or shift.value is None:
        return ""
    return loc.say(
        "{condition}: {share} of the pictures lost their subject against the unprotected models, on balance {range}.",
        condition=view.short(condition), share=rounded(loc, shift),
        range=loc.say("(likely {low} to {high})", low=loc.percent(shift.low), high=loc.percent(shift.high))
        if shift.low is not None
        else loc.say("(no range)"),
    )  # fmt: skip


def _row(view: ResultsView, condition: str) -> tuple[str, ...]:
    loc = view.locale
    found = _estimate(view, "found", condition)
    shift = _estimate(view, "shift", condition)
    return (
        view.short(condition),
        _with_range(view, found.value, found) if found else loc.missing,
        _with_range(view, shift.value, shift) if shift else loc.say("does not apply"),
        str(found.n) if found else loc.say("none"),
    )


def _estimate(view: ResultsView, name: str, condition: str) -> Estimate | None:
    """Estimates of subjects stand where those of style have the name of a metric."""
    return view.estimate(f"subject_{name}", condition, metric="subject")


def _with_range(view: ResultsView, value: float | None, found: Estimate | ConceptReading) -> str:
    loc = view.locale
    if value is None or found.low is None or found.high is None:
        return loc.percent(value)
    return with_range(loc, loc.percent(value), loc.percent(found.low), loc.percent(found.high))
