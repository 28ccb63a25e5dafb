"""Tables of everything that the plan fixed."""

from __future__ import annotations

from audit.records import Record
from audit.report.locale import ReportLocale, Spoken
from audit.report.results_view import ResultsView
from audit.report.table import Table


def settings(view: ResultsView) -> tuple[Table, ...]:
    """The plan, what is tested, conditions, treatments, training and sampling."""
    loc, plan = view.locale, view.results.plan
    model, value = plan.model, (loc.say("Setting"), loc.say("Value"))
    held_out = sum(w.split == "reference" for w in plan.works)
    general = (
        (loc.say("Preset"), plan.preset),
        (loc.say("Base model"), f"{model.name} ({model.family}, {model.prediction_type}, {model.resolution} px)"),
        (
            loc.say("Licence of the base model"),
            model.licence or (loc.say("as this program, Apache-2.0") if model.lab else loc.say("not recorded")),
        ),
        (
            loc.say("Works"),
            loc.say("{pool} to train on, {held_out} held out", pool=len(plan.works) - held_out, held_out=held_out),
        ),
        (
            loc.say("Seen of a work"),
            loc.say("the middle square, resized to {side} px", side=model.resolution),
        ),
        (loc.say("Paired trainings"), str(plan.replicates)),
        (loc.say("Seed"), str(plan.seed)),
        (loc.say("Style word in prompts"), plan.trigger),
        (loc.say("Prompts"), "; ".join(plan.prompts)),
        (
            loc.say("Metrics"),
            ", ".join(loc.say("{metric} (primary)", metric=m) if m == plan.primary_metric else m for m in plan.metrics),
        ),
        (loc.say("Smallest learned share"), loc.percent(plan.margins.learned_share)),
        (loc.say("Smallest AUC"), loc.number(plan.margins.min_auc, digits=2)),
    )
    conditions = tuple(
        (
            view.label(c.name),
            c.name,
            c.role,
            c.source,
            ", ".join(c.steps) or loc.say("none"),
            loc.say("yes") if c.primary else loc.say("no"),
        )
        for c in plan.conditions
    )
    head = (
        loc.say("In words"),
        loc.say("Name"),
        loc.say("Role"),
        loc.say("Pictures from"),
        loc.say("Treatments"),
        loc.say("Primary"),
    )
    rules: tuple[tuple[str | Spoken, ...], ...] = (
        *((loc.say("Tested"), loc.spoken(h.said)) for h in plan.hypotheses),
        *_fields(loc, plan.margins),
        *_fields(loc, plan.exclusion),
        *_fields(loc, plan.stopping),
    )
    return (
        Table(loc.say("The plan"), value, general),
        Table(loc.say("What is tested, and the margins and rules for it, as in the plan file"), value, rules),
        Table(loc.say("Conditions"), head, conditions),
        *_recipes(view),
        Table(loc.say("Training, the same for every cell"), value, _fields(loc, plan.training)),
        Table(loc.say("Making pictures, the same for every model"), value, _fields(loc, plan.sampling)),
    )


def _recipes(view: ResultsView) -> tuple[Table, ...]:
    """How every treatment was made, and what those that optimise achieved; both as they were recorded."""
    loc, plan, none = view.locale, view.results.plan, view.locale.say("none")
    recipes = tuple(
        (
            r.step,
            loc.known(r.source),
            loc.known(r.published) if r.published else loc.say("not recorded"),
            loc.known("; ".join(f"{name}: {text}" for name, text in r.settings.items())) if r.settings else none,
        )
        for r in plan.recipes
    )
    made = (loc.say("Treatment"), loc.say("Method by"), loc.say("Published settings"), loc.say("Settings here"))
    reached = tuple(
        (
            view.short(r.condition), r.step, loc.spoken(r.said), loc.number(r.first), loc.number(r.last), str(r.works)
        )
        for r in view.readings.reached
    )  # fmt: skip
    head = (
        loc.say("Condition"), loc.say("Treatment"), loc.say("What is measured"), loc.say("Before, middle value"),
        loc.say("After it, middle value"), loc.say("Works"),
    )  # fmt: skip
    tables = (
        Table(loc.say("How the treatments were made, in the words of the plan file"), made, recipes),
        Table(loc.say("What the treatments achieved"), head, reached),
    )
    return tuple(t for t in tables if t.rows)


def _fields(loc: ReportLocale, record: Record) -> tuple[tuple[str, str], ...]:
    """Settings under the names they have in the plan file, which are not translated."""
    return tuple((name.replace("_", " "), _plain(loc, value)) for name, value in record)


def _plain(loc: ReportLocale, value: object) -> str:
    if value is None:
        return loc.say("off")
    if isinstance(value, bool):
        return loc.say("yes") if value else loc.say("no")
    return f"{value:g}" if isinstance(value, float) else str(value)
